"""Real image-report pairs out of ChestX-ray14: finding names as sentences, and what a constant predictor costs.

N images, E entities.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gkmvlp.entities import ENTITIES
from gkmvlp.errors import DataError

NAMES = {entity.nih: entity.name for entity in ENTITIES if entity.nih}
NO_FINDING = "No Finding"
WORDINGS = ("There is {}.", "The radiograph shows {}.", "On this image, {} can be seen.")
SUFFIXES = (".png", ".jpg", ".jpeg", ".dcm")
# Student's t of 95 % for 2 to 5 folds
_T = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776}


def sentence(labels: str, image: str) -> str:
    """A report of one sentence.

    Args:
        labels: Finding names of the official table, joined by ``|``.
        image: The official image name; its hash chooses the wording.

    Raises:
        DataError: If a label is none of the 14 or ``No Finding``.
    """
    findings = [label for label in labels.split("|") if label != NO_FINDING]
    if unknown := set(findings) - NAMES.keys():
        raise DataError(f"{image} has the label {min(unknown)!r}: one of {', '.join(NAMES)} was expected")
    names = [NAMES[label] for label in findings] or ["no finding"]
    phrase = " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
    wording = WORDINGS[int.from_bytes(sha256(image.encode()).digest()[:8], "big") % len(WORDINGS)]
    return f"FINDINGS: {wording.format(phrase)}"


@dataclass(frozen=True)
class Pairs:
    """Pairs and what became of the other images.

    Attributes:
        table: Columns image (relative to the root), report, patient_id, study_id, view.
        images: Image files found.
        dropped: Reason -> number of images.
    """

    table: pd.DataFrame
    images: int
    dropped: dict[str, int]


def build_pairs(root: Path) -> Pairs:
    """Pairs of the images that are there and in the official training and validation list.

    Args:
        root: Folder with ``Data_Entry_2017*.csv``, ``train_val_list.txt`` and image folders ``images*``; an image is
            known by its stem, whatever its extension.

    Raises:
        DataError: If a file is missing, or no image is left.
    """
    files = {
        Path(file).stem: file
        for folder in sorted(root.glob("images*"))
        for file in sorted(folder.rglob("*"))
        if file.suffix.lower() in SUFFIXES
    }
    allowed = {line.rpartition(".")[0] for line in _only(root, "train_val_list.txt").read_text().split()}
    columns = ["Image Index", "Finding Labels", "Patient ID", "View Position"]
    entries = pd.read_csv(_only(root, "Data_Entry_2017*.csv"), dtype=str, usecols=columns)
    entries = entries.assign(stem=[name.rpartition(".")[0] for name in entries["Image Index"]])
    known = set(entries["stem"])
    dropped = {
        "not in train_val_list.txt": sum(stem not in allowed for stem in files),
        "not in the label table": sum(stem in allowed and stem not in known for stem in files),
    }
    rows = entries[entries["stem"].isin(allowed) & entries["stem"].isin(files)]
    if rows.empty:
        raise DataError(f"{root}: none of {len(files)} images under images*/ is in train_val_list.txt")
    texts = [sentence(*pair) for pair in zip(rows["Finding Labels"], rows["Image Index"], strict=True)]
    table = pd.DataFrame({
        "image": [str(files[stem].relative_to(root)) for stem in rows["stem"]],
        "report": texts,
        "patient_id": rows["Patient ID"].to_numpy(),
        "study_id": rows["stem"].to_numpy(),
        "view": rows["View Position"].to_numpy(),
    })  # fmt: skip
    return Pairs(table, len(files), {reason: count for reason, count in dropped.items() if count})


def _only(root: Path, pattern: str) -> Path:
    """The last file of a folder that fits."""
    matches = sorted(root.glob(pattern))
    if not matches:
        raise DataError(f"no {root / pattern}: get it with ChestX-ray14, nihcc.app.box.com/v/ChestXray-NIHCC")
    return matches[-1]


def prevalence_nats(train_NE: NDArray[np.int8], held_out_NE: NDArray[np.int8]) -> tuple[float, float]:
    """What a predictor costs that knows nothing but how often each entity is present in training.

    Uncertain statuses (-1) are left out, unmentioned ones (-2) count as absent, as ECLS has them by default; all
    entries weigh alike. A prevalence is (present + 1/2) / (entries + 1), so that none is 0.

    Args:
        train_NE: Statuses of the training images.
        held_out_NE: Statuses of the images that are predicted.

    Returns:
        Cross-entropy on the held-out entries and entropy of the training prevalence, means over entries, in nats.
    """
    kept_NE = train_NE != -1
    present_E = (((train_NE == 1) & kept_NE).sum(0) + 0.5) / (kept_NE.sum(0) + 1)
    entropy_E = -(present_E * np.log(present_E) + (1 - present_E) * np.log1p(-present_E))
    cost_NE = -np.where(held_out_NE == 1, np.log(present_E), np.log1p(-present_E))
    return float(cost_NE[held_out_NE != -1].mean()), float(entropy_E.mean())


def over_folds(values: Sequence[float]) -> tuple[float, float | None, float | None]:
    """Mean over folds with Student's 95 % interval, which needs two folds or more.

    The folds' training sets overlap, so the interval is a guide, not exact.
    """
    mean = float(np.mean(values))
    if len(values) < 2:
        return mean, None, None
    half = _T[len(values)] * float(np.std(values, ddof=1)) / len(values) ** 0.5
    return mean, mean - half, mean + half
