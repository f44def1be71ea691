"""Figures of ``gkmvlp bench``: what was measured, under names and signatures that can be compared."""

import contextlib
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from gkmvlp.app.benchmarks.against import Turns, measure_against
from gkmvlp.app.benchmarks.arl_step import arl_figures, measure_arl
from gkmvlp.app.benchmarks.dicom_objects import measure_objects, object_figures
from gkmvlp.app.benchmarks.generation import NUM_BEAMS, Written, measure_generation
from gkmvlp.app.benchmarks.loading import Loaded, measure_loading
from gkmvlp.app.benchmarks.model import Measured, measure_model, processor
from gkmvlp.app.benchmarks.reference import measure_reference, reference_figures
from gkmvlp.app.benchmarks.retrieval import measure_retrieval, retrieval_figures
from gkmvlp.app.benchmarks.rows import RowMemory, measure_rows
from gkmvlp.app.benchmarks.serving import measure_serving, serving_figures
from gkmvlp.app.benchmarks.setup import Lengths
from gkmvlp.app.benchmarks.weak_scaling import measure_scaling, scaling_figures
from gkmvlp.app.benchmarks.zoo import Fetched, measure_zoo
from gkmvlp.data_modules.base import DataModule
from gkmvlp.data_modules.pipeline.quiet import one_opencv_thread
from gkmvlp.data_modules.pipeline.shards import ENDS
from gkmvlp.metrics.results.metric_result import VERSION, MetricResult, signature

IMAGE_SIZE = (2544, 3056)  # width and height of most JPGs of MIMIC-CXR
STATE_BYTES = 16  # a parameter in float32: weight, gradient, two moments of AdamW


def measure(
    what: list[str],
    config: str,
    batch: int,
    steps: int,
    device: str | None,
    lengths: Lengths = "full",
    against: Path | None = None,
    readings: int = 1000,
) -> list[MetricResult]:
    """Figures of everything asked for.

    ``against`` is a checkout of BLIP, whose step is taken in turns with ours; ``readings`` are those of the page.
    """
    figures: list[MetricResult] = []
    if "model" in what:
        figures += model_figures(measure_model(config, batch, steps, device, lengths))
    if "reference" in what:
        figures += reference_figures(measure_reference(config, batch, steps, device, lengths))
    if "scaling" in what:
        figures += scaling_figures(measure_scaling(config, batch, steps, lengths))
    if against is not None:
        figures += against_figures(config, measure_against(against, config, batch, steps, lengths))
    if "generation" in what:
        figures += generation_figures(measure_generation(config, batch, steps, device))
    if "arl" in what:
        figures += arl_figures(measure_arl(config, batch, steps, device))
    if "retrieval" in what:
        figures += retrieval_figures(measure_retrieval(config, device))
    if "loading" in what:
        figures += loading_figures(config, measure_loading(config))
    if "zoo" in what:
        figures += zoo_figures(measure_zoo())
    if "phantom" in what:
        figures.append(phantom_figure())
    if "reports" in what:
        figures += report_figures()
    if "images" in what:
        figures += image_figures()
    if "rows" in what:
        figures += row_figures(measure_rows())
    if "serve" in what:
        figures += serving_figures(*measure_serving(readings))
    if "dicom" in what:
        figures += object_figures(measure_objects())
    return figures


def model_figures(measured: Measured) -> list[MetricResult]:
    """Cost of a pair, whole and by part; pairs a second; peak memory with what it holds."""
    m = measured
    tokens = m.tokens if m.lengths == "full" else f"{m.lengths}, at most {m.tokens}"
    total, seconds = sum(part.gflop for part in m.parts), sum(part.seconds for part in m.parts)

    def figure(name: str, value: float, unit: str, label: str | None = None, note: str | None = None) -> MetricResult:
        how = signature(
            metric=name, version=VERSION, unit=unit, config=m.config, batch=m.batch, image=m.image_size,
            tokens=tokens, precision=m.precision, device=m.device,
        )  # fmt: skip
        model, n = f"variant:{m.config}", m.batch * m.steps
        higher = name in ("pairs_per_s", "matrix_gflop_per_s", "roofline_share")
        return MetricResult(
            "bench", name, value, how, label=label, model=model, n=n, higher_is_better=higher, note=note
        )

    weights = f"{m.parameters / 1e6:.0f} million parameters"
    return [
        figure("gflop_per_pair", total / m.batch, "pair", note="matrix products and convolutions, both ways"),
        *(
            figure(
                "gflop_per_pair", p.gflop / m.batch, "pair", p.name,
                f"{p.gflop / total:.1%} of the operations, {p.seconds / seconds:.1%} of the time",
            )
            for p in m.parts
        ),
        figure(
            "pairs_per_s", m.batch / m.seconds, "step",
            note=f"on {m.device}, {m.precision}, {m.mean_tokens:.0f} tokens a text, "
            f"{m.mean_tokens * m.batch / m.seconds:,.0f} a second",
        ),
        figure("matrix_gflop_per_s", m.matrix_rate, "product", note="two matrices of 4,096 rows, in the same run"),
        figure(
            "roofline_share", total / m.seconds / m.matrix_rate, "step",
            note="of that rate: operations of a step, its seconds, the optimizer included",
        ),
        figure("peak_bytes", m.peak_bytes, "step", note="allocated on the GPU, or resident memory of the process"),
        figure("peak_bytes", STATE_BYTES * m.parameters, "step", "state", f"{STATE_BYTES} bytes x {weights}"),
        figure("peak_bytes", m.activation_bytes, "step", "activations", "saved by forward for backward, float32"),
    ]  # fmt: skip


def against_figures(config: str, turns: Turns) -> list[MetricResult]:
    """Pairs a second of ours and of BLIP's own step in two precisions, and the ratios."""
    t = turns

    def figure(name: str, value: float, note: str, label: str | None = None) -> MetricResult:
        how = signature(
            metric=name, version=VERSION, unit="step", config=config, batch=t.batch, against="BLIP",
            lengths=t.lengths, tokens=t.tokens, precision=t.precision, device=t.device,
        )  # fmt: skip
        return MetricResult("bench", name, value, how, label=label, model=f"variant:{config}", n=t.batch, note=note)

    rate, ratio = "pairs_per_s", "step_speed_ratio"
    return [
        figure(rate, t.batch / t.ours, f"in turns with BLIP's, the fastest of each, on {t.device}", "in turns"),
        figure(rate, t.batch / t.blip, f"{t.precision}, texts padded to {t.tokens}", "BLIP"),
        figure(rate, t.batch / t.blip_float32, f"as published, texts padded to {t.tokens}", "BLIP float32"),
        figure(ratio, t.blip / t.ours, "ours / BLIP's own step in the same precision"),
        figure(ratio, t.blip_float32 / t.ours, "ours / BLIP's own step in float32", "float32"),
    ]


def generation_figures(written: Written) -> list[MetricResult]:
    """Reports written a second: as the config is, with cross-attention everywhere, by transformers; and their ratio."""
    w = written

    def figure(name: str, value: float, note: str, label: str | None = None) -> MetricResult:
        how = signature(
            metric=name, version=VERSION, unit="report", config=w.config, batch=w.batch, beams=NUM_BEAMS,
            tokens=w.tokens, memory=w.memory_tokens, precision=w.precision, device=w.device,
        )  # fmt: skip
        return MetricResult("bench", name, value, how, label=label, model=f"variant:{w.config}", n=w.reports, note=note)

    rate = "generated_reports_per_s"
    search = f"{NUM_BEAMS} beams, {w.tokens} tokens, {w.memory_tokens} of the image, on {w.device}, {w.precision}"
    return [
        figure(rate, 1 / w.seconds, search),
        figure(rate, 1 / w.same_seconds, "the image read in every layer", "every layer"),
        figure(rate, 1 / w.transformers_seconds, "by its generate, the same weights, in turns", "transformers"),
        figure("generation_speed_ratio", w.transformers_seconds / w.same_seconds, "every layer / transformers"),
    ]


def loading_figures(config: str, loaded: Loaded) -> list[MetricResult]:
    """Seconds of loading a backbone folder, by clock and processor, and its peak memory over the tensors' size."""

    def figure(name: str, value: float, note: str, label: str | None = None, **how: object) -> MetricResult:
        sign = signature(metric=name, version=VERSION, unit="folder", config=config, **how)
        return MetricResult(
            "bench", name, value, sign, label=label, model=f"variant:{config}", n=1, higher_is_better=False, note=note
        )

    size = f"{loaded.size_bytes / 1e6:,.0f} MB of tensors in the cache of the system, {processor()}"
    return [
        figure("load_seconds", loaded.seconds, f"a backbone, {size}", clock="wall"),
        figure("load_seconds", loaded.processor_seconds, "of processor time", "processor", clock="processor"),
        figure("load_peak_ratio", loaded.peak_bytes / loaded.size_bytes, "peak of anonymous memory / size of tensors"),
    ]


def zoo_figures(fetched: Fetched) -> list[MetricResult]:
    """Seconds of a listing, and a download's speed over that of a copy with its hash."""
    size = f"{fetched.size_bytes / 1e6:,.0f} MB"
    how = signature(metric="zoo_list_seconds", version=VERSION, unit="call", clock="wall")
    note = f"in a process of its own, {processor()}"
    listed = MetricResult(
        "bench", "zoo_list_seconds", fetched.list_seconds, how, n=1, higher_is_better=False, note=note
    )
    how = signature(metric="download_speed_ratio", version=VERSION, unit="file", bytes=fetched.size_bytes, clock="wall")
    ratio, rate = fetched.copy_seconds / fetched.download_seconds, fetched.size_bytes / fetched.download_seconds / 1e6
    note = f"{size} from a server on this machine at {rate:,.0f} MB/s, hashed on the way / cp and sha256sum"
    return [listed, MetricResult("bench", "download_speed_ratio", ratio, how, n=1, note=note)]


def _rate(
    name: str, count: int, seconds: float, unit: str, note: str, label: str | None = None, **how: object
) -> MetricResult:
    """A rate by processor time, which other work on the machine stretches less than the clock."""
    sign = signature(metric=name, version=VERSION, unit=unit, cores=1, clock="processor", **how)
    return MetricResult("bench", name, count / seconds, sign, label=label, n=count, note=f"{note}, {processor()}")


def phantom_figure(patients: int = 60) -> MetricResult:
    """Patients a second of the MIMIC-CXR look-alike."""
    from gkmvlp.data_modules.synthetic import mimic_cxr

    with tempfile.TemporaryDirectory() as folder:
        mimic_cxr.write(Path(folder) / "warm", 3, 1)  # textures are made once a process
        start = time.process_time()
        mimic_cxr.write(Path(folder) / "timed", patients, 0)
        seconds = time.process_time() - start
    return _rate(
        "phantom_patients_per_s", patients, seconds, "patient", "images, reports and tables, 256 px", image=256
    )


def report_figures(reports: int = 300) -> list[MetricResult]:
    """Reports a second from a file's text to statuses: no sentence remembered, and remembered within the corpus."""
    from gkmvlp.phantom.generate import draw_phantom
    from gkmvlp.phantom.writing.grammar import write_report
    from gkmvlp.phantom.writing.report_layout import as_text
    from gkmvlp.report import labeler
    from gkmvlp.report.sections import report_text

    others = reports // 3
    drawn = range(reports + others)
    texts = [as_text(write_report(draw_phantom(9, i, 32), np.random.default_rng(i))) for i in drawn]
    for text in texts[reports:]:  # patterns are compiled once a process, by reports that are not timed
        labeler.label_report(report_text(text))
    figures = []
    for label, cache in ((None, "none"), ("sentences remembered", "corpus")):
        labeler._read.cache_clear()
        start = time.process_time()
        for text in texts[:reports]:
            if label is None:
                labeler._read.cache_clear()
            labeler.statuses(labeler.label_report(report_text(text)))
        seconds = time.process_time() - start
        figures.append(_rate("reports_per_s", reports, seconds, "report", "phantom reports", label, cache=cache))
    return figures


def image_figures(images: int = 16, side: int = 224) -> list[MetricResult]:
    """Images a second through reader, letterbox and augmentation; the same from shards that hold the squares."""
    import pandas as pd
    from PIL import Image

    from gkmvlp.data_modules.image_report_pairs import ImageReportPairs
    from gkmvlp.data_modules.pipeline.shard_writer import write_shards
    from gkmvlp.phantom.generate import draw_phantom

    size = f"{IMAGE_SIZE[0]}x{IMAGE_SIZE[1]}"
    with tempfile.TemporaryDirectory() as folder:
        for i in range(images):
            large = Image.fromarray(draw_phantom(9, i, 256).image_HW).resize(IMAGE_SIZE, Image.Resampling.BICUBIC)
            large.save(Path(folder) / f"{i}.jpg", quality=95)
        rows = [
            {"image": f"{i}.jpg", "report": "No effusion.", "patient_id": i, "split": "train"} for i in range(images)
        ]
        table = Path(folder) / "pairs.csv"
        pd.DataFrame(rows).to_csv(table, index=False)

        def data(cache_dir: str | None = None) -> ImageReportPairs:
            made = ImageReportPairs(str(table), batch_size=8, num_workers=0, image_size=side, cache_dir=cache_dir)
            made.setup()
            return made

        plain = data()
        sources = plain.cache_sources()
        figures = [_loaded(plain, 1, f"JPGs of {size} to {side} px, augmented", None, image=size, side=side)]
        for encoding in ENDS:
            place = Path(folder) / encoding
            write_shards(place, plain.cache_plan(sources, encoding, 4000), sources, 1, say=lambda _: None)
            kept = sum(file.stat().st_size for file in place.glob("*.tar")) / images
            note = f"the same from shards ({encoding}, {kept / 1e3:.0f} kB an image), augmented"
            with contextlib.redirect_stdout(None):  # it says that it reads shards
                cached = data(str(place))
            figures.append(_loaded(cached, 50, note, f"cached, {encoding}", image=size, side=side))
    return figures


def _loaded(data: DataModule, epochs: int, note: str, label: str | None, **how: object) -> MetricResult:
    """Training items a second of one core: in this process, with one thread, as each worker of a run has."""
    loader, threads = data.train_dataloader(), torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with one_opencv_thread():
            next(iter(loader))
            start = time.process_time()
            count = sum(len(batch["image"]) for _ in range(epochs) for batch in loader)
            seconds = time.process_time() - start
    finally:
        torch.set_num_threads(threads)
    return _rate("images_per_s", count, seconds, "image", note, label, **how)


def row_figures(measured: RowMemory, workers: int = 8) -> list[MetricResult]:
    """Bytes of a row in the first process, in each worker and in the file; a million rows with workers."""

    def figure(value: float, note: str, label: str | None = None) -> MetricResult:
        name = "row_bytes" if label else "million_rows_mb"
        how = signature(metric=name, version=VERSION, unit="row", workers=workers)
        return MetricResult("bench", name, value, how, label=label, n=measured.rows, higher_is_better=False, note=note)

    own, worker, file = (
        size / measured.rows for size in (measured.own_bytes, measured.worker_bytes, measured.file_bytes)
    )
    return [
        figure(own + workers * worker, f"MB of a million rows with {workers} workers, without the file that all map"),
        figure(own, "anonymous memory of the process that makes the rows", "first process"),
        figure(worker, "what a forked worker that read all rows does not share", "worker"),
        figure(file, "mapped by all; its pages can be dropped", "file"),
    ]


def lines(figures: list[MetricResult]) -> list[str]:
    """A line a figure."""
    return [f"{f.name:24s}{f.label or '':20s}{_shown(f):>12s}  {f.note or ''}".rstrip() for f in figures]


def _shown(figure: MetricResult) -> str:
    value = figure.value or 0.0
    return f"{value / 1e9:,.2f} GB" if figure.name == "peak_bytes" else f"{value:,.2f}"
