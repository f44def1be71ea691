"""Right or left: whether a model finds the sentence of the true side likelier than that of the other.

One row an image, finding with boxes on one side, and output: ``margin`` is the output for the true side minus that for
the other side, ``mirrored`` the same on the radiograph turned over, where the true side is the other one.
``side_original`` and ``side_mirrored`` are the shares of margins above 0 (0 counts half), ``side_followed`` the share
of trials where both are: a model that prefers one side whatever it sees has 0 there, and one that guesses a quarter.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gkmvlp.metrics.assemble import Key, Scored, Task
from gkmvlp.metrics.bootstrap import mean_curve
from gkmvlp.metrics.tasks.faithfulness import OUTPUTS

CHANCE = {"side_original": 0.5, "side_mirrored": 0.5, "side_followed": 0.25}


def _score(block: pd.DataFrame, unit_N: NDArray[np.intp], counts_VG: NDArray[np.uint16]) -> dict[Key, Scored]:
    """The three shares of each output."""
    original_N, mirrored_N = ((np.sign(block[name].to_numpy(float)) + 1) / 2 for name in ("margin", "mirrored"))
    followed_N = ((original_N == 1) & (mirrored_N == 1)).astype(float)
    values = dict(zip(CHANCE, (original_N, mirrored_N, followed_N), strict=True))
    out: dict[Key, Scored] = {}
    for output in sorted(set(block["output"])):
        rows_N = block["output"].eq(output).to_numpy()
        for name, value_N in values.items():
            out[Key(name, str(output))] = Scored(mean_curve(value_N[rows_N], unit_N[rows_N], counts_VG), rows_N)
    return out


TASK = Task(
    columns={"entity": "text", "side": "text", "output": "text", "margin": "number", "mirrored": "number"},
    unit="image-entity with box on one side",
    score=_score,
    parts=lambda key: {"average": "trials", "output": OUTPUTS[str(key.label)]},
    notes=lambda rows: {},
    constants=lambda key: {"random": CHANCE[key.name]},
)
