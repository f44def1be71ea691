"""Generated reports beside their references, sentences coloured by whether the other side states the same findings."""

from collections.abc import Mapping, Sequence
from html import escape

import pandas as pd

from gkmvlp.report.labeler import Mention, label_report


def report_pairs(table: pd.DataFrame, count: int = 6, pictures: Mapping[str, str] | None = None) -> str:
    """The reports of one model that agree least with their references, worst first.

    Args:
        table: Rows of one model and seed with ``sample_id``, ``target`` and ``prediction``.
        count: How many are shown.
        pictures: Sample id -> HTML of its radiograph, put in front.

    Returns:
        HTML.
    """
    told = [(label_report(row.target), label_report(row.prediction)) for row in table.itertuples()]
    agreement = [_agreement(present(left), present(right)) for left, right in told]
    order = sorted(range(len(table)), key=lambda index: (agreement[index], index))[:count]
    rows = []
    for index in order:
        row, (left, right) = table.iloc[index], told[index]
        cells = [_coloured(row["target"], left, present(right)), _coloured(row["prediction"], right, present(left))]
        picture = (pictures or {}).get(row["sample_id"], "")
        shared = f"{agreement[index]:.2f}"
        rows.append(f"<tr><td>{picture}</td>{''.join(f'<td>{cell}</td>' for cell in cells)}<td>{shared}</td></tr>")
    head = "".join(f"<th>{name}</th>" for name in ("", "reference", "generated", "entity F1"))
    return (
        '<p class="notes"><span class="agree">Green</span>: the other side states these findings too; '
        '<span class="differ">red, underlined</span>: it does not.</p>'
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
    """The text with each sentence that states findings marked by whether the other side states them all."""
    by_sentence: dict[tuple[int, int], list[str]] = {}
    for mention in mentions:
        if mention.status == 1:
            by_sentence.setdefault((mention.start, mention.end), []).append(mention.entity)
    out, done = [], 0
    for (start, end), names in sorted(by_sentence.items()):
        kind = "agree" if set(names) <= other else "differ"
        title = escape(", ".join(dict.fromkeys(names)))
        out += [escape(text[done:start]), f'<span class="{kind}" title="{title}">{escape(text[start:end])}</span>']
        done = end
    return "".join([*out, escape(text[done:])]) or "<i>empty</i>"
