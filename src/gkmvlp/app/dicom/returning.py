"""One call of ``gkmvlp predict`` that reads from an archive or sends back to one: what is asked for, and its doing.

What reads or writes DICOMs is imported where it is used: wrong requests are refused before.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from gkmvlp.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from gkmvlp.app.dicom.dicomweb import DicomWeb
    from gkmvlp.app.dicom.source import Source
    from gkmvlp.zoo.inference.prediction import Prediction

TASKS = ("classification", "grounding", "localization")


@dataclass(frozen=True)
class Route:
    """Where images come from and where readings go.

    Attributes:
        out: Folder that gets the objects of each image, in a folder of its UID.
        is_deidentified: Whether the objects are of nobody.
        server: Address of a DICOMweb server.
        study: Study Instance UID of what is read from it.
        is_stored: Whether the objects are stored there.
    """

    out: Path | None = None
    is_deidentified: bool = False
    server: str | None = None
    study: str | None = None
    is_stored: bool = False

    @property
    def sends(self) -> bool:
        """Whether objects are made."""
        return self.out is not None or self.is_stored

    def check(self, task: str | None, has_images: bool) -> None:
        """Refuses what cannot work.

        Args:
            task: Of the call; None is not known yet.
            has_images: Whether files or folders are named.

        Raises:
            UsageError: If options do not go together.
            ConfigError: If a package is missing.
        """
        if self.study and has_images:
            raise UsageError("--study reads from the server: name no IMAGE beside it")
        if not self.study and not has_images:
            raise UsageError("what to read is missing: an IMAGE, or --dicomweb URL --study UID")
        if (self.study or self.is_stored) and not self.server:
            raise UsageError("--study and --store need --dicomweb URL")
        if self.server and not (self.study or self.is_stored):
            raise UsageError("--dicomweb needs --study UID to read from it, or --store to write to it")
        if self.is_deidentified and not self.sends:
            raise UsageError("--deidentify goes with --dicom-out or --store")
        if self.sends and task is not None and task not in TASKS:
            raise UsageError(f"--dicom-out and --store go with --task {', '.join(TASKS)}")
        if self.sends:
            require_highdicom()

    def open_server(self) -> "DicomWeb | None":
        """The server, where one is named.

        Raises:
            UsageError: If its address is none.
            ConfigError: If a package is missing.
        """
        if self.server is None:
            return None
        from gkmvlp.app.dicom.dicomweb import DicomWeb

        return DicomWeb(self.server)


def require_highdicom() -> None:
    """Says what to install where nothing could go back.

    Raises:
        ConfigError: If highdicom is absent.
    """
    if find_spec("highdicom") is None:
        raise ConfigError("objects for an archive need highdicom: pip install 'gkmvlp[dicom]'")


@contextmanager
def fetched(server: "DicomWeb | None", study: str) -> Iterator[list[Path]]:
    """The radiographs of a study as files, which are gone afterwards."""
    assert server is not None
    with TemporaryDirectory(prefix="gkmvlp-") as folder:
        yield server.fetch(study, Path(folder))


class Sender:
    """Makes, writes and stores the objects of one image after the other.

    After the first that the server does not take, none is offered to it: ``failure`` says why.

    Args:
        route: Where to.
        model: Reference of the model.
        server: The server, where one is named.
    """

    def __init__(self, route: Route, model: str, server: "DicomWeb | None") -> None:
        from gkmvlp.app.dicom.identity import ModelIdentity
        from gkmvlp.app.dicom.source import Deidentifier

        self.route, self.server, self.model = route, server, ModelIdentity.of(model)
        self.deidentified = Deidentifier() if route.is_deidentified else None
        self.written, self.stored, self.images = 0, 0, 0
        self.failure: str | None = None

    def source(self, image: Path) -> "Source":
        """What a file says of the image in it.

        Raises:
            ImageError: If it cannot go back.
        """
        from gkmvlp.app.dicom.source import read_source

        source = read_source(image, str(image))
        return self.deidentified(source) if self.deidentified else source

    def send(self, source: "Source", prediction: "Prediction") -> None:
        """The objects of one image.

        Raises:
            ConfigError: If the model has no findings, or the folder cannot be written.
        """
        from gkmvlp.app.dicom.objects import objects_of, write_objects

        objects = objects_of(source, prediction, self.model)
        self.images += 1
        if self.route.out:
            self.written += len(write_objects(self.route.out / source.uid, objects))
        if self.server and self.route.is_stored and self.failure is None:
            try:
                self.server.store(list(objects.values()))
                self.stored += len(objects)
            except ConfigError as error:
                self.failure = str(error)

    def told(self) -> list[str]:
        """What was done, a line each."""
        lines = []
        if self.written:
            lines.append(f"{self.written} DICOM objects of {self.images} images in {self.route.out}")
        if self.stored:
            lines.append(f"{self.stored} DICOM objects stored at {self.route.server}")
        return lines
