"""Every kind of input is read as the model's own reading of its file."""

from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image

from gkmvlp.errors import DataError
from gkmvlp.models.config import Architecture
from gkmvlp.zoo.inference import preprocess
from gkmvlp.zoo.inference.preprocess import Preprocess, as_file

pytestmark = pytest.mark.filterwarnings("ignore:A model that never")


def test_a_picture_in_memory_becomes_a_file_once_and_says_no_view(model, monkeypatch):
    made = []
    monkeypatch.setattr(preprocess, "as_file", lambda image: made.append(1) or as_file(image))
    array = np.random.default_rng(0).integers(0, 255, (40, 48)).astype(np.uint8)
    assert torch.equal(model.item(array)["image"][None], model.preprocess(Image.fromarray(array)))
    assert len(made) == 2  # once by each


def test_preprocess_is_the_models_own_reading_of_every_kind_of_input(model, images):
    for path in images:
        expected = model.item(path)["image"][None]
        with Image.open(path) as picture:
            kinds = [path, str(path), path.read_bytes(), picture.convert("L"), np.asarray(picture.convert("L"))]
            for kind in kinds:
                assert torch.equal(model.preprocess(kind), expected)
    assert expected.shape == (1, 1, 32, 32)
    for wrong in (np.zeros((3, 40, 40)), np.zeros((40, 40), complex), np.zeros((0, 4)), 7):
        with pytest.raises(DataError, match=r"\(H, W\)"):
            model.preprocess(wrong)


def test_a_pil_image_that_pillow_cannot_give_and_a_name_that_no_file_has_are_one_line(model, images):
    closed = Image.open(images[0])
    closed.close()
    for wrong in (closed, Image.new("RGB", (40, 40)).convert("HSV")):
        with pytest.raises(DataError, match=r"cannot read the PIL image of mode .* was expected"):
            model.preprocess(wrong)
    with pytest.raises(DataError, match=r"cannot read a\\x00b.png: embedded null"):
        model.preprocess("a\0b.png")


def test_a_pil_image_that_nobody_has_decoded_is_judged_as_its_file_is(model):
    shades = np.random.default_rng(0).integers(0, 255, (64, 48)).astype(np.uint8)
    jpeg, frames = BytesIO(), BytesIO()
    Image.fromarray(shades).save(jpeg, "JPEG")
    Image.fromarray(shades).save(frames, "GIF", save_all=True, append_images=[Image.fromarray(255 - shades)])
    cut = jpeg.getvalue()[: len(jpeg.getvalue()) // 2] + b"\xff\xd9"  # as a program closes what it did not get whole
    for data, told in ((cut, "ends before its picture"), (frames.getvalue(), "has 2 frames")):
        for kind in (data, Image.open(BytesIO(data))):
            with pytest.raises(DataError, match=told):
                model.preprocess(kind)
    opened = Image.open(BytesIO(jpeg.getvalue()))
    expected = model.preprocess(jpeg.getvalue())
    assert torch.equal(model.preprocess(opened), expected)
    assert np.array_equal(np.asarray(opened), np.asarray(Image.open(jpeg)))  # still the user's to decode
    assert torch.equal(model.preprocess(opened), expected)
    second = Image.open(frames)
    second.seek(1)
    assert torch.equal(model.preprocess(second), model.preprocess(255 - shades))


def test_a_tensor_whose_numbers_do_not_lie_side_by_side_is_named(model):
    for wrong in (torch.rand(40, 48).to_sparse(), torch.empty(40, 48, device="meta")):
        with pytest.raises(DataError, match=r"cannot read the tensor: .*; a dense one \(H, W\) was expected"):
            model.preprocess(wrong)


@pytest.mark.parametrize("intensity", ["voi", "minmax", "equalized"])
def test_sixteen_bits_floats_and_turned_pictures_are_read_as_their_files_are(tmp_path, intensity):
    preprocess = Preprocess(Architecture(image_size=32, intensity=intensity))
    noise = np.random.default_rng(0).integers(0, 60_000, (40, 50))
    Image.fromarray(noise.astype(np.uint16)).save(tmp_path / "wide.png")
    expected = preprocess(tmp_path / "wide.png")
    assert torch.equal(preprocess(noise.astype(np.uint16)), expected)
    assert torch.allclose(preprocess(noise.astype(np.float64)), expected, atol=2 / 255)
    assert torch.allclose(preprocess(noise - 30_000), expected, atol=2 / 255)
    picture = Image.fromarray((noise // 256).astype(np.uint8))
    turned = picture.getexif()
    turned[0x0112] = 6  # lies a quarter turn to the left
    file = BytesIO()
    picture.save(file, "PNG", exif=turned)
    with Image.open(BytesIO(file.getvalue())) as opened:
        assert torch.equal(preprocess(opened), preprocess(file.getvalue()))
    assert not torch.equal(preprocess(file.getvalue()), preprocess(np.asarray(picture)))


def test_arrays_and_tensors_of_one_picture_are_read_in_every_shape_that_holds_one(model):
    grey = np.random.default_rng(0).integers(0, 255, (40, 48)).astype(np.uint8)
    expected = model.preprocess(grey)
    colours = np.stack([grey] * 3, -1)
    same = [
        grey[..., None], grey[None], grey[None, None], colours, colours[None], np.dstack([colours, grey * 0 + 255]),
        torch.from_numpy(grey), torch.from_numpy(grey)[None], bytearray(_png(grey)), memoryview(_png(grey)),
    ]  # fmt: skip
    for kind in same:
        assert torch.equal(model.preprocess(kind), expected)
    share = grey / 255
    for kind in (share, share.astype(np.float32)[None], torch.from_numpy(share).float(), torch.from_numpy(share)[None]):
        assert torch.allclose(model.preprocess(kind), model.preprocess(grey.astype(np.uint16) * 257), atol=2 / 255)
    batches = np.stack([grey] * 2), torch.zeros(3, 40, 48), colours.astype(float), np.ma.masked_array(grey, grey > 200)
    for wrong in (*batches, grey > 100):
        with pytest.raises(DataError, match=r"cannot read an array of shape .* one picture"):
            model.preprocess(wrong)


def _png(grey: np.ndarray) -> bytes:
    file = BytesIO()
    Image.fromarray(grey).save(file, "PNG")
    return file.getvalue()


def test_what_is_infinite_is_the_least_or_the_greatest_and_what_is_no_number_the_least(model):
    grey = np.random.default_rng(0).integers(0, 255, (40, 48)).astype(np.float32)
    grey[0, :3] = 0, 254, 0
    odd = grey.copy()
    odd[0, :3] = -np.inf, np.inf, np.nan
    assert torch.equal(model.preprocess(odd), model.preprocess(grey))
