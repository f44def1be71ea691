"""Image-text contrast (ITC): an image and its report are closer than either is to others.

Legend: B pairs of this rank, N pairs of all ranks, Q queued pairs, K = N + Q candidates, D width.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from gkmvlp.losses.gather import Gather, alone
from gkmvlp.losses.precision import at_least_float32


class Queue(NamedTuple):
    """Pairs of earlier steps, the same on every rank, used as further negatives without gradient (He et al. 2020)."""

    image_QD: Tensor  # (Q, D) unit-norm image embeddings
    text_QD: Tensor  # (Q, D) unit-norm report embeddings
    study_Q: Tensor  # (Q,) int64 study keys
    wording_Q: Tensor  # (Q,) int64 keys of the normalised text


def match_matrix(key_N2: Tensor, key_K2: Tensor) -> Tensor:
    """Which pairs say the same: they share the study or the wording of the report.

    Args:
        key_N2: Study key and wording key of the rows, (N, 2) int64.
        key_K2: The same of the columns, (K, 2) int64.

    Returns:
        (N, K) bool.
    """
    return (key_N2[:, None] == key_K2[None]).any(-1)


def soft_targets(hard_NK: Tensor, teacher_NK: Tensor, alpha: float) -> Tensor:
    """Hard targets mixed with a momentum teacher's opinion (Li et al. 2021, equation 6).

    Args:
        hard_NK: Target distribution per row, (N, K), rows sum to 1.
        teacher_NK: Logits of the teacher, (N, K), without gradient.
        alpha: Share of the teacher, in [0, 1].

    Returns:
        (N, K), rows sum to 1.
    """
    return alpha * teacher_NK.softmax(1) + (1 - alpha) * hard_NK


def image_text_contrast(
    image_BD: Tensor,
    text_BD: Tensor,
    scale: Tensor,
    study_B: Tensor,
    wording_B: Tensor,
    *,
    queue: Queue | None = None,
    teacher: tuple[Tensor, Tensor] | None = None,
    alpha: float = 0.4,
    gather: Gather = alone,
) -> Tensor:
    """Symmetric InfoNCE (Radford et al. 2021) whose target is uniform over all pairs that say the same.

    Reports repeat ("no acute process"), and one study has several images: such pairs are targets, not negatives. With
    distinct keys this is the plain loss, target on the diagonal. A queued pair that says the same is left out.

    Args:
        image_BD: Unit-norm image embeddings, (B, D).
        text_BD: Unit-norm report embeddings, (B, D); row i describes image i.
        scale: Inverse temperature, a positive scalar.
        study_B: Key of the study, (B,) int64, equal for images of one study.
        wording_B: Key of the normalised text, (B,) int64, equal for equal texts.
        queue: Further negatives.
        teacher: Unit-norm image and report embeddings of the momentum encoders, each (B, D), for soft targets.
        alpha: Share of the teacher in the target, in [0, 1].
        gather: Maps this rank's rows to all ranks' rows and keeps gradients; every rank then returns the same loss.

    Returns:
        Scalar in nats, the mean of both directions. It is ln(N + Q) when the embeddings carry no information and no
        queued pair is left out.

    Raises:
        ValueError: If images, texts and keys do not pair up row by row.
    """
    for name, rows in (("text", text_BD), *(("teacher", x) for x in teacher or ())):
        if rows.shape != image_BD.shape:
            raise ValueError(f"image {tuple(image_BD.shape)} and {name} {tuple(rows.shape)} must pair up")
    if not study_B.shape == wording_B.shape == image_BD.shape[:1]:
        shapes = f"study {tuple(study_B.shape)} and wording {tuple(wording_B.shape)}"
        raise ValueError(f"{shapes} must be one key for each of {len(image_BD)} images")
    # bfloat16 has steps of 0.06 at a logit of 14: the similarities stay out of autocast.
    with torch.autocast(image_BD.device.type, enabled=False):
        key_N2 = gather(torch.stack((study_B, wording_B), 1))
        image_ND, text_ND = (gather(at_least_float32(x_BD)) for x_BD in (image_BD, text_BD))
        logits = _similarities(image_ND, text_ND, scale, key_N2, queue)
        target_NN = match_matrix(key_N2, key_N2).to(image_ND.dtype)
        target_NN = target_NN / target_NN.sum(1, keepdim=True)
        targets = [F.pad(target_NN, (0, logits_NK.shape[1] - len(logits_NK))) for logits_NK in logits]
        if teacher is not None:
            with torch.no_grad():
                image_ND, text_ND = (gather(at_least_float32(x_BD)) for x_BD in teacher)
                opinions = _similarities(image_ND, text_ND, scale, key_N2, queue)
                targets = [soft_targets(*pair, alpha) for pair in zip(targets, opinions, strict=True)]
        # Every rank scores all pairs: gather's backward sums over ranks, DDP averages, the result is one big batch.
        to_text, to_image = (F.cross_entropy(*pair) for pair in zip(logits, targets, strict=True))
        return (to_text + to_image) / 2


def _similarities(
    image_ND: Tensor, text_ND: Tensor, scale: Tensor, key_N2: Tensor, queue: Queue | None
) -> tuple[Tensor, Tensor]:
    """Logits of images to texts and of texts to images, each (N, K); the lowest number where a queued pair matches."""
    to_text_NN = scale * image_ND @ text_ND.T
    if queue is None:
        return to_text_NN, to_text_NN.T
    match_NQ = match_matrix(key_N2, torch.stack((queue.study_Q, queue.wording_Q), 1))
    # Not -inf: cross_entropy multiplies the log-probability by a target of 0.
    lowest = torch.finfo(to_text_NN.dtype).min
    text_NQ, image_NQ = (
        (scale * query_ND @ key_QD.detach().to(query_ND.dtype).T).masked_fill(match_NQ, lowest)
        for query_ND, key_QD in ((image_ND, queue.text_QD), (text_ND, queue.image_QD))
    )
    return torch.cat((to_text_NN, text_NQ), 1), torch.cat((to_text_NN.T, image_NQ), 1)
