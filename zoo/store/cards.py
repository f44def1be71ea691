"""The card of a model, written from its entry and nothing else."""

from gkmvlp.checkpoints.card_texts import METHODS, NOT_FOR, WORDS, python_use, row_of
from gkmvlp.metrics.results.group_result import COLUMNS, TOO_FEW, GroupedResult
from gkmvlp.metrics.results.tables import GROUPS, gap_of, group_rows, interval, markdown_table
from gkmvlp.notices import NOT_CLINICAL
from gkmvlp.task_ids import TaskRow
from gkmvlp.zoo.entry import Entry, Result

BY_GROUP = "Figures by groups of patients."
UNTOLD = "of the images tested the data do not tell it, or tell the same of all."
RAISED = "A resample repeats patients, which raises `ece`: its interval lies high and may leave the value out."


def card(entry: Entry) -> str:
    """The card as Markdown: method, use, data and licences, results, limits, five lines of use."""
    licences = entry.licences
    parts = [
        f"<!-- Written by `gkmvlp zoo card {entry.name} --write` from {entry.name}.yaml: change that. -->",
        f"# {entry.name}",
        f"{entry.summary} **{NOT_CLINICAL}**",
        "## Method",
        METHODS[entry.system],
        _bullets([
            f"architecture: {entry.architecture}",
            f"fine-tuned from {entry.backbone}" if entry.backbone else "all weights are in this model's own files",
            f"training config: `{entry.config}` among its files, seed {entry.seed}",
        ]),
        "## Use",
        _bullets([f"Intended, in research: {_row(entry).purpose}.", f"Not for: {NOT_FOR}"]),
        f"```sh\n{_commands(entry)}\n```",
        f"```python\n{python_use(entry.name, entry.task)}\n```",
        "## Data and licences",
        _bullets([
            f"trained on, first to last: {', '.join(entry.trained_on)}",
            *(f"split of {data}: SHA-256 `{digest}`" for data, digest in entry.manifests.items()),
            f"code: {licences.code}; weights: {licences.weights}; data: {licences.data}",
        ]),
        "## Results",
        *_results(entry.results),
        *_groups(entry.groups),
        "## Limits",
        _bullets(entry.limits),
        "## Files",
        markdown_table(["file", "bytes", "SHA-256"], [[f.name, f"{f.size:,}", f"`{f.sha256}`"] for f in entry.files]),
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def _row(entry: Entry) -> TaskRow:
    """The row of its task, which ``parse`` has checked."""
    return row_of(entry.task, entry.system)


def _commands(entry: Entry) -> str:
    words = ' --{} "{}"'.format(*WORDS[entry.task]) if entry.task in WORDS else ""
    options = f"--task {_row(entry).reads_as}{words}"
    return f"gkmvlp zoo download {entry.name}\ngkmvlp predict --model zoo://{entry.name} {options} image.png"


def _results(results: list[Result]) -> list[str]:
    """A table of figures, and how each was computed."""
    if not results:
        return ["None were measured."]
    head = ["", "task", "figure", "label", "data", "split", "value and interval", "n (patients)", "seeds"]
    rows = [
        [
            str(number), f.task, f.name, f.label or "", f.data or "", f.split or "",
            interval({"value": f.value, "low": f.low, "high": f.high}) + (f" ({100 * f.level:g} %)" if f.level else ""),
            f"{f.n} ({f.n_patients})", str(f.seeds or ""),
        ]
        for number, f in enumerate(results, 1)
    ]  # fmt: skip
    signatures = [f"{number}. `{result.signature}`" for number, result in enumerate(results, 1)]
    beside = [RAISED] if any(f.name == "ece" for f in results) else []
    how = "How each was computed; figures compare where these are equal:"
    return [markdown_table(head, rows), *beside, how, "\n".join(signatures)]


def _groups(groups: list[GroupedResult]) -> list[str]:
    """Worst group and gap of each figure, and the figures of all groups; by what there are none is said."""
    lacking = [name for name in COLUMNS if name not in {figure.by for figure in groups}]
    none = (
        f"None by {' and '.join(filter(None, (', '.join(lacking[:-1]), *lacking[-1:])))}: {UNTOLD}" if lacking else ""
    )
    if not groups:
        return [f"**{BY_GROUP}** {none}"]
    head = ["task", "figure", "label", "by", "worst group", "best group", "gap and interval"]
    rows = []
    for f in groups:
        ends = [f.worst or TOO_FEW, f.best or TOO_FEW, "" if f.gap is None else gap_of(f)]
        rows.append([f.task, f.name, f.label or "", f.by, *ends])
    every = markdown_table(*group_rows(groups))
    return [
        f"**{BY_GROUP}** {GROUPS} {none}".rstrip(),
        markdown_table(head, rows),
        f"<details><summary>all groups</summary>\n\n{every}\n\n</details>",
    ]


def _bullets(lines: list[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)
