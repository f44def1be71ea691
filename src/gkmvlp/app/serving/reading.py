"""One reading of a radiograph, put together from several models: what the page shows and the exports hold.

Everything is a name, a number or a list of them, so that ``as_json`` leaves nothing out but the pixels.
h x w grid of patches. Boxes and points are in pixels of the original image.
"""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from gkmvlp.geometry import Letterbox

Box = tuple[float, float, float, float]  # x1, y1, x2, y2
Said = Literal["present", "absent", "uncertain"]


@dataclass(frozen=True)
class Knowledge:
    """What stands behind a finding of a backbone.

    Attributes:
        prompt: The sentence that stands for the entity in the text encoder.
        prior: The regions that it can show in; empty means all.
        attended: Region -> share of the prompt's attention in this image, the largest first, in [0, 1].
    """

    prompt: str
    prior: tuple[str, ...]
    attended: dict[str, float]


@dataclass(frozen=True)
class Finding:
    """One finding.

    Attributes:
        name: Entity or label.
        source: Which model says so.
        probability: In [0, 1].
        calibration: The method by which that was set, or ``uncalibrated``.
        threshold: Probability from which the operating point calls it present; None without one.
        threshold_low: Lower end of the threshold's 95 % interval over patients.
        threshold_high: Upper end.
        is_likely: Whether the threshold is reached; None without one.
        region: The region under the point, "" where there is none.
        point: Where the prompt attends to most.
        box: Around that point, where attention is at least half of the highest.
        attention: Attention over the patches (h, w); empty where the model has none.
        knowledge: None of a label that is no entity of the backbone.
    """

    name: str
    source: str
    probability: float
    calibration: str
    threshold: float | None = None
    threshold_low: float | None = None
    threshold_high: float | None = None
    is_likely: bool | None = None
    region: str = ""
    point: tuple[float, float] | None = None
    box: Box | None = None
    attention: tuple[tuple[float, ...], ...] = ()
    knowledge: Knowledge | None = None


@dataclass(frozen=True)
class Detection:
    """A box that a model was trained to find, above the threshold of its label."""

    label: str
    score: float
    threshold: float
    box: Box


@dataclass(frozen=True)
class Link:
    """What a sentence says of one entity, and where that is on the image.

    Attributes:
        entity: Its name.
        said: How the package's labeler reads the sentence.
        side: ``right``, ``left``, ``bilateral`` or "" (the patient's).
        regions: Where the sentence places it.
        boxes: Its boxes on the image; empty where ``no_box`` says why.
        no_box: Why there is none: the sentence negates, or no model shows a place; "" where there are boxes.
        has_map: Whether a heat map shows where its prompt looks.
    """

    entity: str
    said: Said
    side: str
    regions: tuple[str, ...]
    boxes: tuple[Box, ...]
    no_box: str
    has_map: bool


@dataclass(frozen=True)
class Sentence:
    """A sentence of the report."""

    text: str
    links: tuple[Link, ...]


@dataclass(frozen=True)
class Answer:
    """An answer to a question.

    Attributes:
        question: As it was asked.
        text: The best answer.
        probability: Of it among the known answers; None of a model that writes freely.
        calibration: How the probability was set.
        others: The next best answers with their probabilities.
        remark: That the question lies outside of what the model was trained on, or was not read to its end; else "".
    """

    question: str
    text: str
    probability: float | None
    calibration: str
    others: tuple[tuple[str, float], ...] = ()
    remark: str = ""


@dataclass(frozen=True)
class Neighbour:
    """A near image of the user's index.

    Attributes:
        name: Its file.
        similarity: Cosine of both vectors, in [-1, 1].
        thumbnail: A small picture as a data URI.
    """

    name: str
    similarity: float
    thumbnail: str


@dataclass
class Reading:
    """All that one set of models says of a radiograph.

    Attributes:
        image: Name of the file, or of the phantom.
        width: Of the original image as it stands upright, in pixels.
        height: Likewise.
        view: Projection that a DICOM names, or "".
        models: The references of the models.
        probabilities: What the probabilities mean, of each model that gives any.
        at: The operating point whose thresholds count, or None.
        notices: What has to be said of the models.
        warnings: What has to be said of this image.
        findings: Likeliest first.
        regions: Region -> its box.
        detections: Boxes of a model that was trained for them.
        report: Sentences of the report; None where no model writes one.
        planted: What was planted in a phantom; None of other images.
        answers: To the questions so far.
        neighbours: Nearest first.
        seconds: Model time.
        frame: Where the image lies in the square that ``attention`` covers; None without a backbone.
        side: Side of that square in pixels.
    """

    image: str
    width: int
    height: int
    view: str
    models: tuple[str, ...]
    probabilities: list[str] = field(default_factory=list)
    at: str | None = None
    notices: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    regions: dict[str, Box] = field(default_factory=dict)
    detections: list[Detection] = field(default_factory=list)
    report: list[Sentence] | None = None
    planted: list[str] | None = None
    answers: list[Answer] = field(default_factory=list)
    neighbours: list[Neighbour] = field(default_factory=list)
    seconds: float = 0.0
    frame: Letterbox | None = None
    side: int = 0

    def as_json(self) -> dict[str, Any]:
        """For ``json.dumps``; thumbnails of other patients stay out."""
        content = asdict(self)
        content["frame"] = self.frame._asdict() if self.frame else None
        for neighbour in content["neighbours"]:
            del neighbour["thumbnail"]
        return content
