"""The tables of MIMIC-CXR-JPG, MIMIC-CXR and Chest ImaGenome: columns, order and null spellings of the releases."""

from collections.abc import Sequence
from pathlib import Path

from gkmvlp.data_modules.synthetic.staging import digest, share, write_csv
from gkmvlp.data_modules.synthetic.studies import Written
from gkmvlp.entities import entity

CHEXPERT = ("Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Enlarged Cardiomediastinum", "Fracture",
            "Lung Lesion", "Lung Opacity", "No Finding", "Pleural Effusion", "Pleural Other", "Pneumonia",
            "Pneumothorax", "Support Devices")  # fmt: skip
_METADATA = ("dicom_id", "subject_id", "study_id", "PerformedProcedureStepDescription", "ViewPosition", "Rows",
             "Columns", "StudyDate", "StudyTime", "ProcedureCodeSequence_CodeMeaning",
             "ViewCodeSequence_CodeMeaning", "PatientOrientationCodeSequence_CodeMeaning")  # fmt: skip
_VIEW_WORDS = {
    "AP": ("CHEST (PORTABLE AP)", "CHEST (PORTABLE AP)", "antero-posterior", "Recumbent"),
    "PA": ("CHEST (SINGLE VIEW)", "CHEST (SINGLE VIEW)", "postero-anterior", "Erect"),
}
_DEVICES = ("central line", "pacemaker")
_RANK = {0: 0, -1: 1, 1: 2}


def chexpert_labels(stated: dict[str, int]) -> dict[str, int]:
    """CheXpert-14 labels of what a report says; a label that is not mentioned is missing.

    ``No Finding`` is 1 where nothing but devices is present or uncertain.

    Args:
        stated: Entity -> 1, 0 or -1.
    """
    labels: dict[str, int] = {}
    for name, status in stated.items():
        label = "Support Devices" if name in _DEVICES else entity(name).chexpert
        if label and _RANK[status] >= _RANK[labels.get(label, 0)]:
            labels[label] = status
    if not any(status for name, status in stated.items() if name not in (*_DEVICES, "low lung volumes")):
        labels["No Finding"] = 1
    return labels


def write_tables(jpg: Path, cxr: Path, graphs: Path, written: Sequence[Written]) -> None:
    """Writes all tables.

    Args:
        jpg: Root of MIMIC-CXR-JPG.
        cxr: Root of MIMIC-CXR.
        graphs: ``silver_dataset`` of Chest ImaGenome.
        written: Studies in the order of the tables.
    """
    studies = [item.study for item in written]
    labels = [
        (study.subject_id, study.study_id, *(f"{said[name]:.1f}" if name in said else "" for name in CHEXPERT))
        for study, said in ((item.study, chexpert_labels(item.stated)) for item in written)
    ]
    for name in ("chexpert", "negbio"):
        write_csv(jpg / f"mimic-cxr-2.0.0-{name}.csv.gz", ("subject_id", "study_id", *CHEXPERT), labels)
    splits = [(study.dicom_id, study.study_id, study.subject_id, study.split) for study in studies]
    write_csv(jpg / "mimic-cxr-2.0.0-split.csv.gz", ("dicom_id", "study_id", "subject_id", "split"), splits)
    write_csv(jpg / "mimic-cxr-2.0.0-metadata.csv.gz", _METADATA, [_metadata(item) for item in written])
    (jpg / "IMAGE_FILENAMES").write_text("".join(f"{study.path}/{study.dicom_id}.jpg\n" for study in studies))
    records = [(s.subject_id, s.study_id, s.dicom_id, f"{s.path}/{s.dicom_id}.dcm") for s in studies]
    write_csv(cxr / "cxr-record-list.csv.gz", ("subject_id", "study_id", "dicom_id", "path"), records)
    reports = [(study.subject_id, study.study_id, f"{study.path}.txt") for study in studies]
    write_csv(cxr / "cxr-study-list.csv.gz", ("subject_id", "study_id", "path"), reports)
    _write_graph_splits(graphs / "splits", written)


def write_patients(folder: Path, written: Sequence[Written]) -> None:
    """MIMIC-IV's table of patients: the age in the year of the first study, which anchors the shifted dates.

    Args:
        folder: ``hosp`` of MIMIC-IV.
        written: Studies.
    """
    columns = ("subject_id", "gender", "anchor_age", "anchor_year", "anchor_year_group", "dod")
    first = [item for item in written if item.study.order == 1]
    rows = [(item.study.subject_id, item.sex, item.age, item.study.date // 10**4, "2017 - 2019", "") for item in first]
    write_csv(folder / "patients.csv.gz", columns, rows)


def _metadata(item: Written) -> tuple[object, ...]:
    study = item.study
    step, procedure, view, orientation = _VIEW_WORDS[item.view]
    # some orientations are blank, as in the release
    blank = int(digest("orientation", study.dicom_id)[:2], 16) < 40
    return (study.dicom_id, study.subject_id, study.study_id, step, item.view, item.height, item.width, study.date,
            study.time, procedure, view, "" if blank else orientation)  # fmt: skip


def _write_graph_splits(folder: Path, written: Sequence[Written]) -> None:
    """Chest ImaGenome's own split by patient, 70/10/20, which is not the one of MIMIC-CXR."""
    columns = ("subject_id", "study_id", "dicom_id", "path", "ViewPosition")
    rows: dict[str, list[tuple[object, ...]]] = {"train": [], "valid": [], "test": []}
    for item in written:
        study = item.study
        draw = share("imagenome", study.subject_id)
        chosen = rows["train" if draw < 0.7 else "valid" if draw < 0.8 else "test"]
        path = f"{study.path}/{study.dicom_id}.dcm"
        chosen.append((len(chosen), study.subject_id, study.study_id, study.dicom_id, path, item.view))
    for name, table in rows.items():
        write_csv(folder / f"{name}.csv", ("", *columns), table)
    write_csv(folder / "images_to_avoid.csv", columns, [])
