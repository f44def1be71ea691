"""What a backbone reaches that reads detected regions, beside the regions of the atlas."""

from pathlib import Path

from gkmvlp.commands._arms import lightning, merge
from gkmvlp.commands._recipes import gkmvlp
from gkmvlp.commands._truth import score_on_truth
from gkmvlp.metrics.predictions import read_predictions, write_predictions

READERS = ("entity_classification", "grounding")  # figures that change with the boxes of regions
DETECTED = "variant:detected_boxes"


def read_with_both(out: Path, backbone: str, root: Path, detector: Path) -> list[Path]:
    """Tests a backbone on phantoms with the boxes of the atlas and with those that a detector finds.

    Args:
        out: Folder of the runs.
        backbone: Folder of the backbone.
        root: Root of the phantoms.
        detector: Folder of a backbone with a head for regions.

    Returns:
        The predictions files of ``READERS`` below ``out/predictions``.
    """
    regions = out / "regions.parquet"
    gkmvlp("data", "regions", "MimicCxr", "--root", str(root), "--model", str(detector), "--out", str(regions))
    found = [f"--data.init_args.region_file={regions}"]
    folders = {boxes: out / f"boxes-{boxes}" for boxes in ("atlas", "detected")}
    for boxes, folder in folders.items():
        words = [f"--model.init_args.backbone={backbone}", f"--data.init_args.root={root}"]
        words += [f"--data.init_args.boxes={boxes}", *(found if boxes == "detected" else [])]
        lightning("test", "--config=zoo://pretrain-phantom", f"--trainer.default_root_dir={folder}", *words)
        score_on_truth(folder / "predictions", root)
    merged = []
    for task in READERS:
        parts = [folder / "predictions" / f"{task}.parquet" for folder in folders.values()]
        table, meta = read_predictions(parts[-1])
        table["model"] = table["model"].replace("pretrained", DETECTED)
        write_predictions(parts[-1], table, {key: value for key, value in meta.items() if key != "signatures"})
        merge(parts, merged_file := out / "predictions" / f"{task}.parquet")
        table, meta = read_predictions(merged_file)  # no one word holds for both
        write_predictions(merged_file, table, {**meta, "boxes": None})
        merged.append(merged_file)
    return merged
