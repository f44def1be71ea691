"""The plan for a large pre-training, all of its numbers: ``python -m gkmvlp.app.benchmarks.scale docs/scale.md``.

What a pair costs is read from a file of ``gkmvlp bench``; what a machine does, and what it costs, stands here.

N GPUs, b pairs a step and GPU, W parameters, D the size of the shared space of image-text contrast.
"""

import argparse
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from gkmvlp.app.benchmarks.figures import IMAGE_SIZE
from gkmvlp.app.benchmarks.setup import QUANTILES
from gkmvlp.app.benchmarks.table import GIB, MODEL, Cost, cost, memory, with_table
from gkmvlp.entities import ENTITIES
from gkmvlp.errors import ResultsError
from gkmvlp.losses.itc import PAIRS_AT_ONCE
from gkmvlp.metrics.results.metric_result import Results, write_text
from gkmvlp.metrics.results.tables import markdown_table

CHECKPOINT_BYTES = 12  # a parameter in float32: weight and two moments of AdamW
WORKER_PROCESSOR_SHARE = 0.9  # of the cores beside each GPU, for its workers


@dataclass(frozen=True)
class Machine:
    """A cluster of GPUs.

    Attributes:
        gpu: Name.
        gpus: N.
        gpus_a_node: How many share a node.
        cores_a_gpu: Processor cores beside each.
        gib: Memory of one.
        tflops: Dense bfloat16 rate of one, by its vendor.
        tflops32: The same for float32, in which ITC compares its pairs.
        utilisation: Share of these rates that a step reaches while it computes.
        node_gb_s: GB/s that a GPU sends inside its node.
        network_gb_s: GB/s that a GPU sends to other nodes.
        overlap: Share of the gradients' way that is hidden behind the backward pass.
        dollars: Of one GPU for an hour.
    """

    gpu: str = "H100 80 GB SXM"
    gpus: int = 256
    gpus_a_node: int = 8
    cores_a_gpu: int = 12
    gib: float = 80
    tflops: float = 989
    tflops32: float = 67
    utilisation: float = 0.45
    node_gb_s: float = 450
    network_gb_s: float = 50
    overlap: float = 0.8
    dollars: float = 3.0


@dataclass(frozen=True)
class Corpus:
    """Pairs of images and reports.

    Attributes:
        pairs: How many.
        epochs: How often each is shown.
        jpg_bytes: Of a full-size file; MIMIC-CXR-JPG has 377,110 in 557.6 GB.
        side: Of the cached square in pixels.
        token_bytes: Of a token in a table.
        shard_bytes: Of a shard of the cache.
    """

    pairs: int = 10_000_000
    epochs: int = 10
    jpg_bytes: float = 557.6e9 / 377_110
    side: int = 224
    token_bytes: int = 2
    shard_bytes: float = 1e9


@dataclass(frozen=True)
class Step:
    """One step on one GPU, in seconds and bytes.

    Attributes:
        pairs: Of all GPUs.
        compute: Seconds of matrix products.
        gradient_bytes: What each GPU sends to sum gradients: 2 (N - 1) / N of them, in a ring.
        gradients: Seconds of that.
        gather_bytes: What each GPU receives of the others' vectors for ITC, images and texts, and sends back as
            gradients.
        gather: Seconds of that.
        itc_gflop: Similarities of this rank's b images with all N b texts, and of its texts with all images.
        itc: Seconds of that, in float32.
        itc_bytes: What is held of it at a time: similarities and their targets, ``PAIRS_AT_ONCE`` at most.
        all_itc: Seconds if every rank compared the rows of all ranks, as plain code does.
        seconds: Of the step: both products, what of the gradients is not hidden, and the gather, which nothing hides.
    """

    pairs: int
    compute: float
    gradient_bytes: float
    gradients: float
    gather_bytes: float
    gather: float
    itc_gflop: float
    itc: float
    itc_bytes: float
    all_itc: float
    seconds: float


def step(machine: Machine, c: Cost, batch: int, dim: int = 256) -> Step:
    """What a step of b = ``batch`` pairs a GPU takes.

    Args:
        machine: Where.
        c: What a pair costs.
        batch: b.
        dim: D.
    """
    n, pairs = machine.gpus, machine.gpus * batch
    compute = (batch * c.gflop + c.prompt_gflop) / (machine.utilisation * machine.tflops * 1e3)
    # forward, and two products backward; in parts the forward is computed anew
    passes = 3 if batch * pairs <= PAIRS_AT_ONCE else 4
    itc_gflop = 2 * passes * 2 * batch * pairs * dim / 1e9  # of two directions
    itc = itc_gflop / (machine.utilisation * machine.tflops32 * 1e3)
    share = (n - 1) / n
    gradient_bytes = 2 * share * 4 * c.parameters
    gather_bytes = 2 * 2 * 4 * dim * pairs * share
    network = machine.network_gb_s if n > machine.gpus_a_node else machine.node_gb_s
    gradients, gather = gradient_bytes / network / 1e9, gather_bytes / network / 1e9
    held = 2 * 4 * min(batch * pairs, max(PAIRS_AT_ONCE // pairs, 1) * pairs)
    seconds = compute + itc + (1 - machine.overlap) * gradients + gather
    return Step(pairs, compute, gradient_bytes, gradients, gather_bytes, gather, itc_gflop, itc, held, n * itc, seconds)


def markdown(results: Results, machine: Machine, corpus: Corpus, batch: int) -> str:
    """The plan's tables.

    Raises:
        ResultsError: If the file holds no measurement of the base model.
    """
    figures = {(f.name, f.label): f for f in results.figures if f.task == "bench"}
    base = {key: f for key, f in figures.items() if f.model == MODEL}
    images = figures.get(("images_per_s", None))
    if ("gflop_per_pair", "prompts") not in base or images is None:
        raise ResultsError(f"no figures of {MODEL} and of images: gkmvlp bench --what model images --out FILE")
    signature = dict(part.split(":", 1) for part in base["pairs_per_s", None].signature.split("|"))
    c = cost(base, int(signature["batch"]))
    one = step(machine, c, batch)
    return "\n\n".join(
        [
            _assumed(machine, corpus, results, c, batch, signature["tokens"]),
            "## Bytes",
            _bytes(machine, corpus, c, batch, one),
            "## Where the time of a step goes",
            _times(machine, c, batch, one),
            "## What it takes",
            _totals(machine, corpus, c, batch, one, float(images.value or 0)),
            "## More and fewer GPUs",
            _sizes(machine, corpus, c, batch),
        ]
    )


def _assumed(machine: Machine, corpus: Corpus, results: Results, c: Cost, batch: int, tokens: str) -> str:
    """What the numbers stand on, in words."""
    return (
        f"{corpus.pairs:,} pairs, {corpus.epochs} epochs, {machine.gpus} GPUs ({machine.gpu}, "
        f"{machine.gpus_a_node} a node, {machine.cores_a_gpu} cores each), {batch} pairs a GPU and step. Measured: "
        f"{c.gflop:,.0f} GFLOP a pair and {c.prompt_gflop:,.0f} a step for the prompts, "
        f"{c.parameters / 1e6:.0f} million parameters, {c.activations / 1e9:.2f} GB of activations a pair in float32 "
        f"(`{results.command}`, {results.created[:10]}, {tokens} tokens). By its vendor: {machine.tflops:,.0f} TFLOP/s "
        f"in dense bfloat16, {machine.tflops32:,.0f} in float32. Assumed, to be replaced by measurements: "
        f"{machine.utilisation:.0%} of these rates, {machine.node_gb_s:,.0f} GB/s inside a node and "
        f"{machine.network_gb_s:,.0f} between nodes for each GPU, {machine.overlap:.0%} of the sum of gradients hidden "
        f"behind the backward pass, {machine.dollars:.2f} dollars a GPU and hour."
    )


def _bytes(machine: Machine, corpus: Corpus, c: Cost, batch: int, one: Step) -> str:
    cached, state = corpus.side**2, CHECKPOINT_BYTES * c.parameters
    tokens = _mean(QUANTILES)
    report = tokens * corpus.token_bytes
    shards = -(-corpus.pairs * cached // corpus.shard_bytes)
    rows = [
        ["full-size JPGs", f"{corpus.jpg_bytes / 1e6:.2f} MB", _size(corpus.pairs * corpus.jpg_bytes)],
        [f"cached squares, {corpus.side} px, uncompressed", f"{cached / 1e3:.1f} kB", _size(corpus.pairs * cached)],
        ["tokens of the reports", f"{tokens:.0f} x {corpus.token_bytes} B", _size(corpus.pairs * report)],
        ["statuses of the entities", f"{len(ENTITIES)} B", _size(corpus.pairs * len(ENTITIES))],
        ["checkpoints: weights and moments, three kept", _size(state), _size(3 * state)],
    ]
    sizes = markdown_table(["what", "each", "all"], rows)
    a_gpu = shards / machine.gpus
    fills = memory(c, batch) / GIB
    return (
        f"{sizes}\n\n"
        f"The cache is {shards:,.0f} shards of {corpus.shard_bytes / 1e9:.0f} GB, {a_gpu:.1f} a GPU. A GPU holds "
        f"{fills:.0f} of {machine.gib:.0f} GiB: 18 B a parameter, and half of the float32 activations of {batch} "
        f"pairs. The similarities of ITC, {batch:,} x {one.pairs:,} with their targets, take at most "
        f"{_size(one.itc_bytes)} more."
    )


def _times(machine: Machine, c: Cost, batch: int, one: Step) -> str:
    exposed = (1 - machine.overlap) * one.gradients
    rows = [
        ("matrix products", f"{batch * c.gflop + c.prompt_gflop:,.0f} GFLOP", one.compute),
        ("similarities of ITC, own rows with those of all GPUs", f"{one.itc_gflop:,.0f} GFLOP", one.itc),
        ("sum of gradients (ring, float32)", _size(one.gradient_bytes), exposed),
        ("vectors of ITC, there and back", _size(one.gather_bytes), one.gather),
    ]
    cells = [[name, volume, f"{1e3 * s:.2f} ms", f"{s / one.seconds:.1%}"] for name, volume, s in rows]
    table = markdown_table(["what", "a GPU and step", "not hidden", "of the step"], cells)
    return (
        f"{table}\n\nA step takes {1e3 * one.seconds:.1f} ms for {one.pairs:,} pairs; the gradients travel for "
        f"{1e3 * one.gradients:.1f} ms, {machine.overlap:.0%} of it behind the backward pass. If every GPU compared "
        f"the pairs of all GPUs, ITC would take {1e3 * one.all_itc:.2f} ms."
    )


def _totals(machine: Machine, corpus: Corpus, c: Cost, batch: int, one: Step, images_per_s: float) -> str:
    rate = one.pairs / one.seconds
    hours = corpus.pairs * corpus.epochs / rate / 3600
    a_gpu = rate / machine.gpus
    usable = WORKER_PROCESSOR_SHARE * machine.cores_a_gpu
    rows = [
        ["pairs a second, all and a GPU", f"{rate:,.0f} and {a_gpu:,.0f}"],
        ["steps", f"{corpus.pairs * corpus.epochs / one.pairs:,.0f}"],
        ["hours", f"{hours:.2f}"],
        ["GPU hours", f"{hours * machine.gpus:,.0f}"],
        ["dollars", f"{hours * machine.gpus * machine.dollars:,.0f}"],
        ["read from the cache, all GPUs", f"{_size(rate * corpus.side**2)}/s"],
        ["images/s that a core must make ready", f"{a_gpu / usable:,.0f}"],
        [f"cores a GPU if every epoch decoded JPGs of {IMAGE_SIZE[0]}x{IMAGE_SIZE[1]}", f"{a_gpu / images_per_s:,.0f}"],
    ]
    return (
        f"{markdown_table(['what', 'number'], rows)}\n\n"
        f"{WORKER_PROCESSOR_SHARE:.0%} of the {machine.cores_a_gpu} cores beside a GPU load data. A core makes "
        f"{images_per_s:.1f} full-size JPGs a second ready (measured), so images are decoded once and cached."
    )


def _sizes(machine: Machine, corpus: Corpus, c: Cost, batch: int) -> str:
    rows = []
    alone = batch / step(replace(machine, gpus=1), c, batch).seconds
    for gpus in (1, 8, 64, machine.gpus, 4 * machine.gpus):
        one = step(replace(machine, gpus=gpus), c, batch)
        rate = one.pairs / one.seconds
        hours = corpus.pairs * corpus.epochs / rate / 3600
        every = batch / (one.seconds - one.itc + one.all_itc) / alone
        shares = [f"{share:.1%}" for share in (one.itc / one.seconds, rate / gpus / alone, every)]
        cells = [f"{1e3 * one.seconds:.1f} ms", *shares, f"{hours:,.2f}", f"{hours * gpus * machine.dollars:,.0f}"]
        rows.append([f"{gpus:,}", f"{one.pairs:,}", *cells])
    head = ["GPUs", "pairs a step", "step", "ITC's share", "weak scaling", "if all compared all", "hours", "dollars"]
    return markdown_table(head, rows)


def _mean(quantiles: Mapping[float, int]) -> float:
    """Mean of the distribution that has straight lines between these quantiles."""
    points = itertools.pairwise(quantiles.items())
    return sum((share - before) * (value + low) / 2 for (before, low), (share, value) in points)


def _size(number: float) -> str:
    """Bytes in a unit that a reader can compare."""
    for unit, name in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB")):
        if number >= unit:
            return f"{number / unit:.2f} {name}"
    return f"{number / 1e3:.1f} kB"


def main(arguments: list[str] | None = None) -> None:
    """Write the plan between the markers of a page."""
    parser = argparse.ArgumentParser(prog="gkmvlp.app.benchmarks.scale", description=(__doc__ or "").split(":")[0])
    parser.add_argument("page", type=Path, help="page with the markers")
    parser.add_argument("--bench", type=Path, default=Path("docs/results/bench.json"), help="what bench --out wrote")
    parser.add_argument("--pairs", type=int, default=Corpus.pairs)
    parser.add_argument("--epochs", type=int, default=Corpus.epochs)
    parser.add_argument("--gpus", type=int, default=Machine.gpus)
    parser.add_argument("--utilisation", type=float, default=Machine.utilisation, help="share of the vendor's rate")
    parser.add_argument("--dollars", type=float, default=Machine.dollars, help="of one GPU for an hour")
    parser.add_argument("--batch", type=int, default=64, help="pairs a GPU and step")
    chosen = parser.parse_args(arguments)
    machine = Machine(gpus=chosen.gpus, utilisation=chosen.utilisation, dollars=chosen.dollars)
    corpus = Corpus(pairs=chosen.pairs, epochs=chosen.epochs)
    plan = markdown(Results.read(chosen.bench), machine, corpus, chosen.batch)
    write_text(chosen.page, with_table(chosen.page.read_text(encoding="utf-8"), plan))


if __name__ == "__main__":
    main()
