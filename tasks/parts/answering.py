"""Answers to questions: from the report decoder (likelihood of candidates, or free words) or a classifier.

B questions on N images, K candidates, L tokens of an answer, M memory tokens: those of the image for the question, the
question's own for the decoder. V vocabulary, D width.
"""

import re
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from gkmvlp.checkpoints.backbone import Backbone
from gkmvlp.metrics.answers import exact_v1
from gkmvlp.models.generation import DecodingConfig, generate_texts
from gkmvlp.models.gk_mvlp import GkMvlp
from gkmvlp.models.heads.answer_head import AnswerHead, answer_logits
from gkmvlp.models.memory import Memory
from gkmvlp.models.tokenizer import Tokens, tokenize

LONGEST = 16  # tokens of a free answer; the longest of VQA-RAD are shorter still in most vocabularies

AT_ONCE = 16  # candidates of a question that are padded to one length

YES_AND_NO = frozenset({"yes", "no"})
# An auxiliary verb first, and no choice between two things: of VQA-RAD's training questions 99 % of those that it
# matches are answered by yes or no, and 98 % of those that are so answered match.
ASKS_YES_OR_NO = re.compile(
    r"\s*(?:and |so |then |also )?(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should|may|might)\b"
    r"(?!.*\bor\b)",
    re.IGNORECASE | re.DOTALL,
)


def question_memory(
    backbone: Backbone, questions: list[str], image: Memory, row_B: Tensor | None = None, first_only: bool = False
) -> tuple[Tensor, Tensor]:
    """What the decoder reads: the question's states after reading the image (as BLIP, Li et al. 2022, section 4.3).

    Args:
        backbone: Model and tokenizer.
        questions: B questions.
        image: Memory of N images.
        row_B: The image of each question, (B,) int64; None where N = B, in order.
        first_only: Whether the state of the first token is all that is read.

    Returns:
        Memory (B, T, D) and its mask (B, T) bool; T is 1 with ``first_only``.
    """
    text = backbone.read_texts(questions, image.key.device)
    if first_only:
        return backbone.model.fuse_first(text, image, row_B)[:, None], text.mask[:, :1]
    return backbone.model.fuse(text, image, row_B), text.mask


def asks_yes_or_no(question: str) -> bool:
    """Whether a question wants yes or no, by its first word."""
    return ASKS_YES_OR_NO.match(question) is not None


def among_yes_and_no(score_BK: Tensor, questions: Sequence[str], answers: Sequence[str]) -> Tensor:
    """Scores (B, K) with minus infinity for what no question for yes or no is answered by, if both are known.

    Args:
        score_BK: Scores of the known answers, minus infinity where an answer was not scored.
        questions: B questions.
        answers: K known answers, normalised.
    """
    if not YES_AND_NO.issubset(answers):
        return score_BK
    fits_K = torch.tensor([answer in YES_AND_NO for answer in answers], device=score_BK.device)
    asked_B = torch.tensor([asks_yes_or_no(question) for question in questions], device=score_BK.device)
    limited_BK = score_BK.masked_fill(~fits_K, -torch.inf)
    return torch.where((asked_B & limited_BK.isfinite().any(1))[:, None], limited_BK, score_BK)


def best_answers(
    backbone: Backbone, head: AnswerHead, questions: Sequence[str], memory_BMD: Tensor, mask_BM: Tensor
) -> tuple[list[str], list[float]]:
    """One normalised answer a question, and its score; questions for yes or no get one of the two, unless written.

    Args:
        backbone: Model and tokenizer.
        head: How an answer is found.
        questions: B questions.
        memory_BMD: From ``question_memory``.
        mask_BM: From ``question_memory``.

    Returns:
        B answers, and B scores: log-likelihood (``rank``, ``generate``) or log-probability (``classify``) in nats.
    """
    if head.mode == "generate":
        decoding = DecodingConfig(max_new_tokens=LONGEST)
        texts, scores = generate_texts(backbone.model, backbone.tokenizer, memory_BMD, mask_BM, decoding)
        return [exact_v1(text) for text in texts], scores
    best = answer_scores(backbone, head, questions, memory_BMD, mask_BM).max(-1)
    return [head.answers[index] for index in best.indices.tolist()], best.values.tolist()


def answer_scores(
    backbone: Backbone, head: AnswerHead, questions: Sequence[str], memory_BMD: Tensor, mask_BM: Tensor
) -> Tensor:
    """Score of each known answer (B, K) in nats, for ``rank`` and ``classify``; see ``best_answers``.

    Minus infinity of answers that ``rank`` does not score in full, and of those that a question for yes or no excludes.
    """
    if head.classifier is not None:
        score_BK = answer_logits(head.classifier, memory_BMD, mask_BM, head.pooling).log_softmax(-1)
    else:
        answers = _tokens(backbone, head.answers, memory_BMD.device, decode=True)
        score_BK = candidate_scores(backbone.model, answers, memory_BMD, mask_BM, head.num_candidates)
    return among_yes_and_no(score_BK, questions, head.answers)


def _tokens(backbone: Backbone, texts: list[str], device: torch.device, decode: bool = False) -> Tokens:
    """Texts as tokens on a device."""
    batch = tokenize(backbone.tokenizer, texts, backbone.model.architecture.text.max_length, decode)
    return Tokens(*(tensor.to(device) for tensor in batch))


def candidate_scores(model: GkMvlp, candidate_KL: Tokens, memory_BMD: Tensor, mask_BM: Tensor, keep: int) -> Tensor:
    """Log-likelihood of each candidate answer, as BLIP ranks them (Li et al. 2022, section 4.3).

    The ``keep`` candidates whose first token is likeliest are scored in full; the others get minus infinity. A
    question's candidates are read in order of length, a few at a time: most answers are far shorter than the longest.

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
    length_K = candidate_KL.mask.sum(1)
    chosen_Bk = chosen_Bk.gather(1, length_K[chosen_Bk].argsort(1))
    score_BK = torch.full((batch, count), -torch.inf, device=memory_BMD.device)
    for part_Bc in chosen_Bk.split(AT_ONCE, dim=1):
        longest = int(length_K[part_Bc].max())
        ids_NL, wanted_NL = (tensor[part_Bc, :longest].flatten(0, 1) for tensor in candidate_KL)
        logits_NLV = model.decode(Tokens(ids_NL, wanted_NL), memory_BMD, mask_BM).float()
        token_NL = F.cross_entropy(logits_NLV[:, :-1].flatten(0, 1), ids_NL[:, 1:].flatten(), reduction="none")
        score_N = -(token_NL.view(len(ids_NL), -1) * wanted_NL[:, 1:]).sum(1)
        score_BK.scatter_(1, part_Bc, score_N.view(batch, -1))
    return score_BK
