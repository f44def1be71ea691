"""Files that a stranger may send: plain ones, and those that are meant to do harm."""

import io
import struct
import zlib

import numpy as np
from PIL import Image
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian


def noise(height=48, width=40, seed=0):
    return np.random.default_rng(seed).integers(0, 255, (height, width), np.uint8)


def picture(kind="PNG", seed=0):
    file = io.BytesIO()
    Image.fromarray(noise(seed=seed)).save(file, kind)
    return file.getvalue()


def png_of_size(width, height):
    """A PNG whose head says that it is enormous, of a few bytes: what a bomb is."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    )


def dicom(syntax=ExplicitVRLittleEndian, pixels=None, **attributes):
    """The bytes of a DICOM radiograph with these attributes in place of the usual ones."""
    pixels = noise() if pixels is None else pixels
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = "1.2.3"
    dataset = Dataset()
    dataset.file_meta = meta
    usual = {
        "SOPClassUID": DigitalXRayImageStorageForPresentation, "SOPInstanceUID": "1.2.3", "Modality": "DX",
        "ViewPosition": "PA", "Rows": pixels.shape[0], "Columns": pixels.shape[1], "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2", "BitsAllocated": 8, "BitsStored": 8, "HighBit": 7,
        "PixelRepresentation": 0, "PixelData": pixels.tobytes(),
    }  # fmt: skip
    for keyword, value in (usual | attributes).items():
        setattr(dataset, keyword, value)
    dataset["PixelData"].VR = "OW"
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


def deflated_bomb(megabytes):
    """A DICOM of a few kilobytes that inflates to so many megabytes."""
    return dicom(DeflatedExplicitVRLittleEndian, np.zeros((megabytes * 1000, 1000), np.uint8))
