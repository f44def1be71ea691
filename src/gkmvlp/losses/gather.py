"""How an objective sees the rows of other ranks: a function that the task passes in.

Legend: B rows of this rank, N rows of all ranks.
"""

from collections.abc import Callable

from torch import Tensor

# Maps this rank's (B, K) to all ranks' (N, K), in rank order, the same on every rank; gradients flow back through it
# and are summed over ranks. Integer keys pass through it too. DDP's average then gives the gradient of one big batch.
Gather = Callable[[Tensor], Tensor]


def alone(x_BK: Tensor) -> Tensor:
    """The gather of a single process: nothing to add.

    Args:
        x_BK: This rank's rows, (B, K).

    Returns:
        The same tensor.
    """
    return x_BK
