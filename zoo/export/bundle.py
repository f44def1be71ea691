"""A model as a MONAI bundle: a folder that ``python -m monai.bundle run`` executes without this package."""

import json
import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

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
pip install "monai>=1.5" torch opencv-python-headless pillow fire
python -m monai.bundle run --config_file configs/inference.json --dataset_dir FOLDER
```

The table is `eval/findings.csv`: a row an image, a column a label, probabilities that are not calibrated.
"""


def export_bundle(predictor: Predictor, task: str, out: Path) -> dict[str, Any]:
    """Writes a bundle; it gets its name when it is complete and its program agrees with PyTorch.

    Args:
        predictor: A model on the CPU.
        task: ``classification``: a bundle reads images alone, and gives one score a label.
        out: Its folder, new; its name is the bundle's.

    Returns:
        What ``models/model.pt2.json`` holds.

    Raises:
        ConfigError: If the task is another one, or the folder exists or cannot be written.
        BackboneError: If the model is not one for the task, or cannot be exported.
    """
    if task != "classification":
        raise ConfigError(f"--format {FORM} is for --task classification, not {task}: take torch-export or onnx")
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
            shutil.copyfile(bundle_scripts.__file__, made / "scripts" / "radiographs.py")
            (made / "scripts" / "__init__.py").write_text('"""What the configs name."""\n', encoding="utf-8")
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
    image, ours = told["image"], "scripts.radiographs"
    reading = {"side": image["size"], "resize_mode": image["resize_mode"], "intensity": image["intensity"]}
    return {
        "imports": ["$import torch"],
        "bundle_root": ".",
        "dataset_dir": "$@bundle_root + '/images'",
        "output_dir": "$@bundle_root + '/eval'",
        "device": "$torch.device('cpu')",
        "network_def": {"_target_": f"{ours}.Network", "program": f"$@bundle_root + '/models/{PROGRAM}'"},
        "preprocessing": {
            "_target_": "Compose",
            "transforms": [{"_target_": f"{ours}.ReadRadiographd", **reading}],
        },
        "dataset": {
            "_target_": "Dataset",
            "data": {"_target_": f"{ours}.images_in", "folder": "@dataset_dir"},
            "transform": "@preprocessing",
        },
        "dataloader": {
            "_target_": "DataLoader", "dataset": "@dataset", "batch_size": 4, "shuffle": False, "num_workers": 0,
        },
        "inferer": {"_target_": "SimpleInferer"},
        "postprocessing": {
            "_target_": "Compose",
            "transforms": [{"_target_": "Activationsd", "keys": "pred", "sigmoid": True}],
        },
        "evaluator": {
            "_target_": f"{ours}.Evaluator",
            "val_data_loader": "@dataloader",
            "network": "@network_def",
            "inferer": "@inferer",
            "postprocessing": "@postprocessing",
            "labels": told["labels"],
            "notice": _notices(told),
            "output": "$@output_dir + '/findings.csv'",
        },
        "run": ["$@evaluator.run()"],
    }  # fmt: skip


def metadata(name: str, told: dict[str, Any]) -> dict[str, Any]:
    """``configs/metadata.json`` by MONAI's bundle specification.

    Args:
        name: Name of the bundle.
        told: What stands beside the program.
    """
    side, labels = told["image"]["size"], told["labels"]
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
        "spatial_shape": [],
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
        },
        "task": "findings of frontal chest radiographs",
        "description": f"Findings of frontal chest radiographs, trained on {told['trained_on']}.",
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


def _readme(name: str, told: dict[str, Any]) -> str:
    what = f"Findings of frontal chest radiographs ({', '.join(told['labels'])})"
    return README.format(name=name, notices=_notices(told), what=what, version=gkmvlp.__version__)
