"""A reading as DICOM Segmentations on the grid of the image as its file stores it: regions, and heat maps.

N segments, H x W pixels of the stored image.
"""

import numpy as np
from highdicom import AlgorithmIdentificationSequence
from highdicom.seg import Segmentation, SegmentDescription
from highdicom.sr import CodedConcept

from gkmvlp.app.dicom.codes import (
    ANATOMY,
    ARTIFICIAL_INTELLIGENCE,
    SALIENCY,
    SPATIAL,
    place_of,
    scheme,
)
from gkmvlp.app.dicom.findings import Finding, box_mask, stored_box
from gkmvlp.app.dicom.identity import PRODUCT, ModelIdentity, instance_of, tracking_uid
from gkmvlp.app.dicom.source import Source
from gkmvlp.zoo.inference.prediction import Prediction

SERIES = 9002
ALWAYS = ("right lung", "left lung", "cardiac silhouette")  # besides the regions that findings lie in
MOST_MAPS = 5  # heat maps of one image: a byte a pixel each
_LABEL = 64  # characters of a segment's label


def region_segmentation(
    source: Source, findings: list[Finding], prediction: Prediction, model: ModelIdentity, fingerprint: str
) -> Segmentation | None:
    """Boxes of lungs and heart and of the regions that likely findings lie in, one binary segment each.

    Regions overlap. None where the image has none of them.

    Args:
        source: The image.
        findings: What was found.
        prediction: Gives the boxes of the regions.
        model: Who read.
        fingerprint: Of the reading.
    """
    wanted = dict.fromkeys((*ALWAYS, *(finding.region for finding in findings if finding.is_likely)))
    names = [name for name in wanted if name in prediction.region_boxes]
    if not names:
        return None
    width, height = source.size
    boxes = (stored_box(prediction.region_boxes[name], source.turn, source.upright_size) for name in names)
    mask_HWN = np.stack([box_mask(box, height, width) for box in boxes], axis=-1)
    described = [_region(name, number, model) for number, name in enumerate(names, 1)]
    return _segmentation(source, mask_HWN, described, "BINARY", "regions", 1, model, fingerprint)


def heat_segmentation(
    source: Source, findings: list[Finding], prediction: Prediction, model: ModelIdentity, fingerprint: str
) -> Segmentation | None:
    """Where the prompts of the likeliest findings look, one fractional segment each: 1 is the highest of the image.

    It is attention, no probability that a pixel belongs to the finding; the standard's other word, occupancy, would
    say more still. None where nothing is likely, or the model has no maps.

    Args:
        source: The image.
        findings: What was found, likeliest first.
        prediction: Gives the maps.
        model: Who read.
        fingerprint: Of the reading.
    """
    shown = [(number, each.name) for number, each in enumerate(findings) if each.is_likely]
    shown = [(number, name) for number, name in shown if name in prediction.attention][:MOST_MAPS]
    if not shown:
        return None
    turn = source.turn.inverse
    map_HWN = np.stack([turn.picture(prediction.heat_map(name)) for _, name in shown], axis=-1)
    described = [_map(source, name, row, number, model) for number, (row, name) in enumerate(shown, 1)]
    return _segmentation(source, map_HWN.clip(0, 1), described, "FRACTIONAL", "heat maps", 2, model, fingerprint)


def _region(name: str, number: int, model: ModelIdentity) -> SegmentDescription:
    structure, laterality = place_of(name)
    segment = SegmentDescription(number, name, ANATOMY, structure, "AUTOMATIC", _algorithm(model))
    if laterality:
        segment.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence = [
            CodedConcept.from_code(laterality)
        ]
    return segment


def _map(source: Source, name: str, row: int, number: int, model: ModelIdentity) -> SegmentDescription:
    segment = SegmentDescription(
        number,
        f"attention: {name}"[:_LABEL],
        SPATIAL,
        SALIENCY,
        "AUTOMATIC",
        _algorithm(model),
        tracking_uid=tracking_uid(source.uid, model, name, row),
        tracking_id=name,
    )
    segment.SegmentDescription = "Attention, highest of the image 1; no probability"
    return segment


def _algorithm(model: ModelIdentity) -> AlgorithmIdentificationSequence:
    return AlgorithmIdentificationSequence(model.name, ARTIFICIAL_INTELLIGENCE, model.version)


def _segmentation(
    source: Source,
    pixel_HWN: np.ndarray,
    described: list[SegmentDescription],
    kind: str,
    what: str,
    number: int,
    model: ModelIdentity,
    fingerprint: str,
) -> Segmentation:
    dataset = Segmentation(
        source_images=[source.header],
        pixel_array=pixel_HWN[None],
        segmentation_type=kind,
        segment_descriptions=described,
        series_number=SERIES,
        series_description=f"{PRODUCT} regions and heat maps, research only",
        **instance_of(what, "segmentation", source.uid, model, fingerprint, number),
        device_serial_number=model.version[-12:],
        content_description=f"{PRODUCT} {what}, not for clinical use",
        content_label=what.upper().replace(" ", "_"),
        omit_empty_frames=False,
        coding_schemes=[scheme()],
    )
    dataset.PatientOrientation = source.header.PatientOrientation
    source.complete(dataset)
    return dataset
