"""Baselines of Open-i without a vision-language model: a linear probe of public weights, reports of other studies."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from gkmvlp.app.experiments.conditions import merge
from gkmvlp.app.experiments.real.linear_probe import Array, Features, nearest, pooled_features, probe
from gkmvlp.app.running.configs import architecture_in, by_name
from gkmvlp.data_modules import OpenI
from gkmvlp.data_modules.pipeline.samples import Sample
from gkmvlp.entities import ENTITIES
from gkmvlp.metrics import assemble
from gkmvlp.metrics.assemble import BASELINE
from gkmvlp.metrics.protocols import PROTOCOLS
from gkmvlp.metrics.r2gen import frequent_words, r2gen_task
from gkmvlp.metrics.results.metric_result import MetricResult
from gkmvlp.metrics.results.predictions import read_predictions, write_predictions
from gkmvlp.models.config import Architecture, TextConfig, VisionConfig

FEWEST = 25  # positives of an entity that counts among the frequent ones
PROBE, NEAREST, COMMONEST = f"{BASELINE}linear_probe", f"{BASELINE}nearest_image", f"{BASELINE}most_common_report"


def openi_of(config: str, root: Path, **changed: Any) -> OpenI:
    """The rows of Open-i as a config reads them, some arguments changed, checked; images are not augmented."""
    init_args = yaml.safe_load(by_name(config).read_text(encoding="utf-8"))["data"]["init_args"]
    data = OpenI(**{**init_args, "root": str(root), "cache_dir": None, "augmentation_strength": 0.0, **changed})
    data.check()
    return data


def make_baselines(root: Path, pretraining: str, reports: str, out: Path) -> dict[str, Path]:
    """Writes the baselines' predictions; features that are kept in ``out/features.npz`` are not computed again.

    Args:
        root: Folder of Open-i.
        pretraining: Config that tells the entities' rows and the encoder.
        reports: Config that tells the reports' rows.
        out: Folder of both.

    Returns:
        Task -> its predictions file.
    """
    data, vision = openi_of(pretraining, root), VisionConfig(**architecture_in(pretraining)["vision"])
    # nothing of the text model is read but its width, of which no feature depends
    architecture = Architecture(image_size=data.image_size, vision=vision, text=TextConfig(hidden_size=48))
    features = pooled_features(data, architecture, out / "features.npz")
    files = {name: out / "predictions" / f"{name}.parquet" for name in ("entity_classification", "report_generation")}
    table, strength = probe_rows(data, features)
    note = (
        f"linear_probe: logistic regression on pooled features of {vision.weights}, penalty {strength:g} by validation"
    )
    _write(files["entity_classification"], "entity_classification", data, table, note=note)
    written = openi_of(reports, root)
    table = report_rows(written, features)
    _write(files["report_generation"], "report_generation", written, table, signature={"sections": written.sections})
    return files


def _write(file: Path, task: str, data: OpenI, table: pd.DataFrame, **meta: Any) -> None:
    shared = {"data": data.name, "split": data.split_name, "boxes": data.boxes, "credentialed": data.credentialed}
    write_predictions(file, table, {"task": task, **shared, **meta})


def probe_rows(data: OpenI, features: Features) -> tuple[pd.DataFrame, float]:
    """One row a test image and entity by a logistic regression, and the penalty that validation chose."""
    rows = {split: data.rows(split) for split in ("train", "validate", "test")}
    known = {split: _stacked(samples, features) for split, samples in rows.items()}
    target = {split: _targets(samples) for split, samples in rows.items()}
    train, validate = ((known[split], target[split]) for split in ("train", "validate"))
    score_NE, strength = probe(train, validate, known["test"])
    names = [entity.name for entity in ENTITIES]
    table = pd.DataFrame(
        {
            "sample_id": np.repeat([sample.sample_id for sample in rows["test"]], len(names)),
            "patient_id": np.repeat([sample.patient_id for sample in rows["test"]], len(names)),
            "entity": np.tile(names, len(rows["test"])),
            "target": target["test"].ravel(),
            "score": score_NE.ravel(),
        }
    )
    return table.assign(model=PROBE, seed=0), strength


def report_rows(data: OpenI, features: Features) -> pd.DataFrame:
    """Two rows a test image: the report of the nearest training image, and the commonest training report."""
    train, test = data.rows("train"), data.rows("test")
    near_N = nearest(_stacked(train, features), _stacked(test, features))
    common = Counter(data.texts()).most_common(1)[0][0]
    rows = [
        {"sample_id": sample.sample_id, "patient_id": sample.patient_id, "study_id": sample.fields["study_id"],
         "target": sample.fields["text"], "model": model, "seed": 0, "prediction": text}
        for sample, place in zip(test, near_N, strict=True)
        for model, text in ((NEAREST, train[place].fields["text"]), (COMMONEST, common))
    ]  # fmt: skip
    return pd.DataFrame(rows)


def _stacked(samples: Sequence[Sample], features: Features) -> Array:
    """Features of rows (N, D)."""
    return np.stack([features[sample.sample_id] for sample in samples]).astype(float)


def _targets(samples: Sequence[Sample]) -> Array:
    """Statuses of rows as targets (N, E): 1 present, 0 absent or not mentioned, NaN uncertain."""
    status_NE = np.stack([sample.fields["status"] for sample in samples]).astype(float)
    return np.where(status_NE == -1, np.nan, np.where(status_NE == -2, 0.0, status_NE))


def baseline_figures(files: dict[str, Path], reports: str, root: Path) -> list[MetricResult]:
    """The figures of the baselines by themselves, under their names.

    Args:
        files: From ``make_baselines``.
        reports: Config that tells the reports' rows.
        root: Folder of Open-i.
    """
    out = []
    for task, file in files.items():
        table, meta = read_predictions(file)
        named = table.assign(model="variant:" + table["model"].str.removeprefix(BASELINE))
        out += [*assemble.figures(PROTOCOLS[meta["task"]], named, meta), *frequent_figures(named, meta)]
        out += r2gen_figures(named, meta, reports, root) if task == "report_generation" else []
    return out


def frequent_entities(table: pd.DataFrame, fewest: int) -> "pd.Series[int]":
    """Entity -> its positives among the scored rows, the commonest first, without those that have fewer.

    Args:
        table: Rows of entities, of any models and seeds; those of the first of each are counted.
        fewest: Positives that an entity needs.
    """
    once = table[table["model"].eq(table["model"].iloc[0]) & table["seed"].eq(table["seed"].iloc[0])]
    counts = once[once["target"].eq(1)].groupby("entity").size().sort_values(ascending=False)
    return counts[counts >= fewest]


def frequent_figures(table: pd.DataFrame, meta: Mapping[str, Any], fewest: int = FEWEST) -> list[MetricResult]:
    """The mean over the entities with ``fewest`` positives or more among the scored rows, labelled ``frequent``.

    A mean over all gives an entity of two patients the weight of one of two hundred. Empty for tasks without entities.
    """
    if "entity" not in table or "target" not in table:
        return []
    counts = frequent_entities(table, fewest)
    names = counts.index
    if not len(names):
        return []
    rule = f"{fewest} positives or more"
    described = {**meta, "signature": {**meta.get("signature", {}), "labels": rule}}
    figures = assemble.figures(PROTOCOLS[meta["task"]], table[table["entity"].isin(names)], described)
    listing = ", ".join(f"{name} {counts[name]}" for name in names)
    note = f"{rule} in test: {len(names)} of {table['entity'].nunique()} ({listing})"
    return [replace(figure, label="frequent", note=note) for figure in figures if figure.label is None]


def r2gen_figures(table: pd.DataFrame, meta: Mapping[str, Any], config: str, root: Path) -> list[MetricResult]:
    """Word figures of generated reports under R2Gen's protocol, against the reports as the data set has them.

    Args:
        table: Predictions of report generation on Open-i.
        meta: Of their file.
        config: Config that tells the reports' rows.
        root: Folder of Open-i.
    """
    data = openi_of(config, root, redactions="keep")
    raw = {sample.sample_id: sample.fields["text"] for sample in data.rows("test")}
    known = frequent_words(data.texts())
    return assemble.figures(r2gen_task(known), table.assign(target=table["sample_id"].map(raw)), meta)


def beside(file: Path, baselines: Path) -> Path:
    """Puts the rows of baselines into a predictions file of models that scored these rows, or some of them.

    Returns:
        The file.
    """
    table, _ = read_predictions(file)
    rows, meta = read_predictions(baselines)
    units = [name for name in ("sample_id", "entity") if name in rows]
    scored = rows.merge(table[units].drop_duplicates(), on=units)
    part = file.with_name(f"{file.stem}-baselines.parquet")
    write_predictions(part, scored, meta)
    merge([file, part], file)
    part.unlink()
    return file
