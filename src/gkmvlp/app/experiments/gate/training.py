"""Training of the gate on one processor: batches are altered as they are drawn.

B pictures of a batch, N pictures, K kinds.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from gkmvlp.app.experiments.gate.alterations import PLAIN, TRAINING, Drawn, altered
from gkmvlp.app.experiments.gate.corpus import SIDE, Pictures
from gkmvlp.data_modules.pipeline.transforms import Pixels
from gkmvlp.models.gate import FRONTAL, KINDS, GateNet, both_ways

# share of each kind in a batch; sides are the hardest to tell
SHARES = {FRONTAL: 0.32, "mirrored": 0.22, "cropped": 0.11, "rotated": 0.10, "lateral": 0.08, "inverted": 0.05,
          "no radiograph": 0.06, "no chest": 0.05, "blank": 0.01}  # fmt: skip
PHANTOM_SHARE = 0.25  # of the frontal radiographs in a batch
BATCH, RATE = 64, 3e-3
DRAWN = 600  # pictures of each kind that is drawn


def train_gate(sources: Sequence[Pictures], steps: int, seed: int = 0) -> GateNet:
    """Trains a network.

    Args:
        sources: Training rows: phantoms, radiographs of patients, other pictures.
        steps: Batches.
        seed: All chance.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    net = GateNet().train()
    decayed = [p for p in net.parameters() if p.ndim > 1]
    others = [p for p in net.parameters() if p.ndim <= 1]
    optimizer = torch.optim.AdamW([{"params": decayed, "weight_decay": 0.05}, {"params": others, "weight_decay": 0}])
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps, pct_start=0.15)
    loss_of = nn.CrossEntropyLoss(label_smoothing=0.02)
    draw = _Draw(sources, rng)
    mean = 0.0
    for step in range(steps):
        image_B1SS, kind_B = draw.batch()
        loss = loss_of(net(image_B1SS), kind_B)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        mean = loss.item() if step == 0 else 0.98 * mean + 0.02 * loss.item()
        if step % 100 == 99:
            print(f"step {step + 1} of {steps}, loss {mean:.3f}", flush=True)
    return net.eval()


class _Draw:
    """Draws batches: a kind, a source that it can be made of, a picture of it."""

    def __init__(self, sources: Sequence[Pictures], rng: np.random.Generator) -> None:
        self.rng = rng
        self.drawn = Drawn.draw(int(rng.integers(2**31)), DRAWN, SIDE)
        frontal = [source for source in sources if source.is_frontal]
        self.phantoms = np.concatenate([one.image_NSS for one in frontal if one.name == "phantoms"])
        patients = [one.image_NSS for one in frontal if one.name != "phantoms"]
        self.patients = np.concatenate(patients) if patients else self.phantoms
        other = [one.image_NSS for one in sources if not one.is_frontal]
        self.others = np.concatenate(other) if other else None
        kinds = [kind for kind in SHARES if kind != "no chest" or other]
        share = np.array([SHARES[kind] for kind in kinds])
        self.kinds, self.share = kinds, share / share.sum()

    def batch(self) -> tuple[Tensor, Tensor]:
        """Pictures (B, 1, S, S) in [0, 1], and which kind each is (B,)."""
        names = [self.kinds[index] for index in self.rng.choice(len(self.kinds), BATCH, p=self.share)]
        images = [altered(self._picture(name), name, self.rng, TRAINING, self.drawn) for name in names]
        return as_input(images), torch.tensor([KINDS.index(name) for name in names])

    def _picture(self, kind: str) -> Pixels:
        if kind == "no chest" and self.others is not None:
            source = self.others
        else:
            source = self.phantoms if self.rng.random() < PHANTOM_SHARE else self.patients
        return source[int(self.rng.integers(len(source)))]


def as_input(images: Sequence[Pixels]) -> Tensor:
    """Squares as the network reads them (B, 1, S, S)."""
    return torch.from_numpy(np.stack(images))[:, None].float() / 255


def logits_of(net: GateNet, images: Sequence[Pixels]) -> Tensor:
    """Logits (N, K) of squares as the network reads them."""
    parts = [both_ways(net, as_input(images[start : start + 256])) for start in range(0, len(images), 256)]
    return torch.cat(parts)


def choose_thresholds(net: GateNet, sources: Sequence[Pictures], most: float, seed: int = 1) -> dict[str, float]:
    """By how much the logit of each kind may exceed that of frontal, so that few frontal radiographs are refused.

    Each is shown as it is and varied in three ways, as in training: what passes then passes at other sites too.

    Args:
        net: The network.
        sources: Validation rows; those that are no frontal radiographs are left out.
        most: Share of the frontal radiographs that may be refused by any kind.
        seed: Of the variety.
    """
    rng = np.random.default_rng(seed)
    drawn = Drawn.draw(seed, 1, SIDE)  # no frontal radiograph is drawn
    shown = [
        altered(image, FRONTAL, rng, TRAINING if copy else PLAIN, drawn)
        for source in sources
        if source.is_frontal
        for image in source.image_NSS
        for copy in range(4)
    ]
    logit_NK = logits_of(net, shown).numpy()
    over_NK = logit_NK[:, 1:] - logit_NK[:, :1]
    for share in np.linspace(most, 0, 101):
        threshold_K = np.maximum(np.quantile(over_NK, 1 - share, axis=0), 0)  # at least likelier than frontal
        if (over_NK > threshold_K).any(1).mean() <= most:
            break
    return dict(zip(KINDS[1:], threshold_K.round(4).tolist(), strict=True))
