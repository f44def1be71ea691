"""LightningDataModules: files in their owners' layouts to batches."""

from gkmvlp.data_modules.base import DataModule
from gkmvlp.data_modules.chest_xray14 import ChestXray14
from gkmvlp.data_modules.image_report_pairs import ImageReportPairs
from gkmvlp.data_modules.imagenome_gold import ImaGenomeGold
from gkmvlp.data_modules.mimic_cxr import MimicCxr
from gkmvlp.data_modules.ms_cxr import MsCxr
from gkmvlp.data_modules.openi import OpenI
from gkmvlp.data_modules.rsna_pneumonia import RsnaPneumonia
from gkmvlp.data_modules.slake import Slake
from gkmvlp.data_modules.vqa_rad import VqaRad

__all__ = [
    "ChestXray14",
    "DataModule",
    "ImaGenomeGold",
    "ImageReportPairs",
    "MimicCxr",
    "MsCxr",
    "OpenI",
    "RsnaPneumonia",
    "Slake",
    "VqaRad",
]
