"""Retrieval of reports by images and of images by reports: contrast ranks all, matching ranks the best anew.

N pairs, K candidates that are ranked anew, M memory tokens, D size of the shared space.
"""

from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from gkmvlp.batch import StudyBatch
from gkmvlp.models.config import Architecture, ArlArchitecture, BaseArchitecture
from gkmvlp.models.memory import Memory
from gkmvlp.models.protocol import VisionLanguageModel
from gkmvlp.tasks.base import Task, text_keys
from gkmvlp.tasks.parts.optimization import OptimizerConfig

PAIRS = 256  # pairs that matching reads at once
SAVED_RANKS = 1000  # places of a ranking that are saved; the rank of the first right candidate is that among all


def nearest(similarity_NN: Tensor, count: int) -> Tensor:
    """The ``count`` nearest columns of each row, (N, N) bool."""
    top_NK = similarity_NN.topk(min(count, similarity_NN.shape[1]), dim=1).indices
    return torch.zeros_like(similarity_NN, dtype=torch.bool).scatter_(1, top_NK, True)


def ranking(similarity_NN: Tensor, score_NN: Tensor, count: int) -> Tensor:
    """The columns of each row, best first: the ``count`` nearest in the order of ``score_NN``, the others behind.

    Args:
        similarity_NN: Cosines in [-1, 1].
        score_NN: Any scores; read at the nearest only.
        count: K; 0 leaves the order of the similarities.

    Returns:
        (N, N) int64; equal scores keep the order of the columns.
    """
    chosen_NN = nearest(similarity_NN, count)
    # 2 lies above every cosine
    above_NN = score_NN - score_NN.where(chosen_NN, torch.inf).amin(1, keepdim=True) + 2
    return torch.where(chosen_NN, above_NN, similarity_NN).argsort(dim=1, descending=True, stable=True)


class Retrieval(Task[VisionLanguageModel, BaseArchitecture]):
    """Finds the report of an image and the image of a report among those of the test split; nothing is trained.

    All features are computed once. Rows with the same normalised text are each other's right answers.

    Args:
        architecture: What the backbone must be; ``null`` takes its own.
        backbone: Folder of a backbone; ``null`` measures one that was not trained.
        rerank_top_k: K, how many of the nearest candidates image-text matching ranks anew; 0 is contrast alone.
        itc_weight: Weight of the cosine beside the log odds of matching among those.
        seed: Names the run in its predictions.
    """

    is_trained = False
    architecture_class = BaseArchitecture

    def __init__(
        self,
        architecture: Architecture | ArlArchitecture | None = None,
        backbone: str | None = None,
        rerank_top_k: int = 64,
        itc_weight: float = 20.0,
        seed: int = 0,
    ) -> None:
        super().__init__(architecture, backbone, OptimizerConfig())
        self.rerank, self.contrast, self.seed = rerank_top_k, itc_weight, seed

    def on_test_epoch_start(self) -> None:  # noqa: D102
        self.pairs: list[dict[str, Any]] = []
        self.features: list[tuple[Tensor, ...]] = []
        self.texts: list[str] = []

    def test_step(self, batch: StudyBatch, batch_idx: int) -> None:  # noqa: D102
        image, text = self.encode_images(batch), self.read_texts(batch["text"])
        features = (self.model.embed_image(image.features), self.model.embed_text(text), *image.memory)
        self.features.append(tuple(tensor.cpu() for tensor in features))
        self.texts += batch["text"]
        keys = text_keys(batch["text"], torch.device("cpu")).tolist()
        for b, text in enumerate(keys):
            self.pairs.append({"sample_id": batch["sample_id"][b], "patient_id": batch["patient_id"][b], "text": text})

    def on_test_epoch_end(self) -> None:  # noqa: D102
        image_ND, text_ND, *memory = (torch.cat(parts) for parts in zip(*self.features, strict=True))
        similarity_NN = image_ND @ text_ND.T
        needed_NN = nearest(similarity_NN, self.rerank) | nearest(similarity_NN.T, self.rerank).T
        match_NN = self.match(needed_NN, Memory(*memory), self.texts)
        pool = pd.DataFrame(self.pairs).assign(item=range(len(self.pairs)), model=self.model_name, seed=self.seed)
        both_NN = match_NN + self.contrast * similarity_NN
        orders = {
            "i2t": ranking(similarity_NN, both_NN, self.rerank),
            "t2i": ranking(similarity_NN.T, both_NN.T, self.rerank),
        }
        table = pd.concat([query_rows(pool, name, order.numpy()) for name, order in orders.items()])
        baseline = table.assign(model="baseline:random", rank=np.nan, ranking=[[]] * len(table))
        rerank = f"{self.rerank} by itm + {self.contrast:g} itc" if self.rerank else "none"
        signature = {"rerank": rerank, "tokens": self.architecture.text.max_length, "gallery": "fixed"}
        self.save_predictions("retrieval", pd.concat([table, baseline], ignore_index=True), signature=signature)

    def match(self, needed_NN: Tensor, memory: Memory, texts: list[str]) -> Tensor:
        """Log odds of the needed pairs of image (row) and text (column), (N, N) float32; 0 elsewhere."""
        odds_NN = torch.zeros(needed_NN.shape)
        text_of_pair, image_of_pair = needed_NN.T.nonzero(as_tuple=True)
        for text_P, image_P in zip(text_of_pair.split(PAIRS), image_of_pair.split(PAIRS), strict=True):
            text_U, row_P = text_P.unique(return_inverse=True)  # a text that several images read begins once
            text = self.read_texts([texts[index] for index in text_U.tolist()])
            states = self.model.begin(text).rows(row_P.to(self.device))
            logits_P2 = self.model.itm_logits(states, Memory(*(part[image_P].to(self.device) for part in memory)))
            odds_NN[image_P, text_P] = (logits_P2[:, 1] - logits_P2[:, 0]).float().cpu()
        return odds_NN


def query_rows(pool: pd.DataFrame, direction: str, order_NN: Any) -> pd.DataFrame:
    """One row a query.

    Args:
        pool: The N pairs, with ``text``: equal where the normalised texts are.
        direction: ``i2t`` or ``t2i``.
        order_NN: Items of the pool for each query, best first.

    Returns:
        The pool's columns but ``text``; ``direction``, ``candidates`` (N), ``right`` (how many of them are), ``rank``
        (of the first right one, from 1) and ``ranking`` (the first items).
    """
    text_N = pool["text"].to_numpy()
    right_NN = text_N[order_NN] == text_N[:, None]
    return pool.drop(columns="text").assign(
        direction=direction,
        candidates=len(pool),
        right=right_NN.sum(1),
        rank=right_NN.argmax(1) + 1.0,
        ranking=order_NN[:, :SAVED_RANKS].astype(np.int32).tolist(),
    )
