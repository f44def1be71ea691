"""What ``read`` and ``predict`` say of an image: places that agree, maps at its resolution, lists, scope."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import gkmvlp
from gkmvlp.anatomy import REGIONS
from gkmvlp.checkpoints import heads
from gkmvlp.errors import DataError
from gkmvlp.geometry import Letterbox, original_boxes
from gkmvlp.models.config import Architecture
from gkmvlp.models.heads.region_head import RegionHead
from gkmvlp.tasks.parts.entity_predictions import regions_at
from gkmvlp.tasks.parts.heat_maps import image_area
from gkmvlp.tasks.parts.region_search import find_regions
from gkmvlp.tasks.parts.scope import Scope, entities_named, outside, things
from gkmvlp.zoo.inference import preprocess
from gkmvlp.zoo.inference.prediction import Prediction, enlarged, hot_box
from gkmvlp.zoo.inference.preprocess import Preprocess, as_file
from gkmvlp.zoo.inference.readings import Reading
from tests.app.small_models import ENTITIES, build, write_answering, write_backbone, write_images

pytestmark = pytest.mark.filterwarnings("ignore:A model that never")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    torch.set_num_threads(1)
    return gkmvlp.load(write_backbone(tmp_path_factory.mktemp("reading") / "backbone"), device="cpu")


@pytest.fixture(scope="module")
def images(tmp_path_factory) -> list[Path]:
    return write_images(tmp_path_factory.mktemp("images"))


def test_the_region_of_a_point_is_one_that_it_lies_in():
    """Against a loop: of the regions around the point the one attended to most, without attention the smallest."""
    draw = np.random.default_rng(0)
    low_BR2 = draw.uniform(0, 0.6, (3, 29, 2))
    box_BR4 = np.concatenate([low_BR2, low_BR2 + draw.uniform(0.05, 0.4, (3, 29, 2))], -1)
    mask_BR, point_BE2 = draw.random((3, 29)) < 0.8, draw.uniform(0, 1.2, (3, 40, 2))
    attention_BER = draw.random((3, 40, 29)) * (draw.random((3, 40, 29)) < 0.1)
    found = regions_at(*map(torch.from_numpy, (point_BE2, box_BR4, mask_BR, attention_BER)))
    for b in range(3):
        for e in range(40):
            x, y = point_BE2[b, e]
            around = [
                r for r, (x1, y1, x2, y2) in enumerate(box_BR4[b]) if mask_BR[b, r] and x1 <= x <= x2 and y1 <= y <= y2
            ]
            area = {r: np.prod(box_BR4[b, r, 2:] - box_BR4[b, r, :2]) for r in around}
            attended = [r for r in around if attention_BER[b, e, r] > 0]
            expected = (
                max(attended, key=lambda r: attention_BER[b, e, r]) if attended else min(area, key=area.get, default=-1)
            )
            assert found[b, e] == expected
    assert {-1} < set(found.unique().tolist())


@pytest.mark.parametrize("mode", ["pad", "crop", "squash"])
def test_heat_maps_have_the_resolution_of_the_image_and_peak_at_the_point(mode):
    map_hw = np.zeros((8, 8), np.float32)
    map_hw[3, 5] = 1
    frame = Letterbox.fit(300, 200, 64, mode)
    heat_HW = Prediction(attention={"mass": map_hw}, frame=frame, side=64).heat_map("mass")
    assert heat_HW.shape == (200, 300)
    assert heat_HW.max() == 1
    # the middle of the patch, by the definition of the frame
    x, y = frame.to_original(np.array([[44, 28, 44, 28]], np.float32))[0, :2]
    row, column = np.unravel_index(heat_HW.argmax(), heat_HW.shape)
    assert abs(column + 0.5 - x) <= 1 / frame.scale_x
    assert abs(row + 0.5 - y) <= 1 / frame.scale_y


def test_a_hot_box_holds_what_hangs_together_with_the_point():
    map_hw = np.zeros((8, 8), np.float32)
    map_hw[2, 2], map_hw[6, 6] = 1, 0.9
    x1, y1, x2, y2 = hot_box(map_hw, 64, Letterbox.fit(64, 64, 64))[0]
    large_SS = enlarged(map_hw, 64)
    inside = large_SS[int(y1) : int(y2), int(x1) : int(x2)]
    assert inside.max() == large_SS.max()
    assert x2 < 40  # the second spot is not in it
    assert (large_SS[:40, : int(x1)] < large_SS[20, 20] / 2).all()
    assert (large_SS[int(y2) : 40, :40] < large_SS[20, 20] / 2).all()


def test_a_hot_box_lies_in_the_image_where_attention_peaks_in_the_padding(model):
    map_hw = np.zeros((6, 6), np.float32)
    map_hw[0, 5], map_hw[3, 1] = 1, 0.5  # rows 0, 1, 4 and 5 of a wide image are padding
    frame = Letterbox.fit(300, 100, 192)
    area_SS, large_SS = image_area(frame, 192), enlarged(map_hw, 192)
    assert not area_SS[np.unravel_index(large_SS.argmax(), large_SS.shape)]
    x1, y1, x2, y2 = hot_box(map_hw, 192, frame)[0].astype(int)
    assert area_SS[y1:y2, x1:x2].all()
    assert large_SS[y1:y2, x1:x2].max() == large_SS[area_SS].max()
    found = model._hot_box("mass", Reading(2.2, 0.9), map_hw[:4, :4], Letterbox.fit(300, 100, 32))
    assert 0 <= found.x1 < found.x2 <= 300
    assert 0 <= found.y1 < found.y2 <= 100


@pytest.mark.parametrize("shape", [(24, 120), (120, 24), (8, 400), (64, 64)])
def test_points_lie_in_images_of_any_shape(model, shape):
    image = np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8)
    reading = model.predict(image)
    for name, (x, y) in reading.points.items():
        assert 0 <= x <= shape[1]
        assert 0 <= y <= shape[0]
        if min(shape) > 8:  # else the image is less than a pixel of the frame
            assert reading.heat_map(name)[min(int(y), shape[0] - 1), min(int(x), shape[1] - 1)] > 0.9


def test_boxes_around_every_peak_have_an_area_in_images_of_any_shape():
    draw = np.random.default_rng(0)
    for width, height in ((300, 100), (100, 300), (4000, 3), (7, 7)):
        for mode in ("pad", "crop", "squash"):
            frame = Letterbox.fit(width, height, 64, mode)
            for _ in range(5):
                _, kept_1 = original_boxes(frame, hot_box(draw.random((8, 8), np.float32), 64, frame))
                assert kept_1.all()


def test_a_reading_has_maps_boxes_and_regions_that_belong_together(model, images):
    reading = model.predict(images[2])
    with Image.open(images[2]) as picture:
        width, height = picture.size
    assert list(reading.findings) == [box.label for box in reading.boxes]
    for box in reading.boxes:
        x, y = reading.points[box.label]
        assert box.x1 <= x <= box.x2
        assert box.y1 <= y <= box.y2
        assert 0 <= box.x1 < box.x2 <= width
        assert 0 <= box.y1 < box.y2 <= height
        assert box.is_likely == (box.score >= box.threshold)
        assert reading.regions[box.label] in ("", *REGIONS)
    for name in ENTITIES:
        assert reading.heat_map(name).shape == (height, width)
        assert reading.draw(name).shape == (height, width, 3)
    plain = Prediction(pixels_HW=reading.pixels_HW).draw()
    np.testing.assert_array_equal(plain, np.stack([model.preprocess.pixels(images[2])] * 3, -1))


def test_a_list_is_one_batch_with_a_reading_each(model, images, monkeypatch):
    alone = [model.predict(image) for image in images]
    looks = []
    look = model.encode_images
    monkeypatch.setattr(model, "encode_images", lambda batch: looks.append(len(batch["image"])) or look(batch))
    together = model.predict(images)
    assert looks == [3]
    assert model.predict([]) == []
    for one, other in zip(alone, together, strict=True):
        assert list(one.findings) == list(other.findings)
        np.testing.assert_allclose(list(one.findings.values()), list(other.findings.values()), rtol=1e-5)
        assert one.regions == other.regions


def test_regions_are_found_in_the_patches_of_one_look(tmp_path, images):
    backbone = build("phantom-mimic-cxr")
    backbone.info["task"] = "region_detection"
    heads.save(backbone, RegionHead(16, torch.full((len(REGIONS), 4), 0.5)), tmp_path / "model")
    predictor = gkmvlp.load(tmp_path / "model", device="cpu")
    batch = predictor.batch([predictor.item(image) for image in images])
    box_NR4, score_NR = find_regions(predictor.backbone, predictor.head, [batch])
    looks = []
    predictor.model.vision.register_forward_hook(lambda *_: looks.append(1))
    found = predictor.predict(images)
    assert looks == [1]
    for reading, box_R4, score_R in zip(found, box_NR4, score_NR, strict=True):
        assert {box.label: (box.score, *box[2:6]) for box in reading.boxes} == {
            name: (score, *box) for name, score, box in zip(REGIONS, score_R.tolist(), box_R4.tolist(), strict=True)
        }


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
    cut = Image.open(BytesIO(images[0].read_bytes()[:-60]))
    for wrong in (closed, cut, Image.new("RGB", (40, 40)).convert("HSV")):
        with pytest.raises(DataError, match=r"cannot read the PIL image of mode .* was expected"):
            model.preprocess(wrong)
    with pytest.raises(DataError, match=r"cannot read a\\x00b.png: embedded null"):
        model.preprocess("a\0b.png")


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


def test_scope_is_told_by_the_findings_that_a_question_names(tmp_path, images):
    assert entities_named(["Is there a fracture?", "which rib has fractures", "is it small"]) == ["fracture"]
    assert outside("Is there an effusion or a hernia?", ["pleural effusion"]) == ["hernia"]
    assert outside("Which side is it on?", []) == []
    model = gkmvlp.load(write_answering(tmp_path / "model", "rank"), device="cpu")
    reading = model.predict(images[0], "Is there a hernia?")
    assert reading.is_in_scope is False
    assert "hernia" in reading.notice
    assert model.predict(images[0], "Is there a pneumothorax?").is_in_scope
    assert model.predict(images[0], "Is there a giraffe?").is_in_scope is None  # it holds no words of its training
    model.head.asked = ["hernia"]  # as a training question
    assert model.predict(images[0], "Is there a hernia?").is_in_scope
    model.head.words = things(["Is the hernia on the left side?"])
    reading = model.predict(images[0], "Is there a giraffe in the left lung?")
    assert reading.is_in_scope is False
    assert "never learned of giraffe" in reading.notice
    assert model.predict(images[0], "Is it on the left side?").is_in_scope


TRAINED = things([
    "Is there cardiomegaly?", "Is the aorta tortuous?", "Which side is the mass on?", "Are there enlarged nodes?",
    "What kind of image is this?", "Is a catheter visible?", "Is the trachea midline?", "yes", "no", "x-ray",
])  # fmt: skip


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("Is there a giraffe?", ["giraffe"]),
        ("Is there a giraffe in the image?", ["giraffe"]),
        ("In this film, is there any sign of a banana?", ["banana"]),
        ("Does the radiograph show bicycles near the heart?", ["bicycles"]),
        ("Can you see a submarine beside the left lung?", ["submarine"]),
        ("Is it a violin or a trumpet?", ["violin", "trumpet"]),
        ("Any umbrellas?", ["umbrellas"]),
        ("IS THERE A GIRAFFE", ["giraffe"]),
        ("Is there a giraffe or a mass?", []),  # one of both is known
        ("Are catheters seen?", []),
        ("Is there enlargement of the node?", []),
        ("Is the heart large?", []),  # organs are known of every chest
        ("Is there a hilar abnormality?", []),
        ("Is the left costophrenic angle sharp?", []),
        ("Is this normal?", []),
        ("Is there anything?", []),
        ("\u56fe\u4e2d\u6709\u957f\u9888\u9e7f\u5417\uff1f", []),  # no words
        ("What is the giraffe doing?", []),  # no yes and no
        ("", []),
    ],
)
def test_what_no_training_question_named_lies_outside(question, found):
    scope = Scope(["pneumothorax"], ["yes", "no", "left"], ["cardiomegaly", "mass"], TRAINED)
    assert scope.outside(question) == found
    assert scope.holds(question) == (not found)


def test_without_words_only_findings_are_told():
    scope = Scope(["pneumothorax"], ["yes", "no"])
    assert [scope.holds(f"Is there a {what}?") for what in ("pneumothorax", "hernia", "giraffe")] == [True, False, None]


def test_the_packaged_model_does_not_claim_what_it_cannot_know(package):
    """Its folder was written before words of questions were kept."""
    model = gkmvlp.load("zoo://gk-mvlp-phantom-vqa", device="cpu")
    assert not model.head.words
    assert model.in_scope("Is there a giraffe?") is None
    assert model.in_scope("Is there a pneumothorax?") is True
    assert model.in_scope("Is there scoliosis?") is False


def test_the_packages_directory_knows_what_it_gives():
    assert {"load", "list_models"} <= set(dir(gkmvlp))
    assert set(gkmvlp.tasks.__all__) <= set(dir(gkmvlp.tasks))
    assert callable(gkmvlp.load)


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
