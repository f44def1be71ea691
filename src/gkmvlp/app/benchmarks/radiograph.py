"""A picture as the computed radiograph of a made-up patient with a study: what an archive holds."""

import io

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian, generate_uid

NAME, PATIENT, STUDY = "Sonnenschein^Balthasar", "PID-7741", generate_uid(entropy_srcs=["study"])


def radiograph_dicom(stored_HW: NDArray[np.uint8], name: str, **tags: object) -> bytes:
    """A DICOM file.

    Args:
        stored_HW: Pixels (H, W) as they are stored, upright unless PatientOrientation says otherwise.
        name: What its UID is made of: the same name, the same UID.
        tags: Further attributes by keyword, which take the place of the usual ones; None leaves one out.
    """
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = ComputedRadiographyImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=["image", name])
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = Dataset()
    dataset.file_meta = meta
    usual = {
        "SpecificCharacterSet": "ISO_IR 192", "SOPClassUID": meta.MediaStorageSOPClassUID,
        "SOPInstanceUID": meta.MediaStorageSOPInstanceUID, "StudyInstanceUID": STUDY,
        "SeriesInstanceUID": generate_uid(entropy_srcs=["series"]), "StudyDate": "20240131", "StudyTime": "101500",
        "StudyID": "S1", "AccessionNumber": "A-99", "ReferringPhysicianName": "Weissmann^Ada", "Modality": "CR",
        "PatientName": NAME, "PatientID": PATIENT, "PatientBirthDate": "19500102", "PatientSex": "F",
        "BodyPartExamined": "CHEST", "ViewPosition": "PA", "PatientOrientation": ["L", "F"],
        "SeriesNumber": 1, "InstanceNumber": 1, "SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2",
        "Rows": stored_HW.shape[0], "Columns": stored_HW.shape[1], "BitsAllocated": 8, "BitsStored": 8, "HighBit": 7,
        "PixelRepresentation": 0, "PixelData": stored_HW.tobytes() + b"\0" * (stored_HW.size % 2),
    }  # fmt: skip
    for keyword, value in (usual | tags).items():
        if value is not None:
            setattr(dataset, keyword, value)
    dataset["PixelData"].VR = "OB"
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()
