"""Image-text contrast (ITC): an image and its report are closer than either is to others.

Legend: B pairs of this rank, N pairs of all ranks, D width; K columns of a comparison, R rows of a part.
Each rank compares its own B rows with those of all ranks, as open_clip's ``local_loss`` with ``gather_with_grad`` does.
"""

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from gkmvlp.losses.gather import Gather, alone
from gkmvlp.losses.precision import at_least_float32

# Similarities beyond this number, 128 MB in float32, are computed part by part, and anew for the gradient.
PAIRS_AT_ONCE = 2**25


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
        gather: Maps this rank's rows to all ranks' rows and keeps gradients, summed over ranks.

    Returns:
        Scalar in nats, the mean of both directions over the rows of this rank. Its mean over ranks with equally many
        rows, and that of its gradients, which DDP takes, are those of one batch of all rows. It is ln(N) when the
        embeddings carry no information.

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
        key_B2 = torch.stack((study_B, wording_B), 1)
        key_N2 = gather(key_B2)
        own = [at_least_float32(x_BD) for x_BD in (image_BD, text_BD)]
        image_ND, text_ND = (gather(x_BD) for x_BD in own)
        to_text, to_image = (
            _one_way(scale * from_BD, to_ND, key_B2, key_N2)
            for from_BD, to_ND in zip(own, (text_ND, image_ND), strict=True)
        )
        return (to_text + to_image) / 2


def _one_way(query_BD: Tensor, other_ND: Tensor, key_B2: Tensor, key_N2: Tensor) -> Tensor:
    """Mean cross-entropy of finding the pair of each query among all others."""
    rows = max(PAIRS_AT_ONCE // len(other_ND), 1)
    if len(query_BD) <= rows:
        return _summed(query_BD, other_ND, key_B2, key_N2) / len(query_BD)
    parts = zip(query_BD.split(rows), key_B2.split(rows), strict=True)
    sums = [checkpoint(_summed, query_RD, other_ND, key_R2, key_N2, use_reentrant=False) for query_RD, key_R2 in parts]
    return torch.stack(sums).sum() / len(query_BD)


def _summed(query_RD: Tensor, other_ND: Tensor, key_R2: Tensor, key_N2: Tensor) -> Tensor:
    """Cross-entropy of some queries, summed; the target is uniform over the others that say the same."""
    target_RN = match_matrix(key_R2, key_N2).to(query_RD.dtype)
    target_RN = target_RN / target_RN.sum(1, keepdim=True)
    return F.cross_entropy(query_RD @ other_ND.T, target_RN, reduction="sum")
