"""What VqaMed2019 and Roco serve: the real commands on their look-alikes, with the configs of the zoo, shrunk."""

from pathlib import Path

import pandas as pd
import pytest

from gkmvlp.app.cli import main
from gkmvlp.data_modules import Roco, VqaMed2019
from gkmvlp.data_modules.synthetic import roco, vqa_med_2019
from gkmvlp.metrics.results.evaluate import figures_of
from tests.tiny import words

FRESH = ("--model.init_args.backbone=null",)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lookalikes")
    vqa_med_2019.write(folder, 24, 1, 32)
    roco.write(folder, 30, 1, 32)
    return folder


def test_questions_of_vqa_med_are_answered_among_those_of_training(root: Path, tmp_path: Path):
    line = words("vqa-med-2019", root, tmp_path, *FRESH)
    assert main(["fit", *line]) == 0
    assert main(["test", *line, f"--ckpt_path={tmp_path / 'checkpoints' / 'last.ckpt'}"]) == 0
    path = tmp_path / "predictions" / "vqa.parquet"
    table = pd.read_parquet(path)
    data = VqaMed2019(str(root), num_workers=0)
    data.check()
    assert set(table["sample_id"]) == {row.sample_id for row in data.rows("test")}
    assert set(table["prediction"]) <= set(data.answers())
    overall = next(figure for figure in figures_of(path) if figure.name == "accuracy_overall")
    assert f"ceiling {data.coverage():.3f}" in overall.note


def test_captions_of_roco_are_ranked_among_those_of_test(root: Path, tmp_path: Path):
    assert main(["test", *words("retrieval-roco", root, tmp_path, *FRESH)]) == 0
    table = pd.read_parquet(tmp_path / "predictions" / "retrieval.parquet")
    data = Roco(str(root), num_workers=0)
    data.check()
    assert set(table["sample_id"]) == {row.sample_id for row in data.rows("test")}
    assert set(table["direction"]) == {"i2t", "t2i"}
