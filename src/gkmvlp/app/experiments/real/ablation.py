"""The ablation on patients: variants of pre-training on Open-i, and what each knows and learns of Open-i and SLAKE."""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from gkmvlp.app.experiments.ablation import DEFAULT, FEWER, LATE, Stage, Study, but, chosen, require_known, run_variants
from gkmvlp.app.experiments.ablation_table import record_table
from gkmvlp.app.experiments.real.openi_baselines import FEWEST
from gkmvlp.app.running.run import Overrides, data_overrides, overrides_of
from gkmvlp.hardware import runs_at_once

SHOWN = {  # kept file -> its figure and what the table calls it
    "entity_classification": ("entity_auroc_macro", "Open-i, entities by the head, AUROC"),
    "zero_shot": ("entity_auroc_macro", "Open-i, entities by sentences, AUROC"),
    "boxes": ("pointing_game", "SLAKE, pointing game"),
    "labels": ("entity_auroc_macro", "NIH labels by sentences, AUROC"),
    "questions": ("accuracy_overall", "SLAKE, questions, accuracy"),
    "reports": ("entity_f1_micro", "Open-i, reports, entity F1"),
}


def measure(args: argparse.Namespace) -> None:
    """Runs what is not kept yet below ``--out``; ``--record`` gets ``openi-ablation.json`` and its plot.

    Raises:
        UsageError: If a variant or a stage is unknown.
    """
    variants = args.variants or DEFAULT
    study = openi(args.root, args.slake, args.nih, args.out, args.only)
    require_known(variants, study)
    start, keep = time.monotonic(), args.out / "kept"
    overrides = overrides_of(args.settings, "pretrain"), overrides_of(args.settings, "finetune")
    try:
        run_variants(lambda: study, variants, args.seeds, args.out, keep, *overrides, args.jobs or runs_at_once())
    finally:
        if any(keep.glob("[!.]*")):
            target = (args.record or args.out) / "openi-ablation.json"
            record_table(target, keep, time.monotonic() - start, SHOWN, "Ablation on Open-i")


def openi(root: Path, slake: Path, nih: Path, out: Path, only: Sequence[str] | None = None) -> Study:
    """The ablation on Open-i.

    Args:
        root: Folder of Open-i.
        slake: Folder of SLAKE.
        nih: Folder of ChestX-ray14, whose labels SLAKE's radiographs have.
        out: Folder of the runs.
        only: Names of the stages that are measured beside entities; None takes all.

    Raises:
        UsageError: If there is no such stage.
    """
    radiographs = data_overrides(root=slake, nih_root=nih)
    questions: Overrides = data_overrides(root=slake, cache_dir=out / "cache")
    known = (
        Stage("boxes", "grounding-slake", "grounding", radiographs, learns=False),
        Stage("labels", "zero-shot-slake", "zero_shot", radiographs, learns=False),
        Stage("questions", "vqa-slake", "vqa", questions),
        Stage("reports", "report-openi", "report_generation", data_overrides(root=root)),
    )
    measured = ("entity_classification", "zero_shot")
    variants, stages = but(LATE) | FEWER, chosen(known, only)
    return Study("pretrain-openi", variants, data_overrides(root=root), measured, stages, fewest=FEWEST)
