"""LightningModules: batches to loss and figures.

Each is imported when it is first asked for: ``gkmvlp predict`` needs what tasks share, and none of them.
"""

from typing import TYPE_CHECKING

from gkmvlp.on_demand import on_demand

if TYPE_CHECKING:
    from gkmvlp.tasks.arl_pretraining import ArlPretraining
    from gkmvlp.tasks.classification import Classification
    from gkmvlp.tasks.grounding import Grounding
    from gkmvlp.tasks.image_text_classification import ImageTextClassification
    from gkmvlp.tasks.localization import Localization
    from gkmvlp.tasks.parts.image_logging import Pictures
    from gkmvlp.tasks.pretraining import GkMvlpPretraining
    from gkmvlp.tasks.region_detection import RegionDetection
    from gkmvlp.tasks.report_generation import ReportGeneration
    from gkmvlp.tasks.retrieval import Retrieval
    from gkmvlp.tasks.vqa import VisualQuestionAnswering

__all__ = [
    "ArlPretraining",
    "Classification",
    "GkMvlpPretraining",
    "Grounding",
    "ImageTextClassification",
    "Localization",
    "Pictures",
    "RegionDetection",
    "ReportGeneration",
    "Retrieval",
    "VisualQuestionAnswering",
]

__getattr__, __dir__ = on_demand(
    __name__,
    {
        "ArlPretraining": "gkmvlp.tasks.arl_pretraining",
        "Classification": "gkmvlp.tasks.classification",
        "GkMvlpPretraining": "gkmvlp.tasks.pretraining",
        "Grounding": "gkmvlp.tasks.grounding",
        "ImageTextClassification": "gkmvlp.tasks.image_text_classification",
        "Localization": "gkmvlp.tasks.localization",
        "Pictures": "gkmvlp.tasks.parts.image_logging",
        "RegionDetection": "gkmvlp.tasks.region_detection",
        "ReportGeneration": "gkmvlp.tasks.report_generation",
        "Retrieval": "gkmvlp.tasks.retrieval",
        "VisualQuestionAnswering": "gkmvlp.tasks.vqa",
    },
)
