"""Real sentences of Open-i: a half to write rules by, a half to measure on, and labels without the texts.

The reports are CC BY-NC-ND, so the labels name a sentence by its study, its place in the report and a hash.
"""

import json
import random
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from gkmvlp.errors import DataError

LABELS = "openi_labels.json"
DEVELOPMENT, HELD_OUT = "development", "held out"
_SEED = 17


class RealSentence(NamedTuple):
    """One sentence of a report: ``text`` is the characters from ``start`` to ``end`` of the study's report."""

    study: str
    start: int
    end: int
    text: str

    @property
    def digest(self) -> str:
        """16 hex digits that stand for the text."""
        return sha256(self.text.encode()).hexdigest()[:16]


def half_of(study: str) -> str:
    """The half that a study belongs to, by a hash of its id."""
    return DEVELOPMENT if sha256(f"openi:{study}".encode()).digest()[0] % 2 else HELD_OUT


def reports(table: Path, half: str) -> dict[str, str]:
    """Reports (findings, then impression) of one half by study.

    Args:
        table: ``pairs.csv`` with the columns patient_id (one a study) and report.
        half: ``DEVELOPMENT`` or ``HELD_OUT``.
    """
    rows = pd.read_csv(table, dtype=str, keep_default_na=False, usecols=["patient_id", "report"])
    rows = rows.drop_duplicates("patient_id")
    pairs = zip(rows["patient_id"], rows["report"], strict=True)
    return {study: " ".join(text.split()) for study, text in pairs if half_of(study) == half}


def sentences(table: Path, half: str) -> list[RealSentence]:
    """Distinct sentences of one half, cut at stops before a blank alone: the labeler's own cutter has no part in it."""
    by_text: dict[str, RealSentence] = {}
    for study, text in reports(table, half).items():
        start = 0
        for piece in text.replace("? ", ". ").replace("! ", ". ").split(". "):
            end = min(len(text), start + len(piece) + 1)
            if any(letter.isalpha() for letter in piece):
                by_text.setdefault(text[start:end].lower().strip(), RealSentence(study, start, end, text[start:end]))
            start = end + 1
    return list(by_text.values())


def drawn(table: Path, count: int) -> list[RealSentence]:
    """Sentences of the held-out half, drawn evenly from the distinct ones by a fixed seed."""
    pool = sorted(sentences(table, HELD_OUT), key=lambda one: one.digest)
    return random.Random(_SEED).sample(pool, count)


def read_labels(labels: Path, table: Path) -> list[tuple[str, dict[str, int]]]:
    """The labelled sentences with their statuses.

    Args:
        labels: ``openi_labels.json``: study, start and end in the study's report, hash and statuses of each sentence.
        table: ``pairs.csv``.

    Raises:
        DataError: If a sentence is not what was labelled.
    """
    texts = reports(table, HELD_OUT)
    rows = []
    for row in json.loads(labels.read_text())["sentences"]:
        text = texts.get(row["study"], "")[row["start"] : row["end"]]
        if RealSentence(row["study"], row["start"], row["end"], text).digest != row["sha256"]:
            raise DataError(f"{table}: study {row['study']} is not the report that {labels.name} labels; fetch it anew")
        rows.append((text, dict(row["status"])))
    return rows
