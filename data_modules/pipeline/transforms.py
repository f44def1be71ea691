"""Fitting an image to the square, and augmentation that keeps right and left.

Augmentation is albumentations without flips. Region boxes travel as the four corners of each box among its key
points, which keeps their order and costs a third of its box handling; a moved box is the smallest upright box around
its moved corners.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from gkmvlp.environment import environment
from gkmvlp.errors import ConfigError
from gkmvlp.geometry import Frame, ResizeMode, valid_boxes

# on import it asks a server for its newest version; with this set nothing leaves the machine
with environment(NO_ALBUMENTATIONS_UPDATE="1"):
    import albumentations as A

Float = NDArray[np.float32]
Mask = NDArray[np.bool_]
Pixels = NDArray[np.uint8]


def letterbox(image_HW: Pixels, side: int, fit: ResizeMode = "pad") -> tuple[Pixels, Frame]:
    """Fits an image to a square as its ``Frame`` says; the rest is air.

    Args:
        image_HW: Pixels (H, W) uint8.
        side: Side S of the square in pixels.
        fit: ``pad``, ``crop`` or ``squash`` (see ``gkmvlp.geometry``).

    Returns:
        Pixels (S, S) uint8 and the frame.
    """
    height, width = image_HW.shape
    frame = Frame.fit(width, height, side, fit)
    size = (max(round(width * frame.scale_x), 1), max(round(height * frame.scale_y), 1))
    shrunk = cv2.resize(image_HW, size, interpolation=cv2.INTER_AREA if min(frame[:2]) < 1 else cv2.INTER_LINEAR)
    square_SS = np.zeros((side, side), np.uint8)
    left, top = round(frame.left), round(frame.top)
    shown = shrunk[max(-top, 0) : max(-top, 0) + side, max(-left, 0) : max(-left, 0) + side]
    top, left = min(max(top, 0), side - shown.shape[0]), min(max(left, 0), side - shown.shape[1])
    square_SS[top : top + shown.shape[0], left : left + shown.shape[1]] = shown
    return square_SS, frame


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


def refuse_flip(flip: bool) -> None:
    """Stops where mirrored images are asked for beside text that names sides."""
    if flip:
        raise ConfigError("flip: true cannot work where text is read: left and right are labels; remove flip")


def to_fractions(box_R4: Float, mask_R: Mask, side: int, least: float = 0.5) -> tuple[Float, Mask]:
    """Boxes in frame pixels as fractions of the square.

    Args:
        box_R4: Boxes (R, 4) xyxy in frame pixels; may reach out of the frame.
        mask_R: (R,) True where a box is known.
        side: Side of the square in pixels.
        least: Width and height in pixels below which a clipped box is masked.

    Returns:
        Boxes (R, 4) in [0, 1], 0 where masked, and mask (R,).
    """
    clipped_R4, valid_R = valid_boxes(box_R4, side, side)
    wide_R = (clipped_R4[:, 2:] - clipped_R4[:, :2]).min(1) >= least
    kept_R = mask_R & valid_R & wide_R
    return np.where(kept_R[:, None], clipped_R4 / side, 0).astype(np.float32), kept_R


def jitter_boxes(box_R4: Float, rng: np.random.Generator, amount: float = 0.05) -> Float:
    """Moves each edge of each box by a normal step of ``amount`` times the box's width or height.

    Edges that would cross by it are put in order again.
    """
    size_R2 = box_R4[:, 2:] - box_R4[:, :2]
    moved = box_R4 + rng.normal(0, amount, box_R4.shape).astype(np.float32) * np.tile(size_R2, 2)
    return np.concatenate([np.minimum(moved[:, :2], moved[:, 2:]), np.maximum(moved[:, :2], moved[:, 2:])], 1)
