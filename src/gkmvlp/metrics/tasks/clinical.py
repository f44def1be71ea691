"""Figures of generated reports by outside scorers: the mean over images of what each scorer says of a pair.

One row an image and scorer; ``score`` is the scorer's, whose name is that of the figure.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gkmvlp.metrics.assemble import Key, Scored, Task
from gkmvlp.metrics.bootstrap import mean_curve


def _score(block: pd.DataFrame, unit_N: NDArray[np.intp], counts_VG: NDArray[np.uint16]) -> dict[Key, Scored]:
    """The mean of each scorer."""
    score_N, out = block["score"].to_numpy(float), dict[Key, Scored]()
    for name in sorted(set(block["metric"])):
        rows_N = block["metric"].eq(name).to_numpy()
        out[Key(str(name), None)] = Scored(mean_curve(score_N[rows_N], unit_N[rows_N], counts_VG), rows_N)
    return out


TASK = Task(
    columns={"metric": "text", "score": "number"},
    unit="image",
    score=_score,
    parts=lambda key: {"average": "images", "refs": "full"},
    notes=lambda rows: {},
)
