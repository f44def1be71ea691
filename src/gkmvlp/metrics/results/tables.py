"""Figures as rows of text, for pages and documents."""

from collections.abc import Sequence

from gkmvlp.metrics.assemble import BASELINE
from gkmvlp.metrics.results.group_result import FEWEST, TOO_FEW, Group, GroupedResult
from gkmvlp.metrics.results.metric_result import MetricResult, Range
from gkmvlp.metrics.tasks.faithfulness import VARIANTS

_HEADLINES = {None, "all", "vqav2", "findings", "frequent", *VARIANTS}  # labels that are no single entity
LEGACY = "_legacy_"  # in the name of a figure by a rule that is kept for comparison alone
GROUPS = (
    f"A group of fewer than {FEWEST} patients has no figure. The gap is the best value less the worst, paired; nothing "
    "is corrected for the number of comparisons."
)
GROUP_HEAD = ("figure", "label", "model", "by", "group", "n (patients)", "value")
HEAD = ("figure", "label", "model", "boxes", "labels used", "value", "seeds (sd)", "n (patients)", "baselines",
        "paired difference")  # fmt: skip


def number(value: float | None) -> str:
    """A fraction with three decimals, other numbers with four digits, ``n/a`` where undefined."""
    if value is None:
        return "n/a"
    return f"{value:.3f}" if abs(value) <= 1 else f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"


def interval(span: Range) -> str:
    """``value [low, high]``, the ends left out where there are none or both equal the value."""
    value, low, high = (span.get(name) for name in ("value", "low", "high"))
    if low is None or high is None or low == high == value:
        return number(value)
    return f"{number(value)} [{number(low)}, {number(high)}]"


def _signed(span: Range) -> str:
    text = interval(span)
    return f"+{text}" if (span["value"] or 0) > 0 else text


def is_headline(figure: MetricResult) -> bool:
    """Whether a figure stands in the main table: macro, ``all``, ``frequent``, other matches, directions.

    Single entities and legacy rules do not.
    """
    if LEGACY in figure.name:
        return False
    return figure.label in _HEADLINES or figure.name == "median_rank"


def folded_title(figures: Sequence[MetricResult]) -> str:
    """What the figures beside the main table are."""
    kinds = {
        "single labels": any(f.label is not None for f in figures),
        "legacy rules": any(LEGACY in f.name for f in figures),
    }
    return " and ".join(kind for kind, is_there in kinds.items() if is_there)


def figure_rows(figures: Sequence[MetricResult]) -> tuple[list[str], list[list[str]]]:
    """Heading and rows of a table of figures; columns that are empty throughout are left out."""
    rows = []
    for f in figures:
        main = interval({"value": f.value, "low": f.low, "high": f.high})
        rows.append([
            f.name,
            f.label or "",
            f.model or "",
            f.boxes or "",
            "" if f.label_fraction is None else f"{100 * f.label_fraction:g} %",
            main,
            "" if f.seeds is None else str(f.seeds) + (f" ({number(f.seed_sd)})" if f.seed_sd is not None else ""),
            "" if f.n is None else f"{f.n:,}" + (f" ({f.n_patients:,})" if f.n_patients is not None else ""),
            "; ".join(f"{name} {interval(span)}" for name, span in f.baselines.items()),
            "; ".join(f"{name} {_signed(span)}" for name, span in f.difference.items()),
        ])  # fmt: skip
    used = [column for column in range(len(HEAD)) if any(row[column] for row in rows)]
    return [HEAD[column] for column in used], [[row[column] for column in used] for row in rows]


def group_rows(figures: Sequence[GroupedResult]) -> tuple[list[str], list[list[str]]]:
    """Heading and rows of a table of figures by group: a row a group, and one for the gap where there are two."""
    rows = []
    for f in figures:
        start = [f.name, f.label or "", f.model.removeprefix(BASELINE), f.by]
        rows += [[*start, group.group, f"{group.n:,} ({group.n_patients:,})", group_value(group)] for group in f.groups]
        if f.unknown:
            rows.append([*start, "not known", f"{f.unknown:,}", ""])
        if f.gap is not None:
            rows.append([*start, f"gap: {f.best} from {f.worst}", "", gap_of(f)])
    return list(GROUP_HEAD), rows


def group_value(group: Group) -> str:
    """Value and interval of a group, or why there is none."""
    if group.value is None:
        return TOO_FEW if group.n_patients < FEWEST else "undefined"
    return interval({"value": group.value, "low": group.low, "high": group.high})


def gap_of(figure: GroupedResult) -> str:
    """The gap with its interval."""
    return interval({"value": figure.gap, "low": figure.gap_low, "high": figure.gap_high})


def figure_lines(figures: Sequence[MetricResult]) -> list[str]:
    """A line a main figure: where it was measured, value, baselines and how far it is above them; and their notes."""
    main, lines = list(filter(is_headline, figures)), []
    for f in main:
        beside = {**f.baselines, **{f"minus {name}": span for name, span in f.difference.items()}}
        comparison = ", ".join(f"{name} {interval(span)}" for name, span in beside.items())
        value = interval({"value": f.value, "low": f.low, "high": f.high})
        name, on = f"{f.name} {f.label or ''}", f.split or f.data or ""
        lines.append(f"{f.task:22s} {name:28s} {f.model or '':14s} {on:24s} {value:24s} {comparison}".rstrip())
    return lines + notes(main)


def group_lines(figures: Sequence[GroupedResult]) -> list[str]:
    """The table of ``group_rows`` in columns of equal width."""
    head, rows = group_rows(figures)
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in (head, *rows)]


def gap_lines(figures: Sequence[GroupedResult]) -> list[str]:
    """A line a figure of a model on its worst group and the gap to the best; groups that are too small are named."""
    lines = []
    for f in figures:
        if f.gap is not None and not f.model.startswith(BASELINE):
            small = [group.group for group in f.groups if group.value is None]
            told = f"; no figure: {', '.join(small)}" if small else ""
            name = " ".join(filter(None, (f.name, f.label)))
            lines.append(f"{f.task} {name}, {f.model}, by {f.by}: worst {f.worst}, {gap_of(f)} from {f.best}{told}")
    return lines


def notes(figures: Sequence[MetricResult]) -> list[str]:
    """Each distinct note once, with the figures that carry it."""
    carriers: dict[str, list[str]] = {}
    for f in figures:
        if f.note:
            name = " ".join(filter(None, (f.name, f.label)))
            carriers.setdefault(f.note, [])
            if name not in carriers[f.note]:
                carriers[f.note].append(name)
    return [f"{', '.join(names)}: {note}" for note, names in carriers.items()]


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; a bar in a cell is escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
