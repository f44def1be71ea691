"""A phantom as a computed radiograph of a patient with a study."""

import numpy as np

from gkmvlp.app.benchmarks.radiograph import radiograph_dicom
from gkmvlp.phantom.generate import draw_phantom

ORIENTATIONS = ("L\\F", "R\\F", "L\\H", "R\\H", "F\\L", "F\\R", "H\\L", "H\\R")


def lying(picture_HW: np.ndarray, orientation: str) -> np.ndarray:
    """The upright picture as it lies where its rows and columns run towards these sides, pixel by pixel."""
    across, down = orientation.split("\\")
    height, width = picture_HW.shape
    is_turned = across in "HF"
    stored = np.zeros((width, height) if is_turned else (height, width), picture_HW.dtype)
    rows, columns = stored.shape
    for row in range(rows):
        for column in range(columns):
            way = {across: column, down: row}
            x = way["L"] if "L" in way else width - 1 - way["R"]
            y = way["F"] if "F" in way else height - 1 - way["H"]
            stored[row, column] = picture_HW[y, x]
    return stored


def write_radiograph(path, orientation="L\\F", picture_HW=None, **tags):
    """Writes one; further attributes by keyword, None leaves one out."""
    if picture_HW is None:
        picture_HW = draw_phantom(3, 0, 96).image_HW[:, :80]
    values = {"PatientOrientation": orientation.split("\\"), **tags}
    path.write_bytes(radiograph_dicom(lying(picture_HW, orientation), path.name, **values))
    return path
