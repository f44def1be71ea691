"""Radiographs in memory are read as the files that hold them; texts alone are one text."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

import gkmvlp
from gkmvlp.data_modules.pipeline.images import ImageError
from gkmvlp.models.tokenizer import tokenize
from gkmvlp.texts import as_texts
from tests.app.small_models import ENTITIES, write_answering, write_backbone, write_images


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    torch.set_num_threads(1)
    return gkmvlp.load(write_backbone(tmp_path_factory.mktemp("sources") / "backbone"), "cpu")


@pytest.fixture(scope="module")
def grey():
    """Sixteen bits of a picture without symmetry, (H, W)."""
    y, x = np.mgrid[:90, :70]
    return (np.hypot(x - 20, y - 60) * 500).astype(np.uint16)


def png(picture: Image.Image, **options) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG", **options)
    return file.getvalue()


@pytest.mark.filterwarnings("ignore")
def test_arrays_and_pictures_are_read_as_their_files(reader, grey, tmp_path):
    eight = (grey >> 8).astype(np.uint8)
    (tmp_path / "x.png").write_bytes(png(Image.fromarray(eight)))
    expected = reader.read(png(Image.fromarray(eight)))
    for same in (tmp_path / "x.png", str(tmp_path / "x.png"), Image.fromarray(eight), Image.open(tmp_path / "x.png"),
                 eight, np.asfortranarray(eight), Image.fromarray(eight).convert("RGB")):  # fmt: skip
        assert reader.read(same) == expected
    assert reader.read(grey) == reader.read(png(Image.fromarray(grey)))
    assert reader.read(Image.fromarray(grey)) == reader.read(grey)
    assert reader.read(eight[:, ::-1]).findings != expected.findings


def test_a_picture_keeps_how_its_file_was_turned(reader, grey):
    picture = Image.fromarray((grey >> 8).astype(np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 3
    data = png(picture, exif=exif)
    assert torch.equal(reader.item(Image.open(io.BytesIO(data)))["image"], reader.item(data)["image"])
    assert not torch.equal(reader.item(data)["image"], reader.item(picture)["image"])


@pytest.mark.parametrize(
    ("image", "error", "said"),
    [
        (np.zeros((3, 64, 64), np.uint8), ImageError, r"\(H, W\) of uint8 or uint16.*got \(3, 64, 64\) of uint8"),
        (np.zeros((64, 64), np.float32), ImageError, r"got \(64, 64\) of float32"),
        (np.zeros((64, 64), np.int16), ImageError, r"got \(64, 64\) of int16"),
        (np.zeros((64, 64), np.uint8), ImageError, "blank"),
        (None, TypeError, "a path, bytes, a PIL image or an array"),
        (3, TypeError, "got int"),
        (["a.png"], TypeError, "got list"),
    ],
)
def test_what_is_no_radiograph_is_refused(image, error, said, reader):
    with pytest.raises(error, match=said):
        reader.item(image)


def test_a_text_alone_is_one_text(reader, tmp_path):
    text = "No pleural effusion."
    assert torch.equal(reader.embed_texts(text), reader.embed_texts([text]))
    (image, *_) = write_images(tmp_path)
    assert reader.zero_shot(image, text) == reader.zero_shot(image, [text])
    assert list(reader.zero_shot(image, text)) == [text]
    one, listed = reader.embed(image, text), reader.embed([image], [text])
    assert np.array_equal(one.images, listed.images)
    assert np.array_equal(one.texts, listed.texts)
    tokenizer = reader.backbone.tokenizer
    assert torch.equal(tokenize(tokenizer, text, 16).ids, tokenize(tokenizer, [text], 16).ids)
    assert len(reader.embed_texts([])) == 0
    assert len(ENTITIES) > 1


@pytest.mark.filterwarnings("ignore")
def test_a_question_alone_is_asked_about_every_image(tmp_path):
    reader = gkmvlp.load(write_answering(tmp_path / "model", "rank"), "cpu")
    images = write_images(tmp_path / "images")[:2]
    memory = reader.look(reader.batch([reader.item(image) for image in images]))
    question = "Is there an effusion?"
    assert reader.answers(memory, question) == reader.answers(memory, [question] * 2)


def test_texts():
    assert as_texts("abc") == ["abc"]
    assert as_texts(("a", "b")) == ["a", "b"]
    assert as_texts(text for text in "ab") == ["a", "b"]
    for wrong in ([b"a"], ["a", None], [["a"]]):
        with pytest.raises(TypeError, match="a list of texts was expected, got"):
            as_texts(wrong)
