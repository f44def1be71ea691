"""Batches of texts without their padding.

B batch, T tokens, D width, R real tokens of a batch.
"""

from typing import NamedTuple

import torch
from torch import Tensor

# Padding (tokens x D x D) from which packing pays: it takes some 70 small operations a layer, forward and backward, and
# saves products that grow with D x D. At D = 128 that is 128 tokens, more than prompts and statements have; at 768, 4.
WORTHWHILE = 2**21


class Packing(NamedTuple):
    """Where the real tokens of a padded batch stand: what is computed token by token leaves the padding out.

    Reports differ in length: of IU X-Ray's, padded to 96 tokens, a third is padding.
    """

    index_R: Tensor  # places of the real tokens in the flat batch (B * T)
    first_B: Tensor  # places of the first token of each text among the real tokens
    batch: int  # B
    length: int  # T

    @classmethod
    def of(cls, mask_BT: Tensor, width: int) -> "Packing | None":
        """None where little is padding, and in a compiled or exported program, whose shapes follow no values.

        Args:
            mask_BT: (B, T) bool, True on real tokens.
            width: D.
        """
        if torch.compiler.is_compiling() or int((~mask_BT).sum()) * width**2 < WORTHWHILE:
            return None
        length_B = mask_BT.sum(1)
        return cls(mask_BT.flatten().nonzero()[:, 0], length_B.cumsum(0) - length_B, *mask_BT.shape)

    def pack(self, x_BTD: Tensor) -> Tensor:
        """Real tokens alone, (1, R, D)."""
        return x_BTD.flatten(0, 1)[self.index_R][None]

    def pad(self, x_1RD: Tensor) -> Tensor:
        """Tokens at their places and zeros at the others, (B, T, D)."""
        empty = x_1RD.new_zeros(self.batch * self.length, x_1RD.shape[-1])
        return empty.index_copy(0, self.index_R, x_1RD[0]).unflatten(0, (self.batch, self.length))


def first_tokens(x_BTD: Tensor, packing: Packing | None) -> Tensor:
    """The first token of each text, (B, 1, D); no text is empty. Packed tokens are (1, R, D)."""
    return x_BTD[:, :1] if packing is None else x_BTD[0].index_select(0, packing.first_B)[:, None]
