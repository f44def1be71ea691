"""The models that come with the package, and how each is made: a config, its seed, and phantoms."""

from dataclasses import dataclass

SEED = 0  # of the phantoms; that of the training stands in the config
# look-alike -> patients or images, as in the demo
CORPORA = {"mimic": 3200, "vqa": 1600, "nih": 3000, "rsna": 1200}


@dataclass(frozen=True)
class Shipped:
    """A model of the package.

    Attributes:
        name: What it is called.
        config: The config of the zoo that trains it.
        summary: One line.
        limits: What it cannot do, beside what holds of every model.
    """

    name: str
    config: str
    summary: str
    limits: tuple[str, ...] = ()


_SMALL = "A small network at 128 pixels, trained in minutes: a demonstration of the method, no strong reader."
BACKBONE = Shipped(
    "gk-mvlp-phantom",
    "pretrain-phantom",
    "GK-MVLP, small, pre-trained on phantoms: grounding, zero-shot, the start of fine-tuning.",
    (_SMALL,),
)
FINE_TUNED = (
    Shipped("gk-mvlp-phantom-vqa", "vqa-phantom", "Answers questions about phantoms.", (_SMALL,)),
    Shipped("gk-mvlp-phantom-classification", "classification-phantom", "The 14 labels of ChestX-ray14.", (_SMALL,)),
    Shipped("gk-mvlp-phantom-localization", "localization-phantom", "Boxes of lung opacities.", (_SMALL,)),
    Shipped("gk-mvlp-phantom-report", "report-phantom", "Writes reports in the words of the phantoms.", (_SMALL,)),
)
