"""A reading as a DICOM Structured Report by template TID 1500: one group of measurements a finding."""

from typing import Any

import numpy as np
from highdicom.sr import (
    AlgorithmIdentification,
    CodedConcept,
    ComprehensiveSR,
    DeviceObserverIdentifyingAttributes,
    FindingSite,
    ImageRegion,
    Measurement,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    PlanarROIMeasurementsAndQualitativeEvaluations,
    QualitativeEvaluation,
    SourceImageForMeasurementGroup,
    SourceImageForRegion,
    TrackingIdentifier,
)
from pydicom.sr.codedict import codes

from gkmvlp.app.dicom.codes import (
    ARTIFICIAL_INTELLIGENCE,
    NO,
    PERCENT,
    PROBABILITY,
    REACHED,
    THRESHOLD,
    YES,
    finding_code,
    place_of,
    private,
    scheme,
)
from gkmvlp.app.dicom.findings import Box, Finding, stored_box
from gkmvlp.app.dicom.identity import MANUFACTURER, PRODUCT, ModelIdentity, instance_of, tracking_uid
from gkmvlp.app.dicom.source import Source
from gkmvlp.notices import NOT_CLINICAL

SERIES = 9001
Group = MeasurementsAndQualitativeEvaluations | PlanarROIMeasurementsAndQualitativeEvaluations


def structured_report(
    source: Source, findings: list[Finding], model: ModelIdentity, notice: str | None, fingerprint: str
) -> ComprehensiveSR:
    """The report of one image: each finding with code, probability, threshold, region, and the box of a likely one.

    It is complete as a document, and neither final nor verified: nobody has seen it.

    Args:
        source: The image.
        findings: What was found, likeliest first.
        model: Who read.
        notice: What has to be said of the model; None where nothing has.
        fingerprint: Of the reading.
    """
    report = MeasurementReport(
        observation_context=ObservationContext(observer_device_context=_observer(model)),
        procedure_reported=CodedConcept("399208008", "SCT", "Plain chest X-ray"),
        imaging_measurements=[
            _group(source, finding, number, model, notice) for number, finding in enumerate(findings)
        ],
        title=codes.DCM.ImagingMeasurementReport,
    )
    dataset = ComprehensiveSR(
        evidence=[source.header],
        content=report,
        series_number=SERIES,
        series_description=f"{PRODUCT} findings, research only",
        **instance_of("report", "report", source.uid, model, fingerprint),
        is_complete=True,
        coding_schemes=[scheme()],
    )
    source.complete(dataset)
    return dataset


def _observer(model: ModelIdentity) -> ObserverContext:
    device = DeviceObserverIdentifyingAttributes(
        model.uid, name=model.name, manufacturer_name=MANUFACTURER, model_name=PRODUCT
    )
    return ObserverContext(codes.DCM.Device, device)


def _group(source: Source, finding: Finding, number: int, model: ModelIdentity, notice: str | None) -> Group:
    """What is said of one finding; the image is named by the box, or by the group where there is none."""
    said = [value for value in (NOT_CLINICAL, notice) if value]
    shared: dict[str, Any] = {
        "tracking_identifier": TrackingIdentifier(tracking_uid(source.uid, model, finding.name, number), finding.name),
        "finding_type": finding_code(finding.name),
        "algorithm_id": AlgorithmIdentification(model.name, model.version, said, ARTIFICIAL_INTELLIGENCE),
        "finding_sites": [_site(finding.region)] if finding.region else None,
        "measurements": _measurements(finding),
        "qualitative_evaluations": [QualitativeEvaluation(REACHED, YES if finding.is_likely else NO)],
    }
    named = str(source.header.SOPClassUID), source.uid
    if finding.box is None:
        return MeasurementsAndQualitativeEvaluations(**shared, source_images=[SourceImageForMeasurementGroup(*named)])
    corner_52 = _corners(stored_box(finding.box, source.turn, source.upright_size))
    region = ImageRegion("POLYLINE", corner_52, SourceImageForRegion(*named))
    return PlanarROIMeasurementsAndQualitativeEvaluations(**shared, referenced_region=region)


def _site(region: str) -> FindingSite:
    structure, laterality = place_of(region)
    return FindingSite(structure, laterality)


def _measurements(finding: Finding) -> list[Measurement]:
    """Probability and threshold in percent."""
    method = private(finding.calibration, f"Calibration: {finding.calibration}")
    probability = Measurement(PROBABILITY, round(100 * finding.probability, 4), PERCENT, method=method)
    if finding.threshold is None:
        return [probability]
    return [probability, Measurement(THRESHOLD, round(100 * finding.threshold, 4), PERCENT)]


def _corners(box: Box) -> np.ndarray:
    """The closed outline of a box, (5, 2): column and row."""
    x1, y1, x2, y2 = box
    return np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2], [x1, y1]])
