"""Calibrating a model: what its scores mean on rows of a data set.

N rows, L labels, K known answers, E entities, D size of the shared space.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader

from gkmvlp.checkpoints.backbone import seen_patients
from gkmvlp.checkpoints.calibration_file import AnswerCalibration, Calibration, LabelCalibration, Scores
from gkmvlp.data_modules.base import DataModule
from gkmvlp.data_modules.pipeline.dataset import SampleDataset
from gkmvlp.data_modules.pipeline.quiet import one_opencv_thread_a_worker
from gkmvlp.data_modules.pipeline.samples import Sample
from gkmvlp.entities import ENTITIES, of_label
from gkmvlp.errors import ConfigError
from gkmvlp.metrics.bootstrap import Resamples
from gkmvlp.metrics.calibration.answers import fit_temperature
from gkmvlp.metrics.calibration.fitting import fit_map
from gkmvlp.metrics.calibration.operating_point import DEFAULT, Goal
from gkmvlp.metrics.calibration.score_map import Method, ScoreMap
from gkmvlp.metrics.calibration.thresholds import operating_point
from gkmvlp.metrics.results.provenance import created
from gkmvlp.models.heads.category_head import CategoryHead
from gkmvlp.tasks.parts.entity_predictions import zero_shot_texts
from gkmvlp.zoo.inference.predictor import Predictor

SPLITS = ("validate", "all")
BATCH = 32
Float = NDArray[np.float64]


class ScoredRows(NamedTuple):
    """What a model says of the rows of a data set."""

    samples: Sequence[Sample]
    scores: dict[Scores, Float]  # kind of score -> (N, L)
    answers: Float | None  # scores of the known answers or classes (N, K), of a model that chooses one


def rows_of(data: DataModule, split: str) -> Sequence[Sample]:
    """The rows that calibrate.

    Args:
        data: The data set, set up.
        split: ``validate``, or ``all``.

    Raises:
        ConfigError: If the test rows are asked for, or there is no row.
    """
    if split not in SPLITS:
        raise ConfigError(
            f"split {split}: {' or '.join(SPLITS)} was expected; the test rows tell how good a calibration is, and a "
            "model calibrated on them would look better than it is"
        )
    rows = data.samples if split == "all" else data.rows(split)
    if not rows:
        raise ConfigError(f"{data.name}: no {split} rows to calibrate on; add patients, or choose another split")
    return rows


def is_calibratable(predictor: Predictor) -> bool:
    """Whether a model gives scores of findings, or of known answers or classes."""
    return bool(predictor.scored or predictor.choices)


def require_calibratable(predictor: Predictor) -> None:
    """Checks that a model gives a score that could be calibrated.

    Raises:
        ConfigError: If it gives none.
    """
    if not is_calibratable(predictor):
        raise ConfigError(
            "this model gives no probabilities to calibrate: a backbone, a model for labels or classes, or one for "
            "questions that ranks or classifies answers was expected"
        )


def score_rows(predictor: Predictor, data: DataModule, samples: Sequence[Sample]) -> ScoredRows:
    """All scores of rows, read as ``predict`` reads images.

    Raises:
        ConfigError: If the model gives no score that could be calibrated.
    """
    head = predictor.head
    require_calibratable(predictor)
    dataset = SampleDataset(samples, data.read, predictor.regions)
    workers = {"num_workers": data.num_workers, "worker_init_fn": one_opencv_thread_a_worker}
    parts: dict[str, list[NDArray[Any]]] = {}
    sentence_ED = _sentences(predictor) if head is None else None
    for items in DataLoader(dataset, BATCH, collate_fn=list, **workers):  # type: ignore[arg-type]
        batch = predictor.batch(items)
        image = predictor.encode_images(batch)
        if predictor.choices:
            text_B = batch[_fields(predictor).text]  # type: ignore[literal-required]
            parts.setdefault("answers", []).append(predictor.choice_scores(image, text_B))  # type: ignore[arg-type]
        elif sentence_ED is not None:
            parts.setdefault("entities", []).append(predictor.entity_scores(image))
            similarity_BE = predictor.embed_images(image) @ sentence_ED.T
            parts.setdefault("zero_shot", []).append(similarity_BE.double().cpu().numpy())
        else:
            parts.setdefault("labels", []).append(predictor.label_scores(image))
    whole: dict[Any, Float] = {kind: np.concatenate(blocks) for kind, blocks in parts.items()}
    return ScoredRows(samples, whole, whole.pop("answers", None))


class _Fields(NamedTuple):
    """Fields of a row."""

    text: str  # what is read with the image
    choice: str  # what is right


def _fields(predictor: Predictor) -> _Fields:
    """Where rows for a model that chooses have text and choice."""
    is_class = isinstance(predictor.head, CategoryHead)
    return _Fields("text", "category") if is_class else _Fields("question", "answer")


def is_right(predictor: Predictor, score_NK: Float, samples: Sequence[Sample]) -> NDArray[np.bool_]:
    """Whether the answer or class of the highest score is the right one, (N,)."""
    field = _fields(predictor).choice
    best = [predictor.choices[index] for index in score_NK.argmax(1)]
    return np.array([choice == sample.fields[field] for choice, sample in zip(best, samples, strict=True)])


def _sentences(predictor: Predictor) -> Tensor:
    """What the present sentence of each entity has and the absent one has not, (E, D)."""
    present_ED, absent_ED = (predictor.embed_texts(texts) for texts in zero_shot_texts(predictor.entities))
    return present_ED - absent_ED


def targets_of(data: DataModule, samples: Sequence[Sample], names: Sequence[str]) -> Float:
    """What is true of rows: 1 present, 0 absent, NaN where nobody knows, (N, L).

    Labels are found by name or as the entity that they stand for. Of reports, what is not mentioned is absent, and what
    is uncertain unknown: as in the figures of entities.

    Raises:
        ConfigError: If the data knows none of the names.
    """
    target_NL = np.full((len(samples), len(names)), np.nan)
    labels = list(getattr(data, "labels", ()))
    has_labels, has_status = "label" in samples[0].fields, "status" in samples[0].fields
    known = {_entity(label): column for column, label in enumerate(labels)} if has_labels else {}
    known = known or ({entity.name: column for column, entity in enumerate(ENTITIES)} if has_status else {})
    columns = [known.get(_entity(name)) for name in names]
    if all(column is None for column in columns):
        raise ConfigError(
            f"{data.name} knows none of the model's findings ({', '.join(names[:3])} ...): take other data"
        )
    value_NK = np.stack([np.asarray(s.fields["label" if has_labels else "status"], float) for s in samples])
    if not has_labels:
        value_NK = np.where(value_NK == -2, 0.0, np.where(value_NK == -1, np.nan, value_NK))
    for place, column in enumerate(columns):
        if column is not None:
            target_NL[:, place] = value_NK[:, column]
    return target_NL


def _entity(label: str) -> str:
    """The name of the entity that a label stands for; the label itself where it is none."""
    found = of_label(label)
    return found.name if found else label


def calibrate(
    predictor: Predictor,
    data: DataModule,
    split: str = "validate",
    method: Method | None = None,
    goals: Sequence[Goal] = DEFAULT,
) -> Calibration:
    """What the scores of a model mean on rows of a data set; the model is left as it is.

    Args:
        predictor: The model.
        data: The data set, set up, with images as the model reads them.
        split: ``validate``, or ``all`` where no figures on these data are wanted.
        method: Of every label; None chooses by the number of rows (see ``fit_map``).
        goals: What thresholds are chosen for.

    Raises:
        ConfigError: If rows or model do not allow it.
    """
    scored = score_rows(predictor, data, rows_of(data, split))
    samples = scored.samples
    patients = {sample.patient_id for sample in samples}
    answers = None if scored.answers is None else _answers(predictor, scored.answers, samples)
    scores: dict[str, list[LabelCalibration]] = {
        kind: _labels(predictor.scored[kind], score_NL, targets_of(data, samples, predictor.scored[kind]), samples,
                      method, goals)
        for kind, score_NL in scored.scores.items()
    }  # fmt: skip
    return Calibration(
        data=data.name,
        split=f"{split} of {data.split_name}",
        n=len(samples),
        n_patients=len(patients),
        created=created(),
        scores=scores,
        answers=answers,
        notes=_notes(predictor, data, patients),
    )


def _labels(
    names: Sequence[str],
    score_NL: Float,
    target_NL: Float,
    samples: Sequence[Sample],
    method: Method | None,
    goals: Sequence[Goal],
) -> list[LabelCalibration]:
    """Each label's map and thresholds; patients are drawn alike for all labels."""
    patient_N = pd.Series([sample.patient_id for sample in samples])
    fold_N = pd.Series(0, index=patient_N.index)
    resamples = Resamples(fold_N, patient_N)
    unit_N = resamples.unit_of(fold_N, patient_N)
    out = []
    for place, name in enumerate(names):
        known_N = ~np.isnan(target_NL[:, place])
        score_K, target_K = score_NL[known_N, place], target_NL[known_N, place]
        score_map = fit_map(score_K, target_K, method) if known_N.any() else ScoreMap(reason="not in these data")
        wanted = goals if score_map.is_calibrated else ()
        points = {
            goal.name: operating_point(score_K, target_K, unit_N[known_N], resamples.counts_VG, goal) for goal in wanted
        }
        out.append(LabelCalibration(name, len(score_K), int(target_K.sum()), score_map, points))
    return out


def _answers(predictor: Predictor, score_NK: Float, samples: Sequence[Sample]) -> AnswerCalibration:
    """The temperature of the answers or classes."""
    right_N = is_right(predictor, score_NK, samples)
    return AnswerCalibration(fit_temperature(score_NK, right_N), len(samples), int(right_N.sum()))


def _notes(predictor: Predictor, data: DataModule, patients: set[str]) -> list[str]:
    """What a reader must know: of patients that were trained on a model is too sure."""
    seen = seen_patients(predictor.info, data.name, patients)
    notes = [f"{len(seen):,} of these {len(patients):,} patients were trained on: probabilities may be too sure"]
    shared = f"patients lie in several splits of {data.split_label}: probabilities may be too sure"
    return notes * bool(seen) + [shared] * (not data.is_patient_disjoint)
