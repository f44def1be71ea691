"""What ``gkmvlp calibrate`` does: a model, rows of a data set, ``calibration.json``."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from gkmvlp.app.running.configs import by_name, zoo_configs
from gkmvlp.checkpoints.calibration_file import Calibration, write_calibration
from gkmvlp.checkpoints.density_file import write_density
from gkmvlp.data_modules.base import DataModule
from gkmvlp.data_modules.inspection import check
from gkmvlp.errors import ConfigError, UsageError
from gkmvlp.metrics.calibration.operating_point import DEFAULT, Goal
from gkmvlp.metrics.calibration.score_map import Method
from gkmvlp.models.heads.category_head import CategoryHead
from gkmvlp.zoo.inference.calibrating import calibrate
from gkmvlp.zoo.inference.density import measure_density
from gkmvlp.zoo.inference.predictor import Predictor

# data sets that are looked for in --root where --data names none, by the kind of score that they have targets of
LOOKED_FOR: dict[str, tuple[str, ...]] = {
    "labels": ("ChestXray14", "MimicCxr", "OpenI", "ImageReportPairs"),
    "entities": ("MimicCxr", "OpenI", "ChestXray14", "ImageReportPairs"),
    "answers": ("VqaRad", "Slake"),
    "classes": ("Melinda",),
}


def make_data(predictor: Predictor, source: str | None, root: str | None, init_args: dict[str, Any]) -> DataModule:
    """The data set, read and checked, with images as the model reads them.

    Args:
        predictor: The model.
        source: Class or config; None looks at what lies in ``root``.
        root: Folder of the data.
        init_args: Further arguments of the class.

    Raises:
        UsageError: If nothing says which data set is meant.
        GkmvlpError: What is wrong with the data.
    """
    name = source or _found(predictor, root)
    is_config = name in zoo_configs() or "://" in name or name.endswith((".yaml", ".yml"))
    frame = {key: getattr(predictor.architecture, key) for key in ("image_size", "resize_mode", "intensity")}
    fixed = {"region_boxes": "atlas", "detected_regions_file": None}  # those of the model are read
    data = check.build(name, by_name(name) if is_config else None, root, **{**init_args, **frame, **fixed})
    if data.cache_dir == "ram":  # it would decode the training images too
        data.cache_dir = None
    data.prepare_data()
    return data


def own_config(model: Path) -> str | None:
    """The config of the run that left a model, whose data calibrate it where no others are named; None without one."""
    files = [folder / "config.yaml" for folder in (model, model.parent)]
    return next((str(file) for file in files if file.is_file()), None)


def _found(predictor: Predictor, root: str | None) -> str:
    """The class whose data set lies in a folder."""
    kind = next(iter(predictor.scored), "classes" if isinstance(predictor.head, CategoryHead) else "answers")
    if root is None:
        raise UsageError("which data? name it: --root DIR, and --data CLASS_OR_CONFIG where DIR does not tell")
    for name in LOOKED_FOR[kind]:
        if check.find_class(name).recognises(Path(root)):
            print(f"data: {name}, by what {root} holds", flush=True)
            return name
    raise UsageError(f"{root}: none of {', '.join(LOOKED_FOR[kind])} was found there; name one by --data")


def calibrate_model(
    predictor: Predictor,
    data: DataModule,
    folder: Path,
    split: str = "validate",
    method: Method | None = None,
    goals: Sequence[Goal] = DEFAULT,
) -> Calibration:
    """Calibrates the model in a folder, writes ``calibration.json`` there, and says what came of it.

    Args:
        predictor: The model; it reads by the new calibration from now on.
        data: As of ``make_data``.
        folder: Its folder.
        split: As of ``calibrate``.
        method: Likewise.
        goals: Likewise.

    Raises:
        ConfigError: If rows or model do not allow it, or the folder cannot be written.
    """
    before = predictor.calibration
    made = calibrate(predictor, data, split, method, goals)
    if before is not None:
        made = replace(made, notes=[*made.notes, *_shift(before, made)])
    try:
        file = write_calibration(folder, made)
    except OSError as error:
        raise ConfigError(
            f"{folder} cannot be written ({error.strerror}): name a folder for a copy by --out"
        ) from error
    predictor.calibration = made
    print("\n".join([f"{file}: {made.summary}", *lines(made)]), flush=True)
    return made


def keep_density(predictor: Predictor, data: DataModule, folder: Path) -> None:
    """Writes where the training images of a data set lie into the folder of a model, and says so.

    Raises:
        ConfigError: If there are too few rows, or the folder cannot be written.
    """
    predictor.density = measure_density(predictor, data)
    try:
        file = write_density(folder, predictor.density)
    except OSError as error:
        raise ConfigError(
            f"{folder} cannot be written ({error.strerror}): name a folder for a copy by --out"
        ) from error
    count = f"{predictor.density.n:,} training and {predictor.density.n_validate:,} validation images"
    print(f"{file}: {count} of {data.name}", flush=True)


def lines(calibration: Calibration) -> list[str]:
    """A calibration for people: a line a label with the prevalence at the site, then answers and notes."""
    out = []
    for kind, labels in calibration.scores.items():
        out.append(f"{kind}:")
        for one in labels:
            share = "unknown" if one.prevalence is None else f"{one.prevalence:.3f}"
            row = f"  {one.label}: {one.map.method}, {one.positives:,} of {one.n:,} present (prevalence {share})"
            point = next(iter(one.points.items()), None)
            if point is not None:
                (name, at), (value, low, high) = point, one.map(point[1].score).tolist()
                row += f"; {name} from {value:.3f} [{low:.3f}, {high:.3f}] on: specificity {at.specificity.value:.3f}"
            out.append(row + (f"; {one.map.reason}" if one.map.reason else ""))
    if (answers := calibration.answers) is not None:
        out.append(
            f"answers or classes: temperature {answers.temperature:.3f}, {answers.right:,} of {answers.n:,} right"
        )
    return out + [f"note: {note}" for note in calibration.notes]


def _shift(before: Calibration, after: Calibration) -> list[str]:
    """How the prevalence differs from that of the calibration before: with it probabilities differ too."""
    told = []
    for kind in ("labels", "entities"):
        earlier = before.of(kind)  # type: ignore[arg-type]
        for name, one in after.of(kind).items():  # type: ignore[arg-type]
            old = earlier[name].prevalence if name in earlier else None
            if old is not None and one.prevalence is not None:
                told.append(f"{name} {one.prevalence:.3f} (was {old:.3f})")
    where = f"prevalence here, and where it was calibrated before ({before.data}, {before.created[:10]}): "
    return [where + ", ".join(told)] if told else []


def copy_model(source: Path, out: Path) -> Path:
    """A copy of a model's folder, for one that may not be written: of the package, a cache or the hub.

    Raises:
        ConfigError: If the copy is there already, or cannot be written.
    """
    if out.exists():
        raise ConfigError(f"--out {out} exists: name a new folder, or calibrate the model in it by its name")
    try:
        shutil.copytree(source, out, ignore=shutil.ignore_patterns(".*"))
    except OSError as error:
        raise ConfigError(f"--out {out} cannot be written ({error.strerror}): name another folder") from error
    return out
