"""What encapsulated frames say of themselves: runs, frames and signs."""

import re
import struct
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from pydicom import FileMetaDataset, dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGBaseline8Bit, RLELossless

from gkmvlp.data_modules.pipeline.images import ImageError, read_image
from gkmvlp.data_modules.synthetic.dicom_ways import SYNTAXES
from tests.data_modules.pipeline.small_files import NOISE, RAMP, SHADE, dicom, framed, picture


def rle(values=RAMP * 16, cut: int = 0, more: bytes = b"", **tags) -> bytes:
    """A DICOM in RLE, whose last segment lacks its last bytes or has more behind them."""
    planes = [(values >> 8 & 0xFF).astype(np.uint8).tobytes(), (values & 0xFF).astype(np.uint8).tobytes()]
    segments = [b"".join(bytes([15]) + plane[at : at + 16] for at in range(0, len(plane), 16)) for plane in planes]
    segments[1] = segments[1][: len(segments[1]) - cut] + more
    starts = [64, 64 + len(segments[0])]
    header = struct.pack("<16L", 2, *starts, *[0] * 13)
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = RLELossless
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.1.1", "1.2.3"
    return dicom(values, file_meta=meta, PixelData=encapsulate([header + b"".join(segments)]), **tags)


def test_runs_that_fill_the_picture_are_read():
    assert np.array_equal(read_image(rle()), read_image(dicom()))
    assert np.array_equal(read_image(rle(more=b"\0")), read_image(dicom()))  # an even length


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ({"Columns": 15}, "the runs give 256 pixels, Columns x Rows 15 x 16 are 240"),
        ({"Columns": 17}, "the runs give 256 pixels, Columns x Rows 17 x 16 are 272"),
        ({"cut": 17}, "the runs give 240 pixels, Columns x Rows 16 x 16 are 256"),
        ({"more": bytes([240, 7])}, "the runs give 273 pixels, Columns x Rows 16 x 16 are 256"),
        ({"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}, "2 segments, BitsAllocated 8 needs 1"),
    ],
)
def test_runs_that_do_not_fill_the_picture_are_named(broken, told):
    with pytest.raises(ImageError, match=re.escape(told)) as error:
        read_image(rle(**broken))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("tags", [{}, {"PixelRepresentation": 1}])
@pytest.mark.parametrize("is_progressive", [False, True])
def test_a_jpeg_in_a_dicom_is_the_picture_whatever_sign_is_told(tags, is_progressive):
    buffer = BytesIO()
    Image.fromarray(SHADE).save(buffer, "JPEG", quality=100, progressive=is_progressive)
    assert np.abs(read_image(framed([buffer.getvalue()], **tags)).astype(int) - SHADE).max() <= 2


@pytest.mark.parametrize("kind", ["JPEG", "JPEG2000"])
def test_two_pictures_in_fragments_are_not_the_first_of_them(kind: str):
    """NumberOfFrames is absent, and so is a table of offsets."""
    streams = [picture(image, kind) for image in (NOISE, NOISE.transpose(Image.Transpose.ROTATE_90))]
    streams = [stream[max(stream.find(b"\xff\x4f\xff\x51"), 0) :] for stream in streams]
    syntax = JPEGBaseline8Bit if kind == "JPEG" else SYNTAXES["J2K"]

    def file(*frames: bytes) -> bytes:
        dataset = dcmread(BytesIO(dicom(RAMP.repeat(4, 0).repeat(4, 1), BitsAllocated=8, BitsStored=8, HighBit=7)))
        dataset.file_meta.TransferSyntaxUID = syntax
        dataset.PixelData = encapsulate(list(frames), has_bot=False)
        dataset["PixelData"].is_undefined_length, dataset["PixelData"].VR = True, "OB"
        buffer = BytesIO()
        dataset.save_as(buffer, enforce_file_format=True)
        return buffer.getvalue()

    assert read_image(file(streams[0])).shape == (64, 64)
    with pytest.raises(ImageError, match="PixelData hold 2 frames, not one"):
        read_image(file(*streams))
