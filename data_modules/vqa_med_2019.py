"""VQA-Med-2019: questions on modality, plane, organ and abnormality of radiology images of every kind."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal

from gkmvlp.data_modules.formats.files import is_file
from gkmvlp.data_modules.formats.vqa_med_2019 import (
    BY_CATEGORY,
    CATEGORIES,
    CHEST,
    FOLDER,
    TEST_ANSWERS,
    Question,
    find_base,
    read_questions,
)
from gkmvlp.data_modules.pipeline.samples import Counts, Sample
from gkmvlp.data_modules.pipeline.splits import SPLITS
from gkmvlp.data_modules.questions import QuestionDataModule
from gkmvlp.errors import ConfigError, require_choice
from gkmvlp.metrics.answers import exact_v1

Category = Literal["Modality", "Plane", "Organ", "Abnormality"]
# Questions by category, counted on the official files; training lacks eight of 3,200 abnormalities.
PUBLISHED: dict[str, dict[str, int]] = {
    "train": {"Modality": 3_200, "Plane": 3_200, "Organ": 3_200, "Abnormality": 3_192},
    "validate": dict.fromkeys(CATEGORIES, 500),
    "test": dict.fromkeys(CATEGORIES, 125),
}
_FULL_RELEASE = 3_000
_OPTIONAL = re.compile(r"\s*\([^()]*\)")
_SEVERAL = "reference answer has alternatives or an optional part (one that training knows is taken, else the first)"


class VqaMed2019(QuestionDataModule):
    """VQA-Med-2019 of ImageCLEF; yields ``QuestionBatch``.

    Training, validation and test are the owner's, and share no image. Patients are not known: ``patient_id`` is the
    image. ``chest`` is True where the image's own question for its organ says lung, mediastinum, pleura; a test image
    has one question alone, so there it is known of those on organs only. Region boxes come from the atlas.

    Args:
        root: Folder below which the archives are unpacked, or a folder vqa-med-2019 that is one.
        categories: Categories used. Abnormality is left out as in published figures: most of its answers occur once.
        **kwargs: What every DataModule of questions takes. With ``legacy_vocabulary`` a test answer that has
            alternatives is one answer of its own, as in the published code.
    """

    data_name: ClassVar[str] = FOLDER
    landmarks: ClassVar[tuple[str, ...]] = (f"{BY_CATEGORY}/*_train.txt", f"*/{BY_CATEGORY}/*_train.txt", TEST_ANSWERS)

    def __init__(
        self, root: str, categories: Sequence[Category] = ("Modality", "Organ", "Plane"), **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if not categories:
            raise ConfigError(f"categories: one or more of {', '.join(CATEGORIES)} were expected, got none")
        require_choice("data.init_args", Category, categories=tuple(categories))
        self.root, self.categories = root, tuple(dict.fromkeys(categories))

    @property
    def split_label(self) -> str:
        """``official``, with the first letters of the categories."""
        return "official-" + "".join(sorted(name[0] for name in self.categories)).lower()

    def answers(self) -> list[str]:
        """Answer vocabulary: the answers of training alone, for validation is a set of the owner's too."""
        return super().answers() if self.legacy_vocabulary else sorted({a.fields["answer"] for a in self.rows("train")})

    def read_samples(self) -> list[Sample]:
        """All questions of the categories whose image is there."""
        base = find_base(self.root)
        self.split_source = str(base)
        questions = read_questions(base, self.categories)
        self._count(questions)
        present = {image: is_file(image) for image in {each.image for each in questions}}
        self.ledger.drop("image file is missing", [each.image for each in questions if not present[each.image]])
        questions = [each for each in questions if present[each.image]]
        empty = [each.sample_id for each in questions if not each.question or not each.answer]
        self.ledger.drop("question or answer is empty", empty)
        questions = [each for each in questions if each.question and each.answer]
        questions = questions if self.legacy_vocabulary else self._resolve(questions)
        chest = {each.image_name for each in questions if each.category == "Organ" and each.answer == CHEST}
        return self.spelled(_sample(each, each.image_name in chest) for each in questions)

    def _resolve(self, questions: list[Question]) -> list[Question]:
        """The questions, those of test with one answer each."""
        known = {each.answer for each in questions if each.side == "train"}
        resolved = []
        for each in questions:
            options = alternatives(each.answer) if each.side == "test" else [each.answer]
            if options != [each.answer]:
                self.ledger.mask(_SEVERAL, [each.sample_id])
            resolved.append(replace(each, answer=next((option for option in options if option in known), options[0])))
        return resolved

    def _count(self, questions: list[Question]) -> None:
        """What the files hold, to lay beside what was published."""
        count = Counter(each.side for each in questions)
        self.table_counts = {side: {"questions": count[side]} for side in SPLITS}
        is_full = count["train"] >= _FULL_RELEASE * len(self.categories)
        published: Counts = {
            side: {"questions": sum(PUBLISHED[side][name] for name in self.categories)} for side in SPLITS
        }
        self.published_counts = published if is_full else {}


def _sample(question: Question, is_chest: bool) -> Sample:
    fields = {
        "image_id": question.image_name,
        "question": question.question,
        "answer": question.answer,
        "answer_type": "closed" if question.answer in ("yes", "no") else "open",
        "chest": is_chest,
    }
    return Sample(question.sample_id, question.image_name, question.image, "", question.side, fields=fields)


def alternatives(answer: str) -> list[str]:
    """What counts as right by a reference answer: ``a#b`` is either, ``a (b)`` is with or without b.

    Args:
        answer: Normalised by ``exact_v1``.

    Returns:
        Different answers; of each alternative first the one without its optional parts.
    """
    options = []
    for part in answer.split("#"):
        options += [_OPTIONAL.sub("", part), part.replace("(", "").replace(")", ""), part]
    return list(dict.fromkeys(filter(None, map(exact_v1, options)))) or [answer]
