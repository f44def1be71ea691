"""Retrieval with features that are computed once, beside every pair through the whole model.

N images and texts, S of them in the subset on which both ways are compared pair by pair.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from gkmvlp.app.benchmarks.model import machine_name, spent
from gkmvlp.app.benchmarks.setup import architecture_as, equip, made_up_pairs, task_class
from gkmvlp.batch import StudyBatch
from gkmvlp.checkpoints.systems import system_of
from gkmvlp.hardware import device_named
from gkmvlp.metrics.results.metric_result import VERSION, MetricResult, signature
from gkmvlp.models.memory import Memory
from gkmvlp.models.tokenizer import train_tokenizer
from gkmvlp.phantom.generate import draw_phantom
from gkmvlp.phantom.writing.grammar import write_report
from gkmvlp.phantom.writing.report_layout import as_text
from gkmvlp.report.sections import report_text
from gkmvlp.tasks.retrieval import Retrieval, nearest, ranking

BATCH = 32  # images and texts that are encoded at once
WHOLE = 64  # pairs that go through the whole model at once
RERANKED = 16  # nearest candidates that matching reads, as the configs of the zoo have it
SUBSET = 16  # S: images and texts of which every pair is scored both ways
BASE = "pretrain-arl-openi"  # what ``base`` is here: the compact ARL


@dataclass(frozen=True)
class Retrieved:
    """Seconds of the processor, or by the clock of a GPU."""

    config: str
    images: int  # N
    subset: int  # S
    pairs: int  # that matching reads of N x N, by images and by texts
    matched: int  # of those, how many were timed
    device: str
    encode_seconds: float  # of N images and N texts
    match_seconds: float  # a pair, from features
    whole_seconds: float  # a pair, from pixels and words
    same: float  # share of places of the subset's rankings, both ways of asking, at which both have the same candidate


def measure_retrieval(config: str, name: str | None, images: int = 400) -> Retrieved:
    """Encodes N phantoms and their reports, matches a sample of the pairs, and scores a subset both ways.

    Args:
        config: ``base``, or a pre-training config; its weights are left out.
        name: Device; None takes a GPU where there is one.
        images: N.
    """
    device = device_named(name)
    task, batches = build_retrieval(BASE if config == "base" else config, images, device)
    subset = min(SUBSET, images)
    with torch.no_grad():
        start = spent(device)
        memory, similarity_NN = encode(task, batches)
        encode_seconds = spent(device) - start
        needed_NN = nearest(similarity_NN, RERANKED) | nearest(similarity_NN.T, RERANKED).T
        timed_NN = needed_NN.clone()
        timed_NN[:, subset:] = False
        start = spent(device)
        task.match(timed_NN, memory, task.texts)
        match_seconds = (spent(device) - start) / int(timed_NN.sum())
        every_SS = torch.ones(subset, subset, dtype=torch.bool)
        odds_SS = task.match(every_SS, Memory(*(part[:subset] for part in memory)), task.texts[:subset])
        start = spent(device)
        whole_SS = whole_odds(task, batches, subset)
        whole_seconds = (spent(device) - start) / subset**2
    cosine_SS = similarity_NN[:subset, :subset]
    same = agreement(odds_SS + task.contrast * cosine_SS, whole_SS + task.contrast * cosine_SS)
    return Retrieved(
        config, images, subset, int(needed_NN.sum()), int(timed_NN.sum()), machine_name(device), encode_seconds,
        match_seconds, whole_seconds, same,
    )  # fmt: skip


def build_retrieval(config: str, images: int, device: torch.device) -> tuple[Retrieval, list[StudyBatch]]:
    """The task on fresh weights of a config's system, and N phantoms with their reports in batches."""
    architecture: Any = architecture_as(task_class(config).architecture_class, config)  # of either system
    side = architecture.image_size
    phantoms = [draw_phantom(0, index, side) for index in range(images)]
    texts = [report_text(as_text(write_report(one, np.random.default_rng(i)))) for i, one in enumerate(phantoms)]
    tokenizer = train_tokenizer(texts, architecture.text.vocab_size)
    torch.manual_seed(0)
    task = Retrieval(architecture, None, RERANKED)
    equip(task, system_of(architecture).build(architecture, tokenizer), tokenizer)
    batches = []
    for first in range(0, images, BATCH):
        batch = made_up_pairs(texts[first : first + BATCH], side, device)
        for row, phantom in enumerate(phantoms[first : first + BATCH]):
            picture_11HW = torch.from_numpy(phantom.image_HW)[None, None].float() / 255
            batch["image"][row] = F.interpolate(picture_11HW, (side, side), mode="bilinear")[0]
        batches.append(batch)
    return task.to(device).eval(), batches


def encode(task: Retrieval, batches: list[StudyBatch]) -> tuple[Memory, Tensor]:
    """The memory of all images, and the cosines of all pairs (N, N): all that is encoded, once."""
    task.on_test_epoch_start()
    for batch in batches:
        task.test_step(batch, 0)
    image_ND, text_ND, *memory = (torch.cat(parts) for parts in zip(*task.features, strict=True))
    return Memory(*memory), image_ND @ text_ND.T


def whole_odds(task: Retrieval, batches: list[StudyBatch], subset: int) -> Tensor:
    """Log odds of every pair of the first images (rows) and texts (columns), each from pixels and words, (S, S)."""
    first = {key: [row for batch in batches for row in batch[key]][:subset] for key in ("image", "text")}  # type: ignore[literal-required]
    image_of_pair, text_of_pair = (index.flatten() for index in torch.meshgrid(
        torch.arange(subset), torch.arange(subset), indexing="ij"))  # fmt: skip
    odds = []
    for image_P, text_P in zip(image_of_pair.split(WHOLE), text_of_pair.split(WHOLE), strict=True):
        texts = [first["text"][index] for index in text_P.tolist()]
        batch = made_up_pairs(texts, task.model.architecture.image_size, task.device)
        batch["image"] = torch.stack([first["image"][index] for index in image_P.tolist()])
        logits_P2 = task.model.itm_logits(task.read_texts(texts), task.encode_images(batch).memory)
        odds.append((logits_P2[:, 1] - logits_P2[:, 0]).float().cpu())
    return torch.cat(odds).view(subset, subset)


def agreement(one_SS: Tensor, other_SS: Tensor) -> float:
    """Share of places at which the rankings by two tables of scores agree, by images and by texts, in [0, 1]."""
    same = [
        (ranking(one, one, len(one)) == ranking(other, other, len(other))).float().mean()
        for one, other in ((one_SS, other_SS), (one_SS.T, other_SS.T))
    ]
    return float(torch.stack(same).mean())


def retrieval_figures(measured: Retrieved) -> list[MetricResult]:
    """Seconds of an N x N retrieval in three ways, shares of the time of the slowest, and whether rankings agree."""
    m = measured

    def figure(name: str, value: float, note: str, label: str | None = None) -> MetricResult:
        how = signature(
            metric=name, version=VERSION, unit="gallery", config=m.config, images=m.images, reranked=RERANKED,
            device=m.device, clock="processor",
        )  # fmt: skip
        higher = name == "same_ranking_share"
        model = f"variant:{m.config}"
        return MetricResult("bench", name, value, how, label=label, model=model, n=m.images, higher_is_better=higher,
                            note=note)  # fmt: skip

    every = m.images**2
    whole, once = every * m.whole_seconds, m.encode_seconds + m.pairs * m.match_seconds
    matched = m.encode_seconds + every * m.match_seconds
    encoded, each = f"{m.images} + {m.images} encoded in {m.encode_seconds:.1f} s", f"{m.match_seconds * 1e3:.1f} ms"
    sampled = f"pairs at {each}, timed on {m.matched}"
    return [
        figure("retrieval_seconds", once, f"{encoded}, then {m.pairs} {sampled}: {RERANKED} nearest are matched"),
        figure("retrieval_seconds", matched, f"{encoded}, then all {every} {sampled}", "all matched"),
        figure("retrieval_seconds", whole,
               f"{every} pairs at {m.whole_seconds * 1e3:.1f} ms, timed on {m.subset**2}", "whole model"),
        figure("retrieval_time_share", once / whole, f"features once, {RERANKED} nearest matched / whole model"),
        figure("retrieval_time_share", matched / whole, "features once, all matched / whole model", "all matched"),
        figure("same_ranking_share", m.same, f"places of {m.subset} x {m.subset}, both ways of asking, all matched"),
    ]  # fmt: skip
