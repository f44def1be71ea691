"""Open-i (IU X-Ray): pre-training on its training studies, and what each arm knows and learns of its test studies."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from gkmvlp.app.experiments.conditions import Conditions
from gkmvlp.app.experiments.real.arm_names import WITH_BACKBONE
from gkmvlp.app.experiments.real.openi_baselines import (
    baseline_figures,
    beside,
    frequent_figures,
    make_baselines,
    r2gen_figures,
)
from gkmvlp.app.experiments.real.pieces import Piece, all_figures, run_pieces
from gkmvlp.app.experiments.real.table_arms import arms_of, run_arms
from gkmvlp.app.experiments.runs import Work, fit, fit_and_test, run_missing, test
from gkmvlp.app.running.run import Overrides, Run, data_overrides, merged, of_trainer, overrides_of
from gkmvlp.metrics.results.metric_result import MetricResult
from gkmvlp.metrics.results.predictions import read_predictions

WITH_BASELINES = ("entity_classification", "report_generation")  # tasks with baselines of public weights
PRETRAINING, REPORTS = "zoo://pretrain-openi", "zoo://report-openi"


def measure(args: argparse.Namespace) -> None:
    """Runs what is not there yet; ``--record`` gets ``openi-PIECE.json``.

    Without ``--backbone`` each seed pre-trains one on R2Gen's training studies, whose checkpoint the validation studies
    choose. On the test studies entities are read by the head and by sentences, reports are retrieved and written,
    beside baselines of public weights, which ``--only baselines`` makes alone.
    """
    overrides, openi = overrides_of(args.settings, "finetune"), data_overrides(root=args.root)
    knowing = [name for name in args.arms if name in WITH_BACKBONE]

    def arms_by_seed(config: str, names: Sequence[str], learns: bool) -> dict[int, Conditions]:
        backbones = {seed: _backbone(args, seed) if "pretrained" in names else None for seed in args.seeds}
        given = overrides if learns else None
        return {seed: arms_of(names, backbone, config, given, learns) for seed, backbone in backbones.items()}

    def baselines() -> dict[str, Path]:
        folder = args.out / "baselines"
        files = {task: folder / "predictions" / f"{task}.parquet" for task in WITH_BASELINES}
        is_made = all(file.is_file() for file in files.values())
        return files if is_made else make_baselines(args.root, PRETRAINING, REPORTS, folder)

    def piece(work: Work, config: str, tasks: Sequence[str], names: Sequence[str], data: Overrides) -> Piece:
        def make(out: Path) -> list[MetricResult]:
            learns = work is fit_and_test
            changed = merged(data, overrides if learns else of_trainer(overrides))
            files = run_arms(work, config, tasks, out, arms_by_seed(config, names, learns), changed)
            if tasks[0] in WITH_BASELINES:
                beside(files[0], baselines()[tasks[0]])
            figures = all_figures(files)
            for table, meta in map(read_predictions, files):
                figures += frequent_figures(table, meta) if config == PRETRAINING else []
                figures += r2gen_figures(table, meta, REPORTS, args.root) if config == REPORTS else []
            return figures

        return make

    pieces: dict[str, Piece] = {"baselines": lambda out: baseline_figures(baselines(), REPORTS, args.root)}
    if knowing:
        pieces["entities"] = piece(test, PRETRAINING, ("entity_classification", "zero_shot"), knowing, openi)
    pieces["retrieval"] = piece(test, "zoo://retrieval-openi", ["retrieval"], args.arms, openi)
    pieces["reports"] = piece(fit_and_test, REPORTS, ["report_generation"], args.arms, openi)
    run_pieces("openi", pieces, args.only, args.out, args.record)


def _backbone(args: argparse.Namespace, seed: int) -> str:
    """The backbone that was named, or that of the seed's pre-training, which is made if it is missing."""
    if args.backbone is not None:
        return str(args.backbone)
    overrides = merged(data_overrides(root=args.root), overrides_of(args.settings, "pretrain"))
    run = Run(PRETRAINING, args.out / f"pretraining-{seed}", overrides, seed)
    run_missing(fit, [run], "backbone/config.json", 1)
    return str(run.folder / "backbone")
