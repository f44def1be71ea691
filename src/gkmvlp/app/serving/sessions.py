"""Readings that are on the page now, in memory alone, by the session that they belong to."""

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gkmvlp.app.serving.reader import Seen
from gkmvlp.app.serving.reading import Reading

if TYPE_CHECKING:
    from gkmvlp.app.dicom.source import Source

MOST = 32  # sessions; the one that was used longest ago goes first


@dataclass
class Held:
    """What a session shows.

    Attributes:
        readings: One of each set of models.
        seen: The image as each model of each set holds it: what a question needs.
        picture: The radiograph as a data URI.
        source: The radiograph as its archive knows it; None of one that came from none.
        key: By which it is saved; nobody can guess it.
    """

    readings: list[Reading]
    seen: list[dict[str, Seen]]
    picture: str
    source: "Source | None" = None
    key: str = field(default_factory=lambda: secrets.token_urlsafe(16))


class Sessions:
    """The last reading of each session.

    Args:
        most: Sessions that are kept.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most, self._lock = most, threading.Lock()
        self._held: OrderedDict[str, Held] = OrderedDict()

    def put(self, session: str, held: Held) -> None:
        """Takes the place of what the session held."""
        with self._lock:
            self._held[session] = held
            self._held.move_to_end(session)
            while len(self._held) > self._most:
                self._held.popitem(last=False)

    def of(self, session: str) -> Held | None:
        """What a session holds; None where it has read nothing, or too long ago."""
        with self._lock:
            return self._held.get(session)

    def by_key(self, key: str) -> Held | None:
        """What is saved by a key."""
        with self._lock:
            return next((one for one in self._held.values() if secrets.compare_digest(one.key, key)), None)

    def drop(self, session: str) -> None:
        """Forgets a session."""
        with self._lock:
            self._held.pop(session, None)

    def __len__(self) -> int:
        """Sessions that hold something."""
        return len(self._held)
