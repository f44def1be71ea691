"""Measuring commands: the labeler's figures against loops, and runs that are complete are not repeated."""

import inspect
import json
from pathlib import Path

import pandas as pd
import pytest

from gkmvlp.app.cli import main
from gkmvlp.app.experiments import runs
from gkmvlp.app.experiments.real import openi as real_openi
from gkmvlp.app.experiments.real import pairs as real_pairs
from gkmvlp.app.experiments.real import pieces as pieces_module
from gkmvlp.app.experiments.real import table_arms as arms
from gkmvlp.app.experiments.real.labeler import f1_figure
from gkmvlp.app.running.run import model_overrides
from gkmvlp.metrics.results.metric_result import Results
from gkmvlp.metrics.results.predictions import write_predictions
from gkmvlp.tasks import GkMvlpPretraining, ReportGeneration, Retrieval
from tests.app.toy import given_by
from tests.report.scoring import status_f1

TRUE = [{"mass": 1, "edema": 0}, {"nodule": -1}, {}, {"mass": 0}]
SAID = [{"mass": 1, "edema": 1}, {"nodule": -1}, {"hernia": 1}, {"mass": 0}]


def test_f1_figure_is_the_scoring_with_an_interval_around_it():
    figure = f1_figure("few", [("", stated) for stated in TRUE], SAID, None)
    assert figure.value == pytest.approx(status_f1(SAID, TRUE))
    assert figure.low < figure.value < figure.high
    assert figure.n == 4


def test_labeler_is_recorded(tmp_path):
    (tmp_path / "hard_one.json").write_text(json.dumps([{"text": "There is a mass.", "status": {"mass": 1}}]))
    words = ["--reports", "30", "--hard", str(tmp_path), "--out", str(tmp_path / "o"), "--record", str(tmp_path / "r")]
    assert main(["experiment", "real", "labeler", *words]) == 0
    figures = Results.read(tmp_path / "r" / "labeler.json").figures
    assert [figure.name for figure in figures] == ["entity_status_f1", "reports_per_s", "entity_status_f1"]
    assert figures[0].value >= 0.97
    assert (figures[2].data, figures[2].value) == ("hard-one", 1.0)


@pytest.fixture
def lightning(monkeypatch):
    """Lightning's runs are recorded; a test leaves predictions that depend on the arm."""
    ran: list[list[str]] = []

    def lightning(*words: str) -> None:
        ran.append(list(words))
        given = given_by(words)
        if words[0] != "test":
            return
        blind = "model.init_args.question_only" in given
        model = "scratch" if given["model.init_args.backbone"] == "null" else "pretrained"
        model = "baseline:question_only" if blind else model
        rows = {"sample_id": ["a", "b", "c"], "patient_id": ["1", "2", "2"], "question": "?", "answer_type": "open",
                "chest": [True, False, True], "target": ["x", "y", "z"], "in_vocabulary": [True, True, False],
                "prediction": ["x", "y" if model == "pretrained" else "x", "x"], "model": model,
                "seed": int(given["seed_everything"])}  # fmt: skip
        meta = {"task": "vqa", "data": "vqa-rad", "split": given["data.init_args.split"] + "@0"}
        folder = Path(given["trainer.default_root_dir"])
        write_predictions(folder / "predictions" / "vqa.parquet", pd.DataFrame(rows), meta)

    monkeypatch.setattr(runs, "run_in_process", lightning)
    return ran


@pytest.fixture
def starts(monkeypatch):
    """No backbone has to be there."""
    monkeypatch.setattr(arms, "start_from", lambda backbone: model_overrides(backbone=backbone))


def test_vqa_runs_every_arm_seed_and_split_once(lightning, starts, tmp_path):
    words = ["--root", "d", "--backbone", "b", "--arms", "pretrained", "public_weights", "--seeds", "0", "1",
             "--jobs", "1", "--splits", "official", "image-disjoint", "--out", str(tmp_path / "o"),
             "--record", str(tmp_path)]  # fmt: skip
    assert main(["experiment", "real", "vqa-rad", *words]) == 0
    assert [run[0] for run in lightning] == ["fit", "test"] * (2 * 2 * 3)
    results = {split: Results.read(tmp_path / f"vqa-rad-{split}.json") for split in ("official", "image-disjoint")}
    figures = [figure for of_split in results.values() for figure in of_split.figures]
    overall = {(f.split, f.model): f for f in figures if f.name == "accuracy_overall" and f.label is None}
    assert {key: f.value for key, f in overall.items()} == {
        (f"{split}@0", model): pytest.approx(value)
        for split in ("official", "image-disjoint")
        for model, value in (("pretrained", 2 / 3), ("public_weights", 1 / 3))
    }
    main_figure = overall["official@0", "pretrained"]
    assert main_figure.predictions is None
    assert main_figure.difference["public_weights"]["value"] == pytest.approx(1 / 3)
    assert "question_only" in main_figure.baselines
    assert "ceiling 0.667" in main_figure.note
    lightning.clear()
    assert main(["experiment", "real", "vqa-rad", *words]) == 0
    assert lightning == []


def test_complete_folds_become_a_table(tmp_path, shared_data, monkeypatch):
    monkeypatch.setattr(real_pairs, "run_missing", lambda work, calls, left, jobs: None)
    losses = {"itc": 3.0, "lm": 5.0, "ecls": 0.7}
    for fold in (0, 1):
        kept = {"fold": fold, "images": {"train": 290, "validate": 96}, "start": losses,
                "end": {name: value / 2 + fold / 10 for name, value in losses.items()},
                "curves": {name: [[0, value], [9, value / 2]] for name, value in losses.items()},
                "prevalence": 0.5, "entropy": 0.3}  # fmt: skip
        (tmp_path / f"fold{fold}").mkdir()
        (tmp_path / f"fold{fold}" / "fold.json").write_text(json.dumps(kept))
    record = tmp_path / "r"
    places = ["--root", str(shared_data / "chestxray14"), "--out", str(tmp_path), "--record", str(record)]
    assert main(["experiment", "real", "pairs", *places, "--folds", "0", "1"]) == 0
    told = json.loads((record / "pairs.json").read_text())
    assert [row[-1] for row in told["rows"]] == [pytest.approx(-0.15), pytest.approx(-0.05), "-0.100 [-0.735, 0.535]"]
    assert "used 483" in told["note"]
    assert "dropped: 52" in told["note"]
    assert (record / "pairs.png").stat().st_size < 100_000


LEFT = {"entities": "entity_classification", "retrieval": "retrieval", "reports": "report_generation"}  # fmt: skip


@pytest.fixture
def pieces(monkeypatch):
    """Lightning's runs are recorded, with the predictions file that each leaves, by the folder of its piece."""
    ran: list[list[str]] = []

    def lightning(*words: str) -> None:
        ran.append(list(words))
        folder = Path(given_by(words)["trainer.default_root_dir"])
        left = "backbone/config.json"
        if not folder.name.startswith("pretraining"):
            left = f"predictions/{LEFT[folder.parent.name]}.parquet"
        (folder / left).parent.mkdir(parents=True, exist_ok=True)
        (folder / left).touch()

    monkeypatch.setattr(runs, "run_in_process", lightning)
    monkeypatch.setattr(arms, "merge_alike", lambda parts, target: [Path(f"{' '.join(parts)} {target.name}")])
    monkeypatch.setattr(pieces_module, "figures_of", lambda file: [])
    for name, stands_in in {
        "make_baselines": lambda *places: dict.fromkeys(real_openi.WITH_BASELINES, Path("baselines")),
        "baseline_figures": lambda files, reports, root: [],
        "r2gen_figures": lambda table, meta, config, root: [],
        "beside": lambda file, baselines: file,
        "read_predictions": lambda file: (file, {}),
        "frequent_figures": lambda table, meta: [],
    }.items():
        monkeypatch.setattr(real_openi, name, stands_in)
    return ran


def test_openi_is_pretrained_once_a_seed_and_its_pieces_are_made_once(pieces, starts, tmp_path, capsys):
    places = ["--seeds", "0", "1", "--arms", "pretrained", "public_weights"]
    words = ["--root", "iu", *places, "--out", str(tmp_path / "o"), "--record", str(tmp_path / "r")]
    assert main(["experiment", "real", "openi", *words]) == 0
    by_piece = [Path(given_by(run)["trainer.default_root_dir"]).relative_to(tmp_path / "o") for run in pieces]
    # knowing no entities, public weights are left out of one
    assert [f"{run[0]} {folder}" for run, folder in zip(pieces, by_piece, strict=True)] == [
        "fit pretraining-0", "fit pretraining-1", "test entities/pretrained-0", "test entities/pretrained-1",
        *(f"test retrieval/{arm}-{seed}" for seed in (0, 1) for arm in ("pretrained", "public_weights")),
        *(f"{stage} reports/{arm}-{seed}" for seed in (0, 1) for arm in ("pretrained", "public_weights")
          for stage in ("fit", "test")),
    ]  # fmt: skip
    tasks = {"pretraining": GkMvlpPretraining, "entities": GkMvlpPretraining, "retrieval": Retrieval,
             "reports": ReportGeneration}  # fmt: skip
    for run, folder in zip(pieces, by_piece, strict=True):
        task = tasks[folder.parts[0].removesuffix("-0").removesuffix("-1")]
        keys = {key.split(".")[2] for key in given_by(run) if key.startswith("model.init_args.")}
        assert keys <= set(inspect.signature(task).parameters)
    backbones = {given_by(run)["model.init_args.backbone"] for run in pieces[2:]}
    assert backbones == {"null", *(str(tmp_path / "o" / f"pretraining-{seed}" / "backbone") for seed in (0, 1))}
    assert {given_by(run)["data.init_args.root"] for run in pieces} == {"iu"}
    assert {file.name for file in (tmp_path / "r").iterdir()} == {
        f"openi-{piece}.json" for piece in (*LEFT, "baselines")
    }
    count = len(pieces)
    assert main(["experiment", "real", "openi", *words]) == 0
    assert len(pieces) == count
    assert main(["experiment", "real", "openi", *words, "--only", "entity"]) == 2
    assert "--only entity: one of baselines, entities, retrieval" in capsys.readouterr().err


def test_a_named_backbone_is_not_pretrained_and_one_piece_can_be_chosen(pieces, starts, tmp_path):
    words = ["--root", "iu", "--backbone", "mine", "--out", str(tmp_path), "--only", "retrieval"]
    assert main(["experiment", "real", "openi", *words, "--arms", "pretrained"]) == 0
    assert [run[0] for run in pieces] == ["test"]
    assert given_by(pieces[0])["model.init_args.backbone"] == "mine"


def test_settings_reach_the_stage_that_they_name(pieces, starts, tmp_path):
    said = ["finetune:model.init_args.freeze_image_branch=true", "pretrain:data.init_args.batch_size=8"]
    said += ["trainer.max_epochs=1"]
    words = ["--root", "iu", "--out", str(tmp_path), "--seeds", "0", "--arms", "pretrained"]
    words += ["--only", "reports", "entities", *(word for one in said for word in ("--set", one))]
    assert main(["experiment", "real", "openi", *words]) == 0
    given = {Path(given_by(run)["trainer.default_root_dir"]).parts[-2:]: given_by(run) for run in pieces}
    by_run = {places[-1] if "pretraining-0" in places else places[0]: one for places, one in given.items()}
    assert by_run["reports"]["model.init_args.freeze_image_branch"] == "true"
    assert by_run["pretraining-0"]["data.init_args.batch_size"] == "8"
    assert "data.init_args.batch_size" not in by_run["reports"]
    assert "model.init_args.freeze_image_branch" not in by_run["entities"]
    assert {one["trainer.max_epochs"] for one in by_run.values()} == {"1"}
