"""Write docs/results.md from the committed docs/results/*.json, or check that it is up to date.

The text of the page is docs/results.template.md; a line `<!-- results: FILE.json -->` in it becomes the tables of
that file, `<!-- results: FILE.json task=vqa label=,all -->` those of the figures whose fields have one of the values.
Files that the template does not name follow at the end under their names.
"""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the folder and the check."""
    parser.add_argument("--docs", type=Path, default=Path("docs"), help="folder of results.md and results/ (docs)")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if results.md is out of date")


def run(arguments: argparse.Namespace) -> int:
    """Write or check the page."""
    from gkmvlp.app.pages.results_document import document
    from gkmvlp.errors import ResultsError
    from gkmvlp.metrics.results.figure import write_text

    page = arguments.docs / "results.md"
    text = document(arguments.docs)
    if not arguments.check:
        write_text(page, text)
        print(page)
    elif not page.is_file() or page.read_text(encoding="utf-8") != text:
        raise ResultsError(f"{page} is not what {arguments.docs / 'results'} gives; run gkmvlp experiment results")
    return 0
