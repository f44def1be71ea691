"""A phantom as a computed radiograph of a patient with a study."""

import numpy as np
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian, generate_uid

from gkmvlp.phantom.generate import draw_phantom

NAME, PATIENT, STUDY = "Sonnenschein^Balthasar", "PID-7741", generate_uid(entropy_srcs=["study"])
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
    stored_HW = lying(picture_HW, orientation)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = ComputedRadiographyImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=["image", path.name])
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = Dataset()
    dataset.file_meta = meta
    values = {
        "SpecificCharacterSet": "ISO_IR 192", "SOPClassUID": meta.MediaStorageSOPClassUID,
        "SOPInstanceUID": meta.MediaStorageSOPInstanceUID, "StudyInstanceUID": STUDY,
        "SeriesInstanceUID": generate_uid(entropy_srcs=["series"]), "StudyDate": "20240131", "StudyTime": "101500",
        "StudyID": "S1", "AccessionNumber": "A-99", "ReferringPhysicianName": "Weissmann^Ada", "Modality": "CR",
        "PatientName": NAME, "PatientID": PATIENT, "PatientBirthDate": "19500102", "PatientSex": "F",
        "BodyPartExamined": "CHEST", "ViewPosition": "PA", "PatientOrientation": orientation.split("\\"),
        "SeriesNumber": 1, "InstanceNumber": 1, "SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2",
        "Rows": stored_HW.shape[0], "Columns": stored_HW.shape[1], "BitsAllocated": 8, "BitsStored": 8, "HighBit": 7,
        "PixelRepresentation": 0, "PixelData": stored_HW.tobytes() + b"\0" * (stored_HW.size % 2),
    }  # fmt: skip
    for keyword, value in (values | tags).items():
        if value is not None:
            setattr(dataset, keyword, value)
    dataset["PixelData"].VR = "OB"
    dataset.save_as(path, enforce_file_format=True)
    return path
