"""Detected boxes of regions: found by the real command, read by another data set, and what is refused."""

import numpy as np
import pytest
import torch

from gkmvlp.anatomy import REGIONS
from gkmvlp.cli import main
from gkmvlp.data_modules import VqaRad
from gkmvlp.data_modules.detected import read_regions, write_regions
from gkmvlp.errors import ConfigError, DataError
from gkmvlp.tasks.region_folder import load_regions, save_regions
from tests.tiny import DATA, words

KIND = {"split": "image-disjoint", "name": "phantom-vqa-rad", "augment": 0.0, "region_dropout": 0.0, **DATA}


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


def _call_present(folder):
    """Shifts the head so that it calls about half of the regions present; an epoch may leave it with none or all."""
    backbone, head = load_regions(folder)
    with torch.no_grad():
        presence_BR = head.eval()(backbone.model.eval().vision(torch.rand(4, 1, 32, 32)).patches)[1]
        head.presence.bias -= presence_BR.median()
    save_regions(backbone, head, folder)


def test_a_data_set_reads_what_was_found(found, phantoms):
    data = VqaRad(str(phantoms), boxes="detected", region_file=str(found), **KIND)
    data.setup("fit")
    assert data.boxes == "detected"
    assert set(read_regions(str(found))) == {sample.image_key for sample in data.samples}
    backbone, head = load_regions(found.parent / "run" / "model")
    for loader in (data.train_dataloader(), data.val_dataloader()):
        batch = next(iter(loader))
        with torch.no_grad():
            box_BR4, presence_BR = head.eval()(backbone.model.eval().vision(batch["image"]).patches)
        assert batch["region_mask"].any()
        # boxes below half a pixel are masked too
        assert not (batch["region_mask"] & (presence_BR.sigmoid() < 0.5)).any()
        assert torch.allclose(batch["region_box"][batch["region_mask"]], box_BR4[batch["region_mask"]], atol=1e-3)


def test_a_task_is_trained_and_scored_with_them(found, phantoms, pretrained, tmp_path):
    boxes = ["--data.init_args.boxes=detected", f"--data.init_args.region_file={found}"]
    line = words("vqa-phantom", phantoms, tmp_path / "run", *boxes, f"--model.init_args.backbone={pretrained}/backbone")
    assert main(["fit", *line]) == 0


def test_boxes_survive_the_file_and_low_scores_are_masked(tmp_path):
    box_NR4 = np.random.default_rng(0).random((2, len(REGIONS), 4)).astype(np.float32) * 100
    score_NR = np.random.default_rng(1).random((2, len(REGIONS))).astype(np.float32)
    write_regions(tmp_path / "a.parquet", ["x", "y"], box_NR4, score_NR, {"data": "d"})
    read = read_regions(str(tmp_path / "a.parquet"))
    for name, box_R4, score_R in zip("xy", box_NR4, score_NR, strict=True):
        assert np.array_equal(read[name][0], box_R4)
        assert np.array_equal(read[name][1], score_R >= 0.5)


def test_refused(found, phantoms, tmp_path):
    with pytest.raises(ConfigError, match="needs region_file"):
        VqaRad(str(phantoms), boxes="detected", **KIND).check()
    (tmp_path / "bad.parquet").write_bytes(b"nothing")
    for name in ("bad", "absent"):
        with pytest.raises(DataError, match="gkmvlp data regions"):
            VqaRad(str(phantoms), boxes="detected", region_file=str(tmp_path / f"{name}.parquet"), **KIND)
    some = read_regions(str(found))
    first = min(some)
    write_regions(tmp_path / "few.parquet", [first], some[first][0][None], some[first][1][None].astype(float), {})
    with pytest.raises(DataError, match="are not in the region_file"):
        VqaRad(str(phantoms), boxes="detected", region_file=str(tmp_path / "few.parquet"), **KIND).check()


def test_a_folder_without_a_head_is_one_line(pretrained, phantoms, tmp_path, capsys):
    line = ["data", "regions", "VqaRad", "--root", str(phantoms), "--model", str(pretrained / "backbone")]
    assert main([*line, "--out", str(tmp_path / "a.parquet")]) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "gkmvlp finetune regions leaves one" in told
