"""Image-text contrast (ITC): an image and its report are closer than either is to others.

Legend: B pairs of this rank, N pairs of all ranks, D width; K columns of a comparison.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from gkmvlp.losses.gather import Gather, alone
from gkmvlp.losses.precision import at_least_float32


def match_matrix(key_N2: Tensor, key_K2: Tensor) -> Tensor:
    """Which pairs say the same: they share the study or the wording of the report.

    Args:
        key_N2: Study key and wording key of the rows, (N, 2) int64.
        key_K2: The same of the columns, (K, 2) int64.

    Returns:
        (N, K) bool.
    """
    return (key_N2[:, None] == key_K2[None]).any(-1)


def image_text_contrast(
    image_BD: Tensor,
    text_BD: Tensor,
    scale: Tensor,
    study_B: Tensor,
    wording_B: Tensor,
    *,
    gather: Gather = alone,
) -> Tensor:
    """Symmetric InfoNCE (Radford et al. 2021) whose target is uniform over all pairs that say the same.

    Reports repeat ("no acute process"), and one study has several images: such pairs are targets, not negatives. With
    distinct keys this is the plain loss, target on the diagonal.

    Args:
        image_BD: Unit-norm image embeddings, (B, D).
        text_BD: Unit-norm report embeddings, (B, D); row i describes image i.
        scale: Inverse temperature, a positive scalar.
        study_B: Key of the study, (B,) int64, equal for images of one study.
        wording_B: Key of the normalised text, (B,) int64, equal for equal texts.
        gather: Maps this rank's rows to all ranks' rows and keeps gradients; every rank then returns the same loss.

    Returns:
        Scalar in nats, the mean of both directions. It is ln(N) when the embeddings carry no information.

    Raises:
        ValueError: If images, texts and keys do not pair up row by row.
    """
    if text_BD.shape != image_BD.shape:
        raise ValueError(f"image {tuple(image_BD.shape)} and text {tuple(text_BD.shape)} must pair up")
    if not study_B.shape == wording_B.shape == image_BD.shape[:1]:
        shapes = f"study {tuple(study_B.shape)} and wording {tuple(wording_B.shape)}"
        raise ValueError(f"{shapes} must be one key for each of {len(image_BD)} images")
    # bfloat16 has steps of 0.06 at a logit of 14: the similarities stay out of autocast.
    with torch.autocast(image_BD.device.type, enabled=False):
        key_N2 = gather(torch.stack((study_B, wording_B), 1))
        image_ND, text_ND = (gather(at_least_float32(x_BD)) for x_BD in (image_BD, text_BD))
        logits_NN = scale * image_ND @ text_ND.T
        target_NN = match_matrix(key_N2, key_N2).to(image_ND.dtype)
        target_NN = target_NN / target_NN.sum(1, keepdim=True)
        # Every rank scores all pairs: gather's backward sums over ranks, DDP averages, the result is one big batch.
        to_text, to_image = (F.cross_entropy(one_way, target_NN) for one_way in (logits_NN, logits_NN.T))
        return (to_text + to_image) / 2
