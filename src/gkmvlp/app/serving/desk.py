"""What the page asks for, without the page: bytes or a phantom in, HTML out, and a line of text where it cannot be."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gkmvlp.app.serving.export import side_by_side
from gkmvlp.app.serving.fragment import notice
from gkmvlp.app.serving.limits import LONGEST_NAME, LONGEST_QUESTION, Limits, Rate, require_image
from gkmvlp.app.serving.models import ModelSet
from gkmvlp.app.serving.neighbours import Index
from gkmvlp.app.serving.pictures import radiograph_uri
from gkmvlp.app.serving.questions import ask
from gkmvlp.app.serving.radiographs import OpenImage, open_phantom, open_upload
from gkmvlp.app.serving.reader import Seen, read
from gkmvlp.app.serving.sessions import Held, Sessions
from gkmvlp.data_modules.pipeline.intensity import Intensity, Pixels
from gkmvlp.errors import GkmvlpError
from gkmvlp.zoo.inference.gate import GateMode, admit

# A line to show with the reading, or None; a gate that refuses raises ``ImageError`` with the reason.
Gate = Callable[[Pixels], str | None]


def gate_of(mode: GateMode) -> Gate | None:
    """The gate of the package in a mode; None where it is off."""

    def warning(pixels_HW: Pixels) -> str | None:
        verdict = admit(pixels_HW, "This picture", mode)
        if verdict is None or verdict.ok:
            return None
        return f"This picture {verdict}. The gate can be wrong; if it is right, the reading below means nothing."

    return None if mode == "off" else warning


@dataclass
class Desk:
    """Where images and questions are handed in.

    Attributes:
        sets: Models that are shown side by side, loaded once: a folder that changes later changes nothing.
        gate: Looks at every image before a model does.
        index: Images of the user, embedded by the backbone of the first set.
        limits: What is taken.
    """

    sets: Sequence[ModelSet]
    gate: Gate | None = None
    index: Index | None = None
    limits: Limits = field(default_factory=Limits)
    sessions: Sessions = field(default_factory=Sessions)

    def __post_init__(self) -> None:
        """Starts counting."""
        self.rate = Rate(self.limits.per_minute)

    @property
    def intensities(self) -> set[Intensity]:
        """How the models read grey values."""
        return {one.architecture.intensity for of in self.sets for one in of.parts.values()}

    def read_upload(self, data: bytes, name: str, session: str, client: str) -> str:
        """The reading of an upload as HTML; a notice where there is none."""
        name = _short(Path(name.replace("\\", "/")).name or "upload", LONGEST_NAME)

        def opened() -> OpenImage:
            require_image(data, name, self.limits)
            return open_upload(data, name, self.intensities)

        return self._told(client, lambda: self._read(opened(), session))

    def read_phantom(self, number: int, session: str, client: str) -> str:
        """The reading of a phantom as HTML."""
        return self._told(client, lambda: self._read(open_phantom(number, self.intensities), session))

    def ask(self, question: str, session: str, client: str) -> str:
        """The reading with the answer to one more question."""

        def asked() -> str:
            held = self.sessions.of(session)
            if held is None:
                return notice("There is no image to ask about: choose or drop one first.")
            text = _short(" ".join(question.split()), LONGEST_QUESTION)
            for models, seen, reading in zip(self.sets, held.seen, held.readings, strict=True):
                if text and "answers" in models.parts:
                    reading.answers.append(ask(models.parts["answers"], seen["answers"], text))
            return self._shown(held)

        return self._told(client, asked)

    def _read(self, image: OpenImage, session: str) -> str:
        pixels_HW = next(iter(image.pixels.values()))
        warning = self.gate(pixels_HW) if self.gate is not None else None
        results = [read(models, image) for models in self.sets]
        for reading, _ in results:
            reading.warnings += [warning] if warning else []
        if self.index is not None:
            results[0][0].neighbours = self.index.nearest(self._vector(results[0][1]["backbone"]))
        held = Held([reading for reading, _ in results], [seen for _, seen in results], radiograph_uri(pixels_HW))
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
            print(f"gkmvlp serve: {kind}: {' '.join(str(error).split())[:300]}", flush=True)
            return notice(f"This image could not be read ({kind}); the page goes on.", "refusal")


def _short(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
