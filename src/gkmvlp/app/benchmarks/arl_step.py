"""One pre-training step of ARL beside four forwards of the whole model, one an objective, as its published code has it.

The published step encodes image, text and graph anew for each objective (the graph twice for the alignment), and runs
all layers of the fusion in each, also where nothing reads them. Both ways give the same losses. B pairs.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from gkmvlp.app.benchmarks.model import machine_name, spent
from gkmvlp.app.benchmarks.setup import SENTENCES, architecture_as, cut_texts, equip, made_up_pairs
from gkmvlp.app.running.configs import mapping_in
from gkmvlp.app.running.operations import operation_counter
from gkmvlp.batch import StudyBatch
from gkmvlp.checkpoints.systems import fresh_table
from gkmvlp.hardware import best_precision, device_named
from gkmvlp.knowledge.entity_graph import entity_graph
from gkmvlp.losses.masked_image import masked_image_loss, random_patch_mask
from gkmvlp.metrics.results.metric_result import VERSION, MetricResult, signature
from gkmvlp.models.arl import Arl
from gkmvlp.models.co_attention import Links
from gkmvlp.models.config import ArlArchitecture
from gkmvlp.models.tokenizer import train_tokenizer
from gkmvlp.phantom.writing.grammar import sentences
from gkmvlp.tasks.arl_pretraining import ArlPretraining

METER = "zoo://_base/architecture_meter"  # what ``base`` is here: ViT-B/16 and RoBERTa-base
OBJECTIVES = ("mlm", "mim", "itm", "align")
PUBLISHED_CORE = 331.5e6


@dataclass(frozen=True)
class Way:
    """What a step costs, forward and backward."""

    gflop: float
    seconds: float  # of the processor, or by the clock of a GPU; the fastest of all that were timed


@dataclass(frozen=True)
class ArlMeasured:
    """Both ways."""

    config: str
    batch: int
    steps: int
    image_size: int
    tokens: int
    precision: str
    device: str
    parameters: int
    core_parameters: int  # see ``core_parameters``
    ours: Way
    published: Way


def measure_arl(config: str, batch: int, steps: int, name: str | None) -> ArlMeasured:
    """Measures both ways in turns, after one step of each that counts its operations.

    Args:
        config: ``base``, or a pre-training config of ARL.
        batch: B.
        steps: How many steps of each are timed.
        name: Device; None takes a GPU where there is one.
    """
    device = device_named(name)
    if config == "base":
        architecture = ArlArchitecture.from_dict(mapping_in(METER, "architecture"))
    else:
        architecture = architecture_as(ArlArchitecture, config)
    task, studies = build_arl(architecture, batch, device)
    precision = best_precision(device.type)
    ways: list[Callable[[ArlPretraining, StudyBatch], Tensor]] = [our_loss, published_loss]
    seconds: list[list[float]] = [[], []]
    with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16-mixed"):
        gflop = [_counted(task, studies, way) for way in ways]
        for _ in range(steps):
            for way, timed in zip(ways, seconds, strict=True):
                timed.append(_timed(task, studies, way))
    parameters = sum(parameter.numel() for parameter in task.parameters())
    return ArlMeasured(
        config, batch, steps, architecture.image_size, architecture.text.max_length, precision, machine_name(device),
        parameters, core_parameters(task.model),
        *(Way(count, min(timed)) for count, timed in zip(gflop, seconds, strict=True)),
    )  # fmt: skip


def build_arl(architecture: ArlArchitecture, batch: int, device: torch.device) -> tuple[ArlPretraining, StudyBatch]:
    """The task with fresh weights, its embedding of full size, and a batch of made-up pairs that fill all tokens."""
    reports = [text for text, _ in sentences(0, SENTENCES * batch)]
    tokenizer = train_tokenizer(reports, architecture.text.vocab_size)
    graph = entity_graph(architecture.knowledge.entities)
    table_NC = fresh_table(len(graph.concepts), architecture.projection_dim)
    task = ArlPretraining(architecture)
    equip(task, Arl(architecture, architecture.text.vocab_size, table_NC, graph.edge_index_2M), tokenizer)
    texts = cut_texts(tokenizer, reports, [architecture.text.max_length] * batch)
    return task.to(device).train(), made_up_pairs(texts, architecture.image_size, device)


def core_parameters(model: Arl) -> int:
    """Parameters of the encoders, the fusion, its projections and poolers: no heads, no decoder, no graph."""
    text = [model.text.word, model.text.position, model.text.norm, model.text.layers]
    vision = [model.vision.model, model.vision.project]
    parts = [*vision, *text, model.text_projection, model.layers, model.text_pooler, model.image_pooler]
    return sum(parameter.numel() for part in parts for parameter in part.parameters())


def our_loss(task: ArlPretraining, studies: StudyBatch) -> Tensor:
    """The sum of all objectives as the task computes them, a scalar."""
    return torch.stack(list(task.losses(studies, set(OBJECTIVES)).values())).sum()


def published_loss(task: ArlPretraining, studies: StudyBatch) -> Tensor:
    """The same sum from four forwards of the whole model, a scalar."""
    return torch.stack([separate_loss(task, studies, name) for name in OBJECTIVES]).sum()


def separate_loss(task: ArlPretraining, studies: StudyBatch, name: str) -> Tensor:
    """One objective from a forward of the whole model for it alone, a scalar."""
    separate = {"mim": _whole_masked_image, "align": _whole_alignment}.get(name)
    return separate(task, studies) if separate else task.losses(studies, {name})[name]


def _whole_masked_image(task: ArlPretraining, studies: StudyBatch) -> Tensor:
    """All layers of the fusion run, though the decoder reads an earlier one."""
    model, image_B1SS, grid = task.model, studies["image"], task.model.vision.grid
    states = model.begin(task.read_texts(studies["text"]), model.encode_entities())
    even_BP = torch.ones(len(image_B1SS), grid[0] * grid[1], device=image_B1SS.device)
    masked_BP = random_patch_mask(even_BP, task.objectives.patch_share)
    image = model.encode_image(image_B1SS, masked_BP=masked_BP)
    read = model.architecture.fusion.masked_image_layers
    streams = model.fusion_streams(states, image.memory.value, read)
    pixels_BPC = model.image_decoder(streams.image[:, 1:], masked_BP)
    for layer in model.layers[read:]:
        streams = layer(streams, Links(states.mask, states.entity_mask, states.span))
    return masked_image_loss(pixels_BPC, image_B1SS, masked_BP, grid)


def _whole_alignment(task: ArlPretraining, studies: StudyBatch) -> Tensor:
    """The fusion runs, though the alignment reads what goes into it, and the graph is encoded for image and text."""
    model, text = task.model, task.read_texts(studies["text"])
    entity_NC, _ = model.encode_entities(), model.encode_entities()
    states, image = model.begin(text, entity_NC), model.encode_image(studies["image"])
    model.fusion_streams(states, image.memory.value)
    return task.alignment(studies, text, states, image.features, entity_NC)


def _counted(task: ArlPretraining, studies: StudyBatch, way: Callable[[ArlPretraining, StudyBatch], Tensor]) -> float:
    """GFLOP of a step."""
    with operation_counter() as counter:
        way(task, studies).backward()  # type: ignore[no-untyped-call]
    task.zero_grad(set_to_none=True)
    return float(counter.get_total_flops() / 1e9)


def _timed(task: ArlPretraining, studies: StudyBatch, way: Callable[[ArlPretraining, StudyBatch], Tensor]) -> float:
    """Seconds of a step without the optimizer, which is the same in both ways."""
    start = spent(task.device)
    way(task, studies).backward()  # type: ignore[no-untyped-call]
    task.zero_grad(set_to_none=True)
    return spent(task.device) - start


def arl_figures(measured: ArlMeasured) -> list[MetricResult]:
    """Cost of a pair both ways, the ratios, and the size of the core."""
    m = measured

    def figure(name: str, value: float, note: str, label: str | None = None) -> MetricResult:
        how = signature(
            metric=name, version=VERSION, unit="pair", config=m.config, system="arl", batch=m.batch,
            image=m.image_size, tokens=m.tokens, precision=m.precision, device=m.device,
        )  # fmt: skip
        higher = name not in ("gflop_per_pair", "parameters_millions")
        model, n = f"variant:arl-{m.config}", m.batch * m.steps
        return MetricResult(
            "bench", name, value, how, label=label, model=model, n=n, higher_is_better=higher, note=note
        )

    apart, clock = "four forwards", f"forward and backward, on {m.device}, {m.precision}"
    left_out = "RoBERTa's pooler, two of three channels and the last feed-forward part of the entities are not built"
    return [
        figure("gflop_per_pair", m.ours.gflop / m.batch, "matrix products and convolutions, both ways"),
        figure("gflop_per_pair", m.published.gflop / m.batch, "of the whole model, one an objective", apart),
        figure("operations_ratio", m.published.gflop / m.ours.gflop, "four forwards / one step"),
        figure("pairs_per_s", m.batch / m.ours.seconds, clock),
        figure("pairs_per_s", m.batch / m.published.seconds, "in turns with it", apart),
        figure("step_speed_ratio", m.published.seconds / m.ours.seconds, "four forwards / one step"),
        figure("parameters_millions", m.core_parameters / 1e6,
               f"of {PUBLISHED_CORE / 1e6} published; {left_out}", "core"),
        figure("parameters_millions", m.parameters / 1e6, "with heads, image decoder and graph"),
    ]  # fmt: skip
