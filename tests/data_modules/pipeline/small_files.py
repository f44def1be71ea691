"""Small files in memory: DICOMs, encapsulated JPEGs and pictures."""

from io import BytesIO

import numpy as np
from PIL import Image
from pydicom import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian, JPEGBaseline8Bit

NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64)).astype(np.uint8))

RAMP = np.arange(256, dtype=np.uint16).reshape(16, 16)


def dicom(values=RAMP * 16, **tags) -> bytes:
    """A 12-bit DICOM of those values."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = "1.2.3"
    dataset.Rows, dataset.Columns = values.shape[-2:]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    dataset.PixelData = values.astype("<u2").tobytes()
    for name, value in tags.items():
        setattr(dataset, name, value)
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def picture(image: Image.Image, kind: str = "PNG") -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


SHADE = np.rint(np.add.outer(np.arange(40) * 4, np.arange(30) * 3) * 255 / 243).astype(np.uint8)  # 0 to 255


def framed(frames: list[bytes], **tags) -> bytes:
    """A DICOM of encapsulated JPEGs."""
    padded = [frame + b"\0" * (len(frame) % 2) for frame in frames]
    baseline = FileMetaDataset()
    baseline.TransferSyntaxUID = JPEGBaseline8Bit
    baseline.MediaStorageSOPClassUID, baseline.MediaStorageSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.1.1", "1.2.3"
    tags |= {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "Rows": 40, "Columns": 30}
    return dicom(file_meta=baseline, PixelData=encapsulate(padded), **tags)
