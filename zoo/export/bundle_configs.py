"""The two configs of a MONAI bundle, from what stands beside the exported program."""

from importlib.metadata import version
from typing import Any, NamedTuple

import gkmvlp
from gkmvlp.notices import NOT_CLINICAL

PROGRAM = "model.pt2"
# what MONAI's verify_metadata fetches
SCHEMA = "https://github.com/Project-MONAI/MONAI-extra-test-data/releases/download/0.8.1/meta_schema_20240725.json"
CONTRIBUTORS = "the gkmvlp contributors"


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
        "labels", "Network", "Evaluator", "findings.csv",
        "a row an image, a column a label, then one that says whether it counts as present",
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


def inference(told: dict[str, Any]) -> dict[str, Any]:
    """``configs/inference.json``: the names are those that MONAI expects of an inference workflow.

    Args:
        told: What stands beside the program.
    """
    asked = {"question": "@question"} if told["task"] == "vqa" else {}
    return {
        "imports": ["$import torch"],
        "bundle_root": ".",
        "dataset_dir": "$@bundle_root + '/images'",
        "output_dir": "$@bundle_root + '/eval'",
        "device": "$torch.device('cpu')",
        **dict.fromkeys(asked, ""),
        "network_def": {
            "_target_": f"scripts.networks.{KINDS[told['task']].network}",
            "program": f"$@bundle_root + '/models/{PROGRAM}'",
            **asked,
        },
        **_input(told),
        "inferer": {"_target_": "SimpleInferer"},
        **_output(told),
        "run": ["$@evaluator.run()"],
    }


def _input(told: dict[str, Any]) -> dict[str, Any]:
    """From files to batches."""
    image = told["image"]
    reading = {"side": image["size"], "resize_mode": image["resize_mode"], "intensity": image["intensity"]}
    return {
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
    }  # fmt: skip


def _output(told: dict[str, Any]) -> dict[str, Any]:
    """From what the network gives to the table."""
    kind = KINDS[told["task"]]
    return {
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
            "notices": [notices_of(told), f"Probabilities: {told['probabilities']}", *_decided(told)],
            "output": f"$@output_dir + '/{kind.table}'",
        },
    }


def metadata(name: str, told: dict[str, Any]) -> dict[str, Any]:
    """``configs/metadata.json`` by MONAI's bundle specification.

    Args:
        name: Name of the bundle.
        told: What stands beside the program.
    """
    what = KINDS[told["task"]].what
    return {
        "schema": SCHEMA,
        "version": gkmvlp.__version__,
        "changelog": {gkmvlp.__version__: f"exported by gkmvlp {gkmvlp.__version__}"},
        "name": name,
        **_versions(told),
        "task": what,
        "description": f"{what.capitalize()}, trained on {told['trained_on']}.",
        "authors": CONTRIBUTORS.capitalize(),
        "copyright": f"Copyright (c) {CONTRIBUTORS}",
        "data_source": told["trained_on"],
        "data_type": "png, jpg",
        "intended_use": notices_of(told),
        "network_data_format": {"inputs": {"image": _image_format(told)}, "outputs": {"pred": _score_format(told)}},
    }


def _versions(told: dict[str, Any]) -> dict[str, Any]:
    """What the bundle was made with, and what else it needs."""
    package = KINDS[told["task"]].package
    return {
        "monai_version": version("monai"),
        "pytorch_version": version("torch").partition("+")[0],
        "numpy_version": version("numpy"),
        "required_packages_version": {
            "opencv-python-headless": version("opencv-python-headless"),
            "pillow": version("pillow"),
            "fire": ">=0.5",
            **({package: version(package)} if package else {}),
        },
    }


def _image_format(told: dict[str, Any]) -> dict[str, Any]:
    """What the network reads."""
    side = told["image"]["size"]
    return {
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


def _score_format(told: dict[str, Any]) -> dict[str, Any]:
    """What becomes of its scores."""
    labels = told[KINDS[told["task"]].names]
    return {
        "type": "probabilities",
        "format": "classification",
        "num_channels": len(labels),
        "spatial_shape": told["outputs"][0]["shape"][1:-1],
        "dtype": "float32",
        "value_range": [0, 1],
        "is_patch_data": False,
        "channel_def": {str(index): label for index, label in enumerate(labels)},
    }


def notices_of(told: dict[str, Any]) -> str:
    """What must be said with every output, in a line."""
    return " ".join(filter(None, (NOT_CLINICAL, told["notice"])))


def _decided(told: dict[str, Any]) -> list[str]:
    """What ``is_likely`` means, in a line: operating point and probabilities at its thresholds; none without one."""
    labels = told["calibration"]["scores"] if told["calibration"] else []
    at = next((name for label in labels for name in label["points"]), None)
    points = {label["label"]: label["points"].get(at) for label in labels}
    known = [f"{name} {point['probability'][0]:.6f}" for name, point in points.items() if point is not None]
    return [f"is_likely: the score reaches the threshold of {at}, at probability {', '.join(known)}"] if known else []
