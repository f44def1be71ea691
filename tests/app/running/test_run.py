"""A run as an object: what its overrides become on the command line, and what comes back from the user's words."""

import json
from pathlib import Path

import pytest
import yaml

from gkmvlp.app.cli import main
from gkmvlp.app.running.run import (
    Run,
    data_overrides,
    merged,
    model_overrides,
    overrides_of,
    parse_overrides,
    setting_of,
    words_of,
)
from gkmvlp.errors import UsageError


def test_values_are_what_yaml_reads_back():
    values = {"a": None, "b": True, "c": 0.0003, "d": ["x y", "z"], "e": 5, "f": "pad", "g": Path("data")}
    split = (word.removeprefix("--").partition("=") for word in words_of(values))
    read = {key: yaml.safe_load(text) for key, _, text in split}
    assert read == {**values, "g": "data"}


def test_a_run_names_its_config_its_folder_and_its_seed_once():
    run = Run("zoo://vqa-rad", Path("out"), data_overrides(root="d") | model_overrides(backbone=None), seed=3)
    assert run.words("fit") == [
        "fit",
        "--config=zoo://vqa-rad",
        "--trainer.default_root_dir=out",
        "--data.init_args.root=d",
        "--model.init_args.backbone=null",
        "--seed_everything=3",
        "--model.init_args.seed=3",
        "--data.init_args.seed=3",
    ]
    assert run.with_checkpoint(run.best_checkpoint).words("test")[-4] == "--ckpt_path=out/checkpoints/best.ckpt"


def test_of_the_same_key_the_last_counts_at_its_place():
    """A file for a whole part, given later, overrules the keys below it that came before."""
    found = merged({"a.b": 1, "c": 2}, {"a": "file.yaml"}, {"a.b": 3})
    assert list(found.items()) == [("c", 2), ("a", "file.yaml"), ("a.b", 3)]
    run = Run("x", Path(), {"a.b": 1}).but({"a.b": 2})
    assert (run.words("fit").count("--a.b=2"), run.words("fit").count("--a.b=1")) == (1, 0)


def test_words_of_the_user_are_read_in_both_spellings():
    words = ["--trainer.max_epochs", "1", "--a=[1, 2]", "--b=x=y", "--c", "-1"]
    assert parse_overrides(words) == {"trainer.max_epochs": "1", "a": "[1, 2]", "b": "x=y", "c": "-1"}
    assert parse_overrides(words_of({"l": ["a"], "n": None})) == {"l": json.dumps(["a"]), "n": "null"}


@pytest.mark.parametrize(("words", "named"), [(["max_epochs=1"], "max_epochs=1"), (["--a=1", "--b"], "--b")])
def test_what_is_no_override_is_refused_in_one_line(words, named):
    with pytest.raises(UsageError, match=named) as caught:
        parse_overrides(words)
    assert "\n" not in str(caught.value)


def test_what_is_added_to_a_list_is_added_each_time():
    words = ["--trainer.callbacks+=A", "--a=1", "--trainer.callbacks+=B", "--trainer.callbacks+=C"]
    assert parse_overrides(words) == {"a": "1", "trainer.callbacks+": "[A, B, C]"}


def test_settings_of_a_stage_are_those_that_name_it_or_none():
    read = setting_of(("pretrain", "vqa"))
    words = [
        "trainer.max_epochs=1",
        "vqa:model.init_args.backbone=zoo://a",
        "pretrain:a=x=y:z",
        "vqa:a=",
        "b+=A",
        "b+=B",
    ]
    settings = [read(word) for word in words]
    assert overrides_of(settings, "vqa") == {
        "trainer.max_epochs": "1", "model.init_args.backbone": "zoo://a", "a": "", "b+": "[A, B]",
    }  # fmt: skip
    assert overrides_of(settings, "pretrain") == {"trainer.max_epochs": "1", "a": "x=y:z", "b+": "[A, B]"}


@pytest.mark.parametrize("word", ["trainer.max_epochs", "=1", "--trainer.max_epochs=1", "other:a=1"])
def test_what_is_no_setting_is_refused_in_one_line(word, capsys):
    assert main(["demo", "--set", word] if not word.startswith("-") else ["demo", f"--set={word}"]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert word in told
    assert ("one of pretrain, vqa" if word.startswith("other") else "KEY=VALUE") in told
