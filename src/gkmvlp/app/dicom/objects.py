"""All objects of one reading, and how they are written."""

from collections.abc import Callable
from pathlib import Path

from pydicom import Dataset

from gkmvlp.app.dicom.findings import findings_of, fingerprint
from gkmvlp.app.dicom.identity import ModelIdentity
from gkmvlp.app.dicom.secondary_capture import secondary_capture
from gkmvlp.app.dicom.segmentation import heat_segmentation, region_segmentation
from gkmvlp.app.dicom.source import Source
from gkmvlp.app.dicom.structured_report import structured_report
from gkmvlp.data_modules.pipeline.quiet import reader_settings
from gkmvlp.errors import ConfigError
from gkmvlp.whole_files import replacing
from gkmvlp.zoo.inference.prediction import Prediction

Objects = dict[str, Dataset]
"""Name of a file without its suffix, of ``NAMES``, -> object."""
NAMES = ("report", "regions", "heat-maps", "capture")


def objects_of(source: Source, prediction: Prediction, model: ModelIdentity) -> Objects:
    """What goes back of one reading.

    There is no ``regions`` or ``heat-maps`` where the model has none, and no ``capture`` of a source that is
    de-identified and whose pixels hold text on the patient.

    Args:
        source: The image that was read.
        prediction: What the model says of it.
        model: Who read.

    Raises:
        ConfigError: If the prediction holds no findings.
    """
    findings, mark = findings_of(prediction), fingerprint(prediction)
    assert prediction.pixels_HW is not None
    makers: dict[str, Callable[[], Dataset | None]] = {
        "report": lambda: structured_report(source, findings, model, prediction.notice, mark),
        "regions": lambda: region_segmentation(source, findings, prediction, model, mark),
        "heat-maps": lambda: heat_segmentation(source, findings, prediction, model, mark),
    }
    if not (source.is_deidentified and source.is_annotated):
        shown = prediction.pixels_HW, findings, model, prediction.notice, mark
        makers["capture"] = lambda: secondary_capture(source, *shown)
    with reader_settings:
        made = {name: make() for name, make in makers.items()}
    return {name: dataset for name, dataset in made.items() if dataset is not None}


def write_objects(folder: Path, objects: Objects) -> list[Path]:
    """Writes objects into a folder, each in one step under its name; what an earlier reading left there goes.

    Raises:
        ConfigError: If that fails.
    """
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, dataset in objects.items():
            target = folder / f"{name}.dcm"
            with reader_settings, replacing(target) as part:
                dataset.save_as(part, enforce_file_format=True)
            written.append(target)
        for name in set(NAMES) - set(objects):
            (folder / f"{name}.dcm").unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(f"{folder} cannot be written ({error.strerror}): name another --dicom-out") from error
    return written
