"""Generated reports beside their references, entities coloured by whether the other side states them."""

from collections.abc import Callable, Sequence
from html import escape

import numpy as np
import pandas as pd

from gkmvlp.report.labeler import Mention, label_report
from gkmvlp.report.scan import found_in
from gkmvlp.report.statements import organ_statements, term_statements


def report_pairs(table: pd.DataFrame, picture: Callable[[str], str], count: int = 8) -> str:
    """Reports of one model by their agreement with the references: the worst, then some at even steps to the best.

    Args:
        table: Rows of one model and seed with ``sample_id``, ``target`` and ``prediction``.
        picture: Sample id -> HTML of its radiograph, put in front.
        count: How many are shown.

    Returns:
        HTML.
    """
    labels = [(label_report(row.target), label_report(row.prediction)) for row in table.itertuples()]
    agreement = [_agreement(present(left), present(right)) for left, right in labels]
    order = sorted(range(len(table)), key=lambda index: (agreement[index], index))
    places = list(range(len(order)))
    if len(order) > count:
        steps = np.linspace(count // 2, len(order) - 1, count - count // 2).round().astype(int)
        places = [*range(count // 2), *steps.tolist()]
    rows = []
    for index in (order[place] for place in places):
        row, (left, right) = table.iloc[index], labels[index]
        cells = [_coloured(row["target"], left, present(right)), _coloured(row["prediction"], right, present(left))]
        cells = [picture(row["sample_id"]), *cells, f"{agreement[index]:.2f}"]
        rows.append(f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
    head = "".join(f"<th>{name}</th>" for name in ("", "reference", "generated", "entity F1"))
    return (
        '<p class="notes"><span class="agree">Green</span>: the other side states this finding too; '
        '<span class="differ">red, underlined</span>: it does not. The worst reports, then some up to the best.</p>'
        f'<div class="scroll"><table class="reports"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def present(mentions: Sequence[Mention]) -> set[str]:
    """Names of the entities that a report states."""
    return {mention.entity for mention in mentions if mention.status == 1}


def _agreement(left: set[str], right: set[str]) -> float:
    """F1 of two sets of entities; 1 where both are empty."""
    return 2 * len(left & right) / (len(left) + len(right)) if left or right else 1.0


def _coloured(text: str, mentions: Sequence[Mention], other: set[str]) -> str:
    """The text with the words of each stated finding marked by whether the other side states it."""
    by_sentence: dict[tuple[int, int], set[str]] = {}
    for mention in mentions:
        if mention.status == 1:
            by_sentence.setdefault((mention.start, mention.end), set()).add(mention.entity)
    out, done = [], 0
    for (first, last), names in sorted(by_sentence.items()):
        for start, end, named in wordings(text[first:last], names):
            if first + start < done:
                continue  # inside a wording that is marked
            kind, title = ("agree" if named <= other else "differ"), escape(", ".join(sorted(named)))
            shown = escape(text[first + start : first + end])
            out += [escape(text[done : first + start]), f'<span class="{kind}" title="{title}">{shown}</span>']
            done = first + end
    return "".join([*out, escape(text[done:])]) or "<i>empty</i>"


def wordings(sentence: str, names: set[str]) -> list[tuple[int, int, set[str]]]:
    """Where a sentence words some of the entities that it states.

    Args:
        sentence: As it stands in the report.
        names: The entities.

    Returns:
        Start, end and entities of each wording; the whole sentence where none is found, as when a word is misspelt.
    """
    lower = sentence.lower()
    wordings = found_in(lower)
    terms = term_statements(lower, wordings.terms)
    spans = sorted([*terms, *organ_statements(lower, wordings.organs, terms)])
    marked = [(one.start, one.end, names & {name for name, _ in one.means}) for one in spans]
    return [one for one in marked if one[2]] or [(0, len(sentence), names)]
