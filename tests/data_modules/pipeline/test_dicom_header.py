"""What stands behind the last element of a DICOM is none of it."""

import numpy as np
import pytest

from gkmvlp.data_modules.pipeline.images import read_image
from gkmvlp.data_modules.synthetic.dicom_ways import PLAIN, write_way

_SHADE = np.tile(np.linspace(0, 255, 40).astype(np.uint8), (32, 1))
_TAILS = {
    "ones": b"\xff" * 512, "one element of ones": b"\xff" * 8, "odd ones": b"\xff" * 101, "zeros": bytes(4096),
    "blanks": b" " * 512, "line ends": b"\r\n" * 9, "a boundary": b"\r\n--f1a2c3d4e5--\r\n",
    "zeros, then ones": bytes(10) + b"\xff" * 100,
}  # fmt: skip


@pytest.mark.parametrize("tail", _TAILS)
@pytest.mark.parametrize("syntax", ["implicit", "explicit", "big endian", "deflated", "RLE", "JPEG baseline"])
def test_what_a_transfer_left_behind_the_pixels_changes_nothing(syntax: str, tail: str) -> None:
    data = write_way(_SHADE, PLAIN | {"syntax": syntax, "bits": "8 in 8"})
    assert np.array_equal(read_image(data + _TAILS[tail]), read_image(data))


def test_a_second_file_behind_the_first_is_not_mixed_into_it() -> None:
    first, other = write_way(_SHADE, PLAIN), write_way(_SHADE[:, ::-1].copy(), PLAIN | {"photometric": "MONOCHROME1"})
    assert np.array_equal(read_image(first + other), read_image(first))
