"""GK-MVLP and ARL side by side: what is run, what the table says, and the whole command on a tiny corpus."""

import json

import pandas as pd
import pytest
import yaml

from gkmvlp.app.cli import main
from gkmvlp.app.experiments import systems
from gkmvlp.app.experiments.systems import ENTITIES, compare_systems, layouts_of, on_openi, on_phantoms
from gkmvlp.app.experiments.systems_table import cost_rows, figure_rows, record_table, texts
from gkmvlp.app.running.configs import architecture_in, by_name
from gkmvlp.app.running.step_cost import FILE
from gkmvlp.checkpoints.systems import SYSTEMS
from gkmvlp.errors import UsageError
from gkmvlp.metrics.results.metric_result import Results
from gkmvlp.metrics.results.predictions import read_predictions, write_predictions
from tests.app.toy import given_by
from tests.metrics.corpora import META, entity_table, vqa_table
from tests.tiny import ARCHITECTURE, ARL_ARCHITECTURE, DATA

STRENGTH = {"gk_mvlp": 0.5, "arl": 1.5}
COST = {"parameters": 1000, "gflop_per_pair": 2.5, "hours": 0.25}


def of_models(table, strength, seed):
    """Rows of a backbone's run."""
    return table(seeds=(seed,), models={"pretrained": strength})


def answers(seed, model):
    """Rows that a run on questions leaves; one without the image answers half as often."""
    table = vqa_table(seeds=(seed,))
    rows = table[table["model"].eq("baseline:question_only" if model == "question_only" else "pretrained")]
    return pd.concat([rows, table[table["model"].eq("baseline:majority")]]).assign(seed=seed)


def classes(seed, model):
    """Rows that a run on figures with captions leaves: one without the image is right on every other, one on all."""
    rows = pd.DataFrame({"sample_id": [f"s{n}" for n in range(8)], "patient_id": [f"p{n}" for n in range(8)]})
    rows = rows.assign(target=["a", "b"] * 4, in_vocabulary=True, seed=seed)
    blind = rows.assign(prediction="a")
    name = "baseline:text_only" if model == "text_only" else "pretrained"
    own = rows.assign(prediction=rows["target"]) if model == "arl" else blind
    return pd.concat([own.assign(model=name), blind.assign(model="baseline:majority")])


@pytest.fixture
def ran(monkeypatch):
    """Runs are recorded; each leaves what a run of its task would."""
    calls = []

    def made(run):
        given, arm = given_by(run.words("fit")), run.folder.name.rpartition("-")[0]
        calls.append((run.config.removeprefix("zoo://"), run.folder.name, given))
        seed, strength = int(given["seed_everything"]), STRENGTH.get(arm, 0.1)
        if "pretrain" in run.config:
            (run.folder / "backbone").mkdir(parents=True)
            (run.folder / FILE).write_text(json.dumps(COST | {"gflop_per_pair": strength}))
            write_predictions(run.folder / ENTITIES, of_models(entity_table, strength, seed),
                              {**META, "task": "entity_classification"})  # fmt: skip
        elif "vqa" in run.config:
            write_predictions(run.folder / "predictions/vqa.parquet", answers(seed, arm), {**META, "task": "vqa"})
        elif "image-text" in run.config:
            task = "image_text_classification"
            write_predictions(run.folder / f"predictions/{task}.parquet", classes(seed, arm), {**META, "task": task})

    def started(backbone):
        return {"model.init_args.backbone": backbone, "model.init_args.architecture": None}

    for name in ("pretrain", "look", "fit_and_test"):
        monkeypatch.setattr(systems, name, made)
    monkeypatch.setattr(systems, "start_from", started)
    monkeypatch.setattr(systems, "runs_at_once", lambda: 1)
    return calls


def run_tiny(out, only=None, record=None):
    comparison = on_phantoms(out / "data")
    compare_systems(comparison, [0, 1], out, record, only, {"p": 1}, {"trainer.f": 1})
    return list(comparison.pretraining)


def test_both_are_pre_trained_alike_and_each_is_fine_tuned_from_its_own(ran, tmp_path):
    names = run_tiny(tmp_path, ["entities", "vqa"], tmp_path / "record")
    assert names == list(SYSTEMS)
    first = ran[:4]
    assert [call[0] for call in first] == ["pretrain-phantom", "pretrain-arl-phantom"] * 2
    assert [call[1] for call in first] == ["gk_mvlp-0", "arl-0", "gk_mvlp-1", "arl-1"]
    for _, _, given in first:
        assert given["data.init_args.root"] == str(tmp_path / "data")
        assert given["p"] == "1"
        assert given["trainer.callbacks+"] == "gkmvlp.app.running.step_cost.StepCost"
    questions = ran[4:]
    assert [call[1] for call in questions] == [
        f"{name}-{seed}" for seed in (0, 1) for name in ("gk_mvlp", "arl", "question_only")
    ]
    for config, name, given in questions:
        assert config == "vqa-phantom"
        own = name.replace("question_only", "gk_mvlp")
        assert given["model.init_args.backbone"] == str(tmp_path / "pretraining" / own / "backbone")
        assert ("model.init_args.question_only" in given) == name.startswith("question_only")
        assert given["trainer.f"] == "1"
    figures = Results.read(tmp_path / "record" / "systems-entities.json").figures
    assert {figure.model for figure in figures} == {"variant:gk_mvlp", "variant:arl"}
    assert all(figure.predictions is None for figure in figures)
    before = len(ran)
    run_tiny(tmp_path, ["entities", "vqa"])
    assert len(ran) == before


def test_the_table_has_values_paired_differences_baselines_and_costs(ran, tmp_path, capsys):
    names = run_tiny(tmp_path, ["entities", "vqa"])
    rows = {row.figure: row for row in figure_rows(tmp_path, names)}
    entities = rows["entities of images, AUROC"]
    assert entities.seeds == 2
    assert entities.values[0]["value"] < entities.values[1]["value"]
    assert entities.against["value"] == pytest.approx(entities.values[1]["value"] - entities.values[0]["value"])
    assert entities.against["low"] < entities.against["value"] < entities.against["high"]
    assert sum(entities.each) / 2 == pytest.approx(entities.against["value"])
    assert set(rows["questions, accuracy"].baselines) == {"question_only", "majority"}
    assert rows["questions, accuracy"].against["value"] == pytest.approx(0)  # both left the same answers
    assert len(texts(entities)) == 7
    assert [row[:3] for row in cost_rows(tmp_path, names)] == [
        ["parameters", "1,000", "1,000"], ["GFLOP a pair", "0.50", "1.50"], ["hours", "0.25", "0.25"],
    ]  # fmt: skip
    capsys.readouterr()
    record_table(tmp_path / "record", tmp_path, names, 1.0, {})
    table = json.loads((tmp_path / "record" / "systems.json").read_text())
    assert table["columns"] == ["figure", "gk_mvlp", "arl", "arl - gk_mvlp", "in each seed", "baselines", "seeds"]
    assert all(len(row) == len(table["columns"]) for row in table["rows"])
    assert len(capsys.readouterr().out.splitlines()) == len(table["rows"]) + 2


def test_classes_of_figures_stand_beside_a_model_that_sees_no_image(ran, tmp_path):
    names = run_tiny(tmp_path, ["image_text"])
    assert [(config, name) for config, name, _ in ran[4:]] == [
        ("image-text-classification-phantom", f"{name}-{seed}")
        for seed in (0, 1)
        for name in ("gk_mvlp", "arl", "text_only")
    ]
    for _, name, given in ran[4:]:
        own = name.replace("text_only", "gk_mvlp")
        assert given["model.init_args.backbone"] == str(tmp_path / "pretraining" / own / "backbone")
        assert ("model.init_args.text_only" in given) == name.startswith("text_only")
    rows = {row.figure: row for row in figure_rows(tmp_path, names)}
    row = rows["classes of figures with captions, accuracy"]
    assert [value["value"] for value in row.values] == [0.5, 1.0]
    assert (row.against["value"], row.baselines) == (0.5, {"text_only": 0.5, "majority": 0.5})


def test_backbones_that_are_there_are_not_trained_again(ran, tmp_path, capsys):
    comparison = on_phantoms(tmp_path / "data").from_backbones(["zoo://arl-phantom", "zoo://gk-mvlp-phantom"])
    assert list(comparison.backbones) == list(SYSTEMS)
    assert layouts_of(comparison, ["image_text"]) == {"melinda"}
    assert layouts_of(on_phantoms(tmp_path / "data"), ["vqa"]) == {"mimic", "vqa"}
    compare_systems(comparison, [0], tmp_path, None, ["image_text"], {}, {})
    assert [(name, given["model.init_args.backbone"]) for _, name, given in ran] == [
        ("gk_mvlp-0", "zoo://gk-mvlp-phantom"),
        ("arl-0", "zoo://arl-phantom"),
        ("text_only-0", "zoo://gk-mvlp-phantom"),
    ]
    record_table(tmp_path / "r", tmp_path, list(SYSTEMS), 1.0, comparison.backbones)
    table = json.loads((tmp_path / "r" / "systems.json").read_text())
    assert table["note"].startswith("From zoo://gk-mvlp-phantom, zoo://arl-phantom. ")
    assert len(table["rows"]) == 1
    with pytest.raises(UsageError, match="--only entities: one of retrieval, vqa, image_text was expected"):
        compare_systems(comparison, [0], tmp_path, None, ["entities"], {}, {})


@pytest.mark.parametrize(
    ("given", "came"),
    [(["arl"], "arl"), (["arl", "arl"], "arl, arl"), (["arl", "gk-mvlp", "arl"], "arl, gk_mvlp, arl")],
)
def test_one_backbone_of_each_system_is_expected(given, came, tmp_path):
    with pytest.raises(UsageError, match=rf"one of each system \(gk_mvlp, arl\) was expected, got {came}$"):
        on_phantoms(tmp_path).from_backbones([f"zoo://{name}-phantom" for name in given])


def test_a_system_that_was_not_measured_leaves_its_cells_empty(ran, tmp_path):
    names = run_tiny(tmp_path, ["entities"])
    file = tmp_path / "entities" / ENTITIES
    table, meta = read_predictions(file)
    write_predictions(file, table[table["model"].eq("variant:arl")], meta)
    (row,) = figure_rows(tmp_path, names)
    assert (row.values[0], row.against, list(row.each)) == (None, None, [])
    assert texts(row)[1] == ""
    assert figure_rows(tmp_path / "nothing", names) == cost_rows(tmp_path / "nothing", names) == []


PAIRS = [(one.pretraining["gk_mvlp"], one.pretraining["arl"]) for one in (on_phantoms("d"), on_openi("d", None))]


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_data_encoders_and_budget_of_both_are_the_same(one, other):
    ours, theirs = (yaml.safe_load(by_name(config).read_text()) for config in (one, other))
    assert ours["data"] == theirs["data"]
    kept = ("max_epochs", "check_val_every_n_epoch", "gradient_clip_val")
    assert [ours["trainer"].get(key) for key in kept] == [theirs["trainer"].get(key) for key in kept]
    mine, other_one = architecture_in(one), architecture_in(other)
    for key in ("image_size", "intensity", "memory_grid", "vision"):
        assert mine[key] == other_one[key]
    text = dict(mine["text"])
    text.pop("fusion_layer")  # ARL fuses behind the text encoder
    assert text == other_one["text"]
    assert mine["knowledge"].get("entities") == other_one.get("knowledge", {}).get("entities")


def test_questions_of_patients_are_those_of_the_folder(tmp_path):
    assert set(on_openi(tmp_path, None).stages) == {"retrieval"}
    stage = on_openi(tmp_path, tmp_path).stages["vqa"]
    assert stage.config == "zoo://vqa-rad"  # the first where nothing tells
    assert stage.data == {"data.init_args.root": tmp_path}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--questions", "d"], "name Open-i by --root"),
        (["--only", "vqas"], "one of entities, retrieval, vqa, image_text was"),
    ],
)
def test_wrong_words_are_one_line_and_nothing_is_written(words, told, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GKMVLP_PROGRESS", "0")
    assert main(["experiment", "systems", *words]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert told in error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_whole_command_on_a_tiny_corpus(tmp_path, monkeypatch, capsys):
    """Both systems for an epoch at 32 px, one seed, every piece; the second call runs nothing."""
    monkeypatch.setenv("GKMVLP_PROGRESS", "0")
    monkeypatch.setattr(systems, "runs_at_once", lambda: 1)
    comparison = on_phantoms(tmp_path / "o" / "data")
    shrunk = {f"data.init_args.{key}": value for key, value in DATA.items()}
    epoch = {"trainer.max_epochs": 1, "trainer.check_val_every_n_epoch": 1}
    own = {"gk_mvlp": ARCHITECTURE, "arl": ARL_ARCHITECTURE}
    runs = systems.pretraining_runs

    def tiny_runs(*given):
        return {
            seed: {name: run.but({"model.init_args.architecture": own[name]}) for name, run in of_seed.items()}
            for seed, of_seed in runs(*given).items()
        }

    monkeypatch.setattr(systems, "pretraining_runs", tiny_runs)
    changed = [f"--set={key}={value}" for key, value in {**shrunk, **epoch}.items()]
    sizes = ["--patients=24", "--vqa-images=10", "--melinda-figures=24"]
    words = ["experiment", "systems", *sizes, "--seeds=0", f"--out={tmp_path / 'o'}"]
    assert main([*words, f"--record={tmp_path / 'r'}", *changed]) == 0
    table = json.loads((tmp_path / "r" / "systems.json").read_text())
    by_figure = {row[0]: row for row in table["rows"]}
    assert {"entities of images, AUROC", "texts of images, recall at 10", "questions, accuracy",
            "classes of figures with captions, accuracy", "parameters", "GFLOP a pair",
            "hours"} <= set(by_figure)  # fmt: skip
    assert all(by_figure[name][column] for name in by_figure for column in (1, 2))
    assert {file.name for file in (tmp_path / "r").iterdir()} == {
        "systems.json", *(f"systems-{piece}.json" for piece in ("entities", "retrieval", "vqa", "image_text"))
    }  # fmt: skip
    capsys.readouterr()
    assert main([*words, *changed]) == 0
    assert "$ gkmvlp" not in capsys.readouterr().out
    assert set(comparison.pretraining) == set(own)
