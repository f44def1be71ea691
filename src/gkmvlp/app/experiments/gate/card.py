"""The card of the gate, written from what stands beside its weights and from its figures."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from gkmvlp.metrics.results.metric_result import MetricResult
from gkmvlp.metrics.results.tables import interval, markdown_table
from gkmvlp.models.gate import FRONTAL, SIDE
from gkmvlp.notices import NOT_CLINICAL
from gkmvlp.zoo.inference.gate import INFO, REASONS, WEIGHTS

_SOURCES = {
    "phantoms": "synthetic radiographs of this package",
    "chestxray14": "NIH ChestX-ray14 (Wang et al., CVPR 2017; images provided by the NIH Clinical Center), "
    "no restriction on use",
    "rsna-pneumonia": "RSNA Pneumonia Detection Challenge (Shih et al., Radiology: AI 2019), free use with attribution",
    "slake": "chest radiographs of SLAKE (Liu et al., ISBI 2021), CC BY 4.0; images of the NIH Clinical Center",
    "slake-sections": "CT and MR sections of SLAKE, CC BY 4.0",
    "vqa-rad": "chest radiographs of VQA-RAD (Lau et al., Sci Data 2018), CC0",
    "vqa-rad-other": "head and abdomen of VQA-RAD, CC0",
}
_LIMITS = (
    NOT_CLINICAL,
    "A guess of a small network. It refuses about one frontal radiograph in a hundred; more where another machine, "
    "another processing or a child is on the picture. No picture of a child was looked at on purpose.",
    "A blank picture is stopped, but is as often called no radiograph.",
    "It saw no real lateral radiograph in training: drawn ones, and both halves of frontal ones laid on each other.",
    "A heart on the right side is called mirrored. A picture with several faults gets the name of one.",
    "Parts of the body by X-ray other than chest, abdomen and skull were not trained on, nor were photographs: what is "
    "no radiograph was drawn.",
    "It says nothing of the findings, nor whether an answer can be trusted.",
)


def card(info: Mapping[str, Any], figures: Sequence[MetricResult], folder: Path) -> str:
    """The card as Markdown.

    Args:
        info: What ``gate.json`` holds.
        figures: All figures.
        folder: Where the weights lie.
    """
    kinds = [
        [kind, REASONS[kind], "" if kind == FRONTAL else f"{info['thresholds'][kind]:.2f}"] for kind in info["kinds"]
    ]
    used = [[name, *map(str, count.values()), _SOURCES.get(name, "")] for name, count in info["pictures"].items()]
    digest = sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    parts = [
        "<!-- Written by `gkmvlp experiment gate`. -->",
        "# gate",
        f"Says whether a picture is an upright frontal chest radiograph before a model answers. **{NOT_CLINICAL}**",
        "## Method",
        f"A convolutional network of {info['parameters']:,} parameters reads {SIDE} x {SIDE} grey pixels, as they are "
        "and mirrored, and tells the kinds below. A picture is refused where the logit of a kind exceeds that of "
        f"`{FRONTAL}` by more than its threshold. The thresholds let at most {100 * info['most_refused']:g} % of the "
        "frontal validation radiographs be refused, as they are and varied within what is usual. "
        f"{info['steps']:,} batches of 64, seed {info['seed']}, on one core.",
        markdown_table(["kind", "in words", "threshold"], kinds),
        "## Data and licences",
        markdown_table(["data", "train", "validate", "test", "what"], used),
        "Splits are by patient. Inverted, mirrored, rotated, cropped and blank pictures are made of the frontal ones; "
        "laterals, other pictures and text are drawn. Open-i (CC BY-NC-ND) was measured on, never trained on. Code and "
        "weights: Apache-2.0.",
        "## Results on test rows",
        _false_refusals(figures),
        _kinds(figures),
        "AUROC is that of the refusal: pictures of the kind against frontal radiographs as they are. Intervals (95 %) "
        "are over patients.",
        "## Limits",
        "\n".join(f"- {line}" for line in _LIMITS),
        "## Files",
        f"`{WEIGHTS}` (SHA-256 `{digest}`), `{INFO}`.",
    ]
    return "\n\n".join(parts) + "\n"


def _false_refusals(figures: Sequence[MetricResult]) -> str:
    rows = [[f.data or "", _percent(f), f"{f.n:,} ({f.n_patients:,})", f.note or ""] for f in figures if
            f.name == "false_refusals"]  # fmt: skip
    return markdown_table(["frontal radiographs", "refused, %", "n (patients)", ""], rows)


def _kinds(figures: Sequence[MetricResult]) -> str:
    of = {(f.name, f.data, f.label): f for f in figures}
    rows = []
    for (name, data, label), figure in of.items():
        if name == "gate_auroc":
            span = interval({"value": figure.value, "low": figure.low, "high": figure.high})
            shares = [_percent(of[other, data, label]) for other in ("refused", "named_right")]
            rows.append([label or "", data or "", span, *shares, str(of["refused", data, label].n)])
    return markdown_table(["kind", "data", "AUROC", "refused, %", "named right, %", "n"], rows)


def _percent(figure: MetricResult) -> str:
    value, low, high = (100 * (number or 0) for number in (figure.value, figure.low, figure.high))
    return f"{value:.1f} [{low:.1f}, {high:.1f}]"
