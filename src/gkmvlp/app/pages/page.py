"""The result page: one HTML file that needs nothing beside it, legible on light and dark screens."""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from gkmvlp.app.pages.style import STYLE
from gkmvlp.metrics.results.group_result import GroupedResult
from gkmvlp.metrics.results.metric_result import MetricResult, write_text
from gkmvlp.metrics.results.tables import GROUPS, figure_rows, folded_title, group_rows, is_headline, notes, number
from gkmvlp.notices import CREDENTIALED, NO_PATIENT, NOT_CLINICAL

# the page needs nothing beside it, and the documentation has no address of its own: its page is named, not linked
EXPLAINED = "What the figures, baselines and signatures mean: docs/guide/figures.md of gkmvlp."

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Plot


@dataclass
class Section:
    """One part of the page.

    Attributes:
        title: Its heading.
        parts: Pieces of HTML, as the functions of this module make them.
    """

    title: str
    parts: list[str] = field(default_factory=list)


def write_page(
    path: Path,
    title: str,
    sections: Sequence[Section],
    *,
    facts: Mapping[str, object] | None = None,
    phantoms_only: bool = True,
    credentialed: bool = False,
) -> None:
    """Write the page under its name in one step.

    Args:
        path: The HTML file.
        title: Heading of the page and of the window.
        sections: What stands on it, in order; the titles make the table of contents.
        facts: Name -> value, in one line under the title (seed, sizes, command, commit, time).
        phantoms_only: Whether the model never saw a patient; the banner says so.
        credentialed: Whether the data may not be shared; the banner says so.
    """
    banner = [NO_PATIENT] * phantoms_only + [CREDENTIALED] * credentialed + [NOT_CLINICAL]
    links = "".join(f'<a href="#s{i}">{escape(s.title)}</a>' for i, s in enumerate(sections))
    shown = "".join(f"<span><b>{escape(k)}</b> {escape(str(v))}</span>" for k, v in (facts or {}).items())
    body = "".join(
        f'<section id="s{i}"><h2>{escape(s.title)}</h2>{"".join(s.parts)}</section>' for i, s in enumerate(sections)
    )
    html = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head><body>'
        f'<div class="banner" role="note">{escape(" ".join(banner))}</div><main><h1>{escape(title)}</h1>'
        f'<p class="facts">{shown}</p><nav>{links}</nav>{body}<p class="notes">{EXPLAINED}</p></main>'
        "</body></html>\n"
    )
    write_text(path, html)


def paragraph(text: str) -> str:
    """A paragraph of plain text."""
    return f"<p>{escape(text)}</p>"


def tiles(values: Sequence[tuple[str, str, str]]) -> str:
    """The few numbers that matter most: (name, value, what stands beside it) each."""
    cells = "".join(
        f'<div class="tile"><span>{escape(name)}</span><strong>{escape(value)}</strong><small>{escape(beside)}</small>'
        "</div>"
        for name, value, beside in values
    )
    return f'<div class="tiles">{cells}</div>'


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table of plain text and numbers; numbers are set right."""
    return _table(head, [[_text(cell) for cell in row] for row in rows], [_is_number(row) for row in rows])


def figure_table(figures: Sequence[MetricResult]) -> str:
    """Figures with interval, baselines and differences; what is no headline is folded away, notes follow.

    A bar shows each value (dot), its interval (line) and its baselines (ticks) between 0 and 1.
    """
    main = [f for f in figures if is_headline(f)]
    single = [f for f in figures if not is_headline(f)]
    parts = [_figures(main)] if main else []
    if notes(main):
        parts.append('<ul class="notes">' + "".join(f"<li>{escape(note)}</li>" for note in notes(main)) + "</ul>")
    if single:
        title = f"{folded_title(single).capitalize()} ({len(single)})"
        parts.append(f"<details><summary>{title}</summary>{_figures(single)}</details>")
    return "".join(parts)


def group_table(figures: Sequence[GroupedResult]) -> str:
    """Figures by group and the gaps between them, folded away; empty where there are none."""
    if not figures:
        return ""
    head, rows = group_rows(figures)
    by = ", ".join(dict.fromkeys(figure.by for figure in figures))
    return f"<details><summary>By {escape(by)} ({len(rows)})</summary>{table(head, rows)}{paragraph(GROUPS)}</details>"


def png(plot: "Plot", caption: str = "", dpi: int = 110) -> str:
    """A matplotlib figure as a picture inside the page.

    Args:
        plot: The figure; it may be closed afterwards.
        caption: What it shows; also the text for those who cannot see it.
        dpi: Pixels per inch.
    """
    buffer = io.BytesIO()
    plot.savefig(buffer, format="png", dpi=dpi, bbox_inches="tight", facecolor="white")
    data = base64.b64encode(buffer.getvalue()).decode()
    below = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f'<figure><img alt="{escape(caption)}" src="data:image/png;base64,{data}">{below}</figure>'


def _figures(figures: Sequence[MetricResult]) -> str:
    """The wide table; a box source that all figures share stands under it instead of in a column."""
    boxes = {f.boxes for f in figures}
    head, rows = figure_rows([replace(f, boxes=None) for f in figures] if len(boxes) == 1 else figures)
    place = head.index("value") + 1
    cells = [["<br>".join(map(escape, cell.split("; "))) for cell in row] for row in rows]
    for figure, row in zip(figures, cells, strict=True):
        row.insert(place, _bar(figure))
    wide = _table([*head[:place], "0 to 1", *head[place:]], cells, [[False] * (len(head) + 1)] * len(rows))
    shared = f"<p class=notes>Boxes: {escape(min(map(str, boxes)))}.</p>" if len(boxes) == 1 and boxes != {None} else ""
    return f'<div class="figures">{wide}{shared}</div>'


def _bar(figure: MetricResult) -> str:
    """Interval, value and baselines between 0 and 1 as a small drawing; empty outside that range."""
    if figure.value is None or not 0 <= figure.value <= 1:
        return ""
    low, high = figure.low if figure.low is not None else figure.value, figure.high or figure.value
    baselines = [span["value"] for span in figure.baselines.values() if span["value"] is not None]
    ticks = "".join(f'<path class="baseline" d="M{4 + 82 * x:.1f} 4v10"/>' for x in baselines)
    return (
        '<svg class="bar" width="90" height="18" aria-hidden="true"><path class="axis" d="M4 9h82"/>'
        f'{ticks}<path class="range" d="M{4 + 82 * low:.1f} 9H{4 + 82 * high:.1f}"/>'
        f'<circle cx="{4 + 82 * figure.value:.1f}" cy="9" r="4"/></svg>'
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[Sequence[bool]]) -> str:
    """A table of ready HTML cells; ``right`` says which are set right."""
    top = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "".join(
        "<tr>" + "".join(f"<td{' class=num' * r}>{c}</td>" for c, r in zip(row, flags, strict=True)) + "</tr>"
        for row, flags in zip(rows, right, strict=True)
    )
    return f'<div class="scroll"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def _text(cell: object) -> str:
    return escape(number(cell) if isinstance(cell, float) else "" if cell is None else str(cell))


def _is_number(row: Sequence[object]) -> list[bool]:
    return [isinstance(cell, int | float) and not isinstance(cell, bool) for cell in row]
