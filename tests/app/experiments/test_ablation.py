"""The ablation: what is kept of a run, the table's paired differences, and that complete runs are not repeated."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import yaml

from gkmvlp.app.benchmarks.setup import architecture_of
from gkmvlp.app.cli import main
from gkmvlp.app.experiments import ablation
from gkmvlp.app.experiments.ablation import (
    ARL_VARIANTS,
    EARLY,
    FILES,
    FULL,
    LATE,
    PRETRAINED,
    STAGES,
    VARIANTS,
    arl_phantoms,
    model_name,
    phantoms,
    require_known,
    run_variant,
)
from gkmvlp.app.experiments.ablation_table import ORDER, cells, rows
from gkmvlp.app.experiments.real import ablation as real_ablation
from gkmvlp.app.experiments.real.folds import merge_folds
from gkmvlp.app.running.configs import by_name
from gkmvlp.app.running.run import Run, merged
from gkmvlp.errors import UsageError
from gkmvlp.metrics.results.evaluate import figures_of
from gkmvlp.metrics.results.metric_result import Results
from gkmvlp.metrics.results.predictions import read_predictions, write_predictions
from tests.metrics.corpora import META, entity_table
from tests.weights import installed

STRENGTH = {"full": 1.5, "shuffled": 0.3}


@pytest.fixture
def kept(tmp_path):
    """Kept predictions of two variants with two seeds, of one file."""
    for variant, strength in STRENGTH.items():
        for seed in (0, 1):
            table = entity_table(seeds=(seed,), models={"pretrained": strength}).assign(model=model_name(variant))
            file = tmp_path / f"{variant}-{seed}" / "entity_classification.parquet"
            write_predictions(file, table, {**META, "task": "entity_classification"})
    return tmp_path


def test_difference_is_full_minus_the_variant(kept):
    full, shuffled = cells(kept)
    assert (full.variant, full.against, full.seeds) == ("full", None, 2)
    assert shuffled.against["value"] == pytest.approx(full.value["value"] - shuffled.value["value"])
    assert full.each == ()
    assert len(shuffled.each) == 2
    assert sum(shuffled.each) / 2 == pytest.approx(shuffled.against["value"])
    assert shuffled.against["low"] < shuffled.against["value"] < shuffled.against["high"]
    assert [row[1] for row in rows([full, shuffled])] == ["full", "shuffled"]


def test_a_run_keeps_every_file_under_its_variant(tmp_path, monkeypatch):
    """Lightning is left out: each run leaves rows of a pre-trained model and of a baseline."""
    ran = []

    def fit_and_test(run):
        folder = run.folder
        ran.append((run.config, run.words("fit")))
        tasks = PRETRAINED if "pretrain" in run.config else [next(s.task for s in STAGES if s.name == folder.name)]
        for task in tasks:
            table = entity_table(seeds=(0,), models={"pretrained": 1.0, "baseline:x": 0.1})
            meta = {**META, "task": "zero_shot", "data": f"phantom-{folder.name}-{task}"}
            write_predictions(folder / "predictions" / f"{task}.parquet", table, meta)
        return folder / "predictions"

    monkeypatch.setattr(ablation, "fit_and_test", fit_and_test)
    monkeypatch.setattr(ablation, "score_on_truth", lambda predictions, data: None)
    study = phantoms(tmp_path / "data")
    for _ in range(2):
        run_variant(study, "shuffled", 3, tmp_path / "out", tmp_path / "keep", {"p": 1}, {"d": 1})
        assert len(ran) == 1 + len(STAGES)
        shutil.rmtree(tmp_path / "keep" / "shuffled-3")
    config, words = ran[0]
    assert config == "zoo://pretrain-phantom"
    assert "--model.init_args.architecture.knowledge.region_prior=shuffled" in words
    assert {"--seed_everything=3", "--p=1"} <= set(words)
    assert "--model.init_args.seed=3" in words
    assert all("--d=1" in words and "--model.init_args.seed=3" in words for _, words in ran[1:])
    run_variant(study, "shuffled", 3, tmp_path / "out", tmp_path / "keep", {}, {})
    left = {file.stem: read_predictions(file)[0] for file in (tmp_path / "keep" / "shuffled-3").glob("*.parquet")}
    assert set(left) == set(FILES)
    figures = Results.read(tmp_path / "keep" / "shuffled-3" / "results.json").figures
    assert {figure.data for figure in figures} == {
        read_predictions(path)[1]["data"] for path in (tmp_path / "keep").rglob("*.parquet")
    }
    assert all(figure.model == "variant:shuffled" and figure.signature for figure in figures)
    assert all(set(table["model"]) == {"variant:shuffled"} and set(table["seed"]) == {3} for table in left.values())


def test_on_patients_backbones_are_tested_as_they_are_and_rare_entities_left_out(tmp_path, monkeypatch):
    ran = []

    def run(stage):
        def work(run):
            ran.append((stage, run.config, run.words(stage)))
            tasks = ("entity_classification", "zero_shot") if "pretrain" in run.config else ("grounding", "zero_shot")
            for task in tasks:
                table = entity_table(seeds=(0,), models={"pretrained": 1.0})
                table.loc[table["entity"].eq("mass"), "target"] = 0
                meta = {**META, "task": "zero_shot", "data": f"phantom-{run.folder.name}-{task}"}
                write_predictions(run.folder / "predictions" / f"{task}.parquet", table, meta)
            return run.folder / "predictions"

        return work

    monkeypatch.setattr(ablation, "fit_and_test", run("fit"))
    monkeypatch.setattr(ablation, "test", run("test"))
    study = replace(real_ablation.openi(Path("o"), Path("s"), Path("n"), tmp_path, ("boxes", "labels")), fewest=2)
    run_variant(study, "no-gk", 1, tmp_path, tmp_path / "kept", {"p": 1}, {"d": 1})
    assert [(stage, config) for stage, config, _ in ran] == [
        ("fit", "zoo://pretrain-openi"), ("test", "zoo://grounding-slake"), ("test", "zoo://zero-shot-slake")
    ]  # fmt: skip
    assert {"--data.init_args.root=o", "--p=1"} <= set(ran[0][2])
    assert "--model.init_args.objectives.position.weight=0" in ran[0][2]
    assert {"--data.init_args.root=s", "--data.init_args.nih_root=n"} <= set(ran[1][2])
    assert not any("--d=1" in words for _, _, words in ran)
    kept = {file.stem: set(read_predictions(file)[0]["entity"]) for file in tmp_path.glob("kept/no-gk-1/*.parquet")}
    assert set(kept) == {"entity_classification", "zero_shot", "boxes", "labels"}
    assert "mass" not in kept["entity_classification"] | kept["zero_shot"]
    assert "mass" in kept["labels"]


@pytest.mark.parametrize(
    ("config", "other", "same"), [("pretrain-phantom", LATE, EARLY), ("pretrain-openi", EARLY, LATE)]
)
def test_fusion_is_varied_against_what_the_config_has(config, other, same, tmp_path):
    """Late fusion is the other choice on phantoms, early fusion on Open-i: a variant that is the full model is none."""
    if config == "pretrain-openi":
        installed("minilm-l6")
    text, (key, layer) = architecture_of(config).text, *VARIANTS[other].items()
    assert key.endswith("architecture.text.fusion_layer")
    assert {layer, text.fusion_layer} == {0, text.num_hidden_layers // 2}
    study = phantoms(tmp_path) if config == "pretrain-phantom" else real_ablation.openi(*[tmp_path] * 4)
    with pytest.raises(UsageError, match=f"no variant {same}: .*{other}"):
        require_known([FULL, same], study)
    require_known([FULL, other], study)


def test_the_table_has_a_row_for_every_variant_that_can_be_run(tmp_path):
    studies = phantoms(tmp_path), arl_phantoms(tmp_path), real_ablation.openi(*[tmp_path] * 4)
    assert {name for study in studies for name in study.variants} == set(ORDER)


def test_fewer_patients_take_as_many_steps_and_are_validated_as_often(tmp_path):
    whole = yaml.safe_load(by_name("pretrain-openi").read_text())["trainer"]
    for parts, name in ((2, "half-of-patients"), (4, "quarter-of-patients"), (8, "eighth-of-patients")):
        changes = real_ablation.openi(*[tmp_path] * 4).variants[name]
        assert changes["data.init_args.train_fraction"] * parts == 1
        assert changes["trainer.max_epochs"] == whole["max_epochs"] * parts
        assert changes["trainer.check_val_every_n_epoch"] == whole.get("check_val_every_n_epoch", 1) * parts


@pytest.mark.parametrize("variant", ARL_VARIANTS)
def test_each_variant_of_arl_is_one_change_of_its_config(variant, tmp_path, capsys):
    study = arl_phantoms(tmp_path)
    require_known([variant], study)
    assert [stage.name for stage in study.stages] == ["vqa"]
    run = Run(f"zoo://{study.config}", tmp_path / variant, merged(study.overrides, study.variants[variant]))
    assert main([*run.words("fit"), "--print_config"]) == 0
    told = yaml.safe_load(capsys.readouterr().out)["model"]["init_args"]
    found = {
        "no-knowledge": not told["architecture"]["fusion"]["entity_stream"],
        "no-align": told["objectives"]["init_args"]["align"]["weight"] == 0,
        "shuffled-graph": told["architecture"]["knowledge"]["triples"] == "shuffled",
    }
    assert [name for name, is_so in found.items() if is_so] == [variant] * (variant != FULL)


def test_what_is_fine_tuned_is_chosen(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("GKMVLP_PROGRESS", "0")
    assert [stage.name for stage in phantoms(tmp_path, ["vqa"]).stages] == ["vqa"]
    assert main(["experiment", "ablation", "--only", "vqas", "--out", str(tmp_path), "--record", str(tmp_path)]) == 2
    assert "--only vqas: classification-1%, classification-100%, vqa, report were expected" in capsys.readouterr().err
    assert not any(tmp_path.iterdir())


def test_what_is_kept_is_not_run_again(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("GKMVLP_PROGRESS", "0")
    for variant in STRENGTH:
        table = entity_table(seeds=(0,), models={"pretrained": STRENGTH[variant]}).assign(model=model_name(variant))
        file = tmp_path / "ablation" / f"{variant}-0" / "entity_classification.parquet"
        write_predictions(file, table, {**META, "task": "entity_classification"})
    words = ["--variants", "full", "shuffled", "--seeds", "0", "--record", str(tmp_path), "--out", str(tmp_path / "o")]
    assert main(["experiment", "ablation", *words]) == 0
    assert not (tmp_path / "o").exists()
    table = json.loads((tmp_path / "ablation.json").read_text())
    assert [row[:2] for row in table["rows"]] == [["entities, AUROC", "full"], ["entities, AUROC", "shuffled"]]
    assert (tmp_path / "ablation.png").stat().st_size > 1000
    assert main(["experiment", "ablation", "--variants", "fulll"]) == 2
    assert "fulll" in capsys.readouterr().err


def test_folds_are_merged_with_their_number(tmp_path):
    parts = {}
    for fold in (0, 1):
        table = entity_table(seeds=(0,), models={"pretrained": 1.0})
        table = table.assign(sample_id=table["sample_id"] + f"f{fold}", patient_id=table["patient_id"] + f"f{fold}")
        parts[fold] = tmp_path / f"{fold}.parquet"
        write_predictions(parts[fold], table, {**META, "task": "zero_shot", "split": f"fold{fold}of2@0"})
    merged, meta = read_predictions(merge_folds(parts, tmp_path / "all.parquet"))
    assert merged.groupby("fold").size().tolist() == [len(pd.read_parquet(part)) for part in parts.values()]
    assert meta["split"].startswith("2folds@")
    by_fold = [figures_of(part)[0].value for part in parts.values()]
    assert figures_of(tmp_path / "all.parquet")[0].value == pytest.approx(sum(by_fold) / 2)
