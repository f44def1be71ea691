"""What a backbone reaches with detected regions, beside the regions of the atlas: what it reads, and what it learns."""

from collections.abc import Sequence
from pathlib import Path

from gkmvlp.app.experiments.conditions import merge, run_arms, start_words, test
from gkmvlp.app.running.planted_truth import score_on_truth
from gkmvlp.app.running.recipes import brought_by, gkmvlp
from gkmvlp.metrics.results.predictions import read_predictions, write_predictions

READERS = ("entity_classification", "grounding")  # figures of the backbone as it is
LEARNERS = {"vqa": ("zoo://vqa-phantom", "VqaRad"), "report_generation": ("zoo://report-phantom", "MimicCxr")}
DETECTED = "variant:detected_boxes"


def compare_boxes(
    out: Path, backbone: str, root: Path, detector: Path, seeds: Sequence[int], more: Sequence[str] = (), jobs: int = 1
) -> list[Path]:
    """Tests a backbone on phantoms with the boxes of the atlas and with those that a detector finds.

    Entities and places are read by the backbone as it is; questions and reports are learned and tested with either.

    Args:
        out: Folder of the runs.
        backbone: Folder of the backbone.
        root: Root of the phantoms, those with questions too.
        detector: Folder of a backbone with a head for regions.
        seeds: Seeds of what is learned: initialisation, order and dropout.
        more: Further words of every run.
        jobs: How many runs go side by side.

    Returns:
        The predictions files of ``READERS`` and ``LEARNERS`` below ``out/predictions``.
    """
    options = {data: _either(out, data, root, detector) for data in ("MimicCxr", "VqaRad")}
    start = [*start_words(backbone)["pretrained"], *brought_by(backbone)]
    for boxes, words in options["MimicCxr"].items():
        folder = out / f"boxes-{boxes}"
        test("zoo://pretrain-phantom", folder, [*words, *start, *more])
        score_on_truth(folder / "predictions", root)
    for task, (config, data) in LEARNERS.items():
        for boxes, words in options[data].items():
            run_arms(task, config, out / f"boxes-{boxes}", {"pretrained": start}, seeds, [*words, *more], jobs)
    return [_in_one_file(out, task) for task in (*READERS, *LEARNERS)]


def _either(out: Path, data: str, root: Path, detector: Path) -> dict[str, list[str]]:
    """Has the regions of a data set found; options that read the ``atlas``, options that read what was ``detected``."""
    regions = out / f"regions-{data}.parquet"
    gkmvlp("data", "regions", data, "--root", str(root), "--model", str(detector), "--out", str(regions))
    given, boxes = f"--data.init_args.root={root}", "--data.init_args.region_boxes"
    found = [f"{boxes}=detected", f"--data.init_args.detected_regions_file={regions}"]
    return {"atlas": [given, f"{boxes}=atlas"], "detected": [given, *found]}


def _in_one_file(out: Path, task: str) -> Path:
    """One predictions file of a task with either boxes; with those that were found it is a model of its own."""
    atlas, detected = (out / f"boxes-{boxes}" / "predictions" / f"{task}.parquet" for boxes in ("atlas", "detected"))
    table, meta = read_predictions(detected)
    table["model"] = table["model"].replace("pretrained", DETECTED)
    write_predictions(detected, table, {key: value for key, value in meta.items() if key != "signatures"})
    merged = out / "predictions" / f"{task}.parquet"
    merge([atlas, detected], merged)
    return merged
