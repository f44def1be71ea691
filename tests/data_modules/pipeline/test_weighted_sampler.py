"""The sampler that draws by weight: shares, whole rounds, ranks, epochs and resuming."""

from collections import Counter

import pytest

from gkmvlp.data_modules.pipeline.weighted_sampler import WeightedSampler, shares


class Rows:
    """As much of a SampleDataset as a sampler reads."""

    def __init__(self, count: int) -> None:
        self.twin = list(range(count))

    def __len__(self) -> int:
        return len(self.twin)


CORPORA = [list(range(30)), list(range(30, 40))]


def sampler(world: int = 1, rank: int = 0, weights: tuple[float, ...] = (1, 1), drop_last: bool = False):
    return WeightedSampler(
        Rows(40), world, rank, corpora=CORPORA, weights=weights, seed=3, drop_last=drop_last
    )  # fmt: skip


@pytest.mark.parametrize(
    ("weights", "total", "expected"),
    [
        ([1, 1], 40, [20, 20]),
        ([3, 1], 10, [8, 2]),  # 7.5 and 2.5: the first of equal remainders
        ([1, 1, 1], 10, [4, 3, 3]),
        ([1, 1e-9], 10, [10, 0]),
        ([0.2, 0.3, 0.5], 7, [1, 2, 4]),  # 1.4, 2.1, 3.5
    ],
)
def test_shares_are_by_largest_remainder(weights: list[float], total: int, expected: list[int]):
    assert shares(weights, total) == expected
    assert sum(expected) == total


def test_each_corpus_has_its_share_and_is_read_through_before_it_repeats():
    drawn = [index for index, _ in sampler()]
    count = Counter(drawn)
    assert sum(count[row] for row in CORPORA[0]) == sum(count[row] for row in CORPORA[1]) == 20
    assert {count[row] for row in CORPORA[0]} == {0, 1}
    assert {count[row] for row in CORPORA[1]} == {2}
    assert drawn != sorted(drawn)


def test_epochs_differ_and_repeat():
    one, other = sampler(), sampler()
    first = list(one)
    assert list(other) == first
    for each in (one, other):
        each.set_epoch(1)
    assert list(one) == list(other) != first
    assert {epoch for _, epoch in one} == {1}


def test_ranks_share_what_one_process_would_draw():
    whole = Counter(index for index, _ in sampler())
    parts = [Counter(index for index, _ in sampler(2, rank)) for rank in range(2)]
    assert parts[0] + parts[1] == whole
    assert parts[0].total() == parts[1].total() == 20


def test_a_run_that_goes_on_skips_what_it_has_seen():
    whole, resumed = sampler(), sampler()
    resumed.skipped = 12
    assert list(resumed) == list(whole)[12:]
    assert list(resumed) == list(whole)


def test_a_share_below_one_row_draws_none():
    assert {index for index, _ in sampler(weights=(1, 1e-6))} <= set(CORPORA[0])
