"""What ``gkmvlp evaluate faithfulness`` does: findings hidden, sides swapped, images mirrored; figures and a page."""

from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd

from gkmvlp.app.actions.calibration import make_data
from gkmvlp.app.pages.page import Section, figure_table, write_page
from gkmvlp.app.running.configs import by_name, data_class
from gkmvlp.app.running.outcome import write_results
from gkmvlp.app.running.recipes import EVALUATION, config_for, ensure_phantoms
from gkmvlp.app.running.trainer_defaults import keep_out_of_git
from gkmvlp.checkpoints.backbone import patient_hash
from gkmvlp.checkpoints.hub import trained_on_patients
from gkmvlp.data_modules.base import DataModule
from gkmvlp.errors import UsageError
from gkmvlp.metrics.counterfactual import CANDIDATES, FILLS, Fill
from gkmvlp.metrics.groups import with_group_columns
from gkmvlp.metrics.results.evaluate import figures_of
from gkmvlp.metrics.results.metric_result import MetricResult
from gkmvlp.metrics.results.partial import named
from gkmvlp.metrics.results.predictions import write_predictions
from gkmvlp.metrics.results.provenance import ProcessTreePeak, command, commit
from gkmvlp.metrics.tasks.faithfulness import REGIONS
from gkmvlp.task_ids import TASKS, TaskId
from gkmvlp.tasks.parts.entity_predictions import PRESENT
from gkmvlp.zoo.inference.faithfulness import (
    DRAWS,
    MOST,
    QUESTION,
    Row,
    boxed_rows,
    counterfactual_rows,
    laterality_rows,
    outputs_of,
    trials_of,
)
from gkmvlp.zoo.inference.loading import open_predictor
from gkmvlp.zoo.inference.predictor import Predictor

AT_ONCE = 16  # trials whose images are held at a time
AGAINST = f"as many pixels elsewhere in the chest, mean of {DRAWS}, each the least shared of {CANDIDATES} places"


def data_source(source: str | None, root: str | None) -> tuple[str, str | None]:
    """Class or config of the data, and its root: without any phantoms, which are written where they are needed.

    Args:
        source: Class or config; None goes by what lies in ``root``.
        root: Folder of the data, or None.
    """
    configs = EVALUATION["grounding"]
    if source is None and root is None:
        ensure_phantoms(data_class(by_name(configs.phantom)))
        return configs.phantom, None
    return source or config_for(str(root), (*configs.real, configs.phantom)), root


def measure(
    references: Sequence[str],
    source: tuple[str, str | None],
    init_args: Mapping[str, Any],
    out: Path,
    *,
    fill: Fill,
    stand_ins: Mapping[str, str],
    split: str,
    limit: int | None,
    device: str | None,
    record: Path | None,
    cost: ProcessTreePeak,
) -> list[MetricResult]:
    """Writes ``predictions/``, ``results.json`` and ``report.html``; ``record`` gets the figures too.

    Args:
        references: Models, each of another task.
        source: From ``data_source``.
        init_args: Further arguments of the data set's class.
        out: Folder to write to.
        fill: What hides a region.
        stand_ins: Label -> entity that is asked of where a model knows none of the label's own.
        split: ``test`` or ``all``.
        limit: At most so many images.
        device: As of ``open_predictor``.
        record: File that gets the figures too, or None.
        cost: Time and memory so far.

    Raises:
        GkmvlpError: What is wrong with a model or the data.
    """
    files: dict[str, list[Path]] = {}
    patients_known = credentialed = False
    for reference in references:
        predictor = open_predictor(reference, device)
        name = _model_name(predictor)
        if name in files:
            raise UsageError(f"--model {reference}: a second model {name}; measure one a task")
        data = make_data(predictor, source[0], source[1], dict(init_args))
        files[name] = _predict(predictor, data, out / "predictions", name, fill, stand_ins, split, limit)
        patients_known |= trained_on_patients(predictor.info)
        credentialed |= data.credentialed
    by_file = {file: figures_of(file) for of_model in files.values() for file in of_model}
    figures = [figure for of_file in by_file.values() for figure in of_file]
    write_results(out, figures, cost, record)
    if credentialed:
        keep_out_of_git(out)
    tasks: dict[TaskId, list[MetricResult]] = {}
    for figure in figures:
        tasks.setdefault(figure.task, []).append(figure)  # type: ignore[arg-type]
    sections = [Section(TASKS[task].title, [figure_table(of_task)]) for task, of_task in tasks.items()]
    page, title = out / "report.html", f"Faithfulness: {figures[0].data}"
    facts = {"models": ", ".join(references), "hidden by": FILLS[fill], "split": figures[0].split}
    write_page(page, title, sections, facts=facts, phantoms_only=not patients_known, credentialed=credentialed)
    print(f"look at {page}")
    return figures


def _model_name(predictor: Predictor) -> str:
    """What predictions call a model: ``pretrained`` of a backbone, else a variant by its task."""
    task = predictor.info.get("task")
    return f"variant:{task}" if predictor.head is not None and task else "pretrained"


def _predict(
    predictor: Predictor,
    data: DataModule,
    folder: Path,
    name: str,
    fill: Fill,
    stand_ins: Mapping[str, str],
    split: str,
    limit: int | None,
) -> list[Path]:
    """Writes the predictions of one model; its files."""
    every = boxed_rows(data, split)
    rows = every[:limit]
    outputs = outputs_of(predictor)
    counterfactual: list[Row] = []
    laterality: list[Row] = []
    left_out: dict[str, int] = {}
    trials = trials_of(predictor, data, rows, stand_ins)
    while block := list(islice(trials, AT_ONCE)):
        found, large = counterfactual_rows(predictor, outputs, block, fill)
        counterfactual += found
        laterality += laterality_rows(predictor, outputs, block)
        left_out = {region: left_out.get(region, 0) + large.get(region, 0) for region in {*left_out, *large}}
    large_notes = [f"regions over {MOST:.0%} of the image, left out: {n} {REGIONS[r]}" for r, n in left_out.items()]
    meta: dict[str, Any] = {
        "data": data.name, "boxes": predictor.region_boxes, "credentialed": data.credentialed,
        "split": _split_name(data, split, len(rows), len(every)),
        "trained_on": predictor.info.get("trained_on"), "command": command(), "commit": commit(),
    }  # fmt: skip
    seen = {patient_hash(row.patient_id) for row in rows} & set(predictor.info.get("patients", []))
    seen_notes = [f"the model was trained on {len(seen):,} of these patients"] * bool(seen)
    wording = {"prompts": f"{PRESENT} {QUESTION}"}
    written: list[tuple[TaskId, list[Row], dict[str, str], list[str]]] = [
        (
            "faithfulness",
            counterfactual,
            {"fill": FILLS[fill], "against": AGAINST, **wording},
            [*seen_notes, *large_notes],
        ),
        ("laterality", laterality, wording, seen_notes),
    ]
    files = []
    for task, of_task, signature, notes in written:
        if of_task:
            table = pd.DataFrame(of_task).assign(seed=0)
            table = with_group_columns(table, data.known_groups("test"))
            table["model"] = name if "model" not in table else table["model"].replace("model", name)
            files.append(folder / f"{task}-{name.rpartition(':')[2]}.parquet")
            extra = {"task": task, "signature": signature, "note": "; ".join(notes) or None}
            write_predictions(files[-1], table, {**meta, **extra})
    return files


def _split_name(data: DataModule, split: str, count: int, every: int) -> str:
    """The split with its hash; all of its sides, and a sample of them, say so."""
    whole = f"all sides of {data.split_name}" if split == "all" else data.split_name
    return named(whole, f"{count:,} of {every:,} with boxes" if count < every else None)
