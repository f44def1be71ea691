"""What ``gkmvlp data explain`` shows of one study: its text, what was read out of it, and where that lies."""

from pathlib import Path
from typing import Any

from gkmvlp.data_modules.base import DataModule
from gkmvlp.data_modules.formats.scene_graphs import SceneGraphs
from gkmvlp.data_modules.inspection.knowledge_table import study_rows
from gkmvlp.data_modules.mimic_cxr import MimicCxr
from gkmvlp.data_modules.pipeline.images import ACCEPT, read_image
from gkmvlp.data_modules.pipeline.samples import Sample
from gkmvlp.data_modules.pipeline.turned_rows import upright_rows
from gkmvlp.errors import DataError
from gkmvlp.report.sentences import split_sentences

STATUS = {1: "present", 0: "absent", -1: "uncertain"}
_COLOUR = {1: "tab:red", -1: "tab:orange"}


def explain(data: DataModule, study_id: str) -> tuple[list[Sample], list[dict[str, Any]]]:
    """The images of a study and its rows of the knowledge table.

    Raises:
        DataError: If there is no such study, or nothing is left of it.
    """
    if not isinstance(data, MimicCxr):
        return _explain_rows(data, study_id)
    images = upright_rows(data.read_study(study_id))
    path = data.files().scene_graphs
    return images, list(study_rows(images, SceneGraphs(path) if path is not None else None))


def _explain_rows(data: DataModule, study_id: str) -> tuple[list[Sample], list[dict[str, Any]]]:
    data.check()
    studies = [str(sample.fields.get("study_id", "")) for sample in data.samples]
    if not any(studies):
        raise DataError(f"{data.name} has no reports to explain: rows with study_id and text were expected")
    images = [sample for sample, study in zip(data.samples, studies, strict=True) if study == study_id]
    if not images:
        raise DataError(f"no study {study_id} in {data.split_source}: an id like {studies[0]} was expected")
    images = upright_rows(images)
    return images, list(study_rows(images))


def _where(sample: Sample) -> str:
    """Path of an image, which a table of images does not have."""
    return sample.image if isinstance(sample.image, str) else "(in a table)"


def lines(images: list[Sample], rows: list[dict[str, Any]]) -> list[str]:
    """The study for people: images, numbered sentences, and under each what is said in it."""
    first = images[0]
    text = first.fields["text"]
    texts = [f"study {first.fields['study_id']}, patient {first.patient_id}, {first.split}"]
    texts += [f"  image {sample.sample_id} {sample.view} {_where(sample)}" for sample in images]
    for number, sentence in enumerate(split_sentences(text)):
        texts.append(f"{number:>3} {sentence.text}")
        texts += _statements([row for row in rows if row["sentence_index"] == number])
    elsewhere = [row for row in rows if row["sentence_index"] < 0]
    return [*texts, "  - said of phrases that are not in this text:", *_statements(elsewhere)] if elsewhere else texts


def _statements(rows: list[dict[str, Any]]) -> list[str]:
    """One line a statement, its regions with the box in the first image that has one."""
    grouped: dict[tuple[str, ...], dict[str, str]] = {}
    for row in rows:
        place = " ".join(filter(None, (row["side"], row["zone"])))
        where = place if row["source"] == "report" else ""
        key = (row["source"], row["entity"], STATUS[row["status"]], where)
        box = "" if row["x1"] is None else " [{x1:.0f} {y1:.0f} {x2:.0f} {y2:.0f}]".format(**row)
        grouped.setdefault(key, {}).setdefault(row["region"], box)
    return [
        f"      {status:<10}{entity}{f' ({where})' if where else ''} by {source}: "
        + (", ".join(f"{region}{box}" for region, box in regions.items() if region) or "no region")
        for (source, entity, status, where), regions in grouped.items()
    ]


def draw(images: list[Sample], rows: list[dict[str, Any]], path: Path) -> None:
    """Draws the first image with the regions of what is present or uncertain.

    Args:
        images: Images of the study.
        rows: Its rows of the knowledge table.
        path: Picture file.
    """
    from matplotlib.figure import Figure

    sample = images[0]
    pixels = read_image(sample.image, accept=ACCEPT)
    height, width = pixels.shape
    full_width, full_height = sample.size or (width, height)
    figure = Figure(figsize=(8, 8 * height / width), layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(pixels, cmap="gray", vmin=0, vmax=255)
    for row in rows:
        if row["image_id"] != sample.sample_id or row["x1"] is None or row["status"] not in _COLOUR:
            continue
        x1, x2 = (row[key] * width / full_width for key in ("x1", "x2"))
        y1, y2 = (row[key] * height / full_height for key in ("y1", "y2"))
        colour = _COLOUR[row["status"]]
        axes.plot([x1, x2, x2, x1, x1], [y1, y1, y2, y2, y1], color=colour, linewidth=1)
        axes.text(x1, y1, row["entity"], color=colour, fontsize=7, va="bottom")
    axes.set_title("red: present, orange: uncertain; the patient's right is on the left", fontsize=8)
    axes.set_axis_off()
    figure.savefig(path, dpi=120)
