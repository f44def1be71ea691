"""One class of several for an image with its text. B pairs, L classes, T tokens, D width."""

from collections.abc import Sequence

from torch import Tensor, nn

from gkmvlp.models.config import TextPooling
from gkmvlp.models.heads.answer_head import answer_logits


class CategoryHead(nn.Module):
    """A linear layer over the states of a text that read its image.

    Args:
        classes: L names.
        width: D.
        pooling: What the layer reads: the state of the text's ``first`` token, or the ``mean`` of all.
    """

    def __init__(self, classes: Sequence[str], width: int, pooling: TextPooling) -> None:
        super().__init__()
        self.classes, self.pooling = tuple(classes), pooling
        self.linear = nn.Linear(width, len(self.classes))

    def forward(self, state_BTD: Tensor, mask_BT: Tensor) -> Tensor:
        """Score of each class, (B, L) float32.

        Args:
            state_BTD: States of the text after reading the image.
            mask_BT: (B, T) bool, True on real tokens.
        """
        return answer_logits(self.linear, state_BTD, mask_BT, self.pooling)
