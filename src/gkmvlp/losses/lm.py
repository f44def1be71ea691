"""Language modelling (LM): the likelihood of the report, token by token.

Legend: B reports, T tokens, V words of the vocabulary.
"""

import torch.nn.functional as F
from torch import Tensor

from gkmvlp.losses.precision import at_least_float32


def next_token_positions(mask_BT: Tensor) -> Tensor:
    """The places whose logits predict a real token, (B, T) bool: those before one.

    Args:
        mask_BT: (B, T) bool, True on tokens to predict; False on padding, or on a prompt.
    """
    return F.pad(mask_BT[:, 1:].bool(), (0, 1), value=False)


def next_token_loss(logits_NV: Tensor, token_BT: Tensor, at_BT: Tensor, *, label_smoothing: float = 0.1) -> Tensor:
    """Autoregressive cross-entropy of logits that were computed only where they predict something.

    Args:
        logits_NV: Logits of the decoder at the N places of ``at_BT``, row by row, (N, V).
        token_BT: Its input tokens, (B, T) int64 in [0, V).
        at_BT: (B, T) bool, of ``next_token_positions``.
        label_smoothing: Share of the target spread evenly over the vocabulary, in [0, 1] (0.1 as in BLIP).

    Returns:
        As ``language_modeling_loss``.
    """
    target_N = token_BT.roll(-1, dims=1)[at_BT]
    nats = F.cross_entropy(at_least_float32(logits_NV), target_N, label_smoothing=label_smoothing, reduction="sum")
    return nats / max(1, len(target_N))


def language_modeling_loss(
    logits_BTV: Tensor, token_BT: Tensor, mask_BT: Tensor, *, label_smoothing: float = 0.1
) -> Tensor:
    """Autoregressive cross-entropy: the logits at place t predict the token at place t + 1.

    The shift happens here: the caller passes the decoder's input tokens and its logits at the same places. The first
    token (the start) is never predicted, and the last logits are not used.

    Args:
        logits_BTV: Logits of the decoder, (B, T, V).
        token_BT: Its input tokens, (B, T) int64 in [0, V).
        mask_BT: (B, T) bool, True on tokens to predict; False on padding, or on a prompt.
        label_smoothing: Share of the target spread evenly over the vocabulary, in [0, 1] (0.1 as in BLIP).

    Returns:
        Scalar in nats, the mean over predicted tokens. It is ln V when the logits carry no information, and 0 (with a
        gradient of 0) when there is no token to predict.

    Raises:
        ValueError: If logits, tokens and mask are not of one (B, T).
    """
    if not logits_BTV.shape[:2] == token_BT.shape == mask_BT.shape:
        shapes = [tuple(x.shape) for x in (logits_BTV, token_BT, mask_BT)]
        raise ValueError(f"logits (B, T, V), tokens (B, T) and mask (B, T) must agree, got {shapes}")
    at_BT = next_token_positions(mask_BT)
    return next_token_loss(logits_BTV[at_BT], token_BT, at_BT, label_smoothing=label_smoothing)


def log_likelihoods(logits_BTV: Tensor, token_BT: Tensor, mask_BT: Tensor) -> Tensor:
    """How likely each text is, (B,) in nats, at most 0: the sum over its tokens, the first and the last left out.

    The first is the decoder's start, the last the end mark: what follows the text is not judged.

    Args:
        logits_BTV: Logits of the decoder, (B, T, V).
        token_BT: Its input tokens, (B, T) int64 in [0, V).
        mask_BT: (B, T) bool, True on the tokens of the text, start and end mark included.
    """
    is_judged_BT = F.pad(mask_BT[:, 2:].bool(), (0, 1), value=False)  # tokens 1, 2 ... that another one follows
    nats_BT = F.cross_entropy(at_least_float32(logits_BTV[:, :-1]).transpose(1, 2), token_BT[:, 1:], reduction="none")
    return -(nats_BT * is_judged_BT).sum(1)
