"""What ``make pretrain``, ``make finetune-...`` and ``make evaluate-...`` choose for the user, and say."""

import argparse
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import yaml

from gkmvlp.app.commands.demo import SEED
from gkmvlp.app.running.configs import by_name
from gkmvlp.app.running.forwarding import forwarding
from gkmvlp.errors import UsageError
from gkmvlp.zoo.entry import SCHEME
from gkmvlp.zoo.store.packaged import BACKBONE

PHANTOMS = Path("outputs/demo/data")  # shared with the demo and with the *-phantom configs
# DataModule: the folder of its look-alike in PHANTOMS, and the words that write it
LOOKALIKES = {
    "MimicCxr": ("mimic-cxr-jpg", ("--patients", "1500")),
    "VqaRad": ("vqa-rad", ("--patients", "1500")),
    "RsnaPneumonia": ("rsna_pneumonia", ("--layouts", "rsna", "--patients", "1200")),
    "ChestXray14": ("chestxray14", ("--layouts", "nih", "--patients", "3000")),
    "OpenI": ("openi", ("--layouts", "openi", "--patients", "1500")),
    "Slake": ("slake", ("--layouts", "slake", "--patients", "1500")),
}
BACKBONES = (Path("outputs/pretrain/backbone"), Path("outputs/demo/backbone"))
SHIPPED = f"{SCHEME}{BACKBONE.name}"


def add_recipe_arguments(parser: argparse.ArgumentParser, out: str) -> None:
    """Options that every recipe has; whatever else is given reaches ``fit`` and ``test``.

    Args:
        parser: Parser of the recipe.
        out: Where it writes unless told otherwise, for the help.
    """
    parser.add_argument("--data", metavar="DIR", help="root of the real data set (absent: phantoms)")
    parser.add_argument("--config", metavar="NAME", help="config of the zoo, or a file (absent: by --data)")
    parser.add_argument("--out", metavar="DIR", type=Path, help=f"where to write ({out})")
    parser.epilog = "Other options go to fit, for example --trainer.max_epochs=1."


def add_backbone_argument(parser: argparse.ArgumentParser) -> None:
    """The option that names a backbone; without it see ``some_backbone``."""
    parser.add_argument(
        "--backbone",
        metavar="REF",
        help=f"pre-trained backbone, or null for none (absent: the newer of those in outputs/, else {SHIPPED})",
    )


def add_record_argument(parser: argparse.ArgumentParser) -> None:
    """The option by which figures enter the documents."""
    parser.add_argument("--record", type=Path, metavar="DIR", help="folder that gets the figures too: docs/results")


def common_options(arguments: argparse.Namespace, phantom_config: str, real_config: str) -> list[str]:
    """Options of ``fit`` for the chosen config, data and output folder; phantoms are written where they are needed.

    Raises:
        UsageError: If the config does not exist.
    """
    config = by_name(arguments.config or (real_config if arguments.data else phantom_config))
    options = [f"--config={config}", f"--trainer.default_root_dir={arguments.out}"]
    data = data_class(config)
    if arguments.data:
        key = "table" if data == "ImageReportPairs" else "root"
        return [*options, f"--data.init_args.{key}={arguments.data}"]
    ensure_phantoms(data)
    return options


def task_options(arguments: argparse.Namespace, configs: Mapping[str, tuple[str, str]]) -> list[str]:
    """Options of a recipe that starts from a backbone: ``common_options``, the backbone, what the user added.

    The backbone brings its architecture along, and images are framed as it read them, whatever the config describes.

    Args:
        arguments: Of ``add_recipe_arguments`` and ``add_backbone_argument``, with ``task``.
        configs: Task -> its config on phantoms, its config on real data.
    """
    options = common_options(arguments, *configs[arguments.task])
    backbone = arguments.backbone or some_backbone()
    brought = [] if backbone == "null" else brought_by(backbone)
    return [*options, f"--model.init_args.backbone={backbone}", *brought, *arguments.forwarded]


def brought_by(backbone: str) -> list[str]:
    """Options that take the architecture of a backbone, and frame images as it read them.

    Raises:
        BackboneError: If there is none, or it is newer.
        ZooError: If it cannot be had.
    """
    from gkmvlp.checkpoints.backbone import architecture_of

    architecture = architecture_of(backbone)
    frame = {name: getattr(architecture, name) for name in ("image_size", "resize_mode", "intensity")}
    return ["--model.init_args.architecture=null", *(f"--data.init_args.{name}={to}" for name, to in frame.items())]


def data_class(config: Path) -> str:
    """Name of the DataModule that a config describes; "" where it describes none."""
    data = (yaml.safe_load(config.read_text(encoding="utf-8")) or {}).get("data") or {}
    return str(data.get("class_path", "")).rpartition(".")[2]


def ensure_phantoms(data: str) -> None:
    """Write the look-alike that a DataModule reads, unless it is there; nothing where it has none."""
    if data not in LOOKALIKES:
        return
    print(f"no --data: phantoms of {PHANTOMS}", flush=True)
    folder, words = LOOKALIKES[data]
    if not (PHANTOMS / folder).is_dir():
        gkmvlp("data", "phantom", "--root", str(PHANTOMS), "--seed", str(SEED), *words)


def newest_backbone() -> Path | None:
    """The backbone that was written last, or None."""
    found = [folder for folder in BACKBONES if (folder / "config.json").is_file()]
    return max(found, key=lambda folder: (folder / "config.json").stat().st_mtime, default=None)


def some_backbone() -> str:
    """The newest backbone of this folder's runs, else the one that comes with the package."""
    found = str(newest_backbone() or SHIPPED)
    print(f"backbone: {found}", flush=True)
    return found


def gkmvlp(*words: str) -> None:
    """Run one command in a process of its own: Lightning starts its other ranks from the words of the process.

    Raises:
        SystemExit: With the command's exit code if that is not 0; the command has said why.
    """
    print("$ gkmvlp", *words, flush=True)
    process = subprocess.Popen([sys.executable, "-m", "gkmvlp", *words])
    with forwarding(process) as came:
        code = process.wait()
    if came:
        raise SystemExit(128 + came[0])
    if code:
        raise SystemExit(code)


def best_checkpoint(out: Path) -> Path:
    """The checkpoint that a fit chose on validation data, or its last one where it was never validated.

    Raises:
        UsageError: If the fit wrote none.
    """
    best, last = (out / "checkpoints" / f"{name}.ckpt" for name in ("best", "last"))
    if best.is_file():
        return best
    if not last.is_file():
        raise UsageError(f"no {best}: the fit was run without checkpoints; test another by gkmvlp test --ckpt_path")
    print(f"no {best.name}: the fit was never validated, so nothing chose one; {last} is tested", flush=True)
    return last
