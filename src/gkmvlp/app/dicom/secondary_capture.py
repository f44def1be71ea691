"""A reading as a picture for archives that show nothing else: the upright image, boxes, findings, a burned-in notice.

H x W pixels of the picture.
"""

import textwrap

import numpy as np
from highdicom.sc import SCImage
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from pydicom import Dataset

from gkmvlp.app.dicom.findings import DETECTOR, Finding
from gkmvlp.app.dicom.identity import PRODUCT, ModelIdentity, instance_of
from gkmvlp.app.dicom.source import Source
from gkmvlp.metrics.calibration.score_map import UNCALIBRATED
from gkmvlp.notices import NOT_CLINICAL
from gkmvlp.zoo.inference.prediction import Pixels

SERIES = 9003
TALL, PANEL, BAR = 1000, 600, 56  # pixels: the radiograph's height at most, the column beside it, a bar with the notice
ROWS = 16  # findings in the column
WRAP = 60  # characters of a line below them
_WIDE = 1200  # pixels: the radiograph's width at most
_MARGIN = 24
_RED, _WHITE, _GREY, _BLACK, _AMBER = (150, 0, 0), (255, 255, 255), (160, 160, 160), (0, 0, 0), (255, 200, 90)
_COLOURS = ((255, 170, 40), (80, 190, 255), (120, 230, 120), (255, 120, 200), (240, 230, 90), (190, 150, 255))


def secondary_capture(
    source: Source,
    pixels_HW: Pixels,
    findings: list[Finding],
    model: ModelIdentity,
    notice: str | None,
    fingerprint: str,
) -> SCImage:
    """The picture of one reading.

    Args:
        source: The image.
        pixels_HW: The image upright, as the model read its grey values.
        findings: What was found, likeliest first.
        model: Who read.
        notice: What has to be said of the model; None where nothing has.
        fingerprint: Of the reading.
    """
    dataset = SCImage.from_ref_dataset(
        source.header,
        draw(pixels_HW, findings, model, notice),
        "RGB",
        8,
        "PATIENT",
        series_number=SERIES,
        series_description=f"{PRODUCT} capture, research only",
        **instance_of("capture", "capture", source.uid, model, fingerprint),
        patient_orientation=("L", "F"),
        transfer_syntax_uid="1.2.840.10008.1.2.1",
    )
    dataset.BodyPartExamined, dataset.BurnedInAnnotation = "CHEST", "YES"
    dataset.DerivationDescription = f"Picture of a reading by {PRODUCT}. {NOT_CLINICAL}"
    origin = Dataset()
    origin.ReferencedSOPClassUID, origin.ReferencedSOPInstanceUID = source.header.SOPClassUID, source.uid
    dataset.SourceImageSequence = [origin]
    source.tell_losses(dataset)
    source.complete(dataset)
    return dataset


def draw(pixels_HW: Pixels, findings: list[Finding], model: ModelIdentity, notice: str | None) -> NDArray[np.uint8]:
    """The picture (H, W, 3): radiograph with numbered boxes, a column of findings, the notice above and below."""
    height, width = pixels_HW.shape
    scale = min(TALL / height, _WIDE / width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    radiograph = Image.fromarray(pixels_HW).resize(size, Image.Resampling.LANCZOS)
    picture = Image.new("RGB", (size[0] + PANEL, TALL + 2 * BAR), _BLACK)
    top = BAR + (TALL - size[1]) // 2
    picture.paste(radiograph.convert("RGB"), (0, top))
    pen = ImageDraw.Draw(picture)
    colours = {row: _COLOURS[number % len(_COLOURS)] for number, row in enumerate(_likely(findings))}
    for number, row in enumerate(colours, 1):
        if box := findings[row].box:
            _outline(pen, [scale * value for value in box], (0, top), str(number), colours[row])
    _column(pen, size[0] + _MARGIN, findings, colours, model, notice)
    for y in (0, TALL + BAR):
        pen.rectangle((0, y, picture.width, y + BAR), _RED)
        pen.text((picture.width // 2, y + BAR // 2), NOT_CLINICAL.upper(), _WHITE, _font(30), anchor="mm")
    return np.asarray(picture)


def _likely(findings: list[Finding]) -> list[int]:
    return [row for row, finding in enumerate(findings) if finding.is_likely]


def _outline(
    pen: ImageDraw.ImageDraw, box: list[float], corner: tuple[int, int], number: str, colour: tuple[int, int, int]
) -> None:
    """A box with its number inside its corner."""
    x1, y1, x2, y2 = (round(value + corner[place % 2]) for place, value in enumerate(box))
    pen.rectangle((x1, y1, x2, y2), outline=colour, width=3)
    pen.rectangle((x1, y1, x1 + 14 + 14 * len(number), y1 + 30), fill=colour)
    pen.text((x1 + 7 + 7 * len(number), y1 + 15), number, _BLACK, _font(24), anchor="mm")


def _column(
    pen: ImageDraw.ImageDraw,
    left: int,
    findings: list[Finding],
    colours: dict[int, tuple[int, int, int]],
    model: ModelIdentity,
    notice: str | None,
) -> None:
    """Findings, the likely ones numbered and coloured as their boxes, and who read."""
    right, y = left + PANEL - 2 * _MARGIN, BAR + _MARGIN
    pen.text((left, y), "Reading by a model", _WHITE, _font(32))
    pen.text((left, y + 44), "" if colours else "no finding is likely", _WHITE, _font(22))
    y += 60 if colours else 92
    numbers = {row: number for number, row in enumerate(colours, 1)}
    for row, finding in enumerate(findings[:ROWS]):
        colour = colours.get(row, _GREY)
        head = f"{numbers[row]}  " if row in numbers else ""
        pen.text((left, y), head + finding.name, colour, _font(24))
        pen.text((right, y), _said(finding), colour, _font(24), anchor="ra")
        where = finding.region if finding.is_likely else ""
        pen.text((left, y + 28), where, _GREY, _font(18))
        y += 62 if where else 36
    if len(findings) > ROWS:
        pen.text((left, y), f"and {len(findings) - ROWS} less likely", _GREY, _font(20))
    first = textwrap.wrap(notice or "", WRAP)
    lines = [*first, *(line for text in _footer(findings, model) for line in textwrap.wrap(text, WRAP))]
    y = BAR + TALL - _MARGIN - 24 * len(lines)
    for line in lines:
        pen.text((left, y), line, _AMBER if line in first else _GREY, _font(18))
        y += 24


def _said(finding: Finding) -> str:
    """Probability, and the threshold that it is held against."""
    limit = f" (from {100 * finding.threshold:.0f} %)" if finding.threshold is not None else ""
    return f"{100 * finding.probability:.0f} %{limit}"


def _footer(findings: list[Finding], model: ModelIdentity) -> list[str]:
    methods = {finding.calibration for finding in findings}
    is_raw = UNCALIBRATED in methods or DETECTOR in methods
    how = "Scores are not calibrated: 50 % need not mean one in two." if is_raw else ""
    kind = "found by a detector" if DETECTOR in methods else "drawn around where the model looks"
    boxes = f"Boxes are {kind}." if any(finding.box for finding in findings) else ""
    return [text for text in (how, boxes, f"Model: {model.name}", model.version) if text]


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
