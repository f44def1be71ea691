"""The pages of results as Markdown: templates by hand, tables from JSON files."""

import re
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from gkmvlp.app.pages.patients_table import patients_table
from gkmvlp.app.pages.published import published
from gkmvlp.errors import ResultsError
from gkmvlp.metrics.results.group_result import GroupedResult
from gkmvlp.metrics.results.metric_result import SCHEMA, MetricResult, Results, read_json
from gkmvlp.metrics.results.tables import (
    GROUPS,
    figure_rows,
    folded_title,
    group_rows,
    is_headline,
    markdown_table,
    notes,
    number,
)

_MARKER = re.compile(r"^<!-- results: (\S+\.json)((?: [^\s=]+=\S*)*)(?: else: (.+))? -->$", re.MULTILINE)
_QUOTED = re.compile(r"^<!-- published: (\S+) -->$", re.MULTILINE)
_PATIENTS = "<!-- patients -->"
_TEMPLATE = ".template.md"


def documents(docs: Path) -> dict[Path, str]:
    """The text of ``results.md`` and of each page in ``results/`` that has a template, by path.

    Files of figures that no template names follow at the end of ``results.md``.

    Args:
        docs: Folder of ``results.template.md`` and of ``results/``.

    Raises:
        ResultsError: If a template names a file that is absent, or a file is of another schema.
    """
    front, results = docs / f"results{_TEMPLATE}", docs / "results"
    written = {
        file: file.read_text(encoding="utf-8") for file in [front, *results.glob(f"*{_TEMPLATE}")] if file.is_file()
    }
    named = {match[1] for text in written.values() for match in _MARKER.finditer(text)}
    pages = {file: _filled(text, results) for file, text in written.items()}
    for file in sorted(results.glob("*.json")):
        if file.name not in named:
            title = read_json(file).get("title") or file.stem
            pages[front] = f"{pages.get(front, '# Results').rstrip()}\n\n## {title}\n\n{tables(file, [])}\n"
    return {_page_of(file): f"{_first_line(file)}{text.rstrip()}\n" for file, text in pages.items()}


def _page_of(template: Path) -> Path:
    return template.with_name(template.name.removesuffix(_TEMPLATE) + ".md")


def _first_line(template: Path) -> str:
    sources = f"{template.name} and the JSON files that it names"
    return f"<!-- Written by `gkmvlp experiment results` from {sources}: change those. -->\n\n"


def _filled(text: str, results: Path) -> str:
    """A template with its markers replaced."""
    text = _MARKER.sub(lambda match: _tables_or_command(results / match[1], *match.groups()[1:]), text)
    text = _QUOTED.sub(lambda match: published(results / "published.yaml", match[1]), text)
    return text.replace(_PATIENTS, patients_table(results)) if _PATIENTS in text else text


def tables(file: Path, filters: Sequence[str]) -> str:
    """The tables of one JSON file: figures (schema 1) or a plain table (``kind: table``).

    Args:
        file: The JSON file.
        filters: ``field=value,value`` each: only figures whose field has one of the values ("" stands for null).
    """
    raw = read_json(file)
    if raw.get("kind") == "table":
        return _plain_table(file, raw)
    results = Results.read(file)
    figures = [f for f in results.figures if all(_admits(word, f, file) for word in filters)]
    parts = [_origin(results.command, results.commit, results.seconds, results.peak_rss_bytes, results.created)]
    for (task, data, split), group in groupby(figures, lambda f: (f.task, f.data, f.split)):
        title = ", ".join(filter(None, (task, data, split)))
        parts += _group(title, list(group))
        parts += _by_group(title, [g for g in results.groups if (g.task, g.data, g.split) == (task, data, split)])
    return "\n\n".join(parts)


def _tables_or_command(file: Path, filters: str, command: str | None) -> str:
    """The tables of a file; where there is none yet, and the template says what makes it, that it was not run."""
    if command is not None and not file.is_file():
        return f"Not run: `{command}`."
    return tables(file, filters.split())


def _admits(word: str, figure: MetricResult, file: Path) -> bool:
    field, _, values = word.partition("=")
    if not hasattr(figure, field):
        raise ResultsError(f"a template: {file.name} has no field {field!r} to choose figures by")
    value = getattr(figure, field)
    return ("" if value is None else str(value)) in values.split(",")


def _group(title: str, figures: Sequence[MetricResult]) -> list[str]:
    """Heading, main table, notes, and what is no headline folded away."""
    main = [f for f in figures if is_headline(f)]
    single = [f for f in figures if not is_headline(f)]
    parts = [f"**{title}**"]
    if main:
        parts += [markdown_table(*figure_rows(main))]
        parts += ["\n".join(f"- {note}" for note in notes(main))] if notes(main) else []
    if single:
        folded = markdown_table(*figure_rows(single))
        parts += [f"<details><summary>{title}: {folded_title(single)}</summary>\n\n{folded}\n\n</details>"]
    return parts


def _by_group(title: str, groups: Sequence[GroupedResult]) -> list[str]:
    """Figures by group, folded away."""
    if not groups:
        return []
    by = ", ".join(dict.fromkeys(figure.by for figure in groups))
    folded = markdown_table(*group_rows(groups))
    return [f"<details><summary>{title}: by {by}</summary>\n\n{folded}\n\n{GROUPS}\n\n</details>"]


def _plain_table(file: Path, raw: dict[str, Any]) -> str:
    """A table that holds no figures, such as limits that were measured or losses of a run."""
    missing = [name for name in ("schema", "title", "command", "columns", "rows") if name not in raw]
    if missing or raw["schema"] != SCHEMA or any(len(row) != len(raw["columns"]) for row in raw["rows"]):
        raise ResultsError(f"{file}: a table has schema {SCHEMA}, title, command, columns and rows of that width")
    rows = [[_cell(value) for value in row] for row in raw["rows"]]
    origin = _origin(
        raw["command"], raw.get("commit"), raw.get("seconds"), raw.get("peak_rss_bytes"), raw.get("created")
    )
    return "\n\n".join(filter(None, (origin, markdown_table(raw["columns"], rows), raw.get("note"))))


def _cell(value: object) -> str:
    if value is None or (isinstance(value, float) and not isinstance(value, bool)):
        return number(value)
    return str(value)


def _origin(command: str, commit: str | None, seconds: float | None, peak: float | None, created: str | None) -> str:
    """One line: which command, which code, how long, how much memory, when."""
    parts = [f"`{command}`", f"commit {commit}" if commit else None]
    parts += [f"{seconds:,.0f} s" if seconds is not None else None]
    parts += [f"peak {peak / 1e9:.1f} GB" if peak else None, created[:10] if created else None]
    return ", ".join(filter(None, parts))
