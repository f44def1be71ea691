"""Rows whose boxes are turned with their pictures: a data set gives boxes in the picture as it is stored.

Where it says in how large a picture they were measured, and that one stands upright, they stay.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from io import BytesIO
from pathlib import Path

from gkmvlp.data_modules.pipeline import dicom, pictures
from gkmvlp.data_modules.pipeline.dicom_header import integer, is_dicom, open_dicom
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
    return [_upright(row, *lying[row.image]) if _is_measured(row) else row for row in samples]


def _is_measured(row: Sample) -> bool:
    """Whether a row holds what a turn would change."""
    has_boxes = row.box_R4 is not None or (row.finding_K4 is not None and bool(row.finding_K4.any()))
    return has_boxes or (row.size is not None and row.size[0] != row.size[1])


def _upright(row: Sample, turn: Turn, stored: tuple[float, float]) -> Sample:
    if turn == UPRIGHT or (turn.exchanges_axes and row.size is not None and _is_upright(row.size, stored)):
        return row
    width, height = row.size or stored
    return replace(
        row,
        box_R4=None if row.box_R4 is None else turn.boxes(row.box_R4, width, height),
        finding_K4=None if row.finding_K4 is None else turn.boxes(row.finding_K4, width, height),
        size=None if row.size is None else turn.size(width, height),
    )


def _is_upright(size: tuple[float, float], stored: tuple[float, float]) -> bool:
    """Whether boxes were measured in the picture after its quarter turn: it is high where the stored one is wide."""
    return (size[0] - size[1]) * (stored[0] - stored[1]) < 0


def _lying(source: str | bytes) -> tuple[Turn, tuple[float, float]]:
    """How the picture of a file is set upright, and its stored width and height."""
    try:
        with BytesIO(source) if isinstance(source, bytes) else Path(source).open("rb") as file, reader_settings:
            if not is_dicom(file.read(132)):
                return pictures.turn_of(file)
            dataset = open_dicom(source if isinstance(source, bytes) else Path(source), stop_before_pixels=True)
            return dicom.turn_of(dataset), (integer(dataset, "Columns") or 0, integer(dataset, "Rows") or 0)
    except Exception:  # missing or broken: whoever reads the picture is told
        return UPRIGHT, (0, 0)
