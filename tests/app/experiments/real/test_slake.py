"""SLAKE's pieces without training, by the real command on its look-alike and the package's backbone."""

import json

import numpy as np
import pytest

from gkmvlp.app.cli import main
from gkmvlp.data_modules import Slake
from gkmvlp.data_modules.synthetic.lookalikes import write_lookalikes
from gkmvlp.metrics.results.metric_result import Results

IMAGES, PATIENTS = 36, 40  # two of three are radiographs, which are images of these patients


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Folders of the runs and of the records."""
    root = tmp_path_factory.mktemp("real")
    write_lookalikes(root, {"slake": IMAGES, "nih": PATIENTS}, 0, size=64, workers=1)
    words = ["--root", str(root), "--nih", str(root), "--arms", "phantom", "--only", "grounding", "zero-shot"]
    places = ["--out", str(root / "o"), "--record", str(root / "r"), "--set=trainer.accelerator=cpu"]
    assert main(["experiment", "real", "slake", *words, *places]) == 0
    return root / "o", root / "r"


def test_every_radiograph_is_read_by_sentences(made):
    figures = Results.read(made[1] / "slake-zero-shot.json").figures
    assert {figure.model for figure in figures} == {"phantom"}
    (macro,) = [figure for figure in figures if figure.label is None]
    assert macro.data == "slake"
    assert macro.split.startswith("all-test-en-images@")
    data = Slake(str(made[0].parent), split="all-test", rows="images", nih_root=str(made[0].parent))
    data.check()
    assert len(data.samples) == IMAGES * 2 // 3
    known_NL = ~np.isnan([sample.fields["label"] for sample in data.samples])  # unboxed ones are of no known name
    found = {figure.label: figure.n for figure in figures if figure.label}
    assert found == dict(zip(data.labels, known_NL.sum(0).tolist(), strict=True))


def test_every_box_is_pointed_at_beside_the_prior(made):
    figures = Results.read(made[1] / "slake-grounding.json").figures
    found = {(figure.name, figure.label): figure for figure in figures}
    assert {figure.model for figure in figures} == {"phantom"}
    assert "prior_box" in found["pointing_game", "all"].baselines
    assert found["pointing_game", "all"].n >= 6


def test_small_groups_say_so(made):
    told = json.loads((made[1] / "slake-grounding-groups.json").read_text())
    groups = [dict(zip(told["columns"], row, strict=True)) for row in told["rows"]]
    assert {row["value"] for row in groups if row["group"] != "not known"} == {"too few"}
    assert {row["group"] for row in groups if row["by"] == "sex"} >= {"F", "M"}
