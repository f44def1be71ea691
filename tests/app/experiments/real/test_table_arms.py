"""The arms of the tables on patients: what each changes, what it is called, and that differences are paired."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import yaml

from gkmvlp.app.cli import main
from gkmvlp.app.experiments.conditions import with_text_baseline
from gkmvlp.app.experiments.initialization import has_public_weights
from gkmvlp.app.experiments.real import table_arms as arms
from gkmvlp.app.experiments.real.arm_names import ARMS
from gkmvlp.app.experiments.real.table_arms import arms_of, random_weights, run_arms
from gkmvlp.app.running.configs import architecture_in, model_arguments_in
from gkmvlp.app.running.run import Run, data_overrides, model_overrides, words_of
from gkmvlp.checkpoints import bert_weights
from gkmvlp.errors import UsageError
from gkmvlp.metrics.results.evaluate import figures_of
from gkmvlp.metrics.results.predictions import write_predictions
from gkmvlp.models.config import BERT_SIZES, Architecture, TextConfig

SIZES = TextConfig(hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536, vocab_size=99)


@pytest.fixture(autouse=True)
def packages(monkeypatch):
    """Neither a backbone nor a package has to be there."""
    monkeypatch.setattr(arms, "start_from", lambda backbone: model_overrides(backbone=backbone, architecture=None))
    monkeypatch.setattr(bert_weights, "bert_sizes", lambda reference: replace(SIZES, weights=reference))


def test_every_arm_is_what_its_name_says():
    found = arms_of(["random_weights", "public_weights", "pretrained", "phantom"], "mine", "zoo://vqa-rad")
    assert list(found) == list(ARMS)
    backbone = {name: overrides["model.init_args.backbone"] for name, overrides in found.items()}
    assert backbone == {
        "pretrained": "mine",
        "phantom": "zoo://gk-mvlp-phantom",
        "public_weights": None,
        "random_weights": None,
    }
    assert set(found["public_weights"]) == {"model.init_args.backbone"}
    assert list(arms_of(["public_weights"], None, "zoo://vqa-rad")) == ["public_weights"]


@pytest.mark.parametrize(
    ("names", "trains_all"),
    [
        (["pretrained", "public_weights"], True),
        (["phantom", "random_weights"], True),
        (["pretrained", "phantom"], False),  # both can hold their image side still
        (["public_weights", "random_weights"], False),  # neither can
    ],
)
def test_arms_that_are_compared_train_the_same_weights(names, trains_all):
    given = model_arguments_in("zoo://vqa-slake")
    assert given["freeze_image_branch"]
    assert given["cache_image_memory"]
    for overrides in arms_of(names, "mine", "zoo://vqa-slake").values():
        found = {key.removeprefix("model.init_args."): value for key, value in overrides.items()}
        wanted = {"freeze_image_branch": False, "cache_image_memory": False} if trains_all else {}
        assert {key: found[key] for key in ("freeze_image_branch", "cache_image_memory") if key in found} == wanted


def test_what_not_all_arms_can_do_is_refused():
    frozen = model_overrides(freeze_image_branch="true")
    with pytest.raises(UsageError, match="freeze_image_branch=true: arms without a backbone"):
        arms_of(["pretrained", "public_weights"], "mine", "zoo://vqa-rad", frozen)
    assert list(arms_of(["pretrained", "phantom"], "mine", "zoo://vqa-rad", frozen)) == ["pretrained", "phantom"]
    alike = model_overrides(freeze_image_branch="false")
    assert len(arms_of(["pretrained", "public_weights"], "mine", "zoo://vqa-rad", alike)) == 2


def test_random_weights_have_the_architecture_of_the_public_ones():
    config = "zoo://vqa-rad"
    found = random_weights(config)
    changed = {key.removeprefix("model.init_args.architecture."): value for key, value in found.items()}
    known = architecture_in(config)
    assert known["vision"]["weights"]
    assert known["text"]["weights"]
    assert (changed["vision.weights"], changed["text.weights"]) == (None, None)
    assert changed["text.tokenizer"] == known["text"]["weights"]
    assert {key: changed[f"text.{key}"] for key in BERT_SIZES} == {key: getattr(SIZES, key) for key in BERT_SIZES}
    assert changed["model.init_args.optimizer.layer_decay"] == 1
    assert not any("optimizer" in key for key in random_weights(config, learns=False))


CONFIGS = ("retrieval-openi", "report-openi", "vqa-slake", "grounding-slake", "vqa-rad", "classification-nih",
           "localization-rsna", "grounding-rsna")  # fmt: skip


@pytest.mark.parametrize("name", CONFIGS)
def test_every_config_of_a_table_takes_the_arm_of_random_weights(name, capsys):
    config = f"zoo://{name}"
    learns = name.partition("-")[0] not in ("retrieval", "grounding")
    words = words_of(random_weights(config, learns))
    assert main(["fit", f"--config={config}", *words, "--print_config"]) == 0
    parsed = yaml.safe_load(capsys.readouterr().out)["model"]["init_args"]
    theirs = Architecture.from_dict(parsed["architecture"])
    assert (parsed["backbone"], theirs.vision.weights, theirs.text.weights) == (None, None, None)
    assert theirs.text.hidden_size == SIZES.hidden_size
    ours = Architecture.from_dict(architecture_in(config))
    ours.text = replace(ours.text, **{key: getattr(SIZES, key) for key in BERT_SIZES})
    assert theirs.differences(ours) == []
    if learns:
        assert parsed["optimizer"]["layer_decay"] == 1


def test_configs_say_whether_they_start_from_public_weights():
    assert has_public_weights("zoo://classification-nih")
    assert not has_public_weights("zoo://classification-phantom")


def test_an_unknown_arm_and_a_missing_backbone_are_told():
    with pytest.raises(UsageError, match=r"--arms scratch: one of pretrained, phantom, public_weights, random_weights"):
        arms_of(["scratch"], "b", "zoo://vqa-rad")
    with pytest.raises(UsageError, match="needs --backbone REF"):
        arms_of(["pretrained"], None, "zoo://vqa-rad")


def test_the_baseline_without_the_image_starts_as_the_first_arm():
    found = with_text_baseline("vqa", arms_of(["public_weights", "random_weights"], None, "zoo://vqa-rad"))
    assert list(found) == ["public_weights", "random_weights", "question_only"]
    assert found["question_only"] == {**found["public_weights"], "model.init_args.question_only": True}


def test_arms_of_one_table_are_named_and_compared_in_pairs(tmp_path):
    """``random_weights`` guess wrongly, others rightly; the phantom backbone knows one entity of two."""
    made = []

    def work(run: Run) -> None:
        made.append(run.folder.name)
        arm = run.folder.name.partition("-")[0]
        task_name = "scratch" if run.overrides["model.init_args.backbone"] is None else "pretrained"
        score = [0.9, 0.1] if arm == "random_weights" else [0.1, 0.9]
        rows = [
            {"sample_id": name, "patient_id": name, "model": task_name, "seed": run.seed, "entity": entity,
             "target": float(target), "score": score[target]}
            for name, target in zip("abcd", (0, 1, 0, 1), strict=True)
            for entity in ("mass", "edema")[: 1 if arm == "phantom" else 2]
        ]  # fmt: skip
        meta = {"task": "zero_shot", "data": "d", "split": "s@0"}
        write_predictions(run.folder / "predictions" / "zero_shot.parquet", pd.DataFrame(rows), meta)

    by_seed = {seed: arms_of(list(ARMS), "b", "zoo://vqa-rad", learns=False) for seed in (0, 1)}

    def again() -> list[Path]:
        return run_arms(work, "zoo://vqa-rad", ["zero_shot"], tmp_path, by_seed, data_overrides(root="r"))

    files = again()
    assert [file.name for file in files] == ["zero_shot.parquet", "zero_shot-phantom.parquet"]
    assert len(made) == 8
    again()
    assert len(made) == 8
    found = {figure.model: figure for file in files for figure in figures_of(file) if figure.label is None}
    assert {model: figure.value for model, figure in found.items()} == {
        "pretrained": 1.0, "phantom": 1.0, "public_weights": 1.0, "random_weights": 0.0
    }  # fmt: skip
    assert found["pretrained"].difference["random_weights"]["value"] == 1.0
    assert found["pretrained"].difference["public_weights"]["value"] == 0.0
    assert found["public_weights"].difference["random_weights"]["value"] == 1.0
    assert set(found["random_weights"].difference) == {"random"}  # chance, no arm
    assert found["pretrained"].seeds == 2
