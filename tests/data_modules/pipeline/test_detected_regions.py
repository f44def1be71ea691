"""Detected boxes of regions: found by the real command, read by another data set, and what is refused."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from gkmvlp.anatomy import REGIONS
from gkmvlp.app.cli import main
from gkmvlp.checkpoints import backbone as backbones
from gkmvlp.checkpoints import heads
from gkmvlp.data_modules import VqaRad
from gkmvlp.data_modules.pipeline.detected_regions import read_regions, write_regions
from gkmvlp.errors import ConfigError, DataError
from tests.tiny import DATA, words

KIND = {
    "split": "image-disjoint",
    "dataset_name": "phantom-vqa-rad",
    "augmentation_strength": 0.0,
    "region_dropout": 0.0,
    **DATA,
}


@pytest.fixture(scope="module")
def found(phantoms, pretrained, tmp_path_factory):
    """A run of region detection on the tiny corpus, and the boxes that its model finds in the images with questions."""
    out = tmp_path_factory.mktemp("regions")
    backbone = f"--model.init_args.backbone={pretrained / 'backbone'}"
    assert main(["fit", *words("regions-phantom", phantoms, out / "run", backbone)]) == 0
    _call_present(out / "run" / "model")
    file = out / "regions.parquet"
    line = ["data", "regions", "zoo://vqa-phantom", "--root", str(phantoms), "--model", str(out / "run" / "model")]
    assert main([*line, "--out", str(file)]) == 0
    return file


def _opened(folder):
    backbone = backbones.load(folder)
    return backbone, heads.load(folder, backbone)


def _call_present(folder):
    """Shifts the head so that it calls about half of the regions present; an epoch may leave it with none or all."""
    backbone, head = _opened(folder)
    with torch.no_grad():
        presence_BR = head.eval()(backbone.model.eval().vision(torch.rand(4, 1, 32, 32)).patches)[1]
        head.presence.bias -= presence_BR.median()
    heads.save(backbone, head, folder)


def test_a_data_set_reads_what_was_found(found, phantoms):
    data = VqaRad(str(phantoms), region_boxes="detected", detected_regions_file=str(found), **KIND)
    data.setup("fit")
    assert data.boxes == "detected"
    assert set(read_regions(str(found))) == {sample.image_key for sample in data.samples}
    backbone, head = _opened(found.parent / "run" / "model")
    for loader, is_exact in ((data.train_dataloader(), False), (data.val_dataloader(), True)):
        batch = next(iter(loader))
        with torch.no_grad():
            box_BR4, presence_BR = head.eval()(backbone.model.eval().vision(batch["image"]).patches)
        assert batch["region_mask"].any()
        # boxes below half a pixel are masked too
        assert not (batch["region_mask"] & (presence_BR.sigmoid() < 0.5)).any()
        given_N4, found_N4 = (box_BR4[batch["region_mask"]] for box_BR4 in (batch["region_box"], box_BR4))
        side_N = (found_N4[:, 2:] - found_N4[:, :2]).max(1).values
        moved_N = (given_N4 - found_N4).abs().max(1).values
        assert torch.allclose(given_N4, found_N4, atol=1e-3) == is_exact
        assert (moved_N < 0.3 * side_N + 1e-3).all()  # training moves edges, as it moves those of the atlas


def test_a_task_is_trained_and_scored_with_them(found, phantoms, pretrained, tmp_path):
    boxes = ["--data.init_args.region_boxes=detected", f"--data.init_args.detected_regions_file={found}"]
    line = words("vqa-phantom", phantoms, tmp_path / "run", *boxes, f"--model.init_args.backbone={pretrained}/backbone")
    assert main(["fit", *line]) == 0


def test_an_unreadable_image_has_no_region_and_is_no_hindrance(found, phantoms, tmp_path):
    root = tmp_path / "data"
    shutil.copytree(phantoms / "vqa-rad", root / "vqa-rad")
    bad = sorted(root.rglob("*.jpg"))[0]
    bad.write_bytes(b"no image")
    file, model = tmp_path / "regions.parquet", str(found.parent / "run" / "model")
    assert main(["data", "regions", "VqaRad", "--root", str(root), "--model", model, "--out", str(file)]) == 0
    without = [name for name, (_, mask_R) in read_regions(str(file)).items() if not mask_R.any()]
    assert any(bad.name in name for name in without)
    data = VqaRad(str(root), region_boxes="detected", detected_regions_file=str(file), on_unreadable="drop", **KIND)
    data.setup("fit")
    assert bad.name not in {Path(sample.image).name for sample in data.samples}


def test_a_config_that_names_the_file_to_be_written(found, phantoms, tmp_path):
    config = tmp_path / "own.yaml"
    file, model = tmp_path / "regions.parquet", str(found.parent / "run" / "model")
    named = {"root": str(phantoms), "region_boxes": "detected", "detected_regions_file": str(file), **KIND}
    config.write_text(yaml.safe_dump({"data": {"class_path": "VqaRad", "init_args": named}}))
    assert main(["data", "regions", str(config), "--model", model, "--out", str(file)]) == 0
    assert file.is_file()


def test_boxes_survive_the_file_and_low_scores_are_masked(tmp_path):
    box_NR4 = np.random.default_rng(0).random((2, len(REGIONS), 4)).astype(np.float32) * 100
    score_NR = np.random.default_rng(1).random((2, len(REGIONS))).astype(np.float32)
    write_regions(tmp_path / "a.parquet", ["x", "y"], box_NR4, score_NR, {"data": "d"})
    read = read_regions(str(tmp_path / "a.parquet"))
    for name, box_R4, score_R in zip("xy", box_NR4, score_NR, strict=True):
        assert np.array_equal(read[name][0], box_R4)
        assert np.array_equal(read[name][1], score_R >= 0.5)


def test_refused(found, phantoms, tmp_path):
    with pytest.raises(ConfigError, match="needs detected_regions_file"):
        VqaRad(str(phantoms), region_boxes="detected", **KIND).check()
    (tmp_path / "bad.parquet").write_bytes(b"nothing")
    for name in ("bad", "absent"):
        with pytest.raises(DataError, match="gkmvlp data regions"):
            VqaRad(
                str(phantoms), region_boxes="detected", detected_regions_file=str(tmp_path / f"{name}.parquet"), **KIND
            )
    some = read_regions(str(found))
    first = min(some)
    write_regions(tmp_path / "few.parquet", [first], some[first][0][None], some[first][1][None].astype(float), {})
    with pytest.raises(DataError, match="are not in its file"):
        VqaRad(
            str(phantoms), region_boxes="detected", detected_regions_file=str(tmp_path / "few.parquet"), **KIND
        ).check()


def test_a_folder_without_a_head_is_one_line(pretrained, phantoms, tmp_path, capsys):
    line = ["data", "regions", "VqaRad", "--root", str(phantoms), "--model", str(pretrained / "backbone")]
    assert main([*line, "--out", str(tmp_path / "a.parquet")]) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "gkmvlp finetune regions leaves one" in told
