"""Open-i (IU X-Ray): the radiographs and reports of Indiana University in any of their three layouts."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from gkmvlp.data_modules.base import DataModule
from gkmvlp.data_modules.formats.openi import (
    ANNOTATIONS,
    FRONTAL,
    LATERAL,
    REPORTS,
    OpenIFiles,
    Study,
    caption_view,
    find_files,
    number_of,
    read_projections,
    read_split,
    read_studies,
)
from gkmvlp.data_modules.pipeline.cache_store import cache_folder
from gkmvlp.data_modules.pipeline.report_labels import Labeled, count_notes, label_reports
from gkmvlp.data_modules.pipeline.samples import Counts, Sample
from gkmvlp.data_modules.pipeline.splits import SPLITS, hash_split
from gkmvlp.errors import DataError, require_choice
from gkmvlp.report.sections import Sections, report_text

OpenISplit = Literal["r2gen", "patient"]
OpenIView = Literal["frontal", "lateral"]
Redactions = Literal["drop", "keep"]
# Studies of R2Gen's annotation (Chen et al., EMNLP 2020), counted on the file.
PUBLISHED: Counts = {
    "train": {"studies": 2_069},
    "validate": {"studies": 296},
    "test": {"studies": 590},
}
_FULL_RELEASE = 2_900


class OpenI(DataModule):
    """Open-i's chest radiographs of Indiana University with their reports (IU X-Ray); yields ``StudyBatch``.

    Reads Open-i's PNG and XML files, Kaggle's raddar tables, R2Gen's annotation with image folders, or parts of
    several. Rows are images; a study is a patient. Statuses are those of the package's labeler, region boxes those of
    the atlas.

    Args:
        root: Folder that holds the files, or one that holds it as openi or iu_xray.
        split: r2gen is by R2Gen's annotation.json, studies that it does not name are left out; patient is 80/10/10 by a
            hash of the patient.
        annotation: R2Gen's annotation.json, where it is not under root.
        views: Projections used: frontal, lateral. By the table of projections; without one by the report's caption
            where it names one view alone, else by order: the first image of a study is frontal, the others are lateral.
        sections: What of a report is read: both (findings, then impression), findings (as R2Gen) or impression.
        redactions: drop leaves XXXX, the mark of de-identification, out of the texts, so that no model learns to write
            it; keep leaves it in, as in the references of published figures.
        **kwargs: What every DataModule takes.
    """

    data_name: ClassVar[str] = "openi"
    landmarks: ClassVar[tuple[str, ...]] = (*REPORTS, *ANNOTATIONS)
    patient_space: ClassVar[str] = "openi"
    credentialed: bool = True  # open to all, but CC BY-NC-ND: nothing made from its images or texts is passed on

    def __init__(
        self,
        root: str,
        split: OpenISplit = "r2gen",
        annotation: str | None = None,
        views: Sequence[OpenIView] = ("frontal",),
        sections: Sections = "both",
        redactions: Redactions = "drop",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        require_choice("data.init_args", OpenISplit, split=split)
        require_choice("data.init_args", OpenIView, views=tuple(views))
        require_choice("data.init_args", Sections, sections=sections)
        require_choice("data.init_args", Redactions, redactions=redactions)
        self.root, self.split, self.annotation = root, split, annotation
        self.views, self.sections, self.redactions = tuple(views), sections, redactions

    @property
    def split_label(self) -> str:
        """The split that was asked for."""
        return self.split

    def texts(self) -> list[str]:
        """Training reports, each study once."""
        rows = self.rows("train")
        return list(dict(zip(rows.values("study_id"), rows.values("text"), strict=True)).values())

    def read_samples(self) -> list[Sample]:
        """All images of the asked views whose study has a report and a split."""
        files = find_files(self.root, self.annotation)
        studies = read_studies(files.reports)
        split = self._splits(files, studies)
        self.ledger.drop("image without a report", [key for key in files.images if number_of(key) not in studies])
        self.ledger.drop("study without an image", sorted(set(studies) - set(map(number_of, files.images))))
        view = self._keep_views(files, studies)
        unlisted = [key for key in view if number_of(key) not in split]
        self.ledger.drop("study is not in R2Gen's annotation", unlisted)
        rows = [key for key in view if number_of(key) in split]
        labeled = self._label(files, studies, list(dict.fromkeys(map(number_of, rows))))
        return [self._sample(key, files, split, view, labeled) for key in rows if labeled[number_of(key)].text]

    def _splits(self, files: OpenIFiles, studies: dict[str, Study]) -> dict[str, str]:
        """Split by the number of a study."""
        if self.split == "patient":
            self.split_source = str(files.reports)
            return {number: hash_split(_name(number)) for number in studies}
        if files.annotation is None:
            raise DataError(
                f"no annotation.json in {files.base}: get it with R2Gen's iu_xray, name it with annotation:, or set "
                "split: patient"
            )
        self.split_source = str(files.annotation)
        split = read_split(files.annotation)
        count = Counter(split.values())
        self.table_counts = {name: {"studies": count[name]} for name in SPLITS}
        self.published_counts = PUBLISHED if len(split) >= _FULL_RELEASE else {}
        return split

    def _keep_views(self, files: OpenIFiles, studies: dict[str, Study]) -> dict[str, str]:
        """Key -> view, of the images that have a report and an asked view; views not told are guessed."""
        projections = read_projections(files.projections) if files.projections is not None else {}
        keys_by_study: dict[str, list[str]] = defaultdict(list)
        for key in files.images:
            keys_by_study[number_of(key)].append(key)
        view: dict[str, str] = {}
        guessed = []
        for number, keys in keys_by_study.items():
            if number not in studies:
                continue
            caption = dict(studies[number].images)
            order = [key for key in caption if key in keys] + [key for key in keys if key not in caption]
            for place, key in enumerate(order):
                view[key] = projections.get(key) or caption_view(caption.get(key, ""))
                if not view[key]:
                    view[key] = FRONTAL if place == 0 else LATERAL
                    guessed.append(key)
        self.ledger.mask("view by the order of a study's images, no table of projections names it", guessed)
        for name in (FRONTAL, LATERAL):
            if name not in self.views:
                dropped = [key for key, is_so in view.items() if is_so == name]
                self.ledger.drop(f"view {name} is not among {', '.join(self.views)}", dropped)
        return {key: name for key, name in view.items() if name in self.views}

    def _label(self, files: OpenIFiles, studies: dict[str, Study], numbers: list[str]) -> dict[str, Labeled]:
        folder = cache_folder(self.cache_dir)

        def read(_: str, number: str) -> bytes:
            return studies[number].text.encode()

        labeled = label_reports([(number, number) for number in numbers], read, files.reports, folder, self.sections)
        count_notes(labeled.values(), self.ledger)
        if self.redactions == "drop":
            return labeled
        texts = {number: report_text(studies[number].text, self.sections) for number in labeled}
        return {number: report._replace(text=report.text and texts[number]) for number, report in labeled.items()}

    def _sample(
        self, key: str, files: OpenIFiles, split: dict[str, str], view: dict[str, str], labeled: dict[str, Labeled]
    ) -> Sample:
        number = number_of(key)
        report, name = labeled[number], _name(number)
        fields = {"study_id": name, "text": report.text, "status": report.status_E, "place": report.place_ER}
        position = "LATERAL" if view[key] == LATERAL else ""  # of frontal images PA or AP is not known
        return Sample(
            f"CXR{key.replace('/', '-')}", name, str(files.images[key]), position, split[number], fields=fields
        )


def _name(number: str) -> str:
    """Open-i's id of a study and of its patient."""
    return f"CXR{number}"
