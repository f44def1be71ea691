"""The network behind the gate: is a picture an upright frontal chest radiograph, and if not, what is it?

B images, S side, K kinds.
"""

import torch
from torch import Tensor, nn

SIDE = 96  # pixels of the square that it reads; the aspect of a picture is given up
FRONTAL = "frontal"
# in the order of the logits; what is told by size alone is no kind of the network
KINDS = (FRONTAL, "no radiograph", "no chest", "lateral", "inverted", "mirrored", "rotated", "cropped", "blank")
_SWAPPED = [KINDS.index({FRONTAL: "mirrored", "mirrored": FRONTAL}.get(kind, kind)) for kind in KINDS]


class GateNet(nn.Module):
    """Five convolutions and two linear layers; a quarter of a megabyte in half precision.

    Where things lie is what sides are told by, so the last map is flattened, not averaged.
    """

    def __init__(self) -> None:
        super().__init__()
        widths = (1, 16, 32, 48, 64, 64)
        strides = (2, 2, 2, 2, 1)
        layers: list[nn.Module] = []
        for start, width, stride in zip(widths[:-1], widths[1:], strides, strict=True):
            layers += [nn.Conv2d(start, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        self.features = nn.Sequential(*layers)
        cells = (SIDE // 16) ** 2
        self.head = nn.Sequential(
            nn.Conv2d(64, 24, 1), nn.ReLU(), nn.Flatten(), nn.Dropout(0.3),
            nn.Linear(24 * cells, 48), nn.ReLU(), nn.Dropout(0.3), nn.Linear(48, len(KINDS)),
        )  # fmt: skip

    def forward(self, image_B1SS: Tensor) -> Tensor:
        """Logits of the kinds (B, K).

        Args:
            image_B1SS: Pixels in [0, 1]; brightness and contrast are evened out.
        """
        mean_B111 = image_B1SS.mean((1, 2, 3), keepdim=True)
        spread_B111 = image_B1SS.std((1, 2, 3), keepdim=True)
        return self.head(self.features((image_B1SS - mean_B111) / (spread_B111 + 0.02)))


@torch.inference_mode()
def both_ways(net: GateNet, image_B1SS: Tensor) -> Tensor:
    """Logits (B, K) that are the same of a picture and of its mirror image, frontal and mirrored exchanged.

    A picture is shown as it is and mirrored; what was learned of one side then holds of the other.

    Args:
        net: The network, in evaluation.
        image_B1SS: As of its ``forward``.
    """
    return (net(image_B1SS) + net(image_B1SS.flip(-1))[:, _SWAPPED]) / 2
