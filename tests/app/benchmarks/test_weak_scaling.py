"""Two processes beside one: both run, and the share is that of their seconds."""

import json
import os

import pytest
import yaml

from gkmvlp.app.benchmarks import weak_scaling
from gkmvlp.app.cli import main
from tests.tiny import ARCHITECTURE


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="processes are bound to cores on Linux alone")
class TestScaling:
    @pytest.mark.slow  # three processes import torch
    def test_both_are_measured_by_the_command(self, tmp_path, capsys, monkeypatch):
        if len(os.sched_getaffinity(0)) < weak_scaling.RANKS:
            pytest.skip("one core")
        monkeypatch.setattr(weak_scaling, "ROUNDS", 1)
        file = tmp_path / "tiny.yaml"
        file.write_text(yaml.safe_dump({"model": {"init_args": {"architecture": str(ARCHITECTURE)}}}))
        words = ["bench", "--what", "scaling", "--config", str(file), "--batch", "2", "--steps", "1", "--json"]
        assert main(words) == 0
        rows = json.loads(capsys.readouterr().out)["figures"]
        values = {(row["name"], row["label"]): row["value"] for row in rows}
        alone, together = values["pairs_per_s", "one core"], values["pairs_per_s", "2 processes"]
        assert values["weak_scaling", None] == pytest.approx(together / (2 * alone))

    def test_one_core_is_one_line(self, monkeypatch, capsys):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3})
        assert main(["bench", "--what", "scaling", "--config=small"]) == 2
        assert "--what scaling needs 2 cores on Linux, one a process; here is 1 on" in capsys.readouterr().err
