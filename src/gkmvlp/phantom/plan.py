"""What a phantom is: a synthetic radiograph whose findings, boxes and regions are known because they were put there."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gkmvlp.anatomy import Side, View

Zone = Literal["apical", "upper", "mid", "lower"]
Severity = Literal["small", "moderate", "large"]

# Names of gkmvlp.entities that phantoms can show; the last two are devices.
FINDINGS: tuple[str, ...] = (
    "atelectasis",
    "cardiomegaly",
    "consolidation",
    "edema",
    "emphysema",
    "fibrosis",
    "hernia",
    "mass",
    "nodule",
    "pleural effusion",
    "pleural thickening",
    "pneumothorax",
    "calcified granuloma",
    "elevated hemidiaphragm",
    "central line",
    "pacemaker",
)


@dataclass(frozen=True)
class Finding:
    """One planted finding.

    Attributes:
        entity: One of ``FINDINGS``.
        side: The patient's side, ``bilateral`` (edema, emphysema), or None for central findings.
        zone: Zone of the lung, or None where the finding has none.
        severity: How large or strong it was drawn.
        box_K4: Its boxes (K, 4) float32 xyxy in pixels of the image; K is 2 for bilateral findings, else 1.
    """

    entity: str
    side: Side | None
    zone: Zone | None
    severity: Severity
    box_K4: NDArray[np.float32]


@dataclass(frozen=True)
class Phantom:
    """One synthetic radiograph with all that is known of it.

    Attributes:
        image_HW: Pixels (H, W) uint8, air dark.
        view: Projection.
        sex: ``M`` or ``F``.
        age: Years.
        rotated: True where the patient stands turned.
        low_inspiration: True where the breath is shallow.
        region_R4: Boxes of the 29 regions (29, 4) float32 xyxy in pixels.
        findings: At most one entry an entity and side.
    """

    image_HW: NDArray[np.uint8]
    view: View
    sex: Literal["M", "F"]
    age: int
    rotated: bool
    low_inspiration: bool
    region_R4: NDArray[np.float32]
    findings: tuple[Finding, ...]

    def shows(self, entity: str) -> bool:
        """Whether a finding of that name was planted."""
        return any(finding.entity == entity for finding in self.findings)
