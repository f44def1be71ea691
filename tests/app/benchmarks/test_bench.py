import dataclasses
import itertools
import json
import os
from functools import partial
from pathlib import Path

import pytest
import torch
import yaml

from gkmvlp.app.benchmarks import figures, model, table, zoo
from gkmvlp.app.benchmarks.figures import image_figures, phantom_figure, report_figures
from gkmvlp.app.benchmarks.model import OBJECTIVES, measure_model, now
from gkmvlp.app.benchmarks.setup import QUANTILES, architecture_of, build, lengths_of
from gkmvlp.app.cli import main
from gkmvlp.app.running.configs import architecture_in, zoo_configs
from gkmvlp.app.running.operations import operation_counter
from gkmvlp.checkpoints import backbone as backbones
from gkmvlp.checkpoints import bert_weights, packages
from gkmvlp.checkpoints.weights import SkipInit
from gkmvlp.errors import BackboneError
from gkmvlp.hardware import best_precision
from gkmvlp.metrics.results.metric_result import MetricResult, Results, check_unique, signature
from gkmvlp.models.config import Architecture, TextConfig
from gkmvlp.models.tokenizer import train_tokenizer
from gkmvlp.tasks.pretraining import GkMvlpPretraining
from tests.app.small_models import architecture
from tests.weights import installed


@pytest.fixture
def config(tmp_path) -> Path:
    torch.set_num_threads(1)
    (tmp_path / "sizes.yaml").write_text(yaml.safe_dump(architecture().to_dict()))
    file = tmp_path / "tiny.yaml"
    file.write_text("model: {init_args: {architecture: sizes.yaml}}")
    return file


def test_the_parts_of_a_step_add_up(config, tmp_path, capsys):
    """Their operations are those of the whole step, counted in one go."""
    words = ["bench", "--config", str(config), "--batch", "3", "--steps", "1", "--device", "cpu"]
    assert main([*words, "--json", "--out", str(tmp_path / "b.json")]) == 0
    rows = json.loads(capsys.readouterr().out)["figures"]
    figures = {(row["name"], row["label"]): row["value"] for row in rows}
    task, studies = build(architecture_of(str(config)), 3, torch.device("cpu"))
    mixed = best_precision("cpu") == "bf16-mixed"
    with torch.autocast("cpu", torch.bfloat16, enabled=mixed), operation_counter() as counter:
        torch.stack(list(task.losses(studies, OBJECTIVES).values())).sum().backward()
    assert figures["gflop_per_pair", None] * 3 == pytest.approx(counter.get_total_flops() / 1e9, rel=0.001)
    parts = [value for (name, label), value in figures.items() if name == "gflop_per_pair" and label]
    assert sum(parts) == pytest.approx(figures["gflop_per_pair", None])
    assert all(part >= 0 for part in parts)
    assert figures["peak_bytes", "state"] == 16 * sum(p.numel() for p in task.parameters())
    assert 0 < figures["peak_bytes", "activations"] < figures["peak_bytes", None]
    assert [dataclasses.asdict(f) for f in Results.read(tmp_path / "b.json").figures] == rows


@pytest.mark.slow
def test_a_profile_is_a_trace_and_a_table_of_one_step(config, tmp_path, capsys):
    out = tmp_path / "profile"
    assert main(["bench", "--config", str(config), "--batch", "2", "--steps", "1", "--profile", str(out)]) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == [str(out / "trace.json"), str(out / "operations.txt")]
    names = {event["name"] for event in json.loads((out / "trace.json").read_text())["traceEvents"]}
    assert {"aten::addmm", "aten::convolution_backward"} <= names
    assert "Self CPU" in (out / "operations.txt").read_text()


def test_loading_is_measured_in_a_process_of_its_own(tmp_path, capsys):
    """A model large enough that nothing else counts, 16 MB of words: its peak holds the tensors once at least."""
    large = architecture()
    large.text.hidden_size, large.text.vocab_size = 256, 16_000
    (tmp_path / "sizes.yaml").write_text(yaml.safe_dump(large.to_dict()))
    config = tmp_path / "large.yaml"
    config.write_text("model: {init_args: {architecture: sizes.yaml}}")
    assert main(["bench", "--what", "loading", "--config", str(config), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["figures"]
    check_unique([MetricResult(**row) for row in rows], "bench")
    figures = {(row["name"], row["label"]): row["value"] for row in rows}
    assert 0 < figures["load_seconds", "processor"] < 60
    assert figures["load_seconds", None] > 0
    assert figures["load_peak_ratio", None] > 0.5
    assert not any(row["higher_is_better"] for row in rows)


def test_writing_is_measured_beside_transformers(config, capsys):
    words = ["bench", "--what", "generation", "--config", str(config), "--batch", "2", "--steps", "1", "--device=cpu"]
    assert main([*words, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["figures"]
    check_unique([MetricResult(**row) for row in rows], "bench")
    rate = {row["label"]: row["value"] for row in rows if row["name"] == "generated_reports_per_s"}
    assert set(rate) == {None, "every layer", "transformers"}
    ratio = next(row["value"] for row in rows if row["name"] == "generation_speed_ratio")
    assert ratio == pytest.approx(rate["every layer"] / rate["transformers"])
    assert all("beams:3" in row["signature"] and "tokens:60" in row["signature"] for row in rows)


def test_texts_fill_all_tokens(config):
    task, studies = build(architecture_of(str(config)), 2, torch.device("cpu"))
    assert task.tokens(studies["text"]).mask.all()
    assert task.tokens(studies["text"]).ids.shape == (2, 48)


def test_texts_of_a_corpus_are_as_long_as_its_reports(config):
    """The batch has the spread of the corpus, and tokens are counted by the tokenizer that the step uses."""
    deciles = [QUANTILES[tenth / 10] for tenth in range(10)]
    middles = [(low + high) / 2 for low, high in itertools.pairwise(deciles)]
    assert lengths_of("corpus", 10, 400) == pytest.approx([*middles, QUANTILES[0.95]], abs=0.5)
    task, studies = build(architecture_of(str(config)), 5, torch.device("cpu"), "corpus")
    assert task.tokens(studies["text"]).mask.sum(1).tolist() == [38, 48, 48, 48, 48]  # 48 is the longest it takes
    assert lengths_of("corpus", 5, 48) == [38, 48, 48, 48, 48]


PRETRAINING = [
    name
    for name, file in zoo_configs().items()
    if name.startswith("pretrain-")
    and yaml.safe_load(file.read_text())["model"]["class_path"] == GkMvlpPretraining.__name__
]


def test_a_config_of_another_system_is_one_line():
    with pytest.raises(BackboneError, match=r"another system than Architecture: .*unexpected keyword argument"):
        architecture_of("pretrain-arl-phantom")


@pytest.mark.parametrize("name", PRETRAINING)
def test_what_is_measured_is_what_the_config_trains(name, monkeypatch):
    """A BERT that the config names brings its own sizes; one on the hub is stood in for by a large one."""
    given = Architecture.from_dict(architecture_in(name))
    if (given.text.weights or "").startswith(packages.SCHEME):
        installed(given.text.weights.removeprefix(packages.SCHEME))
    elif given.text.weights:
        sizes = TextConfig(hidden_size=96, num_hidden_layers=3, intermediate_size=200, vocab_size=28996)
        monkeypatch.setattr(bert_weights, "bert_sizes", lambda _: sizes)
        monkeypatch.setattr(backbones, "load_tokenizer", lambda _: train_tokenizer("lungs", 28996))
    for filled in ("load_bert", "load_vision"):
        monkeypatch.setattr(backbones, filled, lambda *_: [])
    with SkipInit():
        trained = backbones.build(given, ["lungs"]).model.architecture
    trained.vision.weights = trained.text.weights = trained.text.tokenizer = None
    assert architecture_of(name) == trained
    if name == "pretrain-openi":
        assert (trained.text.hidden_size, trained.text.num_hidden_layers) == (384, 6)


def test_a_config_whose_bert_is_not_installed_is_not_measured(monkeypatch, capsys):
    lost = dataclasses.replace(packages.PACKAGES["minilm-l6"], distribution="gkmvlp-no-such-package")
    monkeypatch.setattr(packages, "PACKAGES", {"minilm-l6": lost})
    assert main(["bench", "--config", "pretrain-openi"]) == 1
    assert capsys.readouterr().err.endswith("pip install gkmvlp-no-such-package\n")


def test_base_is_vit_b_and_bert_base():
    base = architecture_of("base")
    assert (base.vision.name, base.image_size, base.text.max_length) == ("vit_base_patch16_224", 224, 128)
    assert (base.text.hidden_size, base.text.num_hidden_layers, base.text.vocab_size) == (768, 12, 30522)
    assert base.text.fusion_layer == architecture_in("zoo://pretrain-mimic")["text"]["fusion_layer"]


def test_rates_are_positive_and_distinct_figures():
    figures = [phantom_figure(3), *report_figures(4), *image_figures(2, 32)]
    check_unique(figures, "bench")
    assert all(figure.value > 0 for figure in figures)
    assert [f.name for f in figures if f.label is None] == ["phantom_patients_per_s", "reports_per_s", "images_per_s"]
    rate = {f.label: f.value for f in figures if f.name == "images_per_s"}
    assert min(rate["cached, jpeg"], rate["cached, raw"]) > 5 * rate[None]  # full-size files are decoded no more


@pytest.fixture
def measured(tmp_path) -> Path:
    """A made-up step at batch 4: 100 million parameters, 1 GB of activations a pair, 50 GFLOP of prompts a step."""
    sign = signature(batch=4, device="a machine", precision="32-true")
    rows = [
        ("gflop_per_pair", None, 212.5), ("gflop_per_pair", "prompts", 12.5), ("pairs_per_s", None, 0.5),
        ("peak_bytes", None, 7e9), ("peak_bytes", "state", 16e8), ("peak_bytes", "activations", 4e9),
    ]  # fmt: skip
    figures = [
        MetricResult("bench", name, value, sign, label=label, model="variant:base") for name, label, value in rows
    ]
    Results("2026-01-01T00:00:00+00:00", "gkmvlp bench", None, 1.0, 1, figures).write(tmp_path / "b.json")
    return tmp_path / "b.json"


def test_the_table_follows_its_formulas(measured, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(table, "GPUS", (table.Gpu("card", 16, 100.0), table.Gpu("none", 1, 1.0)))
    assert main(["bench", "--table", str(measured), "--readme", str(tmp_path / "absent.md")]) == 0
    lines = capsys.readouterr().out.splitlines()
    # 0.9 x 16 GiB = 15.46 GB; less 1.8 GB for the weights leaves 27 halves of a GB: a batch of 24
    hours = 238_000 * 30 * (200 + 50 / 24) / (0.3 * 100e3) / 3600
    assert lines[3] == f"| card | 24 (c1) | {(1.8e9 + 24 * 0.5e9) / 2**30:.1f} GiB (c1) | {hours:,.0f} (c2) |"
    assert lines[2] == f"| a machine | 4 | 6.5 GiB (m) | {238_000 * 30 / 0.5 / 3600:,.0f} (m) |"
    assert not any(line.startswith("| none") for line in lines)


def test_the_table_goes_between_the_markers(measured, tmp_path, capsys):
    readme = tmp_path / "README.md"
    readme.write_text("before\n<!-- bench -->\nold\n<!-- /bench -->\nafter\n")
    for _ in range(2):
        assert main(["bench", "--table", str(measured), "--readme", str(readme)]) == 0
    text = readme.read_text()
    assert text.startswith("before\n<!-- bench -->\n| machine |")
    assert text.endswith("<!-- /bench -->\nafter\n")
    assert "old" not in text
    readme.write_text("<!-- bench -->\n")
    assert main(["bench", "--table", str(measured), "--readme", str(readme)]) == 1
    assert "<!-- /bench -->" in capsys.readouterr().err


def test_the_zoo_is_listed_and_a_download_compared_with_a_copy(monkeypatch, capsys):
    monkeypatch.setattr(figures, "measure_zoo", partial(zoo.measure_zoo, size=3_000_000))
    monkeypatch.setattr(zoo, "REPEATS", 1)
    before = os.environ.get("GKMVLP_CACHE")
    assert main(["bench", "--what", "zoo", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["figures"]}
    assert 0 < rows["zoo_list_seconds"]["value"] < 60
    assert rows["download_speed_ratio"]["value"] > 0
    assert "bytes:3000000" in rows["download_speed_ratio"]["signature"]
    assert os.environ.get("GKMVLP_CACHE") == before


@pytest.mark.parametrize("words", [["--config", "pretrain-phantm"], ["--batch", "1"], ["--what", "speed"]])
def test_wrong_usage(words, capsys):
    assert main(["bench", *words]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_the_clock_waits_for_the_gpu_that_works(monkeypatch):
    """Without a name torch waits for the first one, whichever was measured."""
    waited = []
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device=None: waited.append(device))
    now(torch.device("cuda", 1))
    assert waited == [torch.device("cuda", 1)]


@pytest.mark.slow
def test_activations_are_those_of_float32_also_where_steps_run_in_bfloat16(config, monkeypatch):
    """The table halves them: of a step in bfloat16, as on most GPUs, it would promise twice the batch that fits."""
    saved = []
    for precision in ("32-true", "bf16-mixed"):
        monkeypatch.setattr(model, "best_precision", lambda _, precision=precision: precision)
        measured = measure_model(str(config), 2, 1, "cpu")
        assert measured.precision == precision
        saved.append(measured.activation_bytes)
    assert saved[1] == pytest.approx(saved[0], rel=0.01)
