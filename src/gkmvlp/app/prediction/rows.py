"""The rows of ``gkmvlp predict``: all images in batches, with what the gate, the archive and the pictures need.

B images.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gkmvlp.app.dicom.returning import Sender
from gkmvlp.app.prediction.images import names_in_use
from gkmvlp.app.prediction.task_rows import Rows, TaskRows
from gkmvlp.batch import ImageBatch
from gkmvlp.data_modules.pipeline.images import ImageError
from gkmvlp.texts import printable
from gkmvlp.zoo.inference.embedding import Prompt
from gkmvlp.zoo.inference.gate import GateMode, Verdict, is_doubted, settled
from gkmvlp.zoo.inference.prediction import Pixels
from gkmvlp.zoo.inference.predictor import Predictor

if TYPE_CHECKING:
    from gkmvlp.app.dicom.source import Source

BATCH = 8
_IN_FOLDER = re.compile(r"\S*/([\d.]+)\.dcm")  # what a server gave, by its UID


@dataclass
class Predicted:
    """Rows of the images that could be read, and what is to be said of images.

    Attributes:
        rows: Rows.
        bad: A line for each image that could not be read.
        doubted: A line for each that the gate doubts.
        noted: What was not taken as a file says -> the images.
    """

    rows: Rows = field(default_factory=list)
    bad: list[str] = field(default_factory=list)
    doubted: list[str] = field(default_factory=list)
    noted: dict[str, list[str]] = field(default_factory=dict)

    def add(self, name: str, rows: Rows, verdict: Verdict | None, notes: list[str]) -> None:
        """Takes the rows of one image, and what the gate and the reading say of it."""
        self.doubted += [f"{name} {verdict}"] if is_doubted(verdict) else []
        for note in notes:
            self.noted.setdefault(note, []).append(name)
        note_of = {"note": "; ".join(notes) or None}
        judged = note_of if verdict is None else {"gate": verdict.kind, **note_of}
        self.rows += [{"sample_id": name, **row, **judged} for row in rows]

    def call_by_uid(self) -> None:
        """Calls the images that a server gave by their UIDs: their files are gone afterwards."""
        for row in self.rows:
            row["sample_id"] = _IN_FOLDER.sub(r"\1", row["sample_id"])
        self.bad = [_IN_FOLDER.sub(r"\1", line) for line in self.bad]
        self.doubted = [_IN_FOLDER.sub(r"\1", line) for line in self.doubted]
        self.noted = {note: [_IN_FOLDER.sub(r"\1", name) for name in names] for note, names in self.noted.items()}


class Told(NamedTuple):
    """What is told of an image beside its rows."""

    verdict: Verdict | None  # of the gate
    notes: list[str]  # what was not taken as the file says


def predict_rows(
    predictor: Predictor,
    task: str,
    images: list[Path],
    question: str | None,
    prompts: list[Prompt],
    pictures: Path | None,
    accept: Collection[str] = (),
    at: str | None = None,
    gate: GateMode = "warn",
    sender: Sender | None = None,
) -> Predicted:
    """Rows of all images, their pictures, and what goes back into an archive.

    Args:
        predictor: The model.
        task: One of those of the command.
        images: Files.
        question: Asked about each, for ``vqa``; the caption of each, for ``image_text``.
        prompts: For ``zero_shot`` (empty: present against absent of each entity) and ``embed``.
        pictures: Folder of pictures, or None. What is there and was not drawn by this command is kept.
        accept: What is read although it is no frontal radiograph.
        at: Operating point whose thresholds count; None takes the first of the model's calibration.
        gate: What happens to a picture that looks like no upright frontal chest radiograph.
        sender: What gets the prediction of each image; None where nothing goes back.

    Raises:
        ConfigError: If the calibration holds no such operating point, or what goes back cannot be written.
    """
    task_rows = TaskRows(predictor, task, question, prompts, at)
    unread = _unread(predictor, task, question, prompts)
    done = Predicted()
    taken = names_in_use(pictures)
    is_drawn = pictures is not None
    for batch, shown, sources, told in _batches(predictor, images, accept, done, is_drawn, gate, sender):
        image = predictor.encode_images(batch)
        far = predictor.far(image)
        found = task_rows.found(batch, image)
        returned = predictor.predictions(batch, image, shown, at=at, found=found) if sender is not None else []
        for b, rows in enumerate(task_rows.of_images(image, found)):
            name = batch["sample_id"][b]
            try:
                verdict = settled(told[b].verdict, far[b], name, gate)
            except ImageError as error:
                done.bad.append(str(error))
                continue
            if sender is not None:
                sender.send(sources[b], returned[b].judged(verdict))
            done.add(name, rows, verdict, [*told[b].notes, *unread])
            if pictures is not None:
                from gkmvlp.app.prediction.plots import draw  # matplotlib is slow to import

                draw(pictures / _free_name(Path(name).stem, taken), task, predictor, batch, image, b, rows, shown[b])
    done.rows += task_rows.of_texts() if done.rows else []
    return done


def _unread(predictor: Predictor, task: str, question: str | None, prompts: list[Prompt]) -> list[str]:
    """What the model does not read of the texts that it is given."""
    texts = [part for prompt in prompts for part in ([prompt] if isinstance(prompt, str) else prompt)]
    notes = predictor.left_out(question, "text" if task == "image_text" else "question")
    return notes + [note for text in texts for note in predictor.left_out(text, f"prompt {printable(text[:40])!r}")]


def _free_name(stem: str, taken: set[str]) -> str:
    """The name of a picture, which is then taken: two folders may hold files of one name."""
    names = chain([f"{stem}.png"], (f"{stem}-{number}.png" for number in count(2)))
    name = next(name for name in names if name not in taken)
    taken.add(name)
    return name


def _batches(
    predictor: Predictor,
    images: list[Path],
    accept: Collection[str],
    done: Predicted,
    is_drawn: bool,
    gate: GateMode,
    sender: Sender | None,
) -> Iterator[tuple[ImageBatch, list[Pixels], list["Source"], list[Told]]]:
    """Batches of what can be read, the pixels of their images, their files as archives know them, what is told of them.

    The reasons of the others go to ``done.bad``. The pixels are kept only where the images are drawn or sent: a batch
    of them at their own size is large.
    """
    for start in range(0, len(images), BATCH):
        items, shown, sources, told = [], list[Pixels](), list["Source"](), list[Told]()
        for image in images[start : start + BATCH]:
            notes: list[str] = []
            try:
                found = [sender.source(image)] if sender else []
                image_HW, verdict = predictor.admitted(image, accept, gate, notes)
                items.append(predictor.item_of(image, image_HW))
            except ImageError as error:
                done.bad.append(str(error))
                continue
            told.append(Told(verdict, notes))
            sources += found
            if is_drawn or sender:
                shown.append(image_HW)
        if items:
            yield predictor.batch(items), shown, sources, told
