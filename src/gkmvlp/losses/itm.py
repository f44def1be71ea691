"""Image-text matching (ITM): does this report describe this image? With hard negatives from the batch.

Legend: B pairs, E entities; the last 2 are the classes: 0 does not match, 1 matches.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from gkmvlp.losses.precision import at_least_float32

FLOOR = 1e-4  # every admissible negative keeps a chance, as in BLIP (Li et al. 2022)


def false_negatives(text_key_B: Tensor, status_BE: Tensor) -> Tensor:
    """Pairs that must not serve as negatives of each other: equal text, or equal statuses of all entities.

    Args:
        text_key_B: Key of the normalised text, (B,) int64.
        status_BE: Statuses of the entities, (B, E) integers.

    Returns:
        (B, B) bool, symmetric, True on the diagonal.

    Raises:
        ValueError: If keys and statuses do not pair up row by row.
    """
    if text_key_B.shape != status_BE.shape[:1]:
        raise ValueError(f"text keys {tuple(text_key_B.shape)} and statuses {tuple(status_BE.shape)} must pair up")
    return (text_key_B[:, None] == text_key_B) | (status_BE[:, None] == status_BE).all(-1)


def hard_negatives(
    similarity_BB: Tensor, forbidden_BB: Tensor, generator: torch.Generator | None = None
) -> tuple[Tensor, Tensor]:
    """One negative a row, drawn with probability softmax(similarity) + 1e-4 over the admissible columns.

    Args:
        similarity_BB: Logits of ITC, (B, B); row i and column i belong together. No gradient flows.
        forbidden_BB: (B, B) bool, True where a column is no negative of the row; the diagonal never is one.
        generator: Source of randomness on the device of the logits.

    Returns:
        Column of each row, (B,) int64, and (B,) bool, False where no column was admissible; such a row's column is
        arbitrary, but a column.

    Raises:
        ValueError: If the two are not square matrices of one size.
    """
    if similarity_BB.shape != forbidden_BB.shape or similarity_BB.shape != (len(similarity_BB),) * 2:
        shapes = f"similarity {tuple(similarity_BB.shape)} and forbidden {tuple(forbidden_BB.shape)}"
        raise ValueError(f"{shapes} must be square and equal")
    closed_BB = forbidden_BB | torch.eye(len(forbidden_BB), dtype=torch.bool, device=forbidden_BB.device)
    valid_B = ~closed_BB.all(1)
    logits_BB = at_least_float32(similarity_BB)
    # Not -inf: a row without admissible columns would become nan.
    weight_BB = logits_BB.masked_fill(closed_BB, torch.finfo(logits_BB.dtype).min).softmax(1) + FLOOR
    weight_BB = weight_BB.masked_fill(closed_BB & valid_B[:, None], 0)
    return torch.multinomial(weight_BB, 1, generator=generator).squeeze(1), valid_B


def image_text_matching(
    logits_positive_B2: Tensor,
    logits_negative_image_B2: Tensor,
    logits_negative_text_B2: Tensor,
    valid_image_B: Tensor,
    valid_text_B: Tensor,
) -> Tensor:
    """Cross-entropy of pairs and of hard negatives (Li et al. 2021).

    Args:
        logits_positive_B2: Logits of the true pairs, (B, 2).
        logits_negative_image_B2: Logits of each text with a wrong image, (B, 2).
        logits_negative_text_B2: Logits of each image with a wrong text, (B, 2).
        valid_image_B: (B,) bool, False where there was no wrong image to draw; that row is left out.
        valid_text_B: (B,) bool, False where there was no wrong text to draw; that row is left out.

    Returns:
        Scalar in nats, the mean over positives and valid negatives. It is ln 2 when the logits carry no information.

    Raises:
        ValueError: If the five do not pair up row by row.
    """
    logits = (logits_positive_B2, logits_negative_image_B2, logits_negative_text_B2)
    valid = (torch.ones_like(valid_image_B), valid_image_B, valid_text_B)
    shapes = [tuple(x.shape) for x in (*logits, valid_image_B, valid_text_B)]
    rows = len(logits_positive_B2)
    if shapes != [(rows, 2)] * 3 + [(rows,)] * 2:
        raise ValueError(f"three logits (B, 2) and two masks (B,) must pair up, got {shapes}")
    target = torch.arange(3 * rows, device=logits_positive_B2.device) < rows
    nats = F.cross_entropy(at_least_float32(torch.cat(logits)), target.long(), reduction="none")
    valid_rows = torch.cat(valid)
    return torch.where(valid_rows, nats, 0).sum() / valid_rows.sum()
