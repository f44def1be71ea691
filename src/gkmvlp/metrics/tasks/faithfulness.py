"""The counterfactual drop: by how much what a model says of a finding falls where the finding is hidden.

One row an image, finding with box, output and region: ``whole`` is the output on the image as it is, ``hidden`` that
with the region hidden; the figure is the mean of ``whole - hidden``. The baseline ``random_region`` hides boxes of the
same size at random places of the chest instead, the mean of several: the difference from it is what the region itself
is worth. The main figure is that of log odds with the true boxes hidden.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gkmvlp.metrics.assemble import Key, Scored, Task
from gkmvlp.metrics.bootstrap import mean_curve

NAME = "counterfactual_drop"
OUTPUTS = {  # column ``output``: what falls
    "logit": "log odds of the finding",
    "sentence": "nats of its sentence by the decoder",
    "statement": "nats of its sentence less those of its negation by the decoder",
    "similarity": "similarity to its sentence less that to its negation",
    "answer": "probability of yes",
}
REGIONS = {"boxes": "true boxes", "attended": "box of the highest attention"}  # column ``region``: what is hidden
_MAIN = ("logit", "boxes")


def label_of(output: str, region: str) -> str | None:
    """Label of a figure: None for the log odds with the true boxes hidden."""
    words = [output] * (output != _MAIN[0]) + [region] * (region != _MAIN[1])
    return " ".join(words) or None


_KINDS = {label_of(output, region): (output, region) for output in OUTPUTS for region in REGIONS}
VARIANTS = frozenset(label for label in _KINDS if label is not None)


def _score(block: pd.DataFrame, unit_N: NDArray[np.intp], counts_VG: NDArray[np.uint16]) -> dict[Key, Scored]:
    """The mean drop of each output and region, and of each entity for the main figure."""
    drop_N = (block["whole"] - block["hidden"]).to_numpy(float)
    output_N, region_N, entity_N = (block[name].to_numpy(str) for name in ("output", "region", "entity"))
    kinds = {label: (output_N == o) & (region_N == r) for label, (o, r) in _KINDS.items()}
    groups = {label: rows_N for label, rows_N in kinds.items() if rows_N.any()}
    main_N = kinds[None]
    groups |= {str(entity): main_N & (entity_N == entity) for entity in sorted(set(entity_N[main_N]))}
    return {
        Key(NAME, label): Scored(mean_curve(drop_N[rows_N], unit_N[rows_N], counts_VG), rows_N)
        for label, rows_N in groups.items()
    }


def _parts(key: Key) -> dict[str, str]:
    """The signature says what fell, what was hidden, and over which entities the mean is."""
    output, region = _KINDS.get(key.label, _MAIN)
    entities = "all" if key.label in _KINDS else "one"
    return {"average": "trials", "output": OUTPUTS[output], "region": REGIONS[region], "entities": entities}


TASK = Task(
    columns={"entity": "text", "output": "text", "region": "text", "whole": "number", "hidden": "number"},
    unit="image-entity with box",
    score=_score,
    parts=_parts,
    notes=lambda rows: {},
)
