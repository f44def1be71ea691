"""Two processes by the real command: ranks learn alike, and predictions hold each test row once."""

import subprocess
import sys

import pandas as pd
import pytest
import torch

from gkmvlp.metrics.results.predictions import read_predictions
from tests.tiny import words

PAIR = ("--trainer.accelerator=cpu", "--trainer.devices=2")  # the strategy is chosen
ONE = ("--trainer.accelerator=cpu", "--trainer.devices=1")


def gkmvlp(*line):
    done = subprocess.run([sys.executable, "-m", "gkmvlp", *line], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.slow  # Lightning starts the second process from the words of the first: both import everything
@pytest.mark.parametrize(
    ("config", "task"),
    [("pretrain-phantom", "entity_classification"), ("vqa-phantom", "vqa"), ("report-phantom", "report_generation")],
)
def test_two_processes_leave_what_one_reads(config, task, phantoms, pretrained, tmp_path):
    out = tmp_path / "two"
    start = [] if config.startswith("pretrain") else [f"--model.init_args.backbone={pretrained / 'backbone'}"]
    line = words(config, phantoms, out, "--data.init_args.batch_size=4", *start)
    told = gkmvlp("fit", *line, *PAIR)
    assert told.count("written to") == 1
    best = out / "checkpoints" / "best.ckpt"
    single = gkmvlp("fit", *words(config, phantoms, tmp_path / "one", "--data.init_args.batch_size=4", *start), *ONE)
    assert "written to" in single
    steps = [
        torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["global_step"]
        for run in (out, tmp_path / "one")
    ]
    assert steps[0] == pytest.approx(steps[1] / 2, abs=1)  # each rank takes its half of the rows
    tables = []
    for ranks in (PAIR, ONE):
        gkmvlp("test", *line, *ranks, f"--ckpt_path={best}")
        table, _ = read_predictions(out / "predictions" / f"{task}.parquet")
        keys = ["model", "sample_id", *(name for name in ("question", "entity") if name in table)]
        assert not table.duplicated(keys).any()
        tables.append(table.sort_values(keys, ignore_index=True))
    pd.testing.assert_frame_equal(*tables, check_exact=False, rtol=1e-4)
