"""What the gate is trained on, and the whole command on a look-alike."""

import json

import numpy as np
import pytest

from gkmvlp.app.cli import main
from gkmvlp.app.experiments.gate.alterations import PLAIN, TRAINING, Drawn, altered
from gkmvlp.app.experiments.gate.training import SHARES
from gkmvlp.data_modules.synthetic import chest_xray14
from gkmvlp.metrics.results.metric_result import Results
from gkmvlp.models.gate import FRONTAL, KINDS, SIDE
from gkmvlp.zoo.inference.gate import CARD, INFO, WEIGHTS, Gate


@pytest.fixture(scope="module")
def drawn() -> Drawn:
    return Drawn.draw(0, 2, 160)


def made(image_SS, kind, drawn, variety=PLAIN, seed=3):
    return altered(image_SS, kind, np.random.default_rng(seed), variety, drawn, 160)


def test_plain_alterations_are_what_they_are_called(drawn):
    """Of a smooth picture, for it is resampled: as it is, mirrored, its negative, turned by quarters or between."""
    y, x = np.mgrid[0:160, 0:160]
    image_SS = np.rint(60 + 0.6 * x + 0.3 * y).astype(np.uint8)
    frontal = made(image_SS, FRONTAL, drawn).astype(int)
    inside = np.s_[4:-4, 4:-4]
    assert np.abs(frontal - image_SS)[inside].max() <= 2
    assert np.abs(made(image_SS, "mirrored", drawn).astype(int) - image_SS[:, ::-1])[inside].max() <= 2
    assert np.abs(made(image_SS, "inverted", drawn).astype(int) - (255 - image_SS))[inside].max() <= 2
    turned = [made(image_SS, "rotated", drawn, seed=seed).astype(int) for seed in range(30)]
    quarters = [np.rot90(base, k) for base in (image_SS, image_SS[:, ::-1]) for k in range(4)]
    found = [any(np.abs(one - other)[inside].max() <= 3 for other in quarters) for one in turned]
    assert 0.3 < np.mean(found) < 0.9
    assert not any(np.abs(one - image_SS)[inside].max() <= 3 for one in turned)


def test_cropping_leaves_a_part(drawn):
    """A picture whose grey is its column: fewer columns, or rows, are left than two in three."""
    column_SS = np.tile(np.linspace(0, 255, 160), (160, 1)).astype(np.uint8)
    for seed in range(20):
        wide, high = (
            np.ptp(made(image, "cropped", drawn, seed=seed)) / 255 for image in (column_SS, column_SS.T.copy())
        )
        assert min(wide, high) <= 0.68


def test_every_kind_of_a_batch_is_a_picture(drawn):
    image_SS = np.random.default_rng(0).integers(0, 255, (160, 160)).astype(np.uint8)
    assert sum(SHARES.values()) == pytest.approx(1)
    for kind in KINDS:
        for seed in range(5):
            picture = altered(image_SS, kind, np.random.default_rng(seed), TRAINING, drawn)
            assert (picture.shape, picture.dtype) == ((SIDE, SIDE), np.uint8)
            again = altered(image_SS, kind, np.random.default_rng(seed), TRAINING, drawn)
            np.testing.assert_array_equal(picture, again)


@pytest.mark.slow
def test_the_command_trains_measures_and_writes(tmp_path, capsys):
    chest_xray14.write(tmp_path / "data", 40, 3, 96)
    words = ["--nih", tmp_path / "data" / "chestxray14", "--phantoms", 20, "--steps", 3, "--out", tmp_path / "out"]
    words += ["--models", tmp_path / "gate", "--record", tmp_path / "results"]
    assert main(["experiment", "gate", *map(str, words)]) == 0
    assert {file.name for file in (tmp_path / "gate").iterdir()} == {WEIGHTS, INFO, CARD}
    assert Gate(tmp_path / "gate").judge(np.zeros((100, 100), np.uint8)).kind in KINDS
    info = json.loads((tmp_path / "gate" / INFO).read_text())
    assert set(info["thresholds"]) == set(KINDS[1:])
    assert all(threshold >= 0 for threshold in info["thresholds"].values())
    figures = Results.read(tmp_path / "results" / "gate.json").figures
    refused = [figure.data for figure in figures if figure.name == "false_refusals"]
    assert refused == ["phantoms", "chestxray14", "all patients"]
    told = {figure.label for figure in figures if (figure.name, figure.data) == ("gate_auroc", "phantoms")}
    assert told == set(KINDS) - {FRONTAL, "no chest"}
    card = (tmp_path / "gate" / CARD).read_text()
    assert "looks mirrored" in card
    before = (tmp_path / "gate" / WEIGHTS).read_bytes()
    assert main(["experiment", "gate", *map(str, words), "--only-measure"]) == 0
    assert (tmp_path / "gate" / WEIGHTS).read_bytes() == before
