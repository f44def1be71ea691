"""The turn of a picture by the header of its file, for what needs upright boxes and no pixels.

Whoever decodes a picture takes the turn that comes with its pixels (``FittedImage``).
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

from gkmvlp.data_modules.pipeline import dicom_view, pictures
from gkmvlp.data_modules.pipeline.accept import is_dicom
from gkmvlp.data_modules.pipeline.dicom_header import integer, open_dicom
from gkmvlp.data_modules.pipeline.quiet import reader_settings
from gkmvlp.data_modules.pipeline.samples import Sample
from gkmvlp.geometry import UPRIGHT, Turn


def upright_rows(samples: Sequence[Sample], workers: int = 1) -> list[Sample]:
    """The rows with boxes and sizes of the upright pictures; only headers of those that have any are read, each once.

    Args:
        samples: Rows as the tables have them.
        workers: Threads that read.
    """
    images = list(dict.fromkeys(row.image for row in samples if _is_measured(row)))
    with ThreadPoolExecutor(max(workers, 1)) as pool:
        lying = dict(zip(images, pool.map(_lying, images), strict=True))
    return [row.turned(*lying[row.image]) if _is_measured(row) else row for row in samples]


def _is_measured(row: Sample) -> bool:
    """Whether a row holds what a turn would change."""
    has_boxes = row.box_R4 is not None or (row.finding_K4 is not None and bool(row.finding_K4.any()))
    return has_boxes or (row.size is not None and row.size[0] != row.size[1])


def _lying(source: str | bytes) -> tuple[Turn, float, float]:
    """How the picture of a file is set upright, and its stored width and height."""
    try:
        with BytesIO(source) if isinstance(source, bytes) else Path(source).open("rb") as file, reader_settings:
            if not is_dicom(file.read(132)):
                turn, size = pictures.turn_of(file)
                return turn, *size
            dataset = open_dicom(source if isinstance(source, bytes) else Path(source), stop_before_pixels=True)
            return dicom_view.turn_of(dataset), integer(dataset, "Columns") or 0, integer(dataset, "Rows") or 0
    except Exception:  # missing or broken: whoever reads the picture is told
        return UPRIGHT, 0, 0
