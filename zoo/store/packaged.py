"""The models that come with the package, and how each is made: a config, its seed, and phantoms."""

from dataclasses import dataclass

SEED = 0  # of the phantoms; that of the training stands in the config
# look-alike -> patients or images, as in the demo
CORPORA = {"mimic": 3200, "vqa": 1600, "nih": 3000, "rsna": 1200}
# phantoms of another seed, all rows of which calibrate: the validation rows of a training are too few for that
CALIBRATION_SEED = 1
CALIBRATION = {"mimic": 1200, "vqa": 130, "nih": 250}


@dataclass(frozen=True)
class Shipped:
    """A model of the package.

    Attributes:
        name: What it is called.
        config: The config of the zoo that trains it.
        summary: One line.
        limits: What it cannot do, beside what holds of every model.
        backbone: Name of the shipped model that it starts from; None where it is pre-trained itself.
    """

    name: str
    config: str
    summary: str
    limits: tuple[str, ...] = ()
    backbone: str | None = None


_SMALL = ("A small network at 128 pixels, trained in minutes: a demonstration of the method, no strong reader.",)
_ANSWERS = "Answers questions about phantoms."
BACKBONE = Shipped(  # what recipes start from where no other is named
    "gk-mvlp-phantom",
    "pretrain-phantom",
    "GK-MVLP, small, pre-trained on phantoms: grounding, zero-shot, the start of fine-tuning.",
    _SMALL,
)
ARL = Shipped(
    "arl-phantom",
    "pretrain-arl-phantom",
    "ARL, small, pre-trained on phantoms with a graph of findings and regions: the start of fine-tuning.",
    (*_SMALL, "It has no decoder, so it writes no reports, and no region tokens, so it points at nothing."),
)
MODELS = (  # each behind what it starts from
    BACKBONE,
    Shipped("gk-mvlp-phantom-vqa", "vqa-phantom", _ANSWERS, _SMALL, BACKBONE.name),
    Shipped(
        "gk-mvlp-phantom-classification",
        "classification-phantom",
        "The 14 labels of ChestX-ray14.",
        _SMALL,
        BACKBONE.name,
    ),
    Shipped("gk-mvlp-phantom-localization", "localization-phantom", "Boxes of lung opacities.", _SMALL, BACKBONE.name),
    Shipped(
        "gk-mvlp-phantom-report",
        "report-phantom",
        "Writes reports in the words of the phantoms.",
        _SMALL,
        BACKBONE.name,
    ),
    ARL,
    Shipped("arl-phantom-vqa", "vqa-phantom", _ANSWERS, _SMALL, ARL.name),
)
