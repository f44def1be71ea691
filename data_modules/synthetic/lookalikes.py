"""The look-alikes, one row each: who writes it, which DataModule reads it, how much of it a training takes."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from gkmvlp.data_modules.synthetic import (
    chest_xray14,
    dicom,
    medicat,
    melinda,
    mimic_cxr,
    openi,
    roco,
    rsna_pneumonia,
    slake,
    vqa_med_2019,
    vqa_rad,
)
from gkmvlp.hardware import usable_cores

# root, patients or images, seed, longer side of the images in pixels, processes
Writer = Callable[[Path, int, int, int, int], None]


class LookAlike(NamedTuple):
    """Phantoms in the layout of a data set.

    Attributes:
        write: Its writer.
        folder: The folder below its root that its DataModule reads.
        unit: What is counted.
        option: Option of ``gkmvlp data phantom`` that gives the count.
        per_patients: Patients of the MIMIC-CXR look-alike for one of it, where no count is given.
        data_module: Class that reads it; None where none does.
        dataset_name: What figures call it, as the ``*-phantom`` configs say; None where no config reads it.
        size: Count that a recipe writes.
        least: The smallest count.
    """

    write: Writer
    folder: str
    unit: str
    option: str = "patients"
    per_patients: int = 1
    data_module: str | None = None
    dataset_name: str | None = None
    size: int = 0
    least: int = 2


LOOKALIKES: Mapping[str, LookAlike] = {  # by the name of the layout
    "mimic": LookAlike(
        mimic_cxr.write, "mimic-cxr-jpg", "patients", "patients", 1, "MimicCxr", "phantom-mimic-cxr", 1500
    ),
    "vqa": LookAlike(
        vqa_rad.write, "vqa-rad", "images with questions", "vqa_images", 5, "VqaRad", "phantom-vqa-rad", 300
    ),
    "nih": LookAlike(
        chest_xray14.write, "chestxray14", "patients like those of ChestX-ray14", "nih_patients", 1,
        "ChestXray14", "phantom-chestxray14", 3000,
    ),
    "rsna": LookAlike(
        rsna_pneumonia.write, "rsna_pneumonia", "images like those of RSNA Pneumonia", "rsna_images", 1,
        "RsnaPneumonia", "phantom-rsna", 1200,
    ),
    "openi": LookAlike(
        openi.write, "openi", "patients like those of Open-i", "openi_patients", 1, "OpenI", size=1500,
        least=openi.LEAST,
    ),
    "slake": LookAlike(
        slake.write, "slake", "images like those of SLAKE", "slake_images", 5, "Slake", size=300, least=slake.LEAST
    ),
    "vqa-med": LookAlike(
        vqa_med_2019.write, "vqa-med-2019", "images like those of VQA-Med-2019", "vqa_med_images", 5, "VqaMed2019",
        size=300, least=vqa_med_2019.LEAST,
    ),
    "roco": LookAlike(
        roco.write, "roco", "figures like those of ROCO", "roco_figures", 1, "Roco", size=1500, least=roco.LEAST
    ),
    "medicat": LookAlike(
        medicat.write, "medicat", "figures like those of MedICaT", "medicat_figures", 1, "Medicat", size=1500,
        least=medicat.LEAST,
    ),
    "melinda": LookAlike(
        melinda.write, "melinda", "figures like those of MELINDA", "melinda_figures", 1, "Melinda", "phantom-melinda",
        600, melinda.LEAST,
    ),
    "dicom": LookAlike(dicom.write, "dicom", "images in every way of DICOM", "dicom_images", 100, least=1),
}  # fmt: skip


def layout_of(data_module: str) -> str | None:
    """Name of the look-alike that a DataModule reads; None where it has none."""
    return next((layout for layout, row in LOOKALIKES.items() if row.data_module == data_module), None)


def write_lookalikes(
    root: Path, counts: Mapping[str, int], seed: int, size: int = 256, workers: int | None = None
) -> None:
    """Writes look-alikes; one that is there already is left as it is.

    Args:
        root: Folder to write to.
        counts: Layout -> its patients or images.
        seed: Seed of all that is drawn.
        size: Longer side of the images in pixels.
        workers: Processes; as many as there are cores without it.

    Raises:
        DataError: If ``root`` holds another corpus or cannot be written, or a count is too small.
    """
    workers = workers or len(usable_cores())
    for layout, count in counts.items():
        LOOKALIKES[layout].write(root, count, seed, size, workers)
