"""The sampler that draws from several corpora by weight."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from torch.utils.data import DistributedSampler

from gkmvlp.data_modules.pipeline.dataset import EpochSampler


class WeightedSampler(EpochSampler):
    """Draws as many rows an epoch as there are, each corpus with its share; a corpus is read through before it repeats.

    Args:
        dataset: The rows of all corpora.
        world: Number of ranks.
        rank: This rank.
        corpora: Rows of each corpus, by index; none is empty.
        weights: Weight of each corpus, above 0.
        seed: Seed of the draws.
        drop_last: Whether rows that not every rank could get are left out.
    """

    def __init__(
        self,
        dataset: Any,
        world: int,
        rank: int,
        *,
        corpora: Sequence[Sequence[int]],
        weights: Sequence[float],
        seed: int,
        drop_last: bool,
    ) -> None:
        super().__init__(dataset, world, rank, shuffle=True, seed=seed, drop_last=drop_last)
        self.corpora = [np.asarray(rows) for rows in corpora]
        self.counts = shares(weights, len(dataset))

    def __iter__(self) -> Iterator[tuple[int, int]]:  # type: ignore[override]
        """Pairs of index and epoch."""
        drawn = self.drawn()
        order = [drawn[place] for place in DistributedSampler.__iter__(self)]
        start, self.skipped = self.skipped, 0
        return ((index, self.epoch) for index in order[start:])

    def drawn(self) -> list[int]:
        """The rows of this epoch, corpus by corpus; the same on every rank."""
        rng = np.random.default_rng((self.seed, self.epoch))
        rows = list[int]()
        for indices, count in zip(self.corpora, self.counts, strict=True):
            rounds = [rng.permutation(indices) for _ in range(-(-count // len(indices)))]
            rows += np.concatenate(rounds)[:count].tolist() if rounds else []
        return rows


def shares(weights: Sequence[float], total: int) -> list[int]:
    """A whole number divided by weight: largest remainders get what is left over.

    Args:
        weights: Above 0.
        total: What is divided.
    """
    exact_C = total * np.asarray(weights, float) / sum(weights)
    counts_C = np.floor(exact_C).astype(int)
    most_C = np.argsort(counts_C - exact_C, kind="stable")
    counts_C[most_C[: total - counts_C.sum()]] += 1
    return [int(count) for count in counts_C]
