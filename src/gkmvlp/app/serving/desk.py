"""What the page asks for, without the page: bytes or a phantom in, HTML out, and a line of text where it cannot be."""

import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gkmvlp.app.dicom.dicomweb import Radiograph
from gkmvlp.app.dicom.source import Source, read_source
from gkmvlp.app.serving.archive import Archive, Choice, Found, value_of
from gkmvlp.app.serving.export import side_by_side
from gkmvlp.app.serving.fragment import answers, notice
from gkmvlp.app.serving.limits import LONGEST_NAME, LONGEST_QUESTION, Limits, Rate, require_image
from gkmvlp.app.serving.models import ModelSet
from gkmvlp.app.serving.neighbours import Index
from gkmvlp.app.serving.pictures import radiograph_uri
from gkmvlp.app.serving.questions import ask
from gkmvlp.app.serving.radiographs import OpenImage, open_phantom, open_upload
from gkmvlp.app.serving.reader import Seen, Tell, read, untold
from gkmvlp.app.serving.sessions import Held, Sessions
from gkmvlp.data_modules.pipeline.images import ImageError
from gkmvlp.data_modules.pipeline.intensity import Intensity
from gkmvlp.errors import GkmvlpError
from gkmvlp.zoo.inference.gate import INTENSITY, GateMode, admit


class Opened(NamedTuple):
    """What the archive gave.

    Attributes:
        html: A reading, or a notice.
        choices: What can be opened next; none where there is nothing new to choose from.
        chosen: Value of the choice that was read.
    """

    html: str
    choices: Sequence[Choice] = ()
    chosen: str | None = None


@dataclass
class Desk:
    """Where images and questions are handed in.

    Attributes:
        sets: Models that are shown side by side, loaded once: a folder that changes later changes nothing.
        gate: What happens to a picture that looks like no upright frontal chest radiograph.
        index: Images of the user, embedded by the backbone of the first set.
        archive: Where studies are opened and readings stored; None without one.
        limits: What is taken.
    """

    sets: Sequence[ModelSet]
    gate: GateMode = "off"
    index: Index | None = None
    archive: Archive | None = None
    limits: Limits = field(default_factory=Limits)
    sessions: Sessions = field(default_factory=Sessions)

    def __post_init__(self) -> None:
        """Starts counting."""
        self.rate = Rate(self.limits.per_minute)
        self._models = threading.Lock()  # one reading at a time; who waits for an archive holds nobody up

    @property
    def intensities(self) -> set[Intensity]:
        """How the models and the gate read grey values."""
        return {INTENSITY} | {one.architecture.intensity for of in self.sets for one in of.parts.values()}

    def read_upload(self, data: bytes, name: str, session: str, client: str, tell: Tell = untold) -> str:
        """The reading of an upload as HTML; a notice where there is none."""
        name = _short(Path(name.replace("\\", "/")).name or "upload", LONGEST_NAME)

        return self._told(client, lambda: self._read(self._open(data, name), session, tell))

    def read_phantom(self, number: int, session: str, client: str, tell: Tell = untold) -> str:
        """The reading of a phantom as HTML."""
        return self._told(client, lambda: self._read(open_phantom(number, self.intensities), session, tell))

    def open_study(self, text: str, session: str, client: str, tell: Tell = untold) -> Opened:
        """The reading of the first radiograph of a study that can be read, and what else there is to choose.

        Args:
            text: As of ``Archive.find``.
            session: Of whom.
            client: Of whom.
            tell: Is told what comes next.
        """
        found, chosen = Found(), None

        def opened() -> str:
            nonlocal found, chosen
            assert self.archive is not None
            tell(0, "Archive: looking for the study")
            found = self.archive.find(text)
            if found.studies:
                return notice(f"{len(found.studies)} studies were found: choose one.")
            html, chosen = self._read_first(found.radiographs, session, tell)
            return html

        html = self._told(client, opened)
        return Opened(html, found.choices, chosen)

    def _read_first(self, radiographs: Sequence[Radiograph], session: str, tell: Tell) -> tuple[str, str | None]:
        """The reading of the first that can be read, under the reasons why those before cannot, and its value."""
        assert self.archive is not None
        reasons = ""
        for one in radiographs:
            tell(0, "Archive: fetching a radiograph")
            if (data := self.archive.server.retrieve(one)) is None:
                continue
            try:
                image, source = self._open(data, one.uid), read_source(data, one.uid)
                return reasons + self._read(image, session, tell, source), value_of(one)
            except ImageError as error:
                reasons += notice(str(error), "refusal")
        return reasons or notice("This study holds nothing but what was stored from here.", "refusal"), None

    def store(self, session: str, client: str) -> str:
        """Stores the reading that a session shows in the archive; a line of what was done."""

        def stored() -> str:
            assert self.archive is not None
            held = self.sessions.of(session)
            if held is None:
                return notice("There is no reading to store: open a study first.")
            return notice(self.archive.store(held), "done")

        return self._told(client, stored)

    def ask(self, question: str, session: str, client: str) -> str:
        """The answers to all questions so far, one more among them: a section for each set of models."""

        def asked() -> str:
            held = self.sessions.of(session)
            if held is None:
                return notice("There is no image to ask about: choose or drop one first.")
            text = _short(" ".join(question.split()), LONGEST_QUESTION)
            with self._models:
                for models, seen, reading in zip(self.sets, held.seen, held.readings, strict=True):
                    if text and "answers" in models.parts:
                        reading.answers.append(ask(models.parts["answers"], seen["answers"], text))
            return "".join(answers(reading.answers) for reading in held.readings)

        return self._told(client, asked)

    def _open(self, data: bytes, name: str) -> OpenImage:
        require_image(data, name, self.limits)
        return open_upload(data, name, self.intensities)

    def _read(self, image: OpenImage, session: str, tell: Tell, source: Source | None = None) -> str:
        with self._models:
            tell(0, "Gate: is this an upright frontal chest radiograph?")
            verdict = admit(image.pixels[INTENSITY], "This picture", self.gate)
            results = [read(models, image, verdict, self.gate, tell) for models in self.sets]
            if self.index is not None:
                results[0][0].neighbours = self.index.nearest(self._vector(results[0][1]["backbone"]))
        seen = [of for _, of in results]
        if source is None:  # what goes back nowhere is not kept: it holds the radiograph at its own size
            seen = [{part: one._replace(said=None) for part, one in of.items()} for of in seen]
        first = next(iter(self.sets[0].parts.values()))
        picture = radiograph_uri(image.pixels[first.architecture.intensity])
        held = Held([reading for reading, _ in results], seen, picture, source)
        self.sessions.put(session, held)
        return self._shown(held)

    def _vector(self, seen: Seen) -> NDArray[np.float32]:
        """The unit vector (D,) of an image."""
        vector_1D = self.sets[0].parts["backbone"].embed_images(seen.memory)
        return np.asarray(vector_1D[0].float().cpu().numpy(), np.float32)

    def _shown(self, held: Held) -> str:
        return side_by_side(held.readings, held.picture, f"reading/{held.key}")

    def _told(self, client: str, act: Callable[[], str]) -> str:
        """What ``act`` gives, or a notice: whatever is handed in, the server goes on."""
        if wait := self.rate.admit(client, time.monotonic()):
            return notice(f"Too many readings in a minute from your address: wait {wait:.0f} s.", "refusal")
        try:
            return act()
        except GkmvlpError as error:
            return notice(str(error), "refusal")
        except Exception as error:  # a bug must not end the page of everybody else
            kind = type(error).__name__
            last = traceback.extract_tb(error.__traceback__)[-1]  # the message may quote the image's header
            print(f"gkmvlp serve: {kind} in {Path(last.filename).name}, line {last.lineno}", flush=True)
            return notice(f"This image could not be read ({kind}); the page goes on.", "refusal")


def _short(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
