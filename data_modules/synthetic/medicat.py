"""Phantoms in the layout of MedICaT: a JSON object a figure in one file, and the figures by article and number.

As in the release a figure may have no reference, and one in eight is no radiology.
"""

import json
from pathlib import Path
from typing import Any

from gkmvlp.data_modules.formats.medicat import FOLDER, TABLE
from gkmvlp.data_modules.synthetic.figures import Written, figure_corpus, write_figure
from gkmvlp.data_modules.synthetic.staging import digest, in_parallel

LEAST = 60  # figures: of 30 articles each side of a split by hash gets some
_OTHER_KIND = 8  # one figure in so many is no radiology


def write(root: Path, figures: int, seed: int, size: int = 256, workers: int = 1) -> None:
    """Writes a corpus, or returns at once where it is there already.

    Args:
        root: Gets ``medicat``.
        figures: Number of figures, at least 60.
        seed: Seed of all that is drawn.
        size: Longer side of the images in pixels.
        workers: Processes that draw.

    Raises:
        DataError: If ``root`` holds another corpus or cannot be written, or ``figures`` is too small.
    """
    with figure_corpus(root, FOLDER, "MedICaT", figures, LEAST, seed, size) as folder:
        if folder is None:
            return
        release = folder / FOLDER / "release"
        (release / "figures").mkdir(parents=True)
        rows = [_row(number, seed) for number in range(figures)]
        names = [f"{row['pdf_hash']}_{row['fig_uri']}" for row in rows]
        tasks = [(release / "figures" / name, number, seed, size) for number, name in enumerate(names)]
        written = in_parallel(write_figure, tasks, workers, "MedICaT phantoms")
        lines = [
            json.dumps(_told(row, each, number)) for number, (row, each) in enumerate(zip(rows, written, strict=True))
        ]
        (release / TABLE).write_text("\n".join(lines) + "\n", encoding="utf-8")


def _row(number: int, seed: int) -> dict[str, Any]:
    """Article and name of a figure; two figures that follow each other are of one article."""
    article = digest("medicat", seed, number // 2)[:40]
    place = number % 2 + 1
    return {"pdf_hash": article, "fig_key": f"Figure {place}", "fig_uri": f"{place + 1}-Figure{place}-1.png"}


def _told(row: dict[str, Any], figure: Written, number: int) -> dict[str, Any]:
    """The object of a figure, keys in the release's order; every third one has no reference, or an empty list."""
    references = [None, [], [figure.reference], [figure.reference, f"See also Fig. {number % 2 + 1}."]]
    oa = {"is_oa": True, "oa_status": "gold", "journal_is_oa": True, "license": "cc-by" if number % 5 else None}
    return row | {
        "s2_caption": f"Figure {number % 2 + 1}. {figure.caption}",
        "s2orc_caption": figure.caption,
        "s2orc_references": references[number % 4],
        "radiology": number % _OTHER_KIND != _OTHER_KIND - 1,
        "scope": True,
        "predicted_type": "Medical images",
        "oa_info": {"doi": f"10.0/phantom.{number // 2}", "doi_url": "", "oa": oa},
    }
