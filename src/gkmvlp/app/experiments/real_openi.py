"""Open-i (IU X-Ray): pre-training on its training studies, and what each arm knows and learns of its test studies."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from gkmvlp.app.experiments.arms import WITH_BACKBONE, arms_of, run_arms
from gkmvlp.app.experiments.conditions import Conditions
from gkmvlp.app.experiments.pieces import Piece, all_figures, run_pieces
from gkmvlp.app.experiments.runs import Work, fit, fit_and_test, run_missing, test
from gkmvlp.app.running.run import Overrides, Run, data_overrides, merged, of_trainer, parse_overrides
from gkmvlp.metrics.results.figure import Figure

PRETRAINING, REPORTS = "zoo://pretrain-openi", "zoo://report-openi"


def measure_openi(args: argparse.Namespace) -> None:
    """Runs what is not there yet; ``--record`` gets ``openi-PIECE.json``.

    Without ``--backbone`` each seed pre-trains one on R2Gen's training studies, whose checkpoint the validation studies
    choose. On the test studies entities are read by the head and by sentences, reports are retrieved and written. On
    SLAKE's radiographs, which no pre-training has seen, prompts point and sentences name labels.
    """
    given, openi = parse_overrides(args.options), data_overrides(root=args.data)
    knowing = [name for name in args.arms if name in WITH_BACKBONE]

    def arms_by_seed(config: str, names: Sequence[str], learns: bool) -> dict[int, Conditions]:
        backbones = {seed: _backbone(args, seed) if "pretrained" in names else None for seed in args.seeds}
        return {seed: arms_of(names, backbone, config, learns) for seed, backbone in backbones.items()}

    def piece(work: Work, config: str, task: str, names: Sequence[str], data: Overrides) -> Piece:
        def make(out: Path) -> list[Figure]:
            arms = arms_by_seed(config, names, work is fit_and_test)
            return all_figures(run_arms(work, config, task, out, arms, merged(data, of_trainer(given))))

        return make

    pieces: dict[str, Piece] = {}
    if knowing:
        pieces["entities"] = piece(test, PRETRAINING, "entity_classification", knowing, openi)
    pieces["retrieval"] = piece(test, "zoo://retrieval-openi", "retrieval", args.arms, openi)
    if args.slake is not None:
        slake = data_overrides(root=args.slake)
        pieces["grounding"] = piece(test, "zoo://grounding-slake", "grounding", args.arms, slake)
        if args.nih is not None and knowing:
            labels = merged(slake, data_overrides(nih_root=args.nih))
            pieces["zero-shot"] = piece(test, "zoo://zero-shot-slake", "zero_shot", knowing, labels)
    pieces["reports"] = piece(fit_and_test, REPORTS, "report_generation", args.arms, openi)
    run_pieces("openi", pieces, args.only, args.out, args.record)


def _backbone(args: argparse.Namespace, seed: int) -> str:
    """The backbone that was named, or that of the seed's pre-training, which is made if it is missing."""
    if args.backbone is not None:
        return str(args.backbone)
    overrides = merged(data_overrides(root=args.data), parse_overrides(args.options))
    run = Run(PRETRAINING, args.out / f"pretraining-{seed}", overrides, seed)
    run_missing(fit, [run], "backbone/config.json", 1)
    return str(run.folder / "backbone")
