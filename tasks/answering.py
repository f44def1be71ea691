"""Answers from the report decoder: the likelihood of candidates, and free words.

B questions, K candidates, L tokens of an answer, M memory tokens, V vocabulary, D width.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from gkmvlp.models.gk_mvlp import GkMvlp
from gkmvlp.models.tokenizer import Tokens


def candidate_scores(model: GkMvlp, candidate_KL: Tokens, memory_BMD: Tensor, mask_BM: Tensor, keep: int) -> Tensor:
    """Log-likelihood of each candidate answer, as BLIP ranks them (Li et al. 2022, section 4.3).

    The ``keep`` candidates whose first token is likeliest are scored in full; the others get minus infinity.

    Args:
        model: The backbone.
        candidate_KL: Candidates, the first token being the decoder's.
        memory_BMD: What the decoder reads (B, M, D).
        mask_BM: (B, M) bool.
        keep: How many candidates are scored in full.

    Returns:
        (B, K) in nats, at most 0.
    """
    batch, count = len(memory_BMD), len(candidate_KL.ids)
    start = Tokens(candidate_KL.ids[:1, :1].expand(batch, 1), candidate_KL.mask[:1, :1].expand(batch, 1))
    first_BV = model.decode(start, memory_BMD, mask_BM)[:, 0].float().log_softmax(-1)
    first_BK = first_BV[:, candidate_KL.ids[:, 1]]
    chosen_Bk = first_BK.topk(min(keep, count), dim=1).indices
    ids_NL, wanted_NL = candidate_KL.ids[chosen_Bk].flatten(0, 1), candidate_KL.mask[chosen_Bk].flatten(0, 1)
    logits_NLV = model.decode(Tokens(ids_NL, wanted_NL), memory_BMD, mask_BM).float()
    token_NL = F.cross_entropy(logits_NLV[:, :-1].flatten(0, 1), ids_NL[:, 1:].flatten(), reduction="none")
    score_N = -(token_NL.view(len(ids_NL), -1) * wanted_NL[:, 1:]).sum(1)
    score_BK = torch.full((batch, count), -torch.inf, device=memory_BMD.device)
    return score_BK.scatter(1, chosen_Bk, score_N.view(batch, -1))


def greedy(model: GkMvlp, start: int, end: int, memory_BMD: Tensor, mask_BM: Tensor, longest: int) -> Tensor:
    """The likeliest next token, again and again.

    Args:
        model: The backbone.
        start: The decoder's first token.
        end: The token that ends a text.
        memory_BMD: What the decoder reads (B, M, D).
        mask_BM: (B, M) bool.
        longest: Most tokens to write.

    Returns:
        Token ids (B, at most longest), without the first one.
    """
    ids_BT = torch.full((len(memory_BMD), 1), start, device=memory_BMD.device)
    done_B = torch.zeros(len(memory_BMD), dtype=torch.bool, device=memory_BMD.device)
    for _ in range(longest):
        logits_BV = model.decode(Tokens(ids_BT, torch.ones_like(ids_BT, dtype=torch.bool)), memory_BMD, mask_BM)[:, -1]
        next_B = logits_BV.argmax(-1).masked_fill(done_B, end)
        ids_BT = torch.cat([ids_BT, next_B[:, None]], dim=1)
        done_B |= next_B == end
        if done_B.all():
            break
    return ids_BT[:, 1:]
