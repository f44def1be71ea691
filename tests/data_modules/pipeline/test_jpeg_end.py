"""A JPEG whose data end before its picture does is refused, however its end is marked."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from gkmvlp.data_modules.pipeline.images import ImageError, read_image, read_square
from gkmvlp.data_modules.pipeline.jpeg_end import require_whole_jpeg

_END = b"\xff\xd9"


def _jpeg(mode: str, size: tuple[int, int]) -> bytes:
    noise_HW = np.random.default_rng(0).integers(0, 256, (size[1] // 4, size[0] // 4)).astype(np.uint8)
    file = BytesIO()
    Image.fromarray(noise_HW).resize(size).convert(mode).save(file, "JPEG")
    return file.getvalue()


@pytest.mark.parametrize("share", [0.23, 0.51, 0.87])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_jpeg_that_was_cut_off_and_ended_is_refused(mode: str, share: float) -> None:
    data = _jpeg(mode, (416, 304))
    read_image(data)
    with pytest.raises(ImageError, match=r"the JPEG ends before its picture does.*fetch it again"):
        read_image(data[: int(share * len(data))] + _END)


def test_so_it_is_where_a_large_one_is_decoded_at_a_part_of_its_size() -> None:
    data = _jpeg("L", (1600, 1200))
    assert read_square(data, 64, "pad").image_SS.shape == (64, 64)
    with pytest.raises(ImageError, match="ends before"):
        read_square(data[: len(data) // 2] + _END, 64, "pad")


@pytest.mark.parametrize("bits", [8, 12])
def test_margins_of_the_middle_grey_are_a_picture(bits: int) -> None:
    middle = 1 << (bits - 1)
    shade_HW = np.tile(np.arange(80, dtype=np.uint16), (64, 1))
    require_whole_jpeg(np.pad(shade_HW, ((24, 24), (0, 0)), constant_values=middle), bits)  # bands above and below
    require_whole_jpeg(np.pad(shade_HW, ((0, 0), (24, 24)), constant_values=middle), bits)  # and at both sides
    require_whole_jpeg(np.pad(shade_HW, 24, constant_values=middle), bits)
    require_whole_jpeg(np.full_like(shade_HW, middle), bits)
    row, column = np.indices((96, 96))
    turned_HW = np.where(np.abs(row - 48) + np.abs(column - 48) < 40, 7, middle).astype(np.uint16)
    require_whole_jpeg(turned_HW, bits)
