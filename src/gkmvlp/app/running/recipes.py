"""What ``make pretrain``, ``make finetune-...`` and ``make evaluate-...`` choose for the user, and say."""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from gkmvlp.app.running.calibrated_run import calibrate_run
from gkmvlp.app.running.configs import by_name, data_class
from gkmvlp.app.running.demo_sizes import SEED
from gkmvlp.app.running.forwarding import forwarding
from gkmvlp.app.running.outcome import finish_run
from gkmvlp.app.running.planted_truth import score_run_on_truth
from gkmvlp.app.running.run import Overrides, Run, data_overrides, model_overrides, overrides_of
from gkmvlp.data_modules import DataModule
from gkmvlp.data_modules.inspection.check import find_class
from gkmvlp.data_modules.synthetic.lookalikes import LOOKALIKES, layout_of, write_lookalikes
from gkmvlp.errors import UsageError
from gkmvlp.metrics.results.provenance import ProcessTreePeak
from gkmvlp.task_ids import TaskId
from gkmvlp.zoo.entry import SCHEME
from gkmvlp.zoo.store.packaged import BACKBONE

PHANTOMS = Path("outputs/demo/data")  # shared with the demo and with the *-phantom configs
BACKBONES = (Path("outputs/pretrain/backbone"), Path("outputs/demo/backbone"))
SHIPPED = f"{SCHEME}{BACKBONE.name}"


class Configs(NamedTuple):
    """The configs of a task."""

    phantom: str
    real: tuple[str, ...]  # of several the first whose data set lies in the folder, else the first


PRETRAINING = Configs("pretrain-phantom", ("pretrain-mimic", "pretrain-openi", "pretrain-roco", "pretrain-pairs"))
FINE_TUNING: dict[TaskId, Configs] = {
    "classification": Configs("classification-phantom", ("classification-nih",)),
    "image_text_classification": Configs("image-text-classification-phantom", ("image-text-classification-melinda",)),
    "localization": Configs("localization-phantom", ("localization-rsna",)),
    "region_detection": Configs("regions-phantom", ("regions-mimic",)),
    "report_generation": Configs("report-phantom", ("report-mimic", "report-openi")),
    "vqa": Configs("vqa-phantom", ("vqa-rad", "vqa-slake", "vqa-med-2019")),
}
EVALUATION: dict[TaskId, Configs] = {
    "grounding": Configs("grounding-phantom", ("grounding-rsna", "grounding-slake", "grounding-mscxr")),
    "retrieval": Configs("retrieval-phantom", ("retrieval-mimic", "retrieval-openi", "retrieval-roco")),
}


def run_recipe(args: argparse.Namespace, configs: Configs, name: str, stages: Sequence[str]) -> None:
    """Runs the stages of a recipe in processes of their own, then writes its figures and its page.

    The model of a fit is calibrated on its validation rows. Runs on phantoms are scored on what was planted.

    Args:
        args: Of ``add_recipe_arguments``; with those of ``add_backbone_argument`` the run starts from a backbone, and
            with those of ``add_record_argument`` its figures are recorded as ``TASK.json`` too.
        configs: Those of the task.
        name: Of the folder in ``outputs/`` where no other is named.
        stages: ``fit`` and ``test``, or ``test`` alone; after a fit its best checkpoint is tested.
    """
    with ProcessTreePeak() as peak:
        run = recipe_run(configs, args.out or Path("outputs") / name, args.root, args.config)
        if "backbone" in args:
            run = run.but(start_from(args.backbone or default_backbone()))
        run = run.but(overrides_of(args.settings))
        for stage in stages:
            tested = [f"--ckpt_path={_checkpoint(run)}"] if stage == "test" and "fit" in stages else []
            gkmvlp(*run.words(stage), *args.forwarded, *tested)
        if "fit" in stages:
            calibrate_run(run.folder)  # what reports say is what it learned: before phantoms get their planted truth
        score_run_on_truth(run.folder)
    record = args.record if "record" in args else None
    finish_run(run.folder, peak, record and record / f"{args.task}.json")


def recipe_run(configs: Configs, out: Path, data: str | None, config: str | None) -> Run:
    """Config, data and output folder of a recipe; phantoms are written where they are needed.

    Args:
        configs: Those of the task.
        out: Folder of the run.
        data: Root of a real data set; None takes phantoms.
        config: Name or file of another config.

    Raises:
        UsageError: If the config does not exist.
    """
    file = by_name(config or (config_for(data, configs.real) if data else configs.phantom))
    name = data_class(file)
    if data:
        return Run(str(file), out, data_overrides(**{location_key(name): data}))
    ensure_phantoms(name)
    return Run(str(file), out)


def config_for(data: str, names: Sequence[str]) -> str:
    """The first config whose data set is found in a place, said where there is a choice; else the first of all.

    Args:
        data: Folder or file.
        names: Configs.
    """
    if len(names) == 1:
        return names[0]
    kinds = {name: find_class(data_class(by_name(name))) for name in names}
    chosen = next((name for name, kind in kinds.items() if kind.recognises(Path(data))), names[0])
    print(f"config: {chosen} (of {', '.join(names)}, by what {data} holds)", flush=True)
    return chosen


def start_from(backbone: str) -> Overrides:
    """Overrides that start from a backbone with its architecture and framing, or from ``null``."""
    brought = {} if backbone == "null" else backbone_overrides(backbone)
    return {**model_overrides(backbone=backbone), **brought}


def backbone_overrides(backbone: str) -> Overrides:
    """Overrides that take the architecture of a backbone, and frame images as it read them.

    Raises:
        BackboneError: If there is none, or it is newer.
        ZooError: If it cannot be had.
    """
    from gkmvlp.checkpoints.backbone import architecture_of

    architecture = architecture_of(backbone)
    frame = {name: getattr(architecture, name) for name in ("image_size", "resize_mode", "intensity")}
    return {**model_overrides(architecture=None), **data_overrides(**frame)}


def location_key(name: str) -> str:
    """The argument that tells a DataModule where its data lie; what cannot be found takes the usual one.

    Args:
        name: Name of a class of this package, or path of any other.
    """
    try:
        return find_class(name).location_key
    except UsageError:  # a LightningDataModule of another kind; ``fit`` says it where there is none
        return DataModule.location_key


def ensure_phantoms(name: str) -> None:
    """Write the look-alike that a DataModule reads, unless it is there; nothing where it has none."""
    layout = layout_of(name)
    if layout is None:
        return
    print(f"no --root: phantoms of {PHANTOMS}", flush=True)
    if not (PHANTOMS / LOOKALIKES[layout].folder).is_dir():
        write_lookalikes(PHANTOMS, {layout: LOOKALIKES[layout].size}, SEED)


def newest_backbone() -> Path | None:
    """The backbone that was written last, or None."""
    folders = [folder for folder in BACKBONES if (folder / "config.json").is_file()]
    return max(folders, key=lambda folder: (folder / "config.json").stat().st_mtime, default=None)


def default_backbone() -> str:
    """The newest backbone of this folder's runs, else the one that comes with the package."""
    backbone = str(newest_backbone() or SHIPPED)
    print(f"backbone: {backbone}", flush=True)
    return backbone


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


def _checkpoint(run: Run) -> Path:
    """What is tested after a fit.

    Raises:
        UsageError: If the fit wrote none.
    """
    file = run.tested_checkpoint()
    if not file.is_file():
        raise UsageError(f"no {file}: the fit was run without checkpoints; test another by gkmvlp test --ckpt_path")
    return file
