"""Augmentation that keeps right and left: albumentations without flips.

Region boxes travel as the four corners of each box among its key points, which keeps their order and costs a third of
its box handling; a moved box is the smallest upright box around its moved corners.
"""

import numpy as np

from gkmvlp.data_modules.pipeline.transforms import Float, Pixels, refuse_flip
from gkmvlp.environment import environment

# on import it asks a server for its newest version; with this set nothing leaves the machine
with environment(NO_ALBUMENTATIONS_UPDATE="1"):
    import albumentations as A


class Augmentation:
    """Small movements and changes of exposure that leave right right and left left.

    Args:
        rotate: Largest turn to either side in degrees.
        shift: Largest shift as a fraction of the side.
        scale: Largest change of scale as a fraction.
        brightness: Largest change of brightness as a fraction of white.
        contrast: Largest change of contrast as a fraction.
        gamma: Largest change of the gamma exponent as a fraction.
        strength: Multiplies all of these.
        flip: Refused where True: left and right are labels.

    Raises:
        ConfigError: If ``flip`` is asked for.
    """

    def __init__(
        self,
        rotate: float = 5.0,
        shift: float = 0.04,
        scale: float = 0.06,
        brightness: float = 0.15,
        contrast: float = 0.15,
        gamma: float = 0.2,
        strength: float = 1.0,
        flip: bool = False,
    ) -> None:
        refuse_flip(flip)
        rotate, shift, scale = strength * rotate, strength * shift, strength * scale
        brightness, contrast, gamma = strength * brightness, strength * contrast, strength * gamma
        exponent = (round(100 * (1 - gamma)), round(100 * (1 + gamma)))
        self.pipeline = A.Compose(
            [
                A.Affine(
                    scale=(1 - scale, 1 + scale), translate_percent=(-shift, shift), rotate=(-rotate, rotate), p=1.0
                ),
                A.RandomBrightnessContrast(brightness, contrast, p=1.0),
                A.RandomGamma(exponent, p=1.0),
            ],
            keypoint_params=A.KeypointParams("xy", remove_invisible=False),
        )

    def __call__(self, image_SS: Pixels, box_R4: Float, seed: int) -> tuple[Pixels, Float]:
        """Moves an image and its boxes.

        Args:
            image_SS: Pixels (S, S) uint8.
            box_R4: Boxes (R, 4) xyxy in frame pixels.
            seed: Equal seeds give equal movements.

        Returns:
            Pixels (S, S) uint8 and boxes (R, 4), which may reach out of the frame.
        """
        self.pipeline.set_random_seed(seed)
        corner_N2 = box_R4[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 2)
        moved = self.pipeline(image=image_SS, keypoints=corner_N2)
        corner_R42 = np.asarray(moved["keypoints"], np.float32).reshape(-1, 4, 2)
        return moved["image"], np.concatenate([corner_R42.min(1), corner_R42.max(1)], 1)
