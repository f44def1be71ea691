"""MIMIC-CXR(-JPG) with its reports and Chest ImaGenome regions, read from the official layout."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, ClassVar

import pandas as pd

from gkmvlp.data_modules.base import DataModule
from gkmvlp.data_modules.formats.mimic_cxr import (
    SPLIT_TABLE,
    MimicFiles,
    ReportFiles,
    age_at,
    find_files,
    find_image,
    read_patients,
    read_table,
)
from gkmvlp.data_modules.formats.plain_text import shown
from gkmvlp.data_modules.formats.scene_graphs import NO_GRAPH, SceneGraphs, region_boxes
from gkmvlp.data_modules.pipeline.cache_store import cache_folder
from gkmvlp.data_modules.pipeline.ledger import Ledger
from gkmvlp.data_modules.pipeline.report_labels import Labeled, count_notes, label_reports
from gkmvlp.data_modules.pipeline.samples import Counts, Sample
from gkmvlp.data_modules.pipeline.splits import require_disjoint, standard_split
from gkmvlp.data_modules.pipeline.views import is_lateral, standard_view
from gkmvlp.errors import DataError, require_choice
from gkmvlp.report.sections import Sections

# Counts of each split of the full release (Johnson et al., Sci Data 2019, and its PhysioNet page).
PUBLISHED: Counts = {
    "train": {"images": 368_960, "studies": 222_758, "patients": 64_586},
    "validate": {"images": 2_991, "studies": 1_808, "patients": 500},
    "test": {"images": 5_159, "studies": 3_269, "patients": 293},
}
_FULL_RELEASE = 300_000


class MimicCxr(DataModule):
    """MIMIC-CXR-JPG 2.x with the reports of MIMIC-CXR and the regions of Chest ImaGenome; yields ``StudyBatch``.

    Official split; sections and entity statuses by the package's own labeler; region boxes from the scene graphs.
    Rows are images: a study with two frontal images gives two rows with one study id.

    Args:
        root: Folder that holds mimic-cxr-jpg/2.1.0, mimic-cxr/2.1.0 and chest-imagenome/1.0.0 (or physionet.org/files).
        jpg_root: Folder of MIMIC-CXR-JPG with its tables, where it is not under root.
        reports: mimic-cxr-reports.zip or its unpacked tree, where it is not under root.
        scene_graphs: scene_graph.zip or a folder of scene graphs, where it is not under root.
        views: Projections used.
        sections: What of a report is read: both (findings, then impression), findings or impression.
        patients: patients.csv(.gz) of MIMIC-IV, where it is not under root as mimiciv/3.1/hosp; it tells sex and age,
            by which figures are told of groups, and is not needed.
        **kwargs: What every DataModule takes.
    """

    data_name: ClassVar[str] = "mimic-cxr"
    landmarks: ClassVar[tuple[str, ...]] = ("mimic-cxr-jpg", f"{SPLIT_TABLE}*")
    credentialed: bool = True
    patient_space: ClassVar[str] = "mimic"

    def __init__(
        self,
        root: str,
        jpg_root: str | None = None,
        reports: str | None = None,
        scene_graphs: str | None = None,
        views: tuple[str, ...] = ("PA", "AP"),
        sections: Sections = "both",
        patients: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        require_choice("data.init_args", Sections, sections=sections)
        self.patients = patients
        self.root, self.jpg_root, self.reports, self.scene_graphs = root, jpg_root, reports, scene_graphs
        self.views, self.sections = tuple(views), sections
        if any(is_lateral(view) for view in views):  # asked for by name
            self.accept |= {"lateral"}

    @property
    def split_label(self) -> str:
        """The official split."""
        return "official"

    def texts(self) -> list[str]:
        """Training reports, each study once."""
        rows = self.rows("train")
        return list(dict(zip(rows.values("study_id"), rows.values("text"), strict=True)).values())

    def files(self) -> MimicFiles:
        """Where each part lies.

        Raises:
            DataError: If a needed part is missing.
        """
        return find_files(self.root, self.jpg_root, self.reports, self.scene_graphs, self.patients)

    def file_locations(self) -> dict[str, str]:
        """Where each table and folder lies; "" where there are no scene graphs, or no table of patients."""
        files = self.files()
        return {
            "split": str(files.split),
            "metadata": str(files.metadata),
            "images": ", ".join(map(str, files.images)),
            "reports": str(files.reports),
            "scene graphs": str(files.scene_graphs or ""),
            "patients (MIMIC-IV)": str(files.patients or ""),
        }

    def read_samples(self) -> Iterator[Sample]:
        """All images of the asked views that have a file and a report."""
        files = self.files()
        self.split_source = str(files.split)
        return self._read_rows(self._join_tables(files), files)

    def read_study(self, study_id: str) -> list[Sample]:
        """The images of one study, without reading the reports of the others.

        Args:
            study_id: Its id, with or without the s of its folder.

        Raises:
            DataError: If it is not in the split table, or nothing of it is left: the reasons are named.
        """
        files = self.files()
        table = self._join_tables(files)
        self.ledger = Ledger()
        table = table[table["study_id"] == study_id.removeprefix("s")]
        if table.empty:
            raise DataError(f"no study {study_id} in {files.split}: an id like {self._example(files)} was expected")
        samples = list(self._read_rows(table, files))
        if not samples:
            raise DataError(f"nothing is left of study {study_id}: {'; '.join(self.ledger.lines())}")
        return samples

    def _example(self, files: MimicFiles) -> str:
        return str(read_table(files.split, {"dicom_id": str, "study_id": str})["study_id"].iloc[0])

    def _read_rows(self, table: pd.DataFrame, files: MimicFiles) -> Iterator[Sample]:
        table = self._keep_present(self._keep_views(table), files)
        studies = table[["subject_id", "study_id"]].drop_duplicates("study_id").itertuples(index=False, name=None)
        folder = cache_folder(self.cache_dir)
        source = ReportFiles(files.reports)
        labeled = label_reports(studies, source.read, files.reports, folder, self.sections)
        count_notes((labeled[study] for study in table["study_id"].unique()), self.ledger)
        return self._samples(table, labeled, files)

    def _join_tables(self, files: MimicFiles) -> pd.DataFrame:
        """Split and metadata, one row an image."""
        split = read_table(files.split, {"dicom_id": str, "study_id": str, "subject_id": str, "split": str})
        columns = {"dicom_id": str, "ViewPosition": str, "Rows": float, "Columns": float}
        columns |= {"StudyDate": str} if files.patients is not None else {}
        names = {name: standard_split(name) for name in split["split"].unique()}
        if strange := sorted(name for name, side in names.items() if side is None):
            raise DataError(f"{files.split} has split {shown(strange[0])}: train, validate or test was expected")
        split = split.assign(split=split["split"].map(names))
        for name in ("dicom_id", "study_id", "subject_id"):
            if (split[name] == "").any():
                raise DataError(f"{files.split} has an empty {name}: use the official file")
        people = split.drop_duplicates(["study_id", "subject_id"])
        shared = people["study_id"][people["study_id"].duplicated()]
        if len(shared):
            raise DataError(f"{files.split} gives study {shown(shared.iloc[0])} to two patients: use the official file")
        require_disjoint({name: rows["subject_id"] for name, rows in split.groupby("split")}, str(files.split))
        self.table_counts = {
            name: {
                "images": len(rows),
                "studies": rows["study_id"].nunique(),
                "patients": rows["subject_id"].nunique(),
            }
            for name, rows in split.groupby("split")
        }
        self.published_counts = PUBLISHED if len(split) >= _FULL_RELEASE else {}
        table = split.merge(read_table(files.metadata, columns), on="dicom_id", how="left", indicator=True)
        lacking = table["_merge"] == "left_only"
        self.ledger.drop("image without a metadata row", table["dicom_id"][lacking])
        return table[~lacking]

    def _keep_views(self, table: pd.DataFrame) -> pd.DataFrame:
        wanted = {standard_view(view) or view for view in self.views}
        names = {view: standard_view(view) or view for view in table["ViewPosition"].unique()}
        is_wanted = table["ViewPosition"].map(names).isin(wanted)
        for view, rows in table[~is_wanted].groupby("ViewPosition"):
            name = "not given" if view == "" else str(view)
            self.ledger.drop(f"view {name} is not among {', '.join(self.views)}", rows["dicom_id"])
        return table[is_wanted]

    def _keep_present(self, table: pd.DataFrame, files: MimicFiles) -> pd.DataFrame:
        """Rows whose image lies on the disk, with its path."""
        ids = zip(table["subject_id"], table["study_id"], table["dicom_id"], strict=True)
        paths = [find_image(files.images, *row) for row in ids]
        table = table.assign(path=[path for path, _ in paths])
        self.ledger.drop("image file is missing", [looked for path, looked in paths if not path])
        return table[table["path"] != ""]

    def _samples(self, table: pd.DataFrame, labeled: dict[str, Labeled], files: MimicFiles) -> Iterator[Sample]:
        graphs = SceneGraphs(files.scene_graphs) if files.scene_graphs is not None else None
        if graphs is None:
            self.ledger.warn(f"no Chest ImaGenome scene graphs under {self.root}: regions come from the atlas")
        reasons: dict[str, list[str]] = defaultdict(list)
        people = read_patients(files.patients) if files.patients is not None else {}
        for row in table.itertuples(index=False):
            report = labeled[row.study_id]
            if not report.text:
                continue
            graph = graphs.read(row.dicom_id) if graphs is not None else None
            box_R4 = mask_R = size = None
            if graph is not None:
                box_R4, mask_R, notes = region_boxes(graph, row.Columns, row.Rows)
                size = (row.Columns, row.Rows) if row.Columns > 0 and row.Rows > 0 else None
                for note in notes:
                    reasons[note].append(row.dicom_id)
            elif graphs is not None:
                reasons[NO_GRAPH].append(row.dicom_id)
            fields = {
                "study_id": row.study_id,
                "text": report.text,
                "status": report.status_E,
                "place": report.place_ER,
            }
            place = row.dicom_id, row.subject_id, row.path, row.ViewPosition, row.split
            person = people.get(row.subject_id)
            sex, age = (person[0], age_at(person, row.StudyDate)) if person else ("", None)
            yield Sample(*place, box_R4, mask_R, size, fields=fields, sex=sex, age=age)
        for note, ids in reasons.items():
            self.ledger.mask(note, ids)
