"""Two ranks of four pairs are one batch of eight: ITC's averaged loss and gradients.

Each rank compares its own rows alone, in one go and part by part.
"""

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import nn

from gkmvlp.losses import itc
from gkmvlp.losses.gather import alone
from gkmvlp.losses.itc import image_text_contrast
from tests.processes import PROCESSES

RANKS, PAIRS = 2, 8


class Towers(nn.Module):
    """Two linear encoders and the learned temperature."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.image, self.text = nn.Linear(5, 3), nn.Linear(4, 3)
        self.log_scale = nn.Parameter(torch.tensor(2.0))

    def forward(self, image, text):
        return F.normalize(self.image(image), dim=1), F.normalize(self.text(text), dim=1), self.log_scale.exp()


def inputs():
    """Eight pairs; 1 and 6 share a wording, 3 and 4 a study: both across the border of the ranks."""
    torch.manual_seed(1)
    study, wording = torch.arange(PAIRS), torch.arange(PAIRS)
    wording[6], study[4] = wording[1], study[3]
    return torch.randn(PAIRS, 5), torch.randn(PAIRS, 4), study, wording


def loss_and_gradients(model, rows, gather):
    image, text, study, wording = (x[rows] for x in inputs())
    loss = image_text_contrast(*model(image, text), study, wording, gather=gather)
    loss.backward()
    return [loss.detach(), *(parameter.grad.clone() for parameter in model.parameters())]


def compared(model, rows, gather):
    """How many similarities a rank computes."""
    counts, kept = [], itc._summed

    def counted(query, other, *keys):
        counts.append(len(query) * len(other))
        return kept(query, other, *keys)

    itc._summed = counted
    loss_and_gradients(model, rows, gather)
    itc._summed = kept
    return sum(counts)


def run_rank(rank, folder):
    import torch.distributed.nn.functional as with_gradient

    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=RANKS)
    rows = slice(rank * PAIRS // RANKS, (rank + 1) * PAIRS // RANKS)

    def without_gradient(x):
        parts = [torch.empty_like(x) for _ in range(RANKS)]
        dist.all_gather(parts, x.detach())
        parts[rank] = x
        return torch.cat(parts)

    def gather(x):
        return torch.cat(with_gradient.all_gather(x)) if x.is_floating_point() else without_gradient(x)

    count = torch.tensor(compared(Towers(), rows, gather))
    results = {
        "kept": loss_and_gradients(Towers(), rows, gather),
        "dropped": loss_and_gradients(Towers(), rows, without_gradient),
    }
    itc.PAIRS_AT_ONCE = 3 * PAIRS  # three rows of a rank's four, then one
    results["in parts"] = loss_and_gradients(Towers(), rows, gather)
    for values in results.values():
        for value in values:  # what DDP does: an average over ranks
            dist.all_reduce(value)
            value /= RANKS
    results["count"] = [count]
    torch.save(results, folder / f"{rank}.pt")
    dist.destroy_process_group()


def test_two_ranks_are_one_batch(tmp_path):
    ranks = [PROCESSES.Process(target=run_rank, args=(rank, tmp_path), daemon=True) for rank in range(RANKS)]
    for rank in ranks:
        rank.start()
    try:
        for rank in ranks:
            rank.join(100)
        assert [rank.exitcode for rank in ranks] == [0] * RANKS
    finally:
        for rank in ranks:
            rank.kill()
    whole = loss_and_gradients(Towers(), slice(None), alone)
    for number in range(RANKS):
        results = torch.load(tmp_path / f"{number}.pt", weights_only=True)
        for name in ("kept", "in parts"):
            for ours, expected in zip(results[name], whole, strict=True):
                torch.testing.assert_close(ours, expected, rtol=0, atol=1e-6)
        assert results["count"][0] == 2 * (PAIRS // RANKS) * PAIRS  # two directions, own rows alone
        # what this test is for: with a gather that drops the gradient the loss is right and the gradient wrong
        torch.testing.assert_close(results["dropped"][0], whole[0], rtol=0, atol=1e-6)
        wrong = [(ours - right).abs().max() for ours, right in zip(results["dropped"], whole, strict=True)]
        assert max(wrong) > 1e-3
