"""What a backbone reaches with detected regions, beside the regions of the atlas: what it reads, and what it learns."""

from collections.abc import Sequence
from pathlib import Path

from gkmvlp.app.experiments.conditions import merge, run_conditions
from gkmvlp.app.experiments.runs import test
from gkmvlp.app.running.planted_truth import score_on_truth
from gkmvlp.app.running.recipes import gkmvlp, start_from
from gkmvlp.app.running.run import Overrides, Run, data_overrides, merged
from gkmvlp.metrics.results.predictions import read_predictions, write_predictions

READERS = ("entity_classification", "grounding")  # figures of the backbone as it is
LEARNERS = {"vqa": ("zoo://vqa-phantom", "VqaRad"), "report_generation": ("zoo://report-phantom", "MimicCxr")}
DETECTED = "variant:detected_boxes"


def compare_boxes(
    out: Path, backbone: str, root: Path, detector: Path, seeds: Sequence[int], more: Overrides, jobs: int = 1
) -> list[Path]:
    """Tests a backbone on phantoms with the boxes of the atlas and with those that a detector finds.

    Entities and places are read by the backbone as it is; questions and reports are learned and tested with either.

    Args:
        out: Folder of the runs.
        backbone: Folder of the backbone.
        root: Root of the phantoms, those with questions too.
        detector: Folder of a backbone with a head for regions.
        seeds: Seeds of what is learned: initialisation, order and dropout.
        more: Further overrides of every run.
        jobs: How many runs go side by side.

    Returns:
        The predictions files of ``READERS`` and ``LEARNERS`` below ``out/predictions``.
    """
    regions = {data: _either(out, data, root, detector) for data in ("MimicCxr", "VqaRad")}
    start = start_from(backbone)
    for boxes, read in regions["MimicCxr"].items():
        run = Run("zoo://pretrain-phantom", out / f"boxes-{boxes}", merged(read, start, more))
        test(run)
        score_on_truth(run.folder / "predictions", root)
    for task, (config, data) in LEARNERS.items():
        for boxes, read in regions[data].items():
            folder = out / f"boxes-{boxes}"
            run_conditions(task, config, folder, {"pretrained": start}, seeds, merged(read, more), jobs)
    return [_in_one_file(out, task) for task in (*READERS, *LEARNERS)]


def _either(out: Path, data: str, root: Path, detector: Path) -> dict[str, Overrides]:
    """Has the regions of a data set found; overrides that read the ``atlas``, and those that read what was found."""
    regions = out / f"regions-{data}.parquet"
    gkmvlp("data", "regions", data, "--root", str(root), "--model", str(detector), "--out", str(regions))
    detected = data_overrides(root=root, region_boxes="detected", detected_regions_file=regions)
    return {"atlas": data_overrides(root=root, region_boxes="atlas"), "detected": detected}


def _in_one_file(out: Path, task: str) -> Path:
    """One predictions file of a task with either boxes; with those that were found it is a model of its own."""
    atlas, detected = (out / f"boxes-{boxes}" / "predictions" / f"{task}.parquet" for boxes in ("atlas", "detected"))
    table, meta = read_predictions(detected)
    table["model"] = table["model"].replace("pretrained", DETECTED)
    write_predictions(detected, table, meta)
    return merge([atlas, detected], out / "predictions" / f"{task}.parquet")
