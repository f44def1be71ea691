"""The demo: the whole method on phantoms, one result page."""

from pathlib import Path

from gkmvlp.app.experiments.classification import classification_conditions
from gkmvlp.app.experiments.conditions import initializations, run_conditions, with_text_baseline
from gkmvlp.app.experiments.runs import fit_and_test, test
from gkmvlp.app.pages.demo_page import write_demo_page
from gkmvlp.app.running.planted_truth import match_findings, score_on_truth
from gkmvlp.app.running.run import Overrides, Run, data_overrides, merged, model_overrides
from gkmvlp.data_modules.synthetic.lookalikes import write_lookalikes
from gkmvlp.hardware import runs_at_once
from gkmvlp.metrics.results.evaluate import figures_of
from gkmvlp.metrics.results.provenance import ProcessTreePeak, results_of

FRACTIONS = (0.01, 1.0)


def run_demo(
    out: Path,
    sizes: dict[str, int],
    further: dict[str, int] | None,
    seed: int,
    pretraining: Overrides,
    answering: Overrides,
) -> None:
    """Runs all stages, writes ``results.json`` and ``report.html``, prints the main figures.

    Args:
        out: Folder of phantoms and runs.
        sizes: Layout -> patients or images of the phantoms.
        further: The same of the further tasks' look-alikes; None leaves these tasks out.
        seed: Seed of the phantoms.
        pretraining: Overrides of pre-training.
        answering: Overrides of question answering.
    """
    data, backbone = out / "data", str(out / "backbone")
    with ProcessTreePeak() as peak:
        write_lookalikes(data, sizes, seed)
        root = data_overrides(root=data)
        predictions = fit_and_test(Run("zoo://pretrain-phantom", out, merged(root, pretraining)))
        score_on_truth(predictions, data)
        conditions = with_text_baseline("vqa", initializations(backbone), "pretrained")
        changed = merged(root, answering)
        run_conditions("vqa", "zoo://vqa-phantom", out, conditions, [0], changed, runs_at_once())
        files = [predictions / f"{task}.parquet" for task in ("entity_classification", "zero_shot", "grounding", "vqa")]
        if further is not None:
            write_lookalikes(data, further, seed)
            files += further_stages(out, data, backbone)
        figures_by_file = {file: figures_of(file) for file in files}
    figures = [figure for of_file in figures_by_file.values() for figure in of_file]
    results = results_of(figures, peak)
    results.write(out / "results.json")
    write_demo_page(out, data, results, figures_by_file)
    for figure in figures:
        if figure.label is None and figure.model == "pretrained" and figure.value is not None:
            print(f"{figure.task:22s} {figure.name:20s} {figure.value:.3f}  [{figure.low:.3f}, {figure.high:.3f}]")
    print(f"{results.seconds:.0f} s, {peak.bytes / 1e9:.1f} GB; look at {out / 'report.html'}")


def further_stages(out: Path, data: Path, backbone: str) -> list[Path]:
    """Classification, boxes, reports, regions, grounding and retrieval; a fine-tuning that is there is not repeated.

    Args:
        out: Folder of the demo.
        data: Root of its phantoms.
        backbone: Folder of its backbone.

    Returns:
        The predictions files.
    """
    root, jobs, both = data_overrides(root=data), runs_at_once(), initializations(backbone)
    files = classification_conditions("zoo://classification-phantom", out, backbone, [0], FRACTIONS, root, jobs)
    for task, config, conditions in (
        ("localization", "localization-phantom", both),
        ("report_generation", "report-phantom", both),
        ("region_detection", "regions-phantom", {"pretrained": both["pretrained"]}),  # the atlas is its baseline
    ):
        files.append(run_conditions(task, f"zoo://{config}", out, conditions, [0], root, jobs))
    for task in ("grounding", "retrieval"):
        run = Run(f"zoo://{task}-phantom", out / f"evaluate-{task}", merged(root, model_overrides(backbone=backbone)))
        test(run)
        files.append(run.folder / "predictions" / f"{task}.parquet")
    match_findings(files[-1], data)
    return files
