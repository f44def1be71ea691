"""JPEGs whose data end before their picture does: decoders fill up the rest with grey and say nothing. H x W pixels."""

import numpy as np
from numpy.typing import NDArray

from gkmvlp.errors import DataError

_BLOCKS = (8, 16)  # sides of what a JPEG is coded in, in pixels (ISO 10918-1, A.2.3)


def require_whole_jpeg(code_HW: NDArray[np.unsignedinteger], bits: int = 8, part: float = 1.0) -> None:
    """Checks that the picture is not filled up from one of its blocks on, in the order in which they are coded.

    What is missing is decoded as the middle of all grey levels. Margins of that grey are no filling: they begin in no
    row of blocks that the picture still fills to the left, below one that it fills whole.

    Args:
        code_HW: Decoded grey (H, W), as the file has it.
        bits: Bits a sample.
        part: The size that it was decoded at.

    Raises:
        DataError: If it is filled up.
    """
    is_filled_HW = code_HW == 1 << (bits - 1)
    if not is_filled_HW[-1, -1]:
        return
    row_content = np.flatnonzero(~is_filled_HW.all(1))
    for block in (int(side * part) for side in _BLOCKS):
        if len(row_content) and block and _is_cut(is_filled_HW, row_content[-1] // block * block, block):
            raise DataError("the JPEG ends before its picture does: the rest would be shown grey; fetch it again")


def _is_cut(is_filled_HW: NDArray[np.bool_], row: int, block: int) -> bool:
    """Whether the row of blocks that begins at ``row`` is content, then filling, below one that is content."""
    filled = int(np.argmax(np.any(~is_filled_HW[row : row + block, ::-1], axis=0)))
    above = is_filled_HW[max(row - block, 0) : row, is_filled_HW.shape[1] - filled :]
    return filled >= block and (row == 0 or above.all(0).mean() < 0.5)
