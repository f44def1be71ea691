"""Answers to questions: from the report decoder (likelihood of candidates, or free words) or a classifier.

B questions on N images, K candidates, L tokens of an answer, M memory tokens: those of the image for the question, the
question's own for the decoder. V vocabulary, D width.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import torch
from safetensors.torch import load_file
from safetensors.torch import save as tensors_to_bytes
from torch import Tensor, nn
from torch.nn import functional as F

from gkmvlp.checkpoints import backbone as backbones
from gkmvlp.checkpoints.backbone import Backbone
from gkmvlp.checkpoints.renamed_keys import ANSWER_MODES, ANSWERS, with_new_keys
from gkmvlp.checkpoints.weights import head_told, plain_state
from gkmvlp.metrics.answers import exact_v1
from gkmvlp.models.generation import DecodingConfig, generate_texts
from gkmvlp.models.gk_mvlp import GkMvlp
from gkmvlp.models.text import Memory
from gkmvlp.models.tokenizer import Tokens, tokenize

AnswerMode = Literal["rank", "generate", "classify"]
LONGEST = 16  # tokens of a free answer; the longest of VQA-RAD are shorter still in most vocabularies

AT_ONCE = 16  # candidates of a question that are padded to one length


@dataclass
class AnswerHead:
    """How an answer is found.

    Attributes:
        mode: ``rank`` scores the known answers by the decoder, ``generate`` lets it write, ``classify`` is a linear
            layer over the known answers.
        answers: K known answers, normalised.
        num_candidates: How many answers ``rank`` scores in full for a question.
        classifier: D to K, for that mode only.
        asked: Entities that the training questions name; empty where the folder does not tell.
    """

    mode: AnswerMode
    answers: list[str]
    num_candidates: int
    classifier: nn.Linear | None = None
    asked: list[str] = field(default_factory=list)


def question_memory(
    backbone: Backbone, questions: list[str], image: Memory, row_B: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """What the decoder reads: the question's states after reading the image (as BLIP, Li et al. 2022, section 4.3).

    Args:
        backbone: Model and tokenizer.
        questions: B questions.
        image: Memory of N images.
        row_B: The image of each question, (B,) int64; None where N = B, in order.

    Returns:
        Memory (B, T, D) and its mask (B, T) bool.
    """
    tokens = _tokens(backbone, questions, image.key.device)
    return backbone.model.text(*tokens, "fusion", image, row_B=row_B), tokens.mask


def best_answers(
    backbone: Backbone, head: AnswerHead, memory_BMD: Tensor, mask_BM: Tensor
) -> tuple[list[str], list[float]]:
    """One normalised answer a question, and its score.

    Args:
        backbone: Model and tokenizer.
        head: How an answer is found.
        memory_BMD: From ``question_memory``.
        mask_BM: From ``question_memory``.

    Returns:
        B answers, and B scores: log-likelihood (ranked, free) or log-probability (classifier) in nats.
    """
    if head.mode == "generate":
        texts, scores = generate_texts(backbone, memory_BMD, mask_BM, DecodingConfig(max_new_tokens=LONGEST))
        return [exact_v1(text) for text in texts], scores
    if head.classifier is not None:
        score_BK = head.classifier(memory_BMD[:, 0]).float().log_softmax(-1)
    else:
        answers = _tokens(backbone, head.answers, memory_BMD.device, decode=True)
        score_BK = candidate_scores(backbone.model, answers, memory_BMD, mask_BM, head.num_candidates)
    best = score_BK.max(-1)
    return [head.answers[index] for index in best.indices.tolist()], best.values.tolist()


def save_answering(backbone: Backbone, head: AnswerHead, folder: Path) -> None:
    """Writes a backbone folder that can answer: ``answers.json`` stands beside, and a classifier's tensors."""
    content = {"mode": head.mode, "num_candidates": head.num_candidates, "answers": head.answers}
    content["asked"] = head.asked
    files = {"answers.json": json.dumps(content, indent=1).encode()}
    if head.classifier is not None:
        files["classifier.safetensors"] = tensors_to_bytes(plain_state(head.classifier))
    backbones.save(backbone, folder, files)


def load_answer_head(folder: Path, width: int) -> AnswerHead:
    """The head of a folder that ``save_answering`` wrote.

    Args:
        folder: The folder.
        width: D of its backbone.

    Raises:
        BackboneError: If a file is missing or broken.
    """
    with head_told(folder, "answer head"):
        content = with_new_keys(json.loads((folder / "answers.json").read_text()), ANSWERS)
        mode = ANSWER_MODES.get(content["mode"], content["mode"])
        head = AnswerHead(mode, content["answers"], content["num_candidates"], asked=content.get("asked", []))
        if head.mode == "classify":
            head.classifier = nn.Linear(width, len(head.answers))
            head.classifier.load_state_dict(load_file(folder / "classifier.safetensors"))
    return head


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
