"""What ``gkmvlp evaluate faithfulness`` does: findings hidden, sides swapped, images mirrored; figures and a page."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, cast

import pandas as pd

from gkmvlp.app.actions.calibration import make_data
from gkmvlp.app.pages.page import Section, figure_table, group_table, write_page
from gkmvlp.app.running.configs import by_name, data_class
from gkmvlp.app.running.outcome import write_results
from gkmvlp.app.running.recipes import EVALUATION, ensure_phantoms
from gkmvlp.app.running.trainer_defaults import keep_out_of_git
from gkmvlp.checkpoints.backbone import seen_patients
from gkmvlp.data_modules.base import DataModule
from gkmvlp.data_modules.inspection.check import find_class
from gkmvlp.data_modules.pipeline.samples import Sample
from gkmvlp.errors import UsageError
from gkmvlp.metrics.counterfactual import CANDIDATES, FILLS, Fill
from gkmvlp.metrics.groups import with_group_columns
from gkmvlp.metrics.results.evaluate import figures_of
from gkmvlp.metrics.results.partial import named
from gkmvlp.metrics.results.predictions import read_predictions, write_predictions
from gkmvlp.metrics.results.provenance import ProcessTreePeak, command, commit
from gkmvlp.metrics.tasks.faithfulness import REGIONS
from gkmvlp.notices import trained_on_patients
from gkmvlp.task_ids import TASKS, TaskId
from gkmvlp.tasks.parts.entity_predictions import PRESENT
from gkmvlp.zoo.inference.faithfulness import (
    DRAWS,
    MOST,
    Row,
    boxed_rows,
    counterfactual_rows,
    laterality_rows,
    trials_of,
)
from gkmvlp.zoo.inference.loading import open_predictor
from gkmvlp.zoo.inference.outputs import QUESTION, outputs_of
from gkmvlp.zoo.inference.predictor import Predictor

BOXED = "ChestXray14"  # has boxes, and no config of grounding but that of its look-alike
AT_ONCE = 16  # trials whose images are held at a time
AGAINST = f"as many pixels elsewhere in the chest, mean of {DRAWS}, each the least shared of {CANDIDATES} places"


def data_source(source: str | None, root: str | None) -> tuple[str, str | None]:
    """Class or config of the data, and its root: without any phantoms, which are written where they are needed.

    Args:
        source: Class or config; None goes by what lies in ``root``.
        root: Folder of the data, or None.

    Raises:
        UsageError: If no data set with boxes of findings lies there.
    """
    configs = EVALUATION["grounding"]
    if source is not None:
        return source, root
    if root is None:
        ensure_phantoms(data_class(by_name(configs.phantom)))
        return configs.phantom, None
    classes = {name: data_class(by_name(name)) for name in configs.real} | {BOXED: BOXED}
    for name, kind in classes.items():
        if find_class(kind).recognises(Path(root)):
            print(f"data: {name}, by what {root} holds", flush=True)
            return name, root
    raise UsageError(f"{root}: none of {', '.join(classes.values())} was found there; name one by --data")


@dataclass(frozen=True)
class Probe:
    """What is measured.

    Attributes:
        fill: What hides a region.
        stand_ins: Label -> entity that is asked of where a model knows none of the label's own.
        split: ``test`` or ``all``.
        limit: At most so many images.
    """

    fill: Fill
    stand_ins: Mapping[str, str]
    split: str
    limit: int | None


def predict(
    references: Sequence[str],
    source: tuple[str, str | None],
    init_args: Mapping[str, Any],
    folder: Path,
    probe: Probe,
    device: str | None,
) -> list[Path]:
    """Writes the predictions of models; their files.

    Args:
        references: Models, each of another task.
        source: From ``data_source``.
        init_args: Further arguments of the data set's class.
        folder: Folder to write to.
        probe: What is measured.
        device: As of ``open_predictor``.

    Raises:
        GkmvlpError: What is wrong with a model or the data.
    """
    files: dict[str, list[Path]] = {}
    for reference in references:
        predictor = open_predictor(reference, device)
        name = _model_name(predictor)
        if name in files:
            raise UsageError(f"--model {reference}: a second model {name}; measure one a task")
        data = make_data(predictor, *source, dict(init_args))
        files[name] = _predict(predictor, data, folder, name, probe)
    return [file for of_model in files.values() for file in of_model]


def finish(files: Sequence[Path], out: Path, record: Path | None, cost: ProcessTreePeak) -> None:
    """Writes ``results.json`` and ``report.html`` of predictions; ``record`` gets the figures too."""
    parts = {file: read_predictions(file)[1] for file in files}
    credentialed = any(meta["credentialed"] for meta in parts.values())
    figures = [figure for file in files for figure in figures_of(file)]
    groups = write_results(out, figures, cost, record)
    if credentialed:
        keep_out_of_git(out)
    sections = []
    for task in dict.fromkeys(figure.task for figure in figures):
        own = [figure for figure in figures if figure.task == task]
        table = group_table([grouped for grouped in groups if grouped.task == task])
        sections.append(Section(TASKS[cast(TaskId, task)].title, [figure_table(own), table]))
    first = figures[0]
    write_page(
        out / "report.html",
        f"Faithfulness: {first.data}",
        sections,
        facts={"split": first.split, "hidden by": next(iter(parts.values()))["signature"].get("fill")},
        phantoms_only=not any(trained_on_patients(meta) for meta in parts.values()),
        credentialed=credentialed,
    )
    print(f"look at {out / 'report.html'}")


def _model_name(predictor: Predictor) -> str:
    """What predictions call a model: ``pretrained`` of a backbone, else a variant by its task."""
    task = predictor.info.get("task")
    return f"variant:{task}" if predictor.head is not None and task else "pretrained"


def _predict(predictor: Predictor, data: DataModule, folder: Path, name: str, probe: Probe) -> list[Path]:
    """Writes the predictions of one model; its files."""
    every = boxed_rows(data, probe.split)
    rows = every[: probe.limit]
    drops, sides, left_out = _measure(predictor, data, rows, probe)
    seen = seen_patients(predictor.info, data.name, {row.patient_id for row in rows})
    seen_notes = [f"the model was trained on {len(seen):,} of these patients"] * bool(seen)
    large = [f"{REGIONS[region]} over {MOST:.0%} of the image, left out: {n}" for region, n in left_out.items()]
    meta: dict[str, Any] = {
        "data": data.name, "boxes": predictor.region_boxes, "credentialed": data.credentialed,
        "split": _split_name(data, probe.split, len(rows), len(every)),
        "trained_on": predictor.info.get("trained_on"), "command": command(), "commit": commit(),
    }  # fmt: skip
    wording = {"prompts": f"{PRESENT} {QUESTION}"}
    hiding = {"fill": FILLS[probe.fill], "against": AGAINST}
    written: list[tuple[TaskId, list[Row], dict[str, str], list[str]]] = [
        ("faithfulness", drops, wording | hiding, seen_notes + large),
        ("laterality", sides, wording, seen_notes),
    ]
    files = []
    for task, found, signature, notes in (one for one in written if one[1]):
        table = pd.DataFrame(found).assign(seed=0)
        table["model"] = name if "model" not in table else table["model"].replace("model", name)
        table = with_group_columns(table, data.known_groups(None))
        files.append(folder / f"{task}-{name.rpartition(':')[2]}.parquet")
        extra = {"task": task, "signature": signature, "note": "; ".join(notes) or None}
        write_predictions(files[-1], table, meta | extra)
    return files


def _measure(
    predictor: Predictor, data: DataModule, rows: Sequence[Sample], probe: Probe
) -> tuple[list[Row], list[Row], Counter[str]]:
    """Rows of both tasks, and how many trials each region left out; few images are held at a time."""
    outputs = outputs_of(predictor)
    drops: list[Row] = []
    sides: list[Row] = []
    left_out: Counter[str] = Counter()
    trials = trials_of(predictor, data, rows, probe.stand_ins)
    while block := list(islice(trials, AT_ONCE)):
        found, large = counterfactual_rows(predictor, outputs, block, probe.fill)
        drops += found
        sides += laterality_rows(predictor, outputs, block)
        left_out.update(large)
    return drops, sides, left_out


def _split_name(data: DataModule, split: str, count: int, every: int) -> str:
    """The split with its hash; all of its sides, and a sample of them, say so."""
    whole = f"all sides of {data.split_name}" if split == "all" else data.split_name
    return named(whole, f"{count:,} of {every:,} with boxes" if count < every else None)
