"""Who is in which split: pure functions of ids, the same on every machine and in any order."""

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Literal

import numpy as np

from gkmvlp.errors import DataError

Split = Literal["train", "validate", "test"]
SPLITS: tuple[Split, ...] = ("train", "validate", "test")


_SPLIT_NAMES: dict[str, Split] = {
    "train": "train", "training": "train",
    "validate": "validate", "val": "validate", "valid": "validate", "validation": "validate", "dev": "validate",
    "test": "test", "testing": "test",
}  # fmt: skip


def standard_split(name: str) -> Split | None:
    """The split that a name stands for, in any case (``val``, ``valid``, ``dev`` ...); None where it is no split's."""
    return _SPLIT_NAMES.get(name.strip().lower())


def unit_hash(patient_id: str, salt: str = "") -> float:
    """A number in [0, 1) that depends on the id and the salt alone."""
    return int.from_bytes(sha256(f"{salt}{patient_id}".encode()).digest()[:8], "big") / 2**64


def hash_split(patient_id: str, validate: float = 0.1, test: float = 0.1, salt: str = "") -> Split:
    """The split of a patient; a new patient moves nobody else.

    Args:
        patient_id: The patient.
        validate: Share of validation patients.
        test: Share of test patients.
        salt: Another salt is another split.
    """
    place = unit_hash(patient_id, salt)
    return "test" if place < test else "validate" if place < test + validate else "train"


def hash_fold(patient_id: str, folds: int, salt: str = "") -> int:
    """The fold 0..folds-1 of a patient, independent of ``hash_split``."""
    return int(unit_hash(patient_id, f"fold{salt}") * folds)


def fold_split(patient_id: str, fold: int, folds: int, validate: float = 0.1, salt: str = "") -> Split:
    """The split of a patient in cross-validation: the fold is the test split, a share of the rest validates.

    Args:
        patient_id: The patient.
        fold: The fold that is tested, 0..folds-1.
        folds: Number of folds.
        validate: Share of the other patients that validate.
        salt: Another salt is another division.
    """
    if hash_fold(patient_id, folds, salt) == fold:
        return "test"
    return hash_split(patient_id, validate, test=0.0, salt=salt)


def in_fraction(patient_id: str, fraction: float, salt: str = "") -> bool:
    """Whether a patient belongs to that fraction of the training patients; smaller fractions lie inside larger ones."""
    return unit_hash(patient_id, f"fraction{salt}") < fraction


def least_fraction(patients: Iterable[str]) -> float:
    """A fraction with two digits that takes at least one of some patients; see ``in_fraction``."""
    least = min(unit_hash(one, "fraction") for one in patients)
    digit = 10.0 ** (math.floor(math.log10(least)) - 1)
    return (math.floor(least / digit) + 1) * digit


def connected_groups(keys: Sequence[Iterable[Hashable]]) -> list[int]:
    """Groups of rows that share a key, directly or over other rows.

    Args:
        keys: The keys of each row.

    Returns:
        A group number a row, counted by first appearance.
    """
    parent = list(range(len(keys)))

    def root(row: int) -> int:
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    first: dict[Hashable, int] = {}
    for row, names in enumerate(keys):
        for name in names:
            low, high = sorted((root(first.setdefault(name, row)), root(row)))
            parent[high] = low
    number: dict[int, int] = {}
    return [number.setdefault(root(row), len(number)) for row in range(len(keys))]


def draw_groups(groups: Iterable[str], share: float, seed: int) -> set[str]:
    """Draws ``share`` of the different groups, at least one where there are two.

    Args:
        groups: Names, each any number of times; their order does not matter.
        share: Share of the names that is drawn, in [0, 1].
        seed: Seed of the draw.
    """
    names = sorted(set(groups))
    count = min(max(round(share * len(names)), 1), len(names) - 1)
    order = np.random.default_rng(seed).permutation(len(names))
    return {names[index] for index in order[:count]}


def require_disjoint(patients: Mapping[str, Iterable[str]], source: str) -> None:
    """Checks that no patient is on two sides.

    Args:
        patients: Split -> ids of its patients.
        source: The file that says so, for the error.

    Raises:
        DataError: If a patient is in two splits; the first such patient is named.
    """
    home: dict[str, str] = {}
    for split, names in patients.items():
        for name in sorted(set(names)):
            if home.setdefault(name, split) != split:
                raise DataError(
                    f"patient {name} is in {home[name]} and in {split} of {source}: keep a patient on one side"
                )
