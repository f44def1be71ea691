"""Print the paired difference of two results files with its interval.

Figures with unequal signatures are refused.
"""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the two results."""
    parser.add_argument("a", metavar="A", type=_results_file, help="results file, or folder of a run")
    parser.add_argument("b", metavar="B", type=_results_file, help="the same, which is subtracted")
    parser.add_argument("--json", action="store_true", help='print {"differences": [...]}')
    parser.add_argument("--record", type=Path, metavar="FILE", help="write the table too, for docs/results: NAME.json")
    parser.add_argument("--called", nargs=2, default=("a", "b"), metavar=("A", "B"), help="their names in it (a b)")


def run(arguments: argparse.Namespace) -> int:
    """Compare every figure that both files hold."""
    import json
    import time

    from gkmvlp.errors import ResultsError
    from gkmvlp.metrics.results.compare import compare, table_rows
    from gkmvlp.metrics.results.metric_result import Results
    from gkmvlp.metrics.results.plain_table import write_table
    from gkmvlp.metrics.results.provenance import command
    from gkmvlp.metrics.results.tables import interval, number

    start = time.monotonic()
    for file in (arguments.a, arguments.b):
        if not file.exists() and any(file.parent.glob("predictions/*.parquet")):  # of fit and test alone
            raise ResultsError(f"no {file}: gkmvlp evaluate {file.parent} makes it of the run's predictions")
    comparison = compare(Results.read(arguments.a), Results.read(arguments.b))
    if arguments.record:
        a, b = arguments.called
        columns, note = ("figure", a, b, f"{a} - {b}", "n (patients)"), "Paired on the same resamples and seeds."
        write_table(
            arguments.record, f"{a} and {b}", columns, table_rows(comparison), command=command(),
            seconds=time.monotonic() - start, note=note,
        )  # fmt: skip
    if arguments.json:
        rows = [
            {
                "task": c.a.task, "name": c.a.name, "label": c.a.label, "data": c.a.data, "split": c.a.split,
                "signature": c.a.signature, "models": [c.a.model, c.b.model], "values": [c.a.value, c.b.value],
                "difference": c.difference,
            }
            for c in comparison
        ]  # fmt: skip
        print(json.dumps({"differences": rows}, indent=1, allow_nan=False))
        return 0
    for c in comparison:
        models = c.a.model if c.a.model == c.b.model else f"{c.a.model} - {c.b.model}"
        name = " ".join(filter(None, (c.a.task, c.a.name, c.a.label)))
        print(f"{name:<48} {models:<24} {number(c.a.value)} - {number(c.b.value)} = {interval(c.difference)}")
    return 0


def _results_file(word: str) -> Path:
    """The file that is named, or the one in a run's folder."""
    place = Path(word)
    return place / "results.json" if place.is_dir() else place
