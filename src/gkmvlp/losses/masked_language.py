"""Masked language modelling (MLM) with whole entities: the words of an entity are masked together or not at all.

Legend: B texts, T tokens, K entities of a text, N masked tokens, V words of the vocabulary.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from gkmvlp.losses.precision import at_least_float32

REPLACED, DRAWN = 0.8, 0.1  # shares of masked tokens that become the mask token, or any word (Devlin et al. 2019)


class MaskedTokens(NamedTuple):
    """Texts with masked tokens."""

    ids: Tensor  # (B, T) int64, what the model reads
    at: Tensor  # (B, T) bool, True on the tokens to predict


def masking_units(span_BKT: Tensor) -> Tensor:
    """The unit of each token, (B, T) int64: the place of its entity's first token, or its own where no entity has it.

    Args:
        span_BKT: (B, K, T) bool, True on the tokens that name an entity; of entities that overlap the later one counts.
    """
    place_T = torch.arange(span_BKT.shape[-1], device=span_BKT.device)
    unit_BT = place_T.expand(span_BKT.shape[0], -1)
    for span_BT in span_BKT.unbind(1):
        first_B1 = span_BT.int().argmax(1, keepdim=True)
        unit_BT = torch.where(span_BT, first_B1, unit_BT)
    return unit_BT


def whole_entity_mask(
    unit_BT: Tensor, real_BT: Tensor, share: float = 0.15, generator: torch.Generator | None = None
) -> Tensor:
    """Tokens to predict, (B, T) bool: whole units in random order until a share of the text's tokens is reached.

    The share is of real tokens, not of padding, and at least one token. The unit that reaches it is taken whole, so
    that an entity longer than the share can be masked too.

    Args:
        unit_BT: From ``masking_units``.
        real_BT: (B, T) bool, True on tokens that may be masked: neither padding nor special tokens.
        share: In (0, 1].
        generator: Source of randomness on the device of the units.
    """
    chance_BT = torch.rand(unit_BT.shape, generator=generator, device=unit_BT.device, dtype=torch.float64)
    turn_BT = chance_BT.gather(1, unit_BT)  # the same for all tokens of a unit
    earlier_BTT = (turn_BT[:, None] < turn_BT[..., None]) & real_BT[:, None]
    wanted_B1 = (share * real_BT.sum(1, keepdim=True)).round().clamp(min=1)
    return real_BT & (earlier_BTT.sum(-1) < wanted_B1)


def mask_tokens(
    token_BT: Tensor, at_BT: Tensor, mask_id: int, vocabulary: int, generator: torch.Generator | None = None
) -> MaskedTokens:
    """Of the tokens to predict 80 % become the mask token, 10 % any word, and 10 % stay (Devlin et al. 2019).

    Args:
        token_BT: Token ids, (B, T) int64.
        at_BT: (B, T) bool, True on the tokens to predict.
        mask_id: Id of the mask token.
        vocabulary: V.
        generator: Source of randomness on the device of the tokens.
    """
    chance_BT = torch.rand(token_BT.shape, generator=generator, device=token_BT.device)
    word_BT = torch.randint(vocabulary, token_BT.shape, generator=generator, device=token_BT.device)
    changed_BT = torch.where(chance_BT < REPLACED, mask_id, word_BT)
    return MaskedTokens(torch.where(at_BT & (chance_BT < REPLACED + DRAWN), changed_BT, token_BT), at_BT)


def masked_entities(span_BKT: Tensor, at_BT: Tensor) -> Tensor:
    """Entities that must not be shown, (B, K) bool: any of their tokens is to be predicted."""
    return (span_BKT & at_BT[:, None]).any(-1)


def masked_language_loss(logits_NV: Tensor, token_N: Tensor) -> Tensor:
    """Cross-entropy of the masked tokens.

    Args:
        logits_NV: Logits at the N places to predict.
        token_N: The tokens that were there, (N,) int64 in [0, V).

    Returns:
        Scalar in nats, the mean over the places. It is ln V when the logits carry no information, and 0 (with a
        gradient of 0) where N = 0.

    Raises:
        ValueError: If logits and tokens do not pair up row by row.
    """
    if logits_NV.shape[:1] != token_N.shape:
        raise ValueError(f"logits {tuple(logits_NV.shape)} and tokens {tuple(token_N.shape)} must pair up")
    nats = F.cross_entropy(at_least_float32(logits_NV), token_N, reduction="sum")
    return nats / max(1, len(token_N))
