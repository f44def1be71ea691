"""VQA-RAD with four named splits."""

from typing import Any, ClassVar, Literal

from gkmvlp.data_modules.formats.files import is_file
from gkmvlp.data_modules.formats.vqa_rad import MEVF, OFFICIAL, Layout, Question, read_questions
from gkmvlp.data_modules.pipeline.samples import Counts, Sample
from gkmvlp.data_modules.pipeline.splits import connected_groups, draw_groups
from gkmvlp.data_modules.questions import QuestionDataModule
from gkmvlp.errors import ConfigError, require_choice

VqaSplit = Literal["official", "framed", "legacy-mevf", "image-disjoint"]
# Training rows (validation included) and test rows, counted on the official file.
PUBLISHED: dict[str, tuple[int, int]] = {"official": (1_797, 451), "framed": (2_780, 451), "legacy-mevf": (3_064, 451)}
_FULL_RELEASE = 2_000
_SPLIT_SEED = 0  # of the split itself; the seed of a run does not move it


class VqaRad(QuestionDataModule):
    """VQA-RAD: official JSON with its image folder, Hugging Face Parquet, or MEVF JSON; yields ``QuestionBatch``.

    ``patient_id`` is a group: the images that share a teaching case, directly or over others. Validation is 10 % of the
    training questions with their rewordings, on images that training shows too, as the owner's test questions are;
    of the groups in ``image-disjoint`` and where a copy does not tell rewordings; of single rows in ``legacy-mevf``,
    whose rewordings stay in training as those of its test rows do. Region boxes come from the atlas.

    Args:
        root: Folder that holds the files, or a folder vqa-rad that does.
        split: official 1,797/451, whose test images are in training too; framed 2,780/451 adds the templated wordings
            of training rows; legacy-mevf 3,064/451 also holds reworded test questions; image-disjoint shares no image
            or case between the sides, 80/20.
        **kwargs: What every DataModule of questions takes.
    """

    data_name: ClassVar[str] = "vqa-rad"
    landmarks: ClassVar[tuple[str, ...]] = (OFFICIAL, MEVF)

    def __init__(self, root: str, split: VqaSplit = "official", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        require_choice("data.init_args", VqaSplit, split=split)
        self.root, self.split = root, split

    @property
    def split_label(self) -> str:
        """The split that was asked for."""
        return self.split

    @property
    def is_patient_disjoint(self) -> bool:
        """The owner's split is by question, not by image."""
        return self.split == "image-disjoint"

    def read_samples(self) -> list[Sample]:
        """All rows of the split whose image is there."""
        questions, layout, self.split_source, notes = read_questions(self.root)
        for note in notes:
            self.ledger.warn(note)
        self.ledger.drop("question without an image", [row.sample_id for row in questions if not row.image_name])
        questions = [row for row in questions if row.image_name]
        full = layout != "parquet" and len(questions) >= _FULL_RELEASE
        group = _groups(questions)
        chosen = self._choose(questions, layout, group)
        test_rows = sum(is_test for _, is_test in chosen)
        self.table_counts = _counts(len(chosen) - test_rows, test_rows)
        self.published_counts = _counts(*PUBLISHED[self.split]) if full and self.split in PUBLISHED else {}
        self._warn(layout, chosen)
        samples = self._samples(chosen, group)
        missing = [s for s in samples if isinstance(s.image, str) and not is_file(s.image)]
        self.ledger.drop("image file is missing", [str(s.image) or f"empty image of {s.sample_id}" for s in missing])
        empty = [s for s in samples if not s.fields["question"] or not s.fields["answer"]]
        self.ledger.drop("question or answer is empty", [sample.sample_id for sample in empty])
        gone = {sample.sample_id for sample in missing + empty}
        return self.spelled(sample for sample in samples if sample.sample_id not in gone)

    def _samples(self, chosen: list[tuple[Question, bool]], group: dict[str, str]) -> list[Sample]:
        """The rows with their split; validation rows are drawn where the files name none."""
        has_validation = self.split != "image-disjoint" and any(question.side == "validate" for question, _ in chosen)
        unit = {question.sample_id: self._unit(question, group) for question, _ in chosen}
        training = [unit[question.sample_id] for question, is_test in chosen if not is_test]
        held = draw_groups(training, 0.1, _SPLIT_SEED) if len(set(training)) > 1 and not has_validation else set()
        samples = []
        for question, is_test in chosen:
            name = group[question.image_name]
            validates = question.side == "validate" if has_validation else unit[question.sample_id] in held
            samples.append(_sample(question, name, "test" if is_test else "validate" if validates else "train"))
        return samples

    def _unit(self, question: Question, group: dict[str, str]) -> str:
        """What goes to validation as a whole with the question, so that validation meets training as test does."""
        if self.split == "image-disjoint":
            return group[question.image_name]
        if self.split == "legacy-mevf":
            return question.sample_id
        return question.link or group[question.image_name]

    def _choose(self, questions: list[Question], layout: Layout, group: dict[str, str]) -> list[tuple[Question, bool]]:
        """The rows of the split, and whether each is a test row."""
        plain = [question for question in questions if not question.is_frame]
        if self.split == "image-disjoint":
            test = draw_groups((group[question.image_name] for question in plain), 0.2, _SPLIT_SEED)
            return [(question, group[question.image_name] in test) for question in plain]
        official = [(question, question.side == "test") for question in plain]
        if self.split == "official":
            return official
        if layout == "mevf" and self.split == "legacy-mevf":
            return [(question, question.side == "test") for question in questions]
        if layout != "official":
            raise ConfigError(
                f"split: {self.split} needs the official JSON (osf.io/89kps), {self.split_source} is {layout}"
            )
        texts = [
            question
            for question in plain
            if question.frame and (self.split == "legacy-mevf" or question.side != "test")
        ]
        return official + [(question.as_frame(), False) for question in texts]

    def _warn(self, layout: Layout, chosen: list[tuple[Question, bool]]) -> None:
        sides = [{question.image_name for question, is_test in chosen if is_test == side} for side in (False, True)]
        if shared := len(sides[0] & sides[1]):
            warning = f"{shared} of {len(sides[1])} test images are in training too (the split is by question)"
            self.ledger.warn(f"{warning}; split: image-disjoint shares none")
        if self.split == "legacy-mevf":
            self.ledger.warn("legacy-mevf: training holds rewordings of test questions; its figures flatter")
        if layout == "parquet":
            self.ledger.warn(
                "Parquet copies have no answer type, organ or case: closed means yes or no, no row is chest"
            )


def _counts(train: int, test: int) -> Counts:
    return {"train": {"questions": train}, "test": {"questions": test}}


def _groups(questions: list[Question]) -> dict[str, str]:
    """Image name -> name of its group, the first of its images in order of name."""
    keys = [
        [f"image {question.image_name}", *([f"case {question.case}"] * bool(question.case))] for question in questions
    ]
    numbers = connected_groups(keys)
    first: dict[int, str] = {}
    for number, question in zip(numbers, questions, strict=True):
        first[number] = min(first.get(number, question.image_name), question.image_name)
    return {question.image_name: first[number] for number, question in zip(numbers, questions, strict=True)}


def _sample(question: Question, group: str, split: str) -> Sample:
    fields = {
        "image_id": question.image_name,
        "question": question.question,
        "answer": question.answer,
        "answer_type": question.answer_type,
        "chest": question.organ == "CHEST",
    }
    return Sample(question.sample_id, group, question.image, "", split, fields=fields)
