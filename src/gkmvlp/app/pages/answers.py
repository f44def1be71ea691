"""Questions about radiographs with the answers given, wrong ones first."""

from collections.abc import Callable
from html import escape

import pandas as pd

from gkmvlp.metrics.answers import exact_v1


def answered(table: pd.DataFrame, picture: Callable[[str], str], count: int = 8) -> str:
    """Questions about different images with the answer given, wrong ones first, open ones among them first.

    Args:
        table: Predictions of question answering of one model and seed; rows without a known answer are left out.
        picture: Sample id -> HTML of its radiograph.
        count: How many.

    Returns:
        HTML.
    """
    rows = table[table["target"].notna()]
    rows = rows.assign(
        right=rows["prediction"].map(exact_v1).eq(rows["target"].map(exact_v1)),
        closed=rows["answer_type"].ne("open"),
    )
    rows = rows.sort_values(["right", "closed"], kind="stable").drop_duplicates("patient_id").head(count)
    cells = "".join(
        f"<figure>{picture(row['sample_id'])}<figcaption>{escape(row['question'])}<br>{_marked(row)}</figcaption></figure>"
        for _, row in rows.iterrows()
    )
    return f'<p class="notes">Test questions and answers, wrong ones first.</p><div class="answers">{cells}</div>'


def _marked(row: pd.Series) -> str:
    """The answer, and where it is wrong the one that was wanted."""
    answer = escape(row["prediction"]) or "<i>empty</i>"
    if row["right"]:
        return f'<span class="agree">{answer}</span> (right)'
    return f'<span class="differ">{answer}</span> (wanted: {escape(row["target"])})'
