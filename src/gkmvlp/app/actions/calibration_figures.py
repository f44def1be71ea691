"""How good probabilities are on rows that did not calibrate them: ECE and Brier score, before and after.

N rows, L labels, K known answers.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from gkmvlp.app.actions.calibration import lines, make_data
from gkmvlp.app.pages.page import Section, figure_table, paragraph, write_page
from gkmvlp.app.pages.task_sections import calibration_pictures
from gkmvlp.app.running.outcome import write_results
from gkmvlp.app.running.trainer_defaults import keep_out_of_git
from gkmvlp.checkpoints.calibration_file import Calibration
from gkmvlp.data_modules.base import DataModule
from gkmvlp.data_modules.pipeline.samples import Sample
from gkmvlp.errors import ConfigError, UsageError
from gkmvlp.metrics.assemble import BASELINE
from gkmvlp.metrics.calibration.answers import answer_probability
from gkmvlp.metrics.calibration.rows import before_and_after
from gkmvlp.metrics.calibration.score_map import UNCALIBRATED
from gkmvlp.metrics.groups import with_group_columns
from gkmvlp.metrics.results.evaluate import figures_of
from gkmvlp.metrics.results.metric_result import MetricResult
from gkmvlp.metrics.results.predictions import read_predictions, write_predictions
from gkmvlp.metrics.results.provenance import ProcessTreePeak, command, commit
from gkmvlp.notices import trained_on_patients
from gkmvlp.zoo.inference.calibrating import ScoredRows, is_right, score_rows, targets_of
from gkmvlp.zoo.inference.loading import open_predictor
from gkmvlp.zoo.inference.predictor import Predictor

ANSWER = "answer"  # the label of answers: how sure a model is of the one that it gives
Split = Literal["test", "all"]


class Measured(NamedTuple):
    """A calibrated model that was measured.

    Attributes:
        file: Its predictions.
        calibration: What it says of its scores.
    """

    file: Path
    calibration: Calibration


def measure(
    predictor: Predictor, data: DataModule, file: Path, split: Split = "test", model: str | None = None
) -> Measured:
    """Writes the probabilities of rows before and after calibration.

    Args:
        predictor: A calibrated model.
        data: The data set, set up.
        file: Parquet that is written.
        split: ``test``; ``all`` of data that neither trained nor calibrated the model.
        model: What predictions call it; None goes by where it started.

    Raises:
        ConfigError: If the model is not calibrated, or there is no row of other patients.
    """
    if (calibration := predictor.calibration) is None:
        raise ConfigError("this model is not calibrated, so that there is no before and after: gkmvlp calibrate it")
    if split == "test" and not data.is_patient_disjoint:
        raise ConfigError(f"patients of {data.split_label} lie in several splits; choose another split")
    if split == "all" and data.split_name in calibration.split:
        raise ConfigError(f"{data.name}: this model was calibrated on a part of these rows; leave --split all out")
    if not (samples := data.samples if split == "all" else data.rows("test")):
        raise ConfigError(f"{data.name} has no test rows")
    meta = {
        "task": "calibration", "data": data.name, "boxes": predictor.region_boxes,
        "split": f"all sides of {data.split_name}" if split == "all" else data.split_name,
        "credentialed": data.credentialed, "trained_on": predictor.info.get("trained_on"),
        "command": command(), "commit": commit(), "note": calibration.summary,
    }  # fmt: skip
    scored = score_rows(predictor, data, samples)
    table = _answers(predictor, scored) if scored.answers is not None else _findings(predictor, data, scored)
    names = {"model": model or _start(predictor), UNCALIBRATED: BASELINE + UNCALIBRATED}
    table = table.assign(model=table["model"].map(names), seed=0)
    groups = data.known_groups(None if split == "all" else "test")
    write_predictions(file, with_group_columns(table, groups), meta)
    return Measured(file, calibration)


def finish(
    measured: Sequence[Measured], out: Path, cost: ProcessTreePeak, record: Path | None = None
) -> list[MetricResult]:
    """Writes ``results.json`` and ``report.html`` of models that were measured; ``record`` gets the figures too."""
    by_file = [figures_of(one.file) for one in measured]
    figures = [figure for of_file in by_file for figure in of_file]
    write_results(out, figures, cost, record)
    tables, metas = zip(*(read_predictions(one.file) for one in measured), strict=True)
    if credentialed := any(meta["credentialed"] for meta in metas):
        keep_out_of_git(out)
    sections = [
        Section(
            f"What probabilities mean: {meta['data']}",
            [
                *calibration_pictures(table),
                figure_table(of_file),
                *map(paragraph, [one.calibration.summary, *lines(one.calibration)]),
            ],
        )
        for one, of_file, table, meta in zip(measured, by_file, tables, metas, strict=True)
    ]
    path = out / "report.html"
    is_of_patients = any(trained_on_patients(meta) for meta in metas)
    facts = {"split": ", ".join(dict.fromkeys(meta["split"] for meta in metas))}
    title, warned = "What probabilities mean", {"phantoms_only": not is_of_patients, "credentialed": credentialed}
    write_page(path, title, sections, facts=facts, **warned)
    print(f"look at {path}")
    return figures


def measure_models(
    models: Sequence[tuple[str, str | None]],
    root: str | None,
    init_args: dict[str, Any],
    out: Path,
    split: Split,
    device: str | None,
) -> list[Measured]:
    """Measures several models on data in one folder.

    Args:
        models: Reference of each model, each of another name, with class or config of its data (see ``make_data``).
        root: Folder of the data.
        init_args: Further arguments of their classes.
        out: Folder of the predictions.
        split: As of ``measure``.
        device: As of ``open_predictor``.

    Raises:
        UsageError: If two models have one name.
        GkmvlpError: What is wrong with a model or the data.
    """
    done: dict[str, Measured] = {}
    for reference, source in models:
        name = reference.rstrip("/").rpartition("/")[2].partition("@")[0]
        if name in done:
            raise UsageError(f"--model {reference}: a second model called {name}; measure one of them")
        predictor = open_predictor(reference, device)
        data = make_data(predictor, source, root, dict(init_args))
        done[name] = measure(predictor, data, out / "predictions" / f"{name}.parquet", split, f"variant:{name}")
    return list(done.values())


def _start(predictor: Predictor) -> str:
    """What predictions call a model by where its weights started."""
    return "pretrained" if predictor.head is None or predictor.info.get("backbone") else "scratch"


def _findings(predictor: Predictor, data: DataModule, scored: ScoredRows) -> pd.DataFrame:
    """One row an image and label, image by image: after calibration, and before."""
    kind = next(iter(predictor.scored))  # one file holds one kind of score; zero-shot has no probability of before
    assert predictor.calibration is not None
    maps = {name: one.map for name, one in predictor.calibration.of(kind).items()}
    table = before_and_after(finding_rows(predictor, data, scored).assign(model="model"), maps)
    return table.assign(model=table["model"].str.removeprefix(BASELINE))


def finding_rows(predictor: Predictor, data: DataModule, scored: ScoredRows) -> pd.DataFrame:
    """One row an image and label, image by image, with its target and its log odds."""
    kind = next(iter(predictor.scored))
    names, samples = predictor.scored[kind], scored.samples
    return pd.DataFrame(
        {
            "sample_id": np.repeat([sample.sample_id for sample in samples], len(names)),
            "patient_id": np.repeat([sample.patient_id for sample in samples], len(names)),
            "entity": np.tile(names, len(samples)),
            "target": targets_of(data, samples, names).ravel(),
            "score": scored.scores[kind].ravel(),
        }
    )


def _answers(predictor: Predictor, scored: ScoredRows) -> pd.DataFrame:
    """One row a text with its image: how sure the model is of its choice, after and before, and whether it is right."""
    assert scored.answers is not None
    samples: Sequence[Sample] = scored.samples
    shared = {
        "sample_id": [sample.sample_id for sample in samples],
        "patient_id": [sample.patient_id for sample in samples],
        "entity": ANSWER,
        "target": is_right(predictor, scored.answers, samples).astype(float),
    }
    sides = {"model": predictor.temperature, UNCALIBRATED: 1.0}
    return pd.concat(
        [
            pd.DataFrame(shared | {"model": side, "score": answer_probability(scored.answers, temperature)})
            for side, temperature in sides.items()
        ],
        ignore_index=True,
    )
