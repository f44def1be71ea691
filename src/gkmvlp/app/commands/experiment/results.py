"""Write docs/results.md and its pages from the committed docs/results/*.json, or check that they are up to date.

The text of results.md is docs/results.template.md, that of results/PAGE.md is results/PAGE.template.md. A line
`<!-- results: FILE.json -->` in one becomes the tables of that file, `<!-- results: FILE.json task=vqa label=,all -->`
those of the figures whose fields have one of the values. Files that no template names follow at the end of results.md
under their names. A marker that ends with `else: COMMAND` prints "Not run" and the command where the file is not there
yet. `<!-- patients -->` becomes the table of patients, its main rows in the README beside the folder too (up to
`<!-- /patients -->`); `<!-- published: TABLE -->` quotations of published.yaml.
"""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the folder and the check."""
    parser.add_argument("--docs", type=Path, default=Path("docs"), help="folder of results.md and results/ (docs)")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a page is out of date")


def run(arguments: argparse.Namespace) -> int:
    """Write or check the pages."""
    from gkmvlp.app.pages.patients_table import in_page
    from gkmvlp.app.pages.results_document import documents
    from gkmvlp.errors import ResultsError
    from gkmvlp.metrics.results.metric_result import write_text

    pages = documents(arguments.docs)
    readme = arguments.docs.parent / "README.md"
    if readme.is_file():
        pages[readme] = in_page(readme.read_text(encoding="utf-8"), arguments.docs / "results")
    for page, text in pages.items():
        is_new = not page.is_file() or page.read_text(encoding="utf-8") != text
        if arguments.check and is_new:
            message = f"{page} is not what {arguments.docs / 'results'} gives; run gkmvlp experiment results"
            raise ResultsError(message)
        if not arguments.check:
            write_text(page, text)
            print(page)
    return 0
