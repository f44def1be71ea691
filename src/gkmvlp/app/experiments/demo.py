"""The further stages of ``gkmvlp demo --all``: classification, boxes, reports, grounding, retrieval and regions."""

from pathlib import Path

from gkmvlp.app.commands.phantom import write_corpora
from gkmvlp.app.experiments.classification import classification_arms
from gkmvlp.app.experiments.conditions import run_arms, start_words, test
from gkmvlp.app.running.planted_truth import match_findings
from gkmvlp.hardware import runs_at_once

FRACTIONS = (0.01, 1.0)


def further_stages(out: Path, data: Path, backbone: str, sizes: dict[str, int], seed: int) -> list[Path]:
    """Runs them; a fine-tuning whose predictions are there is not run again.

    Args:
        out: Folder of the demo.
        data: Root of its phantoms.
        backbone: Folder of its backbone.
        sizes: Layout -> patients or images of the look-alikes that are added.
        seed: Seed of the phantoms.

    Returns:
        The predictions files.
    """
    write_corpora(data, sizes, seed)
    root, jobs = f"--data.init_args.root={data}", runs_at_once()
    files = classification_arms("zoo://classification-phantom", out, backbone, [0], FRACTIONS, [root], jobs)
    for task, config in (("localization", "localization-phantom"), ("report_generation", "report-phantom")):
        files.append(run_arms(task, f"zoo://{config}", out, start_words(backbone), [0], [root], jobs))
    found = {"pretrained": start_words(backbone)["pretrained"]}  # the atlas is its floor
    files.append(run_arms("region_detection", "zoo://regions-phantom", out, found, [0], [root], jobs))
    for task in ("grounding", "retrieval"):
        folder = out / f"evaluate-{task}"
        test(f"zoo://{task}-phantom", folder, [root, f"--model.init_args.backbone={backbone}"])
        files.append(folder / "predictions" / f"{task}.parquet")
    match_findings(files[-1], data)
    return files
