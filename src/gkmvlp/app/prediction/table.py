"""What ``gkmvlp predict`` reads and writes beside images: prompts, a table for the terminal, a Parquet file.

What writes files is imported where it is used: pandas takes half a second, and most calls write none.
"""

import os
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from pathlib import Path

from gkmvlp.app.prediction.task_rows import Rows
from gkmvlp.errors import ConfigError, UsageError
from gkmvlp.task_ids import BY_WORD
from gkmvlp.texts import printable
from gkmvlp.zoo.inference.embedding import Prompt
from gkmvlp.zoo.inference.predictor import Predictor

# what the terminal shows of each task's rows, best first where there is a score
SHOWN = {
    "classification": ["sample_id", "entity", "probability", "threshold", "is_likely", "calibration"],
    "zero_shot": ["sample_id", "prompt", "score", "probability", "threshold", "is_likely", "calibration"],
    "grounding": ["sample_id", "entity", "probability", "threshold", "is_likely", "calibration", "x", "y", "region"],
    "localization": ["sample_id", "entity", "score", "threshold", "x1", "y1", "x2", "y2"],
    "report": ["sample_id", "score", "prediction"],
    "vqa": ["sample_id", "question", "prediction", "score", "probability", "calibration", "in_scope"],
    "image_text": ["sample_id", "category", "probability", "calibration"],
    "embed": ["sample_id", "kind", "embedding"],
}


def read_prompts(file: Path) -> list[Prompt]:
    """Prompts, one a line; ``a | b`` is a pair. Empty lines are skipped. UTF-8, or UTF-16 with its mark.

    Raises:
        UsageError: If the file is missing, no text, or empty, or a line is no prompt and no pair.
    """
    try:
        data = file.read_bytes()
        encoding = "utf-16" if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8-sig"
        lines = [line.strip() for line in data.decode(encoding).splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--prompts {file}: a text file with one prompt a line was expected ({error})") from error
    pairs = [tuple(part.strip() for part in line.split("|")) for line in lines if line]
    if not pairs:
        raise UsageError(f"--prompts {file}: no line in it; one prompt a line was expected")
    if odd := next((pair for pair in pairs if len(pair) > 2 or not all(pair)), None):
        raise UsageError(
            f"--prompts {file}: {' | '.join(odd)!r} is no prompt and no pair: TEXT or TEXT | TEXT was expected"
        )
    return [pair[0] if len(pair) == 1 else (pair[0], pair[1]) for pair in pairs]


def show(task: str, rows: Rows) -> None:
    """Print a table; images by their file names where these tell them apart."""
    name_of = {str(row["sample_id"]): printable(Path(str(row["sample_id"])).name) for row in rows}
    is_short = len(set(name_of.values())) == len(name_of) and task != "embed"
    if task == "localization":
        rows = [row for row in rows if row["is_likely"]]
        with_box = len({row["sample_id"] for row in rows})
        print(f"{with_box} of {len(name_of)} images with a box above the threshold of its label")
    if not rows:
        return
    lines = [["image", *SHOWN[task][1:]]]
    for row in rows:
        image = str(row["sample_id"])
        lines.append(
            [name_of[image] if is_short else printable(image), *(_cell(row[name]) for name in SHOWN[task][1:])]
        )
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    if isinstance(rows[0][SHOWN[task][-1]], str):  # a text at the end, such as a report, begins where the others do
        widths[-1] = 0
    print("\n".join(" ".join(map(str.rjust, line, widths)) for line in lines))


def _cell(value: object) -> str:
    """What the terminal shows of a value; of a vector its first two numbers."""
    if isinstance(value, list):
        return f"{len(value)} numbers, {value[0]:.3f} {value[1]:.3f} ..."
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def write_rows(path: Path, rows: Rows, task: str, model: str, predictor: Predictor, at: str | None) -> None:
    """Write the rows by the suffix of the file: Parquet with where they come from, CSV, or a JSON list.

    The metadata holds the id of the task, as those of every predictions file do, not the word of the command, and with
    ``at`` the operating point whose thresholds the rows hold.

    Raises:
        ConfigError: If it cannot be written.
    """
    import pandas as pd

    from gkmvlp.metrics.results.metric_result import write_text
    from gkmvlp.metrics.results.predictions import write_table
    from gkmvlp.metrics.results.provenance import command, commit, created

    # names of files may hold bytes that are no text
    names = [str(row["sample_id"]).encode(errors="backslashreplace").decode() for row in rows]
    rows = [{**row, "sample_id": name} for row, name in zip(rows, names, strict=True)]
    table = pd.DataFrame(rows).assign(patient_id=None, model=model, seed=0)
    table["patient_id"] = table["patient_id"].astype("string")
    table["note"] = table["note"].astype("string")
    if task in ("report", "vqa", "image_text"):
        table["target"] = table["target"].astype("string")
    if task == "vqa":
        table["in_scope"] = table["in_scope"].astype("boolean")  # null where nobody knows
    for name in {"threshold", "threshold_low", "threshold_high", "probability"} & set(table):
        table[name] = table[name].astype("float64")  # columns of nothing but nulls have no type of their own
    if "is_likely" in table:
        table["is_likely"] = table["is_likely"].astype("boolean")
    meta = {
        "task": BY_WORD.get(task, task), "model": model, "trained_on": predictor.backbone.info.get("trained_on"),
        "notice": predictor.notice, "probabilities": predictor.probabilities, "at": at,
        "intensity": predictor.architecture.intensity, "boxes": predictor.region_boxes,
        "command": command(), "commit": commit(), "created": created(),
    }  # fmt: skip
    try:
        if path.suffix.lower() == ".csv":
            write_text(path, table.to_csv(index=False))
        elif path.suffix.lower() == ".json":
            write_text(path, table.to_json(orient="records", indent=1, double_precision=15) + "\n")
        else:
            write_table(path, table, meta)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else error
        raise ConfigError(f"{path} cannot be written ({reason}): name another --out") from error
