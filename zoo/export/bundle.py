"""A model as a MONAI bundle: a folder that ``python -m monai.bundle run`` executes without this package."""

import json
import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import gkmvlp
from gkmvlp.errors import ConfigError
from gkmvlp.notices import NOT_CLINICAL
from gkmvlp.zoo.export import bundle_scripts
from gkmvlp.zoo.export.export import export
from gkmvlp.zoo.inference.predictor import Predictor

FORM = "monai-bundle"
PROGRAM = "model.pt2"
# what MONAI's verify_metadata fetches
SCHEMA = "https://github.com/Project-MONAI/MONAI-extra-test-data/releases/download/0.8.1/meta_schema_20240725.json"
README = """# {name}

**{notices}**

{what}, by gkmvlp {version}. It reads PNG and JPG files of eight bits.

```bash
pip install "monai>=1.5" torch opencv-python-headless pillow fire{package}
python -m monai.bundle run --config_file configs/inference.json --dataset_dir FOLDER{word}
```

The table is `eval/{table}`: {columns}. Probabilities: {probabilities}.
"""


class Kind(NamedTuple):
    """What differs between the bundles of two tasks.

    Attributes:
        names: Key under which the program's description lists what it scores.
        network: Class of the network.
        evaluator: Class of what writes the table.
        table: Name of the table.
        columns: Its rows and columns in words.
        what: What it gives, in words.
        package: What else has to be installed; "" is nothing.
    """

    names: str
    network: str
    evaluator: str
    table: str
    columns: str
    what: str
    package: str = ""


KINDS = {
    "classification": Kind(
        "labels", "Network", "Evaluator", "findings.csv", "a row an image, a column a label",
        "findings of frontal chest radiographs",
    ),
    "grounding": Kind(
        "entities", "Network", "PlaceEvaluator", "places.csv",
        "a row an image and entity, with the point that its prompt attends to most and the region there",
        "findings of frontal chest radiographs and where their prompts look",
    ),
    "localization": Kind(
        "labels", "Network", "BoxEvaluator", "boxes.csv", "a row a box, in pixels of the picture",
        "boxes of findings on frontal chest radiographs", "torchvision",
    ),
    "vqa": Kind(
        "answers", "AskingNetwork", "AnswerEvaluator", "answers.csv", "a row an image, the likeliest answer",
        "answers to a question about frontal chest radiographs", "tokenizers",
    ),
}  # fmt: skip


def export_bundle(predictor: Predictor, task: str, out: Path) -> dict[str, Any]:
    """Writes a bundle; it gets its name when it is complete and its program agrees with PyTorch.

    Args:
        predictor: A model on the CPU.
        task: One of ``KINDS``.
        out: Its folder, new; its name is the bundle's.

    Returns:
        What ``models/model.pt2.json`` holds.

    Raises:
        ConfigError: If the folder exists or cannot be written.
        BackboneError: If the model is not one for the task, or cannot be exported.
    """
    if out.exists():
        raise ConfigError(f"{out} exists: name another folder by --out")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as scratch:
            made = Path(scratch) / out.name
            for part in ("configs", "models", "scripts", "docs"):
                (made / part).mkdir(parents=True)
            told = export(predictor, task, "torch-export", made / "models" / PROGRAM)
            for name, content in (("metadata", metadata(out.name, told)), ("inference", inference(told))):
                (made / "configs" / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
            for script in Path(bundle_scripts.__file__).parent.glob("*.py"):
                shutil.copyfile(script, made / "scripts" / script.name)
            (made / "docs" / "README.md").write_text(_readme(out.name, told), encoding="utf-8")
            made.rename(out)
    except OSError as error:
        raise ConfigError(f"{out} cannot be written ({error.strerror or error}): name another by --out") from error
    return told


def inference(told: dict[str, Any]) -> dict[str, Any]:
    """``configs/inference.json``: the names are those that MONAI expects of an inference workflow.

    Args:
        told: What stands beside the program.
    """
    image, kind = told["image"], KINDS[told["task"]]
    asked = {"question": "@question"} if told["task"] == "vqa" else {}
    reading = {"side": image["size"], "resize_mode": image["resize_mode"], "intensity": image["intensity"]}
    return {
        "imports": ["$import torch"],
        "bundle_root": ".",
        "dataset_dir": "$@bundle_root + '/images'",
        "output_dir": "$@bundle_root + '/eval'",
        "device": "$torch.device('cpu')",
        **dict.fromkeys(asked, ""),
        "network_def": {
            "_target_": f"scripts.networks.{kind.network}", "program": f"$@bundle_root + '/models/{PROGRAM}'", **asked,
        },
        "preprocessing": {
            "_target_": "Compose",
            "transforms": [{"_target_": "scripts.radiographs.ReadRadiographd", **reading}],
        },
        "dataset": {
            "_target_": "Dataset",
            "data": {"_target_": "scripts.radiographs.images_in", "folder": "@dataset_dir"},
            "transform": "@preprocessing",
        },
        "dataloader": {
            "_target_": "DataLoader", "dataset": "@dataset", "batch_size": 4, "shuffle": False, "num_workers": 0,
        },
        "inferer": {"_target_": "SimpleInferer"},
        "postprocessing": {
            "_target_": "Compose",
            "transforms": [{"_target_": "scripts.probabilities.Probabilitiesd", "told": "$@network_def.told"}],
        },
        "evaluator": {
            "_target_": f"scripts.tables.{kind.evaluator}",
            "val_data_loader": "@dataloader",
            "network": "@network_def",
            "inferer": "@inferer",
            "postprocessing": "@postprocessing",
            "labels": told[kind.names],
            "notices": [_notices(told), f"Probabilities: {told['probabilities']}", *_thresholds(told)],
            "output": f"$@output_dir + '/{kind.table}'",
        },
        "run": ["$@evaluator.run()"],
    }  # fmt: skip


def metadata(name: str, told: dict[str, Any]) -> dict[str, Any]:
    """``configs/metadata.json`` by MONAI's bundle specification.

    Args:
        name: Name of the bundle.
        told: What stands beside the program.
    """
    kind = KINDS[told["task"]]
    side, labels = told["image"]["size"], told[kind.names]
    image = {
        "type": "image",
        "format": "magnitude",
        "modality": "CR",
        "num_channels": 1,
        "spatial_shape": [side, side],
        "dtype": "float32",
        "value_range": [0, 1],
        "is_patch_data": False,
        "channel_def": {"0": "image"},
    }
    scores = {
        "type": "probabilities",
        "format": "classification",
        "num_channels": len(labels),
        "spatial_shape": told["outputs"][0]["shape"][1:-1],
        "dtype": "float32",
        "value_range": [0, 1],
        "is_patch_data": False,
        "channel_def": {str(index): label for index, label in enumerate(labels)},
    }
    return {
        "schema": SCHEMA,
        "version": gkmvlp.__version__,
        "changelog": {gkmvlp.__version__: f"exported by gkmvlp {gkmvlp.__version__}"},
        "name": name,
        "monai_version": version("monai"),
        "pytorch_version": version("torch").partition("+")[0],
        "numpy_version": version("numpy"),
        "required_packages_version": {
            "opencv-python-headless": version("opencv-python-headless"),
            "pillow": version("pillow"),
            "fire": ">=0.5",
            **({kind.package: version(kind.package)} if kind.package else {}),
        },
        "task": kind.what,
        "description": f"{kind.what.capitalize()}, trained on {told['trained_on']}.",
        "authors": "The gkmvlp contributors",
        "copyright": "Copyright (c) the gkmvlp contributors",
        "data_source": told["trained_on"],
        "data_type": "png, jpg",
        "intended_use": _notices(told),
        "network_data_format": {"inputs": {"image": image}, "outputs": {"pred": scores}},
    }


def _notices(told: dict[str, Any]) -> str:
    """What must be said with every output, in a line."""
    return " ".join(filter(None, (NOT_CLINICAL, told["notice"])))


def _thresholds(told: dict[str, Any]) -> list[str]:
    """Probabilities from which labels count as present, by the first operating point, in a line; none without one."""
    labels = told["calibration"]["scores"] if told["calibration"] else []
    at = next((name for label in labels for name in label["points"]), None)
    points = {label["label"]: label["points"].get(at) for label in labels}
    known = [f"{name} {point['probability'][0]:.6f}" for name, point in points.items() if point is not None]
    return [f"Present from ({at}): {', '.join(known)}"] if known else []


def _readme(name: str, told: dict[str, Any]) -> str:
    kind, asks = KINDS[told["task"]], told["task"] == "vqa"
    return README.format(
        name=name, notices=_notices(told), version=gkmvlp.__version__, table=kind.table, columns=kind.columns,
        what=kind.what.capitalize() + ("" if asks else f" ({', '.join(told[kind.names])})"),
        package=f" {kind.package}" if kind.package else "", word=' --question "Is there a pleural effusion?"' * asks,
        probabilities=told["probabilities"],
    )  # fmt: skip
