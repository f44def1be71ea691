"""The report labeler against the grammar of the phantoms, hard sentences and real ones, and its speed."""

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from gkmvlp.app.experiments.real.openi_sentences import LABELS, read_labels
from gkmvlp.app.running.outcome import write_results
from gkmvlp.entities import ENTITIES
from gkmvlp.errors import DataError
from gkmvlp.metrics.bootstrap import LEVEL, RESAMPLES, SEED, Resamples, interval
from gkmvlp.metrics.results.metric_result import VERSION, MetricResult, signature
from gkmvlp.metrics.results.provenance import ProcessTreePeak
from gkmvlp.phantom.writing.grammar import SCORED, sentences
from gkmvlp.report.labeler import NOT_MENTIONED, label_report, statuses

Statuses = Mapping[str, int]
Rows = Sequence[tuple[str, Statuses]]


def measure(args: argparse.Namespace) -> None:
    """Scores, times, prints and writes ``results.json``, with ``--record`` ``labeler.json``."""
    with ProcessTreePeak() as peak:
        reports = [(text, _only_scored(stated)) for text, stated in sentences(args.seed, args.reports)]
        statuses, seconds = _timed([text for text, _ in reports])
        note = f"seed {args.seed}, entities whose every mention the grammar records"
        figures = [
            f1_figure(f"phantom-reports seed {args.seed}", reports, [_only_scored(one) for one in statuses], note),
            _speed(len(reports), seconds),
        ]
        for file in _hard(args.hard):
            rows = [(row["text"], row["status"]) for row in json.loads(file.read_text())]
            figures.append(f1_figure(file.stem.replace("_", "-"), rows, [label(text) for text, _ in rows], None))
        figures += _real(args.hard / LABELS, args.openi)
    write_results(args.out, figures, peak, args.record and args.record / "labeler.json")


def label(text: str) -> dict[str, int]:
    """Status of each entity that a text mentions."""
    status_E = statuses(label_report(text)).tolist()
    return {row.name: status for row, status in zip(ENTITIES, status_E, strict=True) if status != NOT_MENTIONED}


def f1_figure(data: str, rows: Rows, statuses: Sequence[Statuses], note: str | None) -> MetricResult:
    """Micro F1 over (text, entity, status), with its interval over texts.

    Args:
        data: What the texts are.
        rows: Texts and what they state.
        statuses: What the labeler says of each.
        note: What stands with the figure.
    """
    true = [stated.items() for _, stated in rows]
    hit_N = np.array([len(a & b.items()) for a, b in zip(true, statuses, strict=True)], float)
    size_N = np.array([len(a) + len(b) for a, b in zip(true, statuses, strict=True)], float)
    texts = pd.Series([str(index) for index in range(len(rows))])
    resamples = Resamples(pd.Series(0, texts.index), texts)
    unit_N = resamples.unit_of(pd.Series(0, texts.index), texts)
    counts_VN = resamples.counts_VG[:, unit_N].astype(float)
    estimate = interval(2 * (counts_VN @ hit_N) / (counts_VN @ size_N))
    parts = signature(metric="entity_status_f1", version=VERSION, unit="text-entity-status", average="micro",
                      split=data, boot=f"{RESAMPLES}x text, seed {SEED}")  # fmt: skip
    return MetricResult("labeler", "entity_status_f1", estimate.value, parts, data=data, low=estimate.low,
                        high=estimate.high, level=LEVEL, n=len(rows), note=note)  # fmt: skip


def _timed(texts: Sequence[str]) -> tuple[list[dict[str, int]], float]:
    """What the labeler says of each text, and the seconds of one core that it took, sentences remembered as they come.

    The first hundred texts are read twice: patterns are compiled once a process.
    """
    for text in texts[:100]:
        label(text)
    start = time.process_time()
    statuses = [label(text) for text in texts]
    return statuses, time.process_time() - start


def _speed(reports: int, seconds: float) -> MetricResult:
    parts = signature(metric="reports_per_s", version=VERSION, unit="report", split="phantom-reports")
    note = "one core, time of the process; from text to statuses with places"
    return MetricResult(
        "labeler", "reports_per_s", reports / seconds, parts, data="phantom-reports", n=reports, note=note
    )


def _only_scored(stated: Statuses) -> dict[str, int]:
    return {name: status for name, status in stated.items() if name in SCORED}


def _real(labels: Path, table: Path | None) -> list[MetricResult]:
    """Status F1 on held-out sentences of Open-i; none where its table is not named."""
    if table is None:
        return []
    for path in (labels, table):
        if not path.is_file():
            raise DataError(f"no {path}: the labels lie in tests/report, pairs.csv beside the reports of Open-i")
    rows = read_labels(labels, table)
    note = "distinct sentences of studies that no rule was written by; read twice by one reader before they were scored"
    return [f1_figure("openi-held-out", rows, [label(text) for text, _ in rows], note)]


def _hard(folder: Path) -> list[Path]:
    """The files of hard sentences."""
    files = sorted(folder.glob("hard_*.json"))
    if not files:
        raise DataError(f"no hard_*.json in {folder}: run in a checkout, or name its tests/report by --hard")
    return files
