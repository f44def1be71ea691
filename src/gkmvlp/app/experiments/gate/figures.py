"""Figures of the gate: false refusals of frontal radiographs, and how well each kind is told from them.

N pictures, K kinds.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from gkmvlp.app.experiments.gate.alterations import PLAIN, Drawn, altered, kinds_for
from gkmvlp.app.experiments.gate.corpus import SALT, SIDE, Pictures
from gkmvlp.data_modules.pipeline.transforms import Pixels
from gkmvlp.metrics.bootstrap import LEVEL, RESAMPLES, SEED, Resamples, auroc_curve, interval, mean_curve
from gkmvlp.metrics.results.metric_result import VERSION, MetricResult, signature
from gkmvlp.models.gate import FRONTAL, KINDS, both_ways
from gkmvlp.zoo.inference.gate import Gate, as_input

MOST = 300  # pictures of a data set that are altered in every way
DRAW_SEED = 4711  # of what is drawn for measuring; training draws by another
PATIENTS = "all patients"  # the frontal radiographs of all sources but phantoms
BOOT = f"{RESAMPLES}x patient, seed {SEED}"


class Judged(NamedTuple):
    """Pictures of one kind after the gate.

    Attributes:
        score_N: How far the kind farthest above its threshold is above; refused where positive.
        kind_N: What the gate calls each, ``frontal`` where it lets it through.
        patients: N patients.
    """

    score_N: NDArray[np.float64]
    kind_N: NDArray[np.str_]
    patients: Sequence[str]


def judge(gate: Gate, images: Sequence[Pixels], patients: Sequence[str]) -> Judged:
    """The gate on pictures (S, S), in batches."""
    parts = []
    for start in range(0, len(images), 128):
        with torch.inference_mode():
            logit_NK = both_ways(gate.net, torch.cat([as_input(image) for image in images[start : start + 128]]))
        over_NK = gate.over(logit_NK)
        parts.append((over_NK.max(1).values.double().numpy(), [gate.kind_of(row) for row in logit_NK]))
    kinds = np.array([kind for _, names in parts for kind in names])
    return Judged(np.concatenate([score for score, _ in parts]), kinds, patients)


def gate_figures(gate: Gate, sources: Sequence[Pictures]) -> list[MetricResult]:
    """All figures on test rows.

    Args:
        gate: The gate.
        sources: Test rows of every source; pictures that are no frontal radiographs are compared with those of the
            first source of patients, lateral ones with those of Open-i where they are there.
    """
    drawn = Drawn.draw(DRAW_SEED, 200, SIDE)
    figures, frontal = [], dict[str, Judged]()
    for source in (one for one in sources if one.is_frontal):
        rng = np.random.default_rng(DRAW_SEED)
        frontal[source.name] = judge(gate, list(source.image_NSS), source.patients)
        figures.append(_share("false_refusals", source.name, None, frontal[source.name], False))
        images, patients = source.image_NSS[:MOST], source.patients[:MOST]
        for kind in kinds_for(True)[1:]:
            made = [altered(image, kind, rng, PLAIN, drawn, SIDE) for image in images]
            figures += _of_kind(source.name, kind, frontal[source.name], judge(gate, made, patients))
    patients = [name for name in frontal if name != "phantoms"]
    if patients:
        figures.append(_share("false_refusals", PATIENTS, None, _together([frontal[name] for name in patients]), False))
    for source in (one for one in sources if not one.is_frontal and patients):
        against = "openi" if "openi" in frontal and source.kind == "lateral" else patients[0]
        judged = judge(gate, list(source.image_NSS), source.patients)
        figures += _of_kind(source.name, source.kind, frontal[against], judged, f"against frontal ones of {against}")
    return figures


def _together(parts: Sequence[Judged]) -> Judged:
    """All pictures as one; those of one NIH patient stand for one, whichever set they came with."""
    scores, kinds = (
        np.concatenate(values) for values in zip(*((one.score_N, one.kind_N) for one in parts), strict=True)
    )
    return Judged(scores, kinds, [patient for one in parts for patient in one.patients])


def _of_kind(data: str, kind: str, frontal: Judged, other: Judged, note: str | None = None) -> list[MetricResult]:
    """AUROC of the refusal, and the share that is refused, and that is called by its name."""
    score_N = np.concatenate([frontal.score_N, other.score_N])
    target_N = np.repeat([0.0, 1.0], [len(frontal.score_N), len(other.score_N)])
    patient_N = pd.Series([*frontal.patients, *other.patients])
    resamples = Resamples(pd.Series(0, patient_N.index), patient_N)
    unit_N = resamples.unit_of(pd.Series(0, patient_N.index), patient_N)
    estimate = interval(auroc_curve(score_N, target_N, unit_N, resamples.counts_VG))
    parts = signature(metric="gate_auroc", version=VERSION, unit="image", boot=BOOT, split=_split(data))
    auroc = MetricResult("gate", "gate_auroc", estimate.value, parts, label=kind, data=data, split=_split(data),
                         low=estimate.low, high=estimate.high, level=LEVEL, n=len(score_N),
                         n_patients=patient_N.nunique(), note=note)  # fmt: skip
    return [auroc, _share("refused", data, kind, other, True), _share("named_right", data, kind, other, True)]


def _share(name: str, data: str, kind: str | None, judged: Judged, higher_is_better: bool) -> MetricResult:
    """A share of pictures with its interval over patients."""
    hit_N = (judged.kind_N == kind) if name == "named_right" else (judged.kind_N != FRONTAL)
    patient_N = pd.Series(list(judged.patients)).astype(str)
    resamples = Resamples(pd.Series(0, patient_N.index), patient_N)
    unit_N = resamples.unit_of(pd.Series(0, patient_N.index), patient_N)
    estimate = interval(mean_curve(hit_N.astype(float), unit_N, resamples.counts_VG))
    parts = signature(metric=name, version=VERSION, unit="image", boot=BOOT, split=_split(data))
    told = None
    if kind is None and hit_N.any():
        counts = {one: int((judged.kind_N == one).sum()) for one in KINDS[1:]}
        told = "called " + ", ".join(f"{one}: {count}" for one, count in counts.items() if count)
    return MetricResult("gate", name, estimate.value, parts, label=kind, data=data, split=_split(data),
                        low=estimate.low, high=estimate.high, level=LEVEL, n=len(hit_N),
                        n_patients=patient_N.nunique(), higher_is_better=higher_is_better, note=told)  # fmt: skip


def _split(data: str) -> str:
    """Which rows are measured."""
    if data == PATIENTS:
        return "those above"
    return "all" if data in ("openi", "openi-laterals", "photographs") else f"test by patient, salt {SALT}"
