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
    more = {"atlas": [], "detected": [f"--data.init_args.region_file={regions}"]}
    for boxes, words in more.items():
        words = [f"--data.init_args.root={root}", f"--data.init_args.boxes={boxes}", *words]
        words += [f"--model.init_args.backbone={backbone}", f"--trainer.default_root_dir={out / f'boxes-{boxes}'}"]
        lightning("test", "--config=zoo://pretrain-phantom", *words)
        score_on_truth(out / f"boxes-{boxes}" / "predictions", root)
    merged = []
    for task in READERS:
        atlas, detected = (out / f"boxes-{boxes}" / "predictions" / f"{task}.parquet" for boxes in more)
        table, meta = read_predictions(detected)
        table["model"] = table["model"].replace("pretrained", DETECTED)
        write_predictions(detected, table, {key: value for key, value in meta.items() if key != "signatures"})
        merged.append(out / "predictions" / f"{task}.parquet")
        merge([atlas, detected], merged[-1])
    return merged
