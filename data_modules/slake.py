"""SLAKE: questions in English and Chinese on radiographs, CT and MRI, and boxes on its chest radiographs."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gkmvlp.data_modules.formats import chest_xray14 as nih_files
from gkmvlp.data_modules.formats.files import is_file
from gkmvlp.data_modules.formats.slake import (
    FINDINGS,
    NIH,
    SIDES,
    Question,
    find_base,
    match_boxes,
    read_boxes,
    read_nih_names,
    read_questions,
)
from gkmvlp.data_modules.pipeline.samples import Counts, Sample
from gkmvlp.data_modules.questions import QuestionDataModule
from gkmvlp.errors import ConfigError, require_choice
from gkmvlp.geometry import valid_boxes

SlakeSplit = Literal["official", "image-disjoint", "all-test"]
Modality = Literal["X-Ray", "CT", "MRI"]
Language = Literal["en", "zh", "both"]
RowKind = Literal["questions", "images"]
# Questions of each file by language, counted on the official files.
PUBLISHED: dict[str, Counts] = {
    "en": {"train": {"questions": 4_919}, "validate": {"questions": 1_053}, "test": {"questions": 1_061}},
    "zh": {"train": {"questions": 4_916}, "validate": {"questions": 1_046}, "test": {"questions": 1_033}},
    "both": {"train": {"questions": 9_835}, "validate": {"questions": 2_099}, "test": {"questions": 2_094}},
}
_FULL_RELEASE = 14_000


class Slake(QuestionDataModule):
    """SLAKE 1.0; yields ``QuestionBatch``, or ``BoxBatch`` with rows: images.

    The chest radiographs are images of ChestX-ray14's official test list. Where their NIH names are known (by
    slake_to_nih_by_box.json beside the questions, or by comparing boxes with ``nih_root``), ``patient_id`` is the NIH
    patient; of other images it is the image. Region boxes come from the atlas.

    Args:
        root: Folder that holds train.json, validate.json, test.json and imgs, or a folder slake that does.
        split: official: each language is split by image on its own, so that both together share images between the
            sides; image-disjoint leaves out the training and validation questions on images that another side has in
            the other language; all-test takes all of it for test, as grounding without training does.
        language: en, zh, or both.
        modalities: Images used, out of X-Ray, CT and MRI; X-Ray alone is the chest radiographs.
        organs: Images used by SLAKE's location (Lung, Abdomen, Brain_Tissue ...); all of them without it.
        rows: questions, or images: the radiographs, each once, with the boxes of their findings.
        nih_root: Folder of ChestX-ray14: labels for rows: images, NIH names where no file tells them, and sex and age,
            by which figures are told of groups.
        **kwargs: What every DataModule of questions takes.
    """

    data_name: ClassVar[str] = "slake"
    landmarks: ClassVar[tuple[str, ...]] = ("train.json", "train.json.gz")
    patient_space: ClassVar[str] = "nih"
    labels: ClassVar[tuple[str, ...]] = FINDINGS

    def __init__(
        self,
        root: str,
        split: SlakeSplit = "official",
        language: Language = "en",
        modalities: Sequence[Modality] = ("X-Ray", "CT", "MRI"),
        organs: Sequence[str] | None = None,
        rows: RowKind = "questions",
        nih_root: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        require_choice("data.init_args", SlakeSplit, split=split)
        require_choice("data.init_args", Language, language=language)
        require_choice("data.init_args", Modality, modalities=tuple(modalities))
        require_choice("data.init_args", RowKind, rows=rows)
        if self.legacy_vocabulary and rows == "images":
            raise ConfigError("legacy_vocabulary is of questions, rows: images has none: leave one of them out")
        self.root, self.split, self.language, self.row_kind, self.nih_root = root, split, language, rows, nih_root
        self.modalities, self.organs = tuple(modalities), None if organs is None else tuple(organs)

    @property
    def split_label(self) -> str:
        """``<split>-<language>``; rows that are images say so."""
        return f"{self.split}-{self.language}" + "-images" * (self.row_kind == "images")

    @property
    def is_patient_disjoint(self) -> bool:
        """Each language is split by image on its own: together they are not."""
        return self.language != "both" or self.split != "official" or self.row_kind == "images"

    @property
    def has_vocabulary(self) -> bool:
        """Boxes, and tests alone, have none."""
        return self.row_kind == "questions" and self.split != "all-test"

    def texts(self) -> list[str]:
        """Training questions and answers, or the names of the labels."""
        return list(self.labels) if self.row_kind == "images" else super().texts()

    def read_samples(self) -> list[Sample]:
        """All rows of the split whose image is there."""
        base = find_base(self.root)
        self.split_source = str(base)
        questions = read_questions(base)
        chosen = [each for each in questions if self.language in (each.language, "both")]
        self._count(questions, chosen)
        chosen = self._keep_images(chosen)
        boxes = {
            each.image_name: read_boxes(Path(each.image).parent)
            for each in {each.image_name: each for each in chosen if each.modality == "X-Ray"}.values()
        }
        name = self._nih_names(base, boxes)
        patient = {image: nih_files.patient_of(nih) for image, nih in name.items()}
        entries = self._entries()
        if self.row_kind == "images":
            rows = self._image_rows(chosen, boxes, self._labels(boxes, name, entries), patient)
            return [_with_person(row, name.get(row.sample_id), entries) for row in rows]
        side = {each.sample_id: each.side for each in self._split(chosen)}
        return self.spelled(
            _with_person(_row(each, patient, side[each.sample_id]), name.get(each.image_name), entries)
            for each in chosen
            if each.sample_id in side
        )

    def _entries(self) -> pd.DataFrame | None:
        """ChestX-ray14's label table by image, or None without ``nih_root``."""
        if self.nih_root is None:
            return None
        return nih_files.read_entries(nih_files.find_files(self.nih_root).entries).set_index("image")

    def _count(self, questions: list[Question], chosen: list[Question]) -> None:
        """What the files hold of the language, to lay beside what was published."""
        count = Counter(each.side for each in chosen)
        self.table_counts = {side: {"questions": count[side]} for side in SIDES}
        self.published_counts = PUBLISHED[self.language] if len(questions) >= _FULL_RELEASE else {}

    def _keep_images(self, questions: list[Question]) -> list[Question]:
        """Questions that can be asked, on images that are there and asked for."""
        organs = {each.organ for each in questions}
        if strange := sorted(set(self.organs or ()) - organs):
            raise ConfigError(f"organs: unknown {strange[0]!r}: one of {', '.join(sorted(organs))} was expected")
        wanted = [
            each
            for each in questions
            if each.modality in self.modalities and (self.organs is None or each.organ in self.organs)
        ]
        present = {image: is_file(image) for image in {each.image for each in wanted}}
        self.ledger.drop("image file is missing", [each.image for each in wanted if not present[each.image]])
        # published code counts the one empty answer among its classes
        asked = [each for each in wanted if each.question and (each.answer or self.legacy_vocabulary)]
        empty = {each.sample_id for each in wanted} - {each.sample_id for each in asked}
        self.ledger.drop("question or answer is empty", sorted(empty))
        return [each for each in asked if present[each.image]]

    def _nih_names(self, base: Path, boxes: dict[str, pd.DataFrame]) -> dict[str, str]:
        """Image -> NIH name, of the radiographs that are used; what is shared with ChestX-ray14 is said."""
        name = read_nih_names(base)
        if name is None and self.nih_root is not None:
            table = nih_files.find_files(self.nih_root).boxes
            name = {} if table is None else match_boxes(boxes, nih_files.read_boxes(table))
        name = {image: nih for image, nih in (name or {}).items() if image in boxes}
        if name:
            self.ledger.warn(
                f"{len(name):,} of {len(boxes):,} radiographs are images of NIH ChestX-ray14, on its official test "
                "list: what trains on them is not to be tested there"
            )
        if unknown := len(boxes) - len(name):
            self.ledger.warn(
                f"{unknown:,} radiographs are images of NIH ChestX-ray14 whose names are not known: an audit cannot "
                f"compare their patients; put {NIH} beside the questions, or name that data set with nih_root"
            )
        return name

    def _split(self, questions: list[Question]) -> list[Question]:
        """The questions of the split, each on its side."""
        if self.split == "all-test":
            return [replace(each, side="test") for each in questions]
        side = _strictest(questions)
        shared = sorted({each.image_name for each in questions if each.side != side[each.image_name]})
        if self.split == "official" and shared:
            self.ledger.warn(
                f"{len(shared)} images are on two sides, for each language is split on its own; "
                "split: image-disjoint shares none"
            )
        if self.split == "image-disjoint":
            crossing = [each.sample_id for each in questions if each.side != side[each.image_name]]
            self.ledger.drop("image is on a later side in the other language", crossing)
            return [each for each in questions if each.side == side[each.image_name]]
        return questions

    def _image_rows(
        self,
        questions: list[Question],
        boxes: dict[str, pd.DataFrame],
        label: dict[str, NDArray[np.float32]],
        patient: dict[str, str],
    ) -> list[Sample]:
        """The radiographs, each once, on the strictest side that a question puts it."""
        side = _strictest(questions)
        if self.split == "all-test":
            side = dict.fromkeys(side, "test")
        most = max((len(table) for table in boxes.values()), default=1) or 1
        samples = []
        for image, path in {each.image_name: each.image for each in questions}.items():
            if image in boxes:
                box_N4, valid_N = valid_boxes(
                    boxes[image][["x1", "y1", "x2", "y2"]].to_numpy(np.float32), np.inf, np.inf
                )
                self.ledger.mask("box without area in the image", [image] * int((~valid_N).sum()))
                finding = np.array([FINDINGS.index(each) for each in boxes[image]["label"]], np.int64)
                fields = {"label": label[image], "finding": np.pad(finding, (0, most - len(finding)))}
                box_K4 = np.pad(box_N4, ((0, most - len(box_N4)), (0, 0)))
                person = patient.get(image, image)
                samples.append(Sample(image, person, path, "", side[image], finding_K4=box_K4, fields=fields))
        return samples

    def _labels(
        self, boxes: dict[str, pd.DataFrame], name: dict[str, str], entries: pd.DataFrame | None
    ) -> dict[str, NDArray[np.float32]]:
        """Image -> labels (L,): of ChestX-ray14's table where there is one; else 1 where boxed, NaN elsewhere."""
        label = {}
        for image, table in boxes.items():
            label[image] = np.full(len(FINDINGS), np.nan, np.float32)
            label[image][[FINDINGS.index(each) for each in table["label"]]] = 1
        if entries is None:
            return label
        told = entries["labels"]
        return label | {image: nih_files.label_row(told[nih], FINDINGS) for image, nih in name.items() if nih in told}


def _strictest(questions: list[Question]) -> dict[str, str]:
    """Image -> the last of train, validate and test that one of its questions is on."""
    side: dict[str, str] = {}
    for each in questions:
        side[each.image_name] = max(side.get(each.image_name, "train"), each.side, key=SIDES.index)
    return side


def _row(question: Question, patient: dict[str, str], split: str) -> Sample:
    fields = {
        "image_id": question.image_name,
        "question": question.question,
        "answer": question.answer,
        "answer_type": question.answer_type,
        "chest": question.modality == "X-Ray",
    }
    person = patient.get(question.image_name, question.image_name)
    return Sample(question.sample_id, person, question.image, "", split, fields=fields)


def _with_person(row: Sample, nih: str | None, entries: pd.DataFrame | None) -> Sample:
    """A row with sex and age of the NIH image that it shows."""
    if entries is None or nih is None or nih not in entries.index:
        return row
    told = entries.loc[nih]
    return replace(row, sex=told["sex"], age=None if np.isnan(told["age"]) else float(told["age"]))
