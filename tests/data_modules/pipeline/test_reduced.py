"""JPGs far larger than the square are decoded at a part of their size: the same picture, the same frame."""

from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from gkmvlp.data_modules.pipeline import images
from gkmvlp.data_modules.pipeline.cache import ImageCache
from gkmvlp.data_modules.pipeline.images import ImageError, read_image, read_square
from gkmvlp.data_modules.pipeline.pictures import TURNED, read_reduced, turn_of
from gkmvlp.data_modules.pipeline.transforms import letterbox
from gkmvlp.geometry import UPRIGHT, Letterbox
from gkmvlp.phantom.generate import draw_phantom

# Levels of 255 by which a tensor may differ: on average, and at all but a thousandth of the pixels (edges of letters).
MOST = {"voi": (0.5, 8.0), "equalized": (1.5, 32.0)}
FITS = ("pad", "crop", "squash")


# no multiple of 8: libjpeg rounds up
LARGE = cv2.resize(draw_phantom(3, 0, 256).image_HW, (1203, 1509), interpolation=cv2.INTER_CUBIC)
NOISE = np.random.default_rng(0).normal(0, 3, LARGE.shape)


def jpg(image: np.ndarray | Image.Image, **options) -> bytes:
    buffer = BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(buffer, "JPEG", quality=95, **options)
    return buffer.getvalue()


def whole(data: bytes | str, side: int, fit: str, intensity: str) -> tuple[np.ndarray, Letterbox]:
    return letterbox(read_image(data, intensity), side, fit)


def differs(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """Mean difference, and that of the pixel which a thousandth exceeds."""
    apart = np.abs(first.astype(float) - second)
    return float(apart.mean()), float(np.quantile(apart, 0.999))


def assert_alike(data: bytes | str, side: int, fit: str, intensity: str) -> None:
    square, frame, _ = read_square(data, side, fit, intensity)
    expected, expected_frame = whole(data, side, fit, intensity)
    assert frame == expected_frame
    assert square.shape == expected.shape
    mean, rare = differs(square, expected)
    assert mean < MOST[intensity][0]
    assert rare < MOST[intensity][1]


@pytest.mark.parametrize("intensity", ["voi", "equalized"])
@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("side", [64, 128, 224])
def test_the_square_and_its_frame_are_those_of_the_whole_picture(fit: str, side: int, intensity: str):
    assert_alike(jpg(LARGE), side, fit, intensity)


@pytest.mark.parametrize("side", [64, 128, 224])
def test_the_noise_of_a_detector_is_averaged_as_before(side: int):
    """Without equalisation: that shows the noise of an even background, which a smaller picture no longer has."""
    assert_alike(jpg(np.clip(LARGE + NOISE, 0, 255).astype(np.uint8)), side, "pad", "voi")


@pytest.mark.parametrize("options", [{"progressive": True}, {"restart_marker_rows": 1}, {"subsampling": 2}])
def test_every_way_to_write_a_jpg(options: dict):
    picture = Image.fromarray(LARGE)
    assert_alike(jpg(picture.convert("RGB") if "subsampling" in options else picture, **options), 64, "pad", "voi")


@pytest.mark.parametrize("side", [64, 128])
def test_real_radiographs(shared_data: Path, side: int):
    """Chests of 1024 px, and one of 2048 x 2496 px."""
    files = sorted((shared_data / "slake" / "imgs").glob("xmlab*/source.jpg"))[::6]
    pictures = [file.read_bytes() for file in files if Image.open(file).size == (1024, 1024)][:8]
    samples = shared_data / "iu_xray" / "original_size_samples"
    pictures += [jpg(Image.open(file).convert("L")) for file in samples.glob("1000_IM-0003-1001.dcm.png")]
    assert len(pictures) == 9
    for data in pictures:
        assert read_reduced(data, [], side, "pad") is not None
        for intensity in ("voi", "equalized"):
            assert_alike(data, side, "pad", intensity)


@pytest.mark.parametrize(("side", "part"), [(200, 2), (120, 4), (60, 8), (400, 1)])
def test_it_stays_three_times_as_large_as_what_is_shown(side: int, part: int):
    found = read_reduced(jpg(LARGE), [], side, "pad")
    if part == 1:
        assert found is None
        return
    stored, turn, size = found
    assert turn == UPRIGHT
    assert size == (1203, 1509)
    assert stored.codes_HW.shape == (round(1509 / part), round(1203 / part))
    assert stored.codes_HW.shape[0] >= 3 * side


@pytest.mark.parametrize("orientation", range(2, 9))
def test_turned_pictures_stand_upright_and_are_noted_once(orientation: int):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data, notes = jpg(LARGE, exif=exif), []
    square, frame, turn = read_square(data, 64, "squash", notes=notes)
    assert turn == turn_of(BytesIO(data))[0] != UPRIGHT
    expected, expected_frame = whole(data, 64, "squash", "voi")
    assert frame == expected_frame
    assert (frame.width, frame.height) == ((1509, 1203) if orientation > 4 else (1203, 1509))
    assert differs(square, expected)[0] < MOST["voi"][0]
    assert notes == [TURNED]


def test_what_must_be_seen_whole_is_read_whole():
    """Range by single pixels, other files, pictures without contrast: pixel for pixel as before."""
    png = BytesIO()
    Image.fromarray(LARGE).save(png, "PNG")
    for data, intensity in ((png.getvalue(), "voi"), (jpg(LARGE), "minmax"), (jpg(LARGE[600:700, 400:500]), "voi")):
        square, frame, _ = read_square(data, 64, "pad", intensity)
        expected, expected_frame = whole(data, 64, "pad", intensity)
        assert np.array_equal(square, expected)
        assert frame == expected_frame
    blank = jpg(np.full((1000, 1000), 90, np.uint8))
    with pytest.raises(ImageError, match="blank") as caught:
        read_square(blank, 64, "pad")
    assert caught.value.reason == "blank image"
    assert read_square(blank, 64, "pad", accept=("blank",))[0].max() == 90


def test_a_jpg_that_is_cut_off_is_named(tmp_path: Path):
    path = tmp_path / "cut.jpg"
    path.write_bytes(jpg(LARGE)[:-3000])
    for read in (read_image, lambda file: read_square(file, 64, "pad")):
        with pytest.raises(ImageError, match="truncated") as caught:
            read(path)
        assert str(path) in str(caught.value)


def test_the_cache_holds_what_files_show(tmp_path: Path, monkeypatch):
    path = tmp_path / "large.jpg"
    path.write_bytes(jpg(LARGE))
    seen = []
    monkeypatch.setattr(images, "read_reduced", lambda *words: seen.append(read_reduced(*words)) or seen[-1])
    cached, frame, _ = ImageCache([str(path)], 64, "pad", "voi")[str(path)]
    square, expected, _ = read_square(path, 64, "pad")
    assert len(seen) == 2
    assert None not in seen
    assert np.array_equal(cached, square)
    assert frame == expected
