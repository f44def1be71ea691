"""A reading as files: one HTML page that needs nothing beside it, and JSON."""

import json
from collections.abc import Iterable, Sequence

from gkmvlp import __version__
from gkmvlp.app.pages.style import STYLE
from gkmvlp.app.serving.fragment import asset, fragment, saves, shown
from gkmvlp.app.serving.reading import Reading
from gkmvlp.notices import NOT_CLINICAL


def as_html(readings: Sequence[Reading], picture: str) -> str:
    """The readings of one radiograph on one page, with pictures, style and script inside.

    Args:
        readings: One of each set of models.
        picture: The radiograph as a data URI.
    """
    title = f"Reading of {readings[0].image}"
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{shown(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}{asset('viewer.css')}</style></head><body>"
        f'<div class="banner" role="note">{shown(banner(readings))}</div><main>{side_by_side(readings, picture)}'
        f'<p class="notes">gkmvlp {__version__}</p></main><script>{asset("viewer.js")}</script></body></html>\n'
    )


def banner(readings: Iterable[Reading]) -> str:
    """What stands above everything: that it is no clinical software, and what has to be said of the models."""
    return " ".join([NOT_CLINICAL, *dict.fromkeys(notice for one in readings for notice in one.notices)])


def as_json(readings: Sequence[Reading]) -> str:
    """All that was said, without pixels."""
    content = {"gkmvlp": __version__, "notice": NOT_CLINICAL, "readings": [one.as_json() for one in readings]}
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def side_by_side(readings: Sequence[Reading], picture: str, saved_as: str = "") -> str:
    """The readings of one radiograph beside each other; those of several are saved together, by links above them."""
    if len(readings) == 1:
        return fragment(readings[0], picture, saved_as)
    above = f'<div class="gk-reading gk-all">{saves(saved_as)}</div>' if saved_as else ""
    return f'{above}<div class="gk-two">{"".join(fragment(one, picture) for one in readings)}</div>'
