"""The page of the demo: what ran, curves, tables, and pictures of what the model looks at."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure as Plot

from gkmvlp.commands._demo_all_page import further_sections
from gkmvlp.commands._page import Section, figure_table, paragraph, png, tiles, write_page
from gkmvlp.commands._truth import read_truth
from gkmvlp.data_modules.images import read_image
from gkmvlp.data_modules.transforms import letterbox
from gkmvlp.geometry import Frame
from gkmvlp.metrics.figure import Figure, Results
from gkmvlp.metrics.predictions import read_predictions
from gkmvlp.models.backbone import load
from gkmvlp.models.gk_mvlp import GkMvlp
from gkmvlp.tasks.objectives import OBJECTIVES
from gkmvlp.tasks.pictures import draw_boxes, draw_map, draw_regions, panels

OWN = ("phantom-mimic-cxr", "phantom-vqa-rad")  # data of the stages that run without --all


def write_demo_page(out: Path, data: Path, results: Results, is_all: bool = False) -> None:
    """Writes ``report.html``.

    Args:
        out: Folder of the demo.
        data: Root of its phantoms.
        results: Its figures.
        is_all: Whether the further tasks ran.
    """
    own = [figure for figure in results.figures if figure.data in OWN]
    figures = {task: [f for f in own if f.task == task] for task in dict.fromkeys(f.task for f in own)}
    scalars = read_scalars(out / "tensorboard")
    findings, images = read_truth(data)
    counts = images["split"].value_counts()
    facts = {
        "phantoms": f"{counts['train']} train, {counts['validate']} validate, {counts['test']} test",
        "seeds": "one",
        "time": f"{results.seconds:.0f} s",
        "memory": f"{results.peak_rss_bytes / 1e9:.1f} GB",
        "commit": results.commit,
        "command": results.command,
    }
    overview = [paragraph(INTRODUCTION), tiles(headline(own))]
    curves = [png(plot_curves(scalars), "Objectives in nats over steps: lines are training, dots are validation.")]
    pictures = [
        png(
            heat_maps(out, data, findings),
            "Test phantoms: attention of a prompt; green: where the finding was planted.",
        )
    ]
    sections = [
        Section("Overview", overview),
        Section(
            "Phantoms",
            [png(region_sheet(data, findings), "Phantoms with some of their regions (orange) and findings (green).")],
        ),
        Section("Pre-training", curves),
        Section("Which entities are present", [figure_table(figures["entity_classification"])]),
        Section("Zero-shot, from sentences alone", [figure_table(figures["zero_shot"])]),
        Section("Where the model looks", [*pictures, figure_table(figures["grounding"])]),
        Section(
            "Questions",
            [
                png(question_sheet(out, data), "Test questions; answers of the pre-trained model."),
                figure_table(figures["vqa"]),
            ],
        ),
    ]
    if is_all:
        sections += further_sections(out, data, results.figures)
    write_page(out / "report.html", "GK-MVLP on phantoms", sections, facts=facts)


INTRODUCTION = (
    "Synthetic radiographs with known findings, their reports and questions: the model was pre-trained on the reports, "
    "then asked which entities it sees, where, and fine-tuned to answer questions. Every figure is measured on "
    "phantoms of patients that were held out. It shows that method and code work, not how well a model reads patients."
)
_TILES = (
    ("entity_classification", "entity_auroc_macro", "Entities present, AUROC"),
    ("grounding", "pointing_game", "Pointing game, lateralised"),
    ("vqa", "accuracy_overall", "Questions answered"),
)


def headline(figures: list[Figure]) -> list[tuple[str, str, str]]:
    """The three main figures with their floor or rival beside them."""
    out = []
    for task, name, title in _TILES:
        for figure in figures:
            if (figure.task, figure.name, figure.label, figure.model) == (task, name, None, "pretrained"):
                beside = [
                    f"{floor} {span['value']:.2f}" for floor, span in figure.floors.items() if span["value"] is not None
                ]
                out.append((title, "-" if figure.value is None else f"{figure.value:.2f}", ", ".join(beside)))
    return out


def read_scalars(folder: Path) -> dict[str, pd.DataFrame]:
    """Tag -> step and value of the TensorBoard files of a run."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    events.Reload()
    tags: list[str] = events.Tags()["scalars"]
    return {tag: pd.DataFrame(events.Scalars(tag))[["step", "value"]] for tag in tags}


def plot_curves(scalars: dict[str, pd.DataFrame]) -> Plot:
    """One panel an objective."""
    names = [name for name in OBJECTIVES if f"val/{name}" in scalars]
    plot = Plot(figsize=(2.9 * len(names), 2.4), layout="constrained")
    for axis, name in zip(np.atleast_1d(plot.subplots(1, len(names))), names, strict=True):
        train, held_out = scalars.get(f"train/{name}"), scalars[f"val/{name}"]
        if train is not None:
            axis.plot(train["step"], train["value"], color="tab:blue", linewidth=0.8)
        axis.plot(held_out["step"], held_out["value"], "o-", color="tab:orange", markersize=3)
        axis.set_title(name.upper(), fontsize=9)
        axis.tick_params(labelsize=7)
        axis.set_xlabel("step", fontsize=7)
    return plot


def _image(data: Path, sample_id: str, side: int) -> tuple[np.ndarray[Any, np.dtype[np.float32]], Frame]:
    """A phantom's image as the model reads it, (S, S) in [0, 1], and its frame."""
    path = next((data / "mimic-cxr-jpg").rglob(f"{sample_id}.jpg"))
    pixels, frame = letterbox(read_image(path, "equalized"), side, "pad")
    return pixels.astype(np.float32) / np.float32(255), frame


def region_sheet(data: Path, findings: pd.DataFrame, count: int = 8) -> Plot:
    """A few test phantoms with regions of the atlas and planted findings."""
    from gkmvlp.anatomy import atlas

    chosen = findings[findings["split"].eq("test")]["sample_id"].unique()[:count]
    plot, axes = panels(len(chosen))
    for axis, sample_id in zip(axes, chosen, strict=True):
        image_SS, frame = _image(data, sample_id, 256)
        draw_regions(axis, image_SS, atlas())
        rows = findings[findings["sample_id"].eq(sample_id)]
        draw_boxes(axis, frame.forward(rows[["x1", "y1", "x2", "y2"]].to_numpy(np.float32)), "lime")
        axis.set_title(", ".join(rows["entity"].unique()), fontsize=7)
    return plot


def heat_maps(out: Path, data: Path, findings: pd.DataFrame) -> Plot:
    """For each entity the first test phantom that shows it, under the attention of its prompt."""
    model = load(out / "backbone").model.eval()
    names = model.architecture.knowledge.entities
    test = findings[findings["split"].eq("test")]
    present = [name for name in names if test["entity"].eq(name).any()]
    plot, axes = panels(len(present))
    for axis, name in zip(axes, present, strict=True):
        rows = test[test["entity"].eq(name)]
        rows = rows[rows["sample_id"].eq(rows["sample_id"].iloc[0])]
        image_SS, frame = _image(data, rows["sample_id"].iloc[0], model.architecture.image_size)
        draw_map(axis, image_SS, _attention(model, image_SS, names.index(name)), name)
        draw_boxes(axis, frame.forward(rows[["x1", "y1", "x2", "y2"]].to_numpy(np.float32)), "lime")
    return plot


@torch.no_grad()
def _attention(model: GkMvlp, image_SS: np.ndarray[Any, Any], entity: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Attention (h, w) of one prompt over one image, with the regions of the atlas."""
    from gkmvlp.anatomy import atlas

    box_1R4 = torch.from_numpy(atlas())[None]
    seen = model.encode_image(
        torch.from_numpy(image_SS)[None, None], box_1R4, torch.ones(box_1R4.shape[:2], dtype=torch.bool)
    )
    return seen.grounded.patch_attention[0, entity].unflatten(0, seen.features.grid).numpy()


def question_sheet(out: Path, data: Path, count: int = 8) -> Plot:
    """Test questions of different images with the answers wanted and given."""
    table, _ = read_predictions(out / "predictions" / "vqa.parquet")
    rows = (
        table[table["model"].eq("pretrained") & table["answer_type"].eq("open")]
        .drop_duplicates("patient_id")
        .head(count)
    )
    truth = pd.read_json(next(data.glob("vqa-rad/*.json")), dtype={"qid": str}).set_index("qid")
    plot, axes = panels(len(rows))
    for axis, row in zip(axes, rows.itertuples(), strict=True):
        path = data / "vqa-rad" / "VQA_RAD Image Folder" / truth.loc[str(row.sample_id), "image_name"]
        axis.imshow(read_image(path, "equalized"), cmap="gray")
        mark = "right" if row.prediction == row.target else f"wanted: {row.target}"
        axis.set_title(f"{row.question}\n{row.prediction} ({mark})", fontsize=6.5, wrap=True)
    return plot
