"""LightningModules: batches to loss and figures."""

from gkmvlp.tasks.classification import Classification
from gkmvlp.tasks.grounding import Grounding
from gkmvlp.tasks.localization import Localization
from gkmvlp.tasks.parts.image_logging import Pictures
from gkmvlp.tasks.pretraining import GkMvlpPretraining
from gkmvlp.tasks.region_detection import RegionDetection
from gkmvlp.tasks.report_generation import ReportGeneration
from gkmvlp.tasks.retrieval import Retrieval
from gkmvlp.tasks.vqa import VisualQuestionAnswering

__all__ = [
    "Classification",
    "GkMvlpPretraining",
    "Grounding",
    "Localization",
    "Pictures",
    "RegionDetection",
    "ReportGeneration",
    "Retrieval",
    "VisualQuestionAnswering",
]
