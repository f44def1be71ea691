"""Where the time of a pre-training step goes: a trace for a viewer, and a table of its operations."""

from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile

from gkmvlp.app.benchmarks.model import whole_step
from gkmvlp.app.benchmarks.setup import Lengths, architecture_of, build
from gkmvlp.hardware import best_precision, device_named
from gkmvlp.metrics.results.metric_result import write_text
from gkmvlp.tasks.parts.optimization import OptimizerConfig, build_optimizer
from gkmvlp.whole_files import replacing

TRACE, TABLE = "trace.json", "operations.txt"
ROWS = 30  # operations that the table shows


def profile_step(config: str, batch: int, name: str | None, lengths: Lengths, folder: Path) -> list[Path]:
    """Profiles one whole step, the optimizer included, after one that warms up.

    Args:
        config: ``base``, ``small``, or a pre-training config.
        batch: B.
        name: Device; None takes a GPU where there is one.
        lengths: How long the texts are (see ``setup.lengths_of``).
        folder: Gets ``trace.json``, which chrome://tracing and ui.perfetto.dev open, and ``operations.txt``.

    Returns:
        Both files.
    """
    device = device_named(name)
    task, studies = build(architecture_of(config), batch, device, lengths)
    optimizer, _ = build_optimizer(task, OptimizerConfig(), 1000)
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if device.type == "cuda" else [])]
    with torch.autocast(device.type, torch.bfloat16, enabled=best_precision(device.type) == "bf16-mixed"):
        whole_step(task, studies, optimizer)
        with profile(activities=activities) as profiler:
            whole_step(task, studies, optimizer)
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(folder / TRACE) as part:
        profiler.export_chrome_trace(str(part))
    order = "self_cuda_time_total" if device.type == "cuda" else "self_cpu_time_total"
    table = profiler.key_averages().table(sort_by=order, row_limit=ROWS, max_name_column_width=60)
    write_text(folder / TABLE, table)
    return [folder / TRACE, folder / TABLE]
