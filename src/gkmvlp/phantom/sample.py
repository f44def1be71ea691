"""Draws what a patient is to show, before anything is drawn as an image."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from gkmvlp.anatomy import Side, View
from gkmvlp.phantom.plan import Severity, Zone

# Share of ill patients that carry a finding, before companions; with 28 % free of findings of the lungs, heart and
# pleura this gives each a prevalence of 6 to 15 %.
_WEIGHT: dict[str, float] = {
    "atelectasis": 1.05,
    "cardiomegaly": 1.0,
    "consolidation": 0.95,
    "edema": 1.05,
    "emphysema": 1.1,
    "fibrosis": 1.0,
    "hernia": 0.9,
    "mass": 1.0,
    "nodule": 1.1,
    "pleural effusion": 0.9,
    "pleural thickening": 1.0,
    "pneumothorax": 1.0,
    "calcified granuloma": 1.0,
    "elevated hemidiaphragm": 1.0,
}
_COMPANIONS: dict[str, tuple[str, ...]] = {
    "edema": ("cardiomegaly", "pleural effusion"),
    "cardiomegaly": ("edema", "pleural effusion"),
    "pleural effusion": ("atelectasis", "cardiomegaly", "consolidation"),
    "emphysema": ("pneumothorax", "nodule"),
    "mass": ("pleural effusion", "atelectasis"),
    "fibrosis": ("pleural thickening",),
}
_EXCLUDES: dict[str, tuple[str, ...]] = {
    "emphysema": ("edema", "elevated hemidiaphragm", "cardiomegaly"),
    "edema": ("emphysema", "fibrosis", "pneumothorax"),
    "fibrosis": ("edema",),
    "pneumothorax": ("edema",),
    "elevated hemidiaphragm": ("emphysema",),
    "cardiomegaly": ("emphysema",),
}
# Findings that would hide each other in one hemithorax.
_ONE_A_SIDE = ("pleural effusion", "pneumothorax", "elevated hemidiaphragm")
_BILATERAL = ("edema", "emphysema")
_CENTRAL = ("cardiomegaly", "hernia")
_BOTH_SIDES = {"pleural effusion": 0.22, "consolidation": 0.12, "fibrosis": 0.25, "pleural thickening": 0.12}
_ZONES: dict[str, tuple[float, float, float, float]] = {
    "atelectasis": (0.0, 0.2, 0.3, 0.5),
    "consolidation": (0.0, 0.3, 0.3, 0.4),
    "fibrosis": (0.0, 0.35, 0.2, 0.45),
    "mass": (0.0, 0.45, 0.35, 0.2),
    "nodule": (0.1, 0.35, 0.35, 0.2),
    "calcified granuloma": (0.1, 0.3, 0.35, 0.25),
    "pleural thickening": (0.35, 0.2, 0.25, 0.2),
    "pleural effusion": (0.0, 0.0, 0.0, 1.0),
}
_ZONE_NAMES: tuple[Zone, ...] = ("apical", "upper", "mid", "lower")
_SEVERITIES: tuple[Severity, ...] = ("small", "moderate", "large")


@dataclass(frozen=True)
class FindingPlan:
    """What is to be planted where.

    Attributes:
        entity: One of ``gkmvlp.phantom.plan.FINDINGS``.
        side: As in ``Finding``.
        zone: As in ``Finding``.
        severity: As in ``Finding``.
        size: In [0, 1), within the severity.
        contrast: In [0, 1).
        place: In [0, 1), which of the admissible positions is taken.
        shape_seed: Seeds outline and texture.
    """

    entity: str
    side: Side | None
    zone: Zone | None
    severity: Severity
    size: float
    contrast: float
    place: float
    shape_seed: int

    @property
    def extent(self) -> float:
        """Size over all severities, in [0, 1)."""
        return (_SEVERITIES.index(self.severity) + self.size) / 3


@dataclass(frozen=True)
class PatientPlan:
    """One patient: who, how taken, and what is to be seen.

    Attributes:
        seed: Seed of the corpus.
        index: Number of the patient.
        view: Projection.
        sex: ``M`` or ``F``.
        age: Years.
        habitus: From -1 thin to 1 obese.
        turned: Turn about the long axis, from -1 to 1; 0 in most.
        low_inspiration: True where the breath is shallow.
        findings: What is planted.
    """

    seed: int
    index: int
    view: View
    sex: Literal["M", "F"]
    age: int
    habitus: float
    turned: float
    low_inspiration: bool
    findings: tuple[FindingPlan, ...]

    def stream(self, part: int) -> np.random.Generator:
        """The random numbers of one part of the drawing: a change in one part leaves the others as they were."""
        return np.random.default_rng([self.seed, self.index, part])

    def planned(self, entity: str, side: Side | None = None) -> FindingPlan | None:
        """The finding of that name (and side), or None."""
        for finding in self.findings:
            if finding.entity == entity and side in (None, finding.side):
                return finding
        return None


def _names(rng: np.random.Generator) -> list[str]:
    """Names of the findings of one patient, devices included."""
    names: list[str] = []
    weight = dict(_WEIGHT)
    wanted = 0 if rng.random() < 0.28 else int(rng.choice([1, 2, 3, 4], p=[0.30, 0.35, 0.25, 0.10]))
    while len(names) < wanted:
        chance = np.array(list(weight.values()))
        name = str(rng.choice(list(weight), p=chance / chance.sum()))
        names.append(name)
        weight.pop(name)
        for other in _COMPANIONS.get(name, ()):
            if other in weight:
                weight[other] *= 2
        for other in _EXCLUDES.get(name, ()):
            weight.pop(other, None)
    for device in ("central line", "pacemaker"):
        if rng.random() < 0.068:
            names.append(device)
    return names


def _plan(rng: np.random.Generator, name: str, side: Side | None) -> FindingPlan:
    severity = _SEVERITIES[int(rng.choice(3, p=[0.27, 0.40, 0.33]))]
    zone: Zone | None = None
    if name in _ZONES:
        zone = _ZONE_NAMES[int(rng.choice(4, p=_ZONES[name]))]
    elif name == "pneumothorax" and severity == "small":
        zone = "apical"
    size, contrast, place = (float(value) for value in rng.random(3))
    return FindingPlan(name, side, zone, severity, size, contrast, place, int(rng.integers(1 << 31)))


def _side(rng: np.random.Generator, name: str, taken: dict[str, Side]) -> Side | None:
    """A side for a finding, away from those that would hide it."""
    if name in _CENTRAL:
        return None
    if name in _BILATERAL:
        return "bilateral"
    right = rng.random() < {"pacemaker": 0.35, "central line": 0.6}.get(name, 0.5)
    side: Side = "right" if right else "left"
    if name in _ONE_A_SIDE and side in taken.values():
        side = "left" if side == "right" else "right"
    return side


def _findings(rng: np.random.Generator) -> tuple[FindingPlan, ...]:
    plans: list[FindingPlan] = []
    taken: dict[str, Side] = {}
    for name in _names(rng):
        side = _side(rng, name, taken)
        if name in _ONE_A_SIDE and side is not None:
            if side in taken.values():
                continue
            taken[name] = side
        plans.append(_plan(rng, name, side))
        both = rng.random() < _BOTH_SIDES.get(name, 0)
        if both and not (name in _ONE_A_SIDE and len(taken) > 1):
            other: Side = "left" if side == "right" else "right"
            if name in _ONE_A_SIDE:
                taken[name + " too"] = other
            plans.append(_plan(rng, name, other))
    return tuple(plans)


def sample_patient(seed: int, index: int) -> PatientPlan:
    """Draws the plan of one patient.

    Args:
        seed: Seed of the corpus.
        index: Number of the patient.
    """
    rng = np.random.default_rng([seed, index])
    findings = _findings(rng)
    names = {finding.entity for finding in findings}
    turned = float(rng.uniform(0.5, 1) * rng.choice([-1, 1])) if rng.random() < 0.055 else 0.0
    return PatientPlan(
        seed=seed,
        index=index,
        view="AP" if rng.random() < 0.4 else "PA",
        sex="F" if rng.random() < 0.47 else "M",
        age=int(np.clip(rng.normal(58, 17), 18, 95)),
        habitus=float(np.clip(rng.normal(0, 0.5), -1, 1)),
        turned=turned,
        low_inspiration=bool(rng.random() < 0.055 and "emphysema" not in names),
        findings=findings,
    )
