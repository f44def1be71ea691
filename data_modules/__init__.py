"""LightningDataModules: files in their owners' layouts to batches.

Each is imported when it is first asked for: reading one image needs none of them.
"""

from typing import TYPE_CHECKING

from gkmvlp.on_demand import on_demand

if TYPE_CHECKING:
    from gkmvlp.data_modules.base import DataModule
    from gkmvlp.data_modules.chest_xray14 import ChestXray14
    from gkmvlp.data_modules.image_report_pairs import ImageReportPairs
    from gkmvlp.data_modules.imagenome_gold import ImaGenomeGold
    from gkmvlp.data_modules.medicat import Medicat
    from gkmvlp.data_modules.melinda import Melinda
    from gkmvlp.data_modules.mimic_cxr import MimicCxr
    from gkmvlp.data_modules.mixed_corpora import MixedCorpora
    from gkmvlp.data_modules.mixed_questions import MixedQuestions
    from gkmvlp.data_modules.ms_cxr import MsCxr
    from gkmvlp.data_modules.openi import OpenI
    from gkmvlp.data_modules.roco import Roco
    from gkmvlp.data_modules.rsna_pneumonia import RsnaPneumonia
    from gkmvlp.data_modules.slake import Slake
    from gkmvlp.data_modules.vqa_med_2019 import VqaMed2019
    from gkmvlp.data_modules.vqa_rad import VqaRad

__all__ = [
    "ChestXray14",
    "DataModule",
    "ImaGenomeGold",
    "ImageReportPairs",
    "Medicat",
    "Melinda",
    "MimicCxr",
    "MixedCorpora",
    "MixedQuestions",
    "MsCxr",
    "OpenI",
    "Roco",
    "RsnaPneumonia",
    "Slake",
    "VqaMed2019",
    "VqaRad",
]

__getattr__, __dir__ = on_demand(
    __name__,
    {
        "ChestXray14": "gkmvlp.data_modules.chest_xray14",
        "DataModule": "gkmvlp.data_modules.base",
        "ImaGenomeGold": "gkmvlp.data_modules.imagenome_gold",
        "ImageReportPairs": "gkmvlp.data_modules.image_report_pairs",
        "Medicat": "gkmvlp.data_modules.medicat",
        "Melinda": "gkmvlp.data_modules.melinda",
        "MimicCxr": "gkmvlp.data_modules.mimic_cxr",
        "MixedCorpora": "gkmvlp.data_modules.mixed_corpora",
        "MixedQuestions": "gkmvlp.data_modules.mixed_questions",
        "MsCxr": "gkmvlp.data_modules.ms_cxr",
        "OpenI": "gkmvlp.data_modules.openi",
        "Roco": "gkmvlp.data_modules.roco",
        "RsnaPneumonia": "gkmvlp.data_modules.rsna_pneumonia",
        "Slake": "gkmvlp.data_modules.slake",
        "VqaMed2019": "gkmvlp.data_modules.vqa_med_2019",
        "VqaRad": "gkmvlp.data_modules.vqa_rad",
    },
)
