"""A model as a MONAI bundle: a folder that ``python -m monai.bundle run`` executes without this package."""

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import gkmvlp
from gkmvlp.errors import ConfigError
from gkmvlp.zoo.export import bundle_scripts
from gkmvlp.zoo.export.bundle_configs import KINDS, PROGRAM, inference, metadata, notices_of
from gkmvlp.zoo.export.export import export
from gkmvlp.zoo.inference.predictor import Predictor

FORM = "monai-bundle"
README = """# {name}

**{notices}**

{what}, by gkmvlp {version}. It reads PNG and JPG files of eight bits.

```bash
pip install "monai>=1.5" torch opencv-python-headless pillow fire{package}
python -m monai.bundle run --config_file configs/inference.json --dataset_dir FOLDER{word}
```

The table is `eval/{table}`: {columns}. Probabilities: {probabilities}.
"""


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


def _readme(name: str, told: dict[str, Any]) -> str:
    """``docs/README.md``."""
    kind, asks = KINDS[told["task"]], told["task"] == "vqa"
    return README.format(
        name=name, notices=notices_of(told), version=gkmvlp.__version__, table=kind.table, columns=kind.columns,
        what=kind.what.capitalize() + ("" if asks else f" ({', '.join(told[kind.names])})"),
        package=f" {kind.package}" if kind.package else "", word=' --question "Is there a pleural effusion?"' * asks,
        probabilities=told["probabilities"],
    )  # fmt: skip
