"""Another image encoder in the command leaves the arguments of the config's behind."""

import pytest
import yaml

from gkmvlp.app.cli import main
from gkmvlp.app.command_line.meant_words import with_own_arguments
from gkmvlp.app.running.configs import zoo_configs

VISION = "--model.init_args.architecture.vision"


@pytest.mark.parametrize("name", [[f"{VISION}.name=convnext_atto"], [f"{VISION}.name", "convnext_atto"]])
@pytest.mark.parametrize("preset", ["small", "compact"])
def test_another_network_takes_no_arguments_of_the_configs(preset, name, capsys):
    words = [f"--model.init_args.architecture={zoo_configs()[f'_base/architecture_{preset}']}", *name, "--print_config"]
    assert main(["fit", "--config=zoo://pretrain-phantom", *words]) == 0
    vision = yaml.safe_load(capsys.readouterr().out)["model"]["init_args"]["architecture"]["vision"]
    assert (vision["name"], vision["timm_kwargs"]) == ("convnext_atto", None)


def test_arguments_that_are_given_stay_and_without_a_name_nothing_changes():
    given = [f"{VISION}.timm_kwargs={{output_stride: 16}}", f"{VISION}.name=resnet18"]
    assert with_own_arguments(given) == given
    other = ["fit", "--model.init_args.architecture.text.max_length=8", "--data.init_args.dataset_name=vision.name"]
    assert with_own_arguments(other) == other


@pytest.mark.parametrize("key", ["vision.weights", "vision.timm_kwargs", "text.tokenizer", "memory_grid"])
def test_null_inside_the_architecture_is_null_and_the_rest_stays(key, capsys):
    config = "--config=zoo://pretrain-phantom"

    def parsed(*words):
        assert main(["fit", config, *words, "--print_config"]) == 0
        return yaml.safe_load(capsys.readouterr().out)["model"]["init_args"]["architecture"]

    before, after = parsed(), parsed(f"--model.init_args.architecture.{key}=null")
    *path, name = key.split(".")
    inner, outer = after, before
    for part in path:
        inner, outer = inner[part], outer[part]
    assert inner[name] is None
    outer[name] = None
    assert after == before


def test_what_comes_after_the_name_counts_and_so_does_a_single_argument():
    single = [f"{VISION}.name=resnet18", f"{VISION}.timm_kwargs.output_stride=16"]
    assert with_own_arguments(single) == single
    file = ["--model.init_args.architecture=later.yaml"]
    null = f"{VISION}.timm_kwargs=null"
    assert with_own_arguments([f"{VISION}.name=resnet18", *file]) == [f"{VISION}.name=resnet18", null, *file]
    assert with_own_arguments([f"{VISION}.name", "resnet18", *file]) == [f"{VISION}.name", "resnet18", null, *file]
