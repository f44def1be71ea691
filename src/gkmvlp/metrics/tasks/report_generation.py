"""Figures of report generation: BLEU, ROUGE-L and CIDEr of the words, F1 of the entities called present.

One row an image: the generated report against the report of its study. The text figures stand once with full references
(the main ones) and once with references cut to their first 100 words (label ``refs100``), as R2Gen and its successors
cut those of MIMIC-CXR. An empty generated report is scored as such; a row without a reference is left out. Both are
counted in the notes.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gkmvlp.metrics.assemble import Key, Scored, Task
from gkmvlp.metrics.bleu import bleu_curves
from gkmvlp.metrics.bootstrap import mean_curve, nanmean
from gkmvlp.metrics.cider import SIGMA, cider_d
from gkmvlp.metrics.report_entities import NAMES, f1_curves, present
from gkmvlp.metrics.rouge import BETA, rouge_l
from gkmvlp.metrics.words import LONGEST, TOKENS, words

BLEU = tuple(f"bleu_{n}" for n in range(1, LONGEST + 1))
TEXT = (*BLEU, "rouge_l", "cider")
MICRO, MACRO = "entity_f1_micro", "entity_f1_macro"
CUT = {None: None, "refs100": 100}  # label: words of a reference that are kept
_REFS = {None: "full", "refs100": "first 100 words"}
_PARTS = {
    **{name: {"average": "corpus"} for name in BLEU},
    "rouge_l": {"average": "images", "beta": str(BETA)},
    "cider": {"average": "images", "df": "references of the split", "variant": f"CIDEr-D, sigma {SIGMA:g}, times 10"},
}


def _referenced(rows: pd.DataFrame) -> NDArray[np.bool_]:
    """Rows with at least one word in the reference (N,)."""
    return np.array([bool(words(text)) for text in rows["target"].fillna("")], bool)


def _score(block: pd.DataFrame, unit_N: NDArray[np.intp], counts_VG: NDArray[np.uint16]) -> dict[Key, Scored]:
    """Every figure of one block."""
    rows_N = _referenced(block)
    used, unit_N = block[rows_N], unit_N[rows_N]
    pairs = [(words(a), words(b)) for a, b in zip(used["prediction"], used["target"], strict=True)]
    out: dict[Key, Scored] = {}
    for label, cut in CUT.items():
        cut_pairs = [(generated, reference[:cut]) for generated, reference in pairs]
        curves = dict(zip(BLEU, bleu_curves(cut_pairs, unit_N, counts_VG), strict=True))
        curves["rouge_l"] = mean_curve(np.array([rouge_l(*pair) for pair in cut_pairs]), unit_N, counts_VG)
        curves["cider"] = mean_curve(cider_d(cut_pairs), unit_N, counts_VG)
        out |= {Key(name, label): Scored(curve_V, rows_N) for name, curve_V in curves.items()}
    generated_NE, reference_NE = present(used["prediction"]), present(used["target"])
    micro_V, each_EV = f1_curves(generated_NE, reference_NE, unit_N, counts_VG)
    has_E = reference_NE.any(0)
    macro_V = nanmean(each_EV[has_E]) if has_E.any() else np.full(len(counts_VG), np.nan)
    out |= {Key(MICRO, None): Scored(micro_V, rows_N), Key(MACRO, None): Scored(macro_V, rows_N)}
    return out | {Key(MACRO, NAMES[e]): Scored(each_EV[e], rows_N) for e in np.flatnonzero(has_E)}


def _notes(rows: pd.DataFrame) -> dict[Key, str]:
    """Rows left out, empty reports, and entities that no reference calls present."""
    rows_N, seeds = _referenced(rows), rows["seed"].nunique()
    used, parts = rows[rows_N], []
    if not rows_N.all():
        parts.append(f"empty references, left out: {int((~rows_N).sum()) // seeds}")
    if empty := sum(not words(text) for text in used["prediction"]):
        parts.append(f"empty generated reports, scored as such: {empty}{' over all seeds' if seeds > 1 else ''}")
    has_E = np.atleast_1d(present(used["target"]).any(axis=0))
    missing = [name for name, has in zip(NAMES, has_E, strict=True) if not has]
    of_figure: dict[str, str] = {}
    if not len(used):
        of_figure = dict.fromkeys([*TEXT, MICRO, MACRO], "undefined: no row has a reference")
    elif not has_E.any():
        of_figure = dict.fromkeys([MICRO, MACRO], "undefined: no reference calls an entity present")
    elif missing:
        of_figure[MACRO] = f"left out, present in no reference: {len(missing)} of {len(NAMES)} ({', '.join(missing)})"
    if len(used) // seeds == 1:
        of_figure["cider"] = "undefined: one reference has no document frequencies"
    keys = [Key(name, label) for label in CUT for name in TEXT] + [Key(MICRO, None), Key(MACRO, None)]
    notes = {key: "; ".join(filter(None, [of_figure.get(key.name), *parts])) for key in keys}
    return {key: note for key, note in notes.items() if note}


def _parts(key: Key) -> dict[str, str]:
    """What is a figure's own in its signature."""
    if key.name in TEXT:
        return {**_PARTS[key.name], "tokens": TOKENS, "refs": _REFS[key.label]}
    average = {MICRO: "micro"}.get(key.name, "macro" if key.label is None else "none")
    return {"average": average, "labeler": "gkmvlp", "refs": "full", "status": "present"}


TASK = Task(
    columns={"target": "text?", "prediction": "text"},
    unit="image",
    score=_score,
    parts=_parts,
    notes=_notes,
)
