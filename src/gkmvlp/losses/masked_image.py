"""Masked image modelling (MIM): the pixels of masked patches from the visible ones (He et al. 2022).

Legend: B images, P = h * w patches, C pixels of a patch, S side of the image, R regions.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from gkmvlp.losses.precision import at_least_float32

EPSILON = 1e-6  # added to the variance: flat patches, such as padding, stay finite
PLACE_WEIGHT = 4.0  # of a patch that lies in a region that matters; one that lies in none has 1


def random_patch_mask(weight_BP: Tensor, share: float = 0.75, generator: torch.Generator | None = None) -> Tensor:
    """Patches to mask, (B, P) bool: as many in each image, drawn without replacement.

    Args:
        weight_BP: Positive weight by which each patch is drawn; equal ones draw uniformly.
        share: Share of the patches that is masked; at least one patch is, and one is left.
        generator: Source of randomness on the device of the weights.

    Raises:
        ValueError: If an image has fewer than two patches.
    """
    patches = weight_BP.shape[1]
    if patches < 2:
        raise ValueError(f"weights {tuple(weight_BP.shape)} must be of two patches at least")
    count = min(max(round(share * patches), 1), patches - 1)
    return torch.zeros_like(weight_BP, dtype=torch.bool).scatter(
        1, torch.multinomial(weight_BP, count, generator=generator), True
    )


def place_weight(coverage_BRP: Tensor, region_BR: Tensor) -> Tensor:
    """Weights (B, P) of a mask that prefers the regions that matter; all 1 where none does.

    Args:
        coverage_BRP: Share of each patch that lies in each region, (B, R, P) in [0, 1].
        region_BR: (B, R) bool, True on regions that matter.
    """
    covered_BP = (coverage_BRP * region_BR[..., None]).amax(1)
    return 1 + (PLACE_WEIGHT - 1) * covered_BP


def patch_pixels(image_B1SS: Tensor, grid: tuple[int, int]) -> Tensor:
    """Pixels of each patch row by row, (B, P, C), patches row-major over the grid.

    Args:
        image_B1SS: Images, (B, 1, S, S).
        grid: (h, w), both divisors of S.
    """
    (height, width), side = grid, image_B1SS.shape[-1]
    cells = image_B1SS.unflatten(3, (width, side // width)).unflatten(2, (height, side // height))
    return cells.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)


def masked_image_loss(predicted_BPC: Tensor, image_B1SS: Tensor, masked_BP: Tensor, grid: tuple[int, int]) -> Tensor:
    """Squared error of the masked patches, each patch brought to mean 0 and variance 1.

    Args:
        predicted_BPC: Predicted pixels of all patches.
        image_B1SS: The images, (B, 1, S, S).
        masked_BP: (B, P) bool, True on masked patches; the others do not count.
        grid: (h, w).

    Returns:
        Scalar, the mean over pixels of masked patches. A prediction of 0 gives 1, but for flat patches, which give 0.

    Raises:
        ValueError: If predictions and masked patches are not those of the image's grid.
    """
    true_BPC = at_least_float32(patch_pixels(image_B1SS, grid))
    if predicted_BPC.shape != true_BPC.shape or masked_BP.shape != true_BPC.shape[:2]:
        shapes = f"predicted {tuple(predicted_BPC.shape)}, masks {tuple(masked_BP.shape)}"
        raise ValueError(f"{shapes}: a grid of {grid} gives patches {tuple(true_BPC.shape)}")
    true_NC = F.layer_norm(true_BPC[masked_BP], true_BPC.shape[2:], eps=EPSILON)
    return (at_least_float32(predicted_BPC[masked_BP]) - true_NC).square().mean()
