"""One pre-training step, whole and in parts: floating-point operations, seconds, memory.

B pairs, E entities.
"""

import resource
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from gkmvlp.app.benchmarks.setup import Lengths, SingleProcessPretraining, architecture_of, build
from gkmvlp.app.running.operations import operation_counter
from gkmvlp.batch import StudyBatch
from gkmvlp.hardware import best_precision
from gkmvlp.losses.ecls import entity_classification
from gkmvlp.losses.itc import image_text_contrast
from gkmvlp.losses.itm import false_negatives
from gkmvlp.models.memory import Memory, ProjectedMemory
from gkmvlp.tasks.base import text_keys
from gkmvlp.tasks.parts.optimization import OptimizerConfig, build_optimizer

OBJECTIVES = {"itc", "itm", "lm", "ecls"}


@dataclass(frozen=True)
class Part:
    """Forward and backward of one part of a step."""

    name: str
    gflop: float  # a step
    seconds: float  # a step


@dataclass(frozen=True)
class Measured:
    """What a step costs."""

    config: str
    batch: int
    steps: int
    image_size: int
    lengths: Lengths
    tokens: int  # of the longest text that the model takes
    mean_tokens: float  # of a text of the batch, padding left out
    precision: str
    device: str
    seconds: float  # a step, the mean of all timed
    matrix_rate: float  # GFLOP/s of a large product of matrices in that precision, in the same run
    parameters: int
    activation_bytes: int  # saved by the forward pass for the backward pass, in float32 whatever the step's precision
    peak_bytes: int  # resident memory of the process, or allocated memory of the GPU
    parts: list[Part]


def measure_model(config: str, batch: int, steps: int, name: str | None, lengths: Lengths = "full") -> Measured:
    """Measures whole steps after one that warms up, then the parts.

    Args:
        config: ``base``, ``small``, or a pre-training config.
        batch: B.
        steps: How many whole steps are timed.
        name: Device; None takes a GPU where there is one.
        lengths: How long the texts are (see ``setup.lengths_of``).
    """
    device = torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))
    architecture = architecture_of(config)
    task, studies = build(architecture, batch, device, lengths)
    optimizer, _ = build_optimizer(task, OptimizerConfig(), 1000)
    precision = best_precision(device.type)
    rate = matrix_rate(device, torch.bfloat16 if precision == "bf16-mixed" else torch.float32)
    with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16-mixed"):
        seconds, updates = zip(*(whole_step(task, studies, optimizer) for _ in range(steps + 1)), strict=True)
        # of whole steps alone: what the parts leave behind would raise the peak of the process
        peak = _peak_bytes(device)
        parts = [*measure_parts(task, studies), Part("optimizer", 0.0, min(updates))]
    saved = activation_bytes(task, studies)
    mean_tokens = task.tokens(studies["text"]).mask.float().sum(1).mean().item()
    parameters = sum(parameter.numel() for parameter in task.parameters())
    return Measured(
        config, batch, steps, architecture.image_size, lengths, architecture.text.max_length, mean_tokens, precision,
        machine_name(device), sum(seconds[1:]) / steps, rate, parameters, saved, peak, parts,
    )  # fmt: skip


def whole_step(
    task: SingleProcessPretraining, studies: StudyBatch, optimizer: torch.optim.Optimizer
) -> tuple[float, float]:
    """Seconds of one whole step by the clock, and what the optimizer spent of it."""
    start = now(task.device)
    optimizer.zero_grad(set_to_none=True)
    total_loss(task, studies).backward()  # type: ignore[no-untyped-call]
    middle = spent(task.device)
    optimizer.step()
    return now(task.device) - start, spent(task.device) - middle


def total_loss(task: SingleProcessPretraining, studies: StudyBatch) -> Tensor:
    """The sum of all objectives of a batch, a scalar."""
    return torch.stack(list(task.losses(studies, OBJECTIVES).values())).sum()


def fastest_in_turns(works: Mapping[str, Callable[[], object]], steps: int, device: torch.device) -> dict[str, float]:
    """Seconds of the fastest of several calls of each work, taken in turns: other work on the machine only adds.

    Args:
        works: Name -> what is timed.
        steps: How many calls of each are timed, after one that warms up.
        device: Where they compute.
    """
    fastest = dict.fromkeys(works, float("inf"))
    for step in range(steps + 1):
        for name, work in works.items():
            start = now(device)
            work()
            fastest[name] = min(fastest[name], now(device) - start) if step else fastest[name]
    return fastest


def matrix_rate(device: torch.device, dtype: torch.dtype, side: int = 4096, times: int = 5) -> float:
    """GFLOP/s of the product of two square matrices, the fastest of some: the roof over every step."""
    left, right = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    seconds = []
    for _ in range(times):
        start = now(device)
        left @ right
        seconds.append(now(device) - start)
    return 2 * side**3 / min(seconds) / 1e9


def _peak_bytes(device: torch.device) -> int:
    """Highest memory so far: allocated on the GPU, or resident of the process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measure_parts(task: SingleProcessPretraining, studies: StudyBatch) -> list[Part]:
    """Each part forward and backward by itself, on detached copies of what the parts before it give."""
    model, status_BE = task.model, studies["status"][:, task.columns]
    tokens = task.tokens(studies["text"])
    wording_B, study_B = (text_keys(studies[key], task.device) for key in ("text", "study_id"))  # type: ignore[literal-required]
    with torch.no_grad():
        image, states = task.encode_images(studies), model.begin(tokens)
        text_BD = model.embed_text(states)
    pooled, text_BD = (x.detach().requires_grad_() for x in (image.features.pooled, text_BD))
    memory = Memory(*(x.detach().requires_grad_() for x in image.memory))
    with torch.no_grad():
        projected = model.text.project(image.memory)
    read = ProjectedMemory(tuple(layer and Memory(*(x.requires_grad_() for x in layer)) for layer in projected.layers))
    states = states._replace(state=states.state.detach().requires_grad_())
    features = image.features._replace(pooled=pooled)
    grounded = image.grounded._replace(evidence=image.grounded.evidence.detach().requires_grad_())
    similarity_BB = model.embed_image(image.features).detach() @ text_BD.detach().T

    def look() -> list[Tensor]:
        encoded = task.encode_images(studies)
        return [*encoded.memory, encoded.features.pooled, encoded.grounded.evidence, encoded.grounded.strength]

    def lm() -> list[Tensor]:
        return [task.text_loss(studies["text"], read, label_smoothing=0.1)]

    weight_E = torch.ones(len(task.names), device=task.device)
    works: dict[str, Callable[[], list[Tensor]]] = {
        "vision": lambda: list(model.vision(studies["image"])[:2]),
        "prompts": lambda: [model.encode_prompts()],
        "text": lambda: [model.embed_text(tokens)],
        "grounded knowledge": look,
        "memory": lambda: [x for layer in model.text.project(memory).layers if layer for x in layer],
        "itc": lambda: [
            image_text_contrast(model.embed_image(features), text_BD, task.log_scale.exp(), study_B, wording_B)
        ],
        "itm": lambda: [task.matching(states, read, similarity_BB, false_negatives(wording_B, status_BE))],
        "lm": lm,
        "ecls": lambda: [
            entity_classification(
                model.entity_logits(grounded), status_BE, unmentioned=task.objectives.unmentioned, weight_E=weight_E
            )
        ],
    }
    parts = {name: _part(name, work, task.device) for name, work in works.items()}
    inside, whole = [parts["vision"], parts["prompts"]], parts["grounded knowledge"]
    gflop = whole.gflop - sum(part.gflop for part in inside)
    seconds = max(whole.seconds - sum(part.seconds for part in inside), 0.0)
    parts["grounded knowledge"] = Part(whole.name, gflop, seconds)
    return list(parts.values())


def _part(name: str, work: Callable[[], list[Tensor]], device: torch.device) -> Part:
    start = spent(device)
    with operation_counter() as counter:
        outputs = work()
        torch.autograd.backward(outputs, [torch.ones_like(output) for output in outputs])
    return Part(name, counter.get_total_flops() / 1e9, spent(device) - start)


def activation_bytes(task: SingleProcessPretraining, studies: StudyBatch) -> int:
    """Bytes that one forward pass saves for the backward pass, each storage once, parameters left out."""
    weights = {parameter.untyped_storage().data_ptr() for parameter in task.parameters()}
    saved: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            saved[storage.data_ptr()] = storage.nbytes()
        return tensor.detach()  # a saved output that holds its own graph would never be freed

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        losses = task.losses(studies, OBJECTIVES)
    del losses
    return sum(saved.values())


def now(device: torch.device) -> float:
    """Seconds, when all that was asked of the device is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def spent(device: torch.device) -> float:
    """Seconds for shares: processor time, which other work on the machine does not stretch; on a GPU the clock."""
    return time.process_time() if device.type == "cpu" else now(device)


def processor() -> str:
    """The processor's name, as Linux gives it."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text().splitlines() if file.is_file() else []
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "processor")


def machine_name(device: torch.device) -> str:
    """The GPU's name, or the processor's with the threads in use."""
    if device.type == "cuda":
        return str(torch.cuda.get_device_name(device))
    return f"{processor()} ({torch.get_num_threads()} threads)"
