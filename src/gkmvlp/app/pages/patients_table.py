"""The table that opens README and results: what the package does on patients, beside its baselines.

The README has one row for each question that a reader comes with; the others are variants, and stand in the results.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from gkmvlp.metrics.results.metric_result import MetricResult, Range, Results
from gkmvlp.metrics.results.tables import interval, markdown_table, number

BEGIN, END = "<!-- patients -->", "<!-- /patients -->"
ARMS = {"pretrained": "pre-trained on reports", "public_weights": "public weights", "random_weights": "random weights"}
HEAD = ("what", *ARMS.values(), "baselines", "rows (patients)", "seeds", "minutes")


class Row(NamedTuple):
    """A row, and the figure that fills it."""

    what: str
    file: str  # among the results
    task: str
    name: str
    label: str | None = None
    in_readme: bool = True


ROWS = (
    Row("IU X-Ray, findings by the entity head, AUROC over the frequent ones", "openi-entities.json",
        "entity_classification", "entity_auroc_macro", "frequent"),
    Row("IU X-Ray, findings by sentences alone (zero-shot), AUROC over the frequent ones", "openi-entities.json",
        "zero_shot", "entity_auroc_macro", "frequent"),
    Row("IU X-Ray, the report of an image among those of the test images, R@10", "openi-retrieval.json", "retrieval",
        "i2t_recall_at_10", in_readme=False),
    Row("IU X-Ray, the same from a third pre-training", "third-seed/openi-retrieval.json", "retrieval",
        "i2t_recall_at_10", in_readme=False),
    Row("IU X-Ray, the image of a report among the test images, R@10, from a third pre-training",
        "third-seed/openi-retrieval.json", "retrieval", "t2i_recall_at_10"),
    Row("IU X-Ray, generated findings, BLEU-4", "openi-reports.json", "report_generation", "bleu_4", in_readme=False),
    Row("IU X-Ray, generated findings, ROUGE-L", "openi-reports.json", "report_generation", "rouge_l", in_readme=False),
    Row("IU X-Ray, generated findings under R2Gen's protocol, BLEU-4", "openi-reports.json", "report_generation",
        "bleu_4", "r2gen"),
    Row("IU X-Ray, generated findings under R2Gen's protocol, ROUGE-L", "openi-reports.json", "report_generation",
        "rouge_l", "r2gen"),
    Row("IU X-Ray, generated findings, F1 of entities", "openi-reports.json", "report_generation", "entity_f1_micro"),
    Row("SLAKE English, questions, accuracy", "slake-vqa.json", "vqa", "accuracy_overall"),
    Row("SLAKE English, questions, from a third pre-training", "third-seed/slake-vqa.json", "vqa", "accuracy_overall",
        in_readme=False),
    Row("SLAKE English, every weight trained, from a second pre-training", "second-seed/slake-vqa.json",
        "vqa", "accuracy_overall"),
    Row("SLAKE, where prompts look, pointing game, all eight findings", "slake-grounding.json", "grounding",
        "pointing_game", "all"),
    Row("NIH labels by sentences alone on SLAKE's 179 radiographs, AUROC over eight", "slake-zero-shot.json",
        "zero_shot", "entity_auroc_macro"),
    Row("VQA-RAD official, questions, accuracy", "vqa-rad-official.json", "vqa", "accuracy_overall"),
    Row("VQA-RAD official, questions on chests", "vqa-rad-official.json", "vqa", "accuracy_chest",
        in_readme=False),
    Row("VQA-RAD official, questions, from a second pre-training", "second-seed/vqa-rad-official.json", "vqa",
        "accuracy_overall"),
    Row("VQA-RAD official, questions, from a third pre-training", "third-seed/vqa-rad-official.json", "vqa",
        "accuracy_overall"),
    Row("VQA-RAD official, questions, every weight trained", "every-weight/vqa-rad-official.json", "vqa",
        "accuracy_overall", in_readme=False),
    Row("VQA-RAD official, questions, by ARL", "openi-systems/vqa-rad-official.json", "vqa", "accuracy_overall"),
    Row("VQA-RAD legacy-mevf (leaks), questions, accuracy", "vqa-rad-legacy-mevf.json", "vqa", "accuracy_overall",
        in_readme=False),
    Row("VQA-RAD image-disjoint, questions, accuracy", "vqa-rad-image-disjoint.json", "vqa", "accuracy_overall"),
    Row("ChestX-ray14 subset, five patient folds, AUROC", "chestxray14-classification.json", "classification",
        "auroc_macro"),
    Row("the same labels by sentences alone (zero-shot), AUROC", "chestxray14-classification.json", "zero_shot",
        "entity_auroc_macro", in_readme=False),
    Row("RSNA subset, five patient folds, boxes, mAP at IoU 0.40 to 0.75", "rsna-localization.json", "localization",
        "map_40_75"),
    Row("RSNA subset, boxes, trained for longer, from a third pre-training", "third-seed/rsna-localization.json",
        "localization", "map_40_75"),
    Row("RSNA subset, where prompts look, pointing game", "rsna-grounding.json", "grounding", "pointing_game", "all"),
)  # fmt: skip


def patients_table(results: Path, rows: Sequence[Row] = ROWS) -> str:
    """The table as Markdown, without the columns of arms that nothing fills, and below it what is not run yet.

    Args:
        results: Folder of the recorded results.
        rows: Of the table.
    """
    has_run = {row: (results / row.file).is_file() for row in rows}
    cells = [_cells(row, results / row.file) for row in rows if has_run[row]]
    filled = [place for place, name in enumerate(HEAD) if name not in ARMS.values() or any(row[place] for row in cells)]
    table = markdown_table([HEAD[place] for place in filled], [[row[place] for place in filled] for row in cells])
    missing = [
        f"`{name}`" for name in dict.fromkeys(row.file.removesuffix(".json") for row in rows if not has_run[row])
    ]
    missing += [f"the arm {name}" for place, name in enumerate(HEAD) if place not in filled]
    return f"{table}\n\nNot run yet, of `gkmvlp experiment real`: {', '.join(missing)}." if missing else table


def _cells(row: Row, file: Path) -> list[str]:
    results = Results.read(file)
    by_model = {figure.model: figure for figure in results.figures if _is_of(figure, row)}
    if not by_model:
        return [row.what, "not measured", *[""] * (len(HEAD) - 2)]
    first = by_model.get("pretrained") or next(iter(by_model.values()))
    arms = [_value(by_model[name]) if name in by_model else "" for name in ARMS]
    baselines = "; ".join(f"{name} {_short(span)}" for name, span in first.baselines.items())
    size = f"{first.n:,} ({first.n_patients:,})" if first.n is not None and first.n_patients is not None else ""
    return [row.what, *arms, baselines, size, str(first.seeds or ""), _minutes(results.seconds)]


def _minutes(seconds: float) -> str:
    return "< 1" if seconds < 60 else f"{seconds / 60:,.0f}"


def _is_of(figure: MetricResult, row: Row) -> bool:
    return (figure.task, figure.name, figure.label) == (row.task, row.name, row.label)


def _value(figure: MetricResult) -> str:
    return interval({"value": figure.value, "low": figure.low, "high": figure.high})


def _short(span: Range) -> str:
    return number(span["value"])


def in_page(text: str, results: Path) -> str:
    """The README with its rows of the table between its two marks; unchanged where it has none."""
    before, begin, rest = text.partition(BEGIN)
    _, end, behind = rest.partition(END)
    if not (begin and end):
        return text
    return f"{before}{BEGIN}\n{patients_table(results, [row for row in ROWS if row.in_readme])}\n{END}{behind}"
