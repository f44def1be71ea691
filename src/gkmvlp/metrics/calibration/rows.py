"""Rows of the figures before and after calibration (``metrics.tasks.calibration``)."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from gkmvlp.metrics.assemble import BASELINE
from gkmvlp.metrics.calibration.score_map import UNCALIBRATED, ScoreMap, logistic


def before_and_after(table: pd.DataFrame, maps: Mapping[str, ScoreMap]) -> pd.DataFrame:
    """Every row of a model twice: with its calibrated probability, and as the baseline ``uncalibrated``.

    Args:
        table: Rows of models that are no baselines: ``entity``, ``score`` (log odds) and what other tasks' rows have.
        maps: Label -> its map; a label without one keeps its probability.
    """
    odds_N, name_N = table["score"].to_numpy(float), table["entity"].to_numpy(str)
    before_N = logistic(odds_N)
    after_N = before_N.copy()
    for name, score_map in maps.items():
        rows_N = name_N == name
        after_N[rows_N] = score_map(odds_N[rows_N])
    baseline = np.repeat(BASELINE + UNCALIBRATED, len(table))
    both = [table.assign(score=after_N), table.assign(score=before_N, model=baseline)]
    return pd.concat(both, ignore_index=True)
