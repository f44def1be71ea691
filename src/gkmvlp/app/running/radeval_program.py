"""Run by another Python, which has radeval and pyarrow but not this package: pairs of texts in, scores out.

Words: Parquet file with the columns ``target`` and ``prediction``; file to write, one column a scorer, and the version
of radeval in the column ``version``; names of radeval's metrics.
"""

import sys
from importlib.metadata import version

import pandas as pd
from radeval import RadEval

source, target, *metrics = sys.argv[1:]
pairs = pd.read_parquet(source)
score = RadEval(metrics=metrics, per_sample=True, show_progress=False)
scores = score(refs=pairs["target"].tolist(), hyps=pairs["prediction"].tolist())
pd.DataFrame(scores).astype(float).assign(version=version("radeval")).to_parquet(target)
