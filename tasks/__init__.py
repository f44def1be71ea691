"""LightningModules: batches to loss and figures."""

from gkmvlp.tasks.pictures import Pictures
from gkmvlp.tasks.pretraining import GkMvlpPretraining
from gkmvlp.tasks.retrieval import Retrieval
from gkmvlp.tasks.vqa import VisualQuestionAnswering

__all__ = ["GkMvlpPretraining", "Pictures", "Retrieval", "VisualQuestionAnswering"]
