"""What pre-training on MIMIC-CXR needs, as a Markdown table: measured where it was, computed where it can be.

Formulas (B pairs a step and GPU, W parameters, A activation bytes a pair, F operations a pair, P operations of the
prompts a step): memory = 18 W + B A / 2, operations a pair = F + P / B, hours = pairs x epochs x operations a pair /
(utilisation x peak rate).
"""

from typing import NamedTuple

from gkmvlp.app.benchmarks.figures import STATE_BYTES
from gkmvlp.errors import ResultsError
from gkmvlp.metrics.results.metric_result import MetricResult, Results
from gkmvlp.metrics.results.tables import markdown_table

BEGIN, END = "<!-- bench -->", "<!-- /bench -->"
MODEL = "variant:base"
EPOCHS = 30
PAIRS = 238_000  # PA and AP images of MIMIC-CXR-JPG, 243,334, times the share of its training split, 0.978
UTILISATION = 0.3
HEADROOM = 0.9  # share of a GPU's memory that a run may fill
GIB = 2**30


class Gpu(NamedTuple):
    """A GPU as its vendor describes it."""

    name: str
    gib: int
    tflops: float  # dense bfloat16


GPUS = (
    Gpu("RTX 3090", 24, 71),
    Gpu("RTX 4090", 24, 165),
    Gpu("A100 40 GB", 40, 312),
    Gpu("A100 80 GB", 80, 312),
    Gpu("H100 80 GB SXM", 80, 989),
)


class Cost(NamedTuple):
    """What a pair costs, out of a measured step."""

    parameters: float
    activations: float  # bytes a pair, float32
    gflop: float  # a pair, without the prompts
    prompt_gflop: float  # a step


def cost(figures: dict[tuple[str, str | None], MetricResult], batch: int) -> Cost:
    """The cost of a pair."""

    def value(name: str, label: str | None = None) -> float:
        return float(figures[name, label].value or 0)

    prompts = value("gflop_per_pair", "prompts")
    parameters = value("peak_bytes", "state") / STATE_BYTES
    return Cost(
        parameters, value("peak_bytes", "activations") / batch, value("gflop_per_pair") - prompts, prompts * batch
    )


def memory(c: Cost, batch: int) -> float:
    """Bytes of a step in bfloat16: weights, gradients, moments, a bfloat16 copy of the weights, halved activations."""
    return (STATE_BYTES + 2) * c.parameters + batch * c.activations / 2


def largest_batch(c: Cost, gib: float) -> int:
    """The largest batch, a multiple of 4, that fits; 0 where none does."""
    room = HEADROOM * gib * GIB - memory(c, 0)
    return max(int(room / (c.activations / 2)) // 4 * 4, 0)


def hours(c: Cost, batch: int, tflops: float) -> float:
    """Hours of a whole pre-training."""
    return PAIRS * EPOCHS * (c.gflop + c.prompt_gflop / batch) / (UTILISATION * tflops * 1e3) / 3600


def markdown(results: Results) -> str:
    """The table with its footnotes.

    Raises:
        ResultsError: If the file holds no measurement of the base model.
    """
    figures = {(f.name, f.label): f for f in results.figures if f.task == "bench" and f.model == MODEL}
    if ("gflop_per_pair", "prompts") not in figures:
        raise ResultsError(f"no figures of {MODEL}: measure first by gkmvlp bench --out docs/results/bench.json")
    parts = dict(part.split(":", 1) for part in figures["pairs_per_s", None].signature.split("|"))
    batch, rate = int(parts["batch"]), float(figures["pairs_per_s", None].value or 0)
    c = cost(figures, batch)
    peak = float(figures["peak_bytes", None].value or 0) / GIB
    rows = [[parts["device"], f"{batch}", f"{peak:.1f} GiB (m)", f"{PAIRS * EPOCHS / rate / 3600:,.0f} (m)"]]
    for gpu in GPUS:
        fits = largest_batch(c, gpu.gib)
        if fits:
            cells = [f"{fits} (c1)", f"{memory(c, fits) / GIB:.1f} GiB (c1)", f"{hours(c, fits, gpu.tflops):,.0f} (c2)"]
            rows.append([gpu.name, *cells])
    table = markdown_table(["machine", "batch", "memory", "hours"], rows)
    total = float(figures["gflop_per_pair", None].value or 0)
    return f"""{table}

ViT-B/16 and BERT-base, 224 px, 128 tokens, all four objectives, {EPOCHS} epochs of {PAIRS:,} frontal training images,
one device. (m) measured: {parts["device"]}, {parts["precision"]}, `{results.command}`, {results.created[:10]}; its
hours are images x epochs / pairs a second. (c1) computed: bytes = 18 x {c.parameters / 1e6:.0f} million parameters +
batch x {c.activations / 2 / 1e9:.2f} GB (half of the activations measured in float32); the largest that fills at most
{HEADROOM:.0%} of the memory. (c2) computed: images x epochs x ({c.gflop:,.0f} + {c.prompt_gflop:,.0f} / batch) GFLOP /
({UTILISATION} x the vendor's dense bfloat16 rate); at batch {batch} a pair takes {total:,.0f} GFLOP. {UTILISATION} is
assumed, not measured."""


def with_table(text: str, table: str) -> str:
    """The page with the table between its markers.

    Raises:
        ResultsError: If the closing marker is missing.
    """
    before, _, rest = text.partition(BEGIN)
    _, marker, after = rest.partition(END)
    if not marker:
        raise ResultsError(f"the page has {BEGIN} without {END} after it: add that line")
    return f"{before}{BEGIN}\n{table}\n{END}{after}"
