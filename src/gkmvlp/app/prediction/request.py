"""One call of ``gkmvlp predict``: what is asked for, and its answer on the terminal and in files.

Wrong requests are refused before anything slow is imported or anything is written.
"""

import sys
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from gkmvlp.app.command_line.cli_errors import hint
from gkmvlp.app.command_line.outputs import require_writable, require_writable_file
from gkmvlp.app.dicom.returning import Route, Sender, fetched
from gkmvlp.app.prediction.images import find_images
from gkmvlp.data_modules.pipeline.accept import ACCEPT
from gkmvlp.errors import ConfigError, DataError, UsageError
from gkmvlp.metrics.calibration.operating_point import goal_of
from gkmvlp.texts import printable

if TYPE_CHECKING:  # it brings torch
    from gkmvlp.app.dicom.dicomweb import DicomWeb
    from gkmvlp.zoo.inference.gate import GateMode

TASKS = ("classification", "zero_shot", "grounding", "localization", "report", "vqa", "image_text", "embed")
WITH_THRESHOLDS = ("classification", "zero_shot", "grounding")
GATE = ("refuse", "warn", "off")
_SHOWN = 5  # doubts that are told in full


@dataclass(frozen=True)
class Request:
    """What is asked for.

    Attributes:
        model: ``zoo://NAME``, or folder of a backbone, a model or their run.
        task: One of ``TASKS``; None takes what the model was trained for.
        images: Files and folders; none where ``route`` names a study.
        question: Asked about every image, for ``vqa`` alone.
        text: Caption that is read with every image, for ``image_text`` alone.
        prompts: Text file with one prompt a line, for ``zero_shot`` and ``embed``.
        out: Where the rows are written: Parquet, CSV or JSON.
        pictures: Folder for a picture of each image.
        accept: What is read although it is no frontal radiograph, of ``ACCEPT``.
        device: ``cpu``, ``cuda`` or ``cuda:N``; None takes a GPU where there is one.
        at: Operating point whose thresholds count; None takes the first of the model's calibration.
        gate: What happens to a picture that looks like no upright frontal chest radiograph, of ``GATE``.
        route: From which archive images come, and where their readings go.
    """

    model: str
    task: str | None
    images: list[Path]
    question: str | None = None
    text: str | None = None
    prompts: Path | None = None
    out: Path | None = None
    pictures: Path | None = None
    accept: tuple[str, ...] = ()
    device: str | None = None
    at: str | None = None
    gate: str = "warn"
    route: Route = field(default_factory=Route)

    def __post_init__(self) -> None:
        """Refuses what cannot work.

        Raises:
            UsageError: If an unknown word is used, or options do not go together.
        """
        if self.at is not None:
            goal_of(self.at)
        if self.task is not None:
            self._check_task(self.task)
        require_accepted(self.accept)
        require_gate(self.gate)
        self.route.check(self.task, bool(self.images))

    def _check_task(self, task: str) -> None:
        """Refuses options that do not go with a task."""
        if task not in TASKS:
            raise UsageError(f"no task {task!r}{hint(task, TASKS)} ({', '.join(TASKS)})")
        if (task == "vqa") != (self.question is not None):
            raise UsageError("--task vqa needs --question TEXT, and only that task takes one")
        if (task == "image_text") != (self.text is not None):
            raise UsageError("--task image_text needs --text TEXT, and only that task takes one")
        if self.prompts and task not in ("zero_shot", "embed"):
            raise UsageError(f"--task {task} takes no --prompts; zero_shot and embed do")
        if self.at is not None and (task not in WITH_THRESHOLDS or self.prompts):
            raise UsageError(f"--at goes with --task {', '.join(WITH_THRESHOLDS)}, and not with --prompts")
        if self.pictures and task == "embed":
            raise UsageError("--task embed has nothing to draw: leave --pictures out")


def predict(request: Request) -> None:
    """Predicts what can be read, prints, writes, draws it, and sends it back.

    Raises:
        UsageError: If an image does not exist, or the prompts cannot be read.
        DataError: After all is written, if images could not be read; it names them.
        ConfigError: If the model has no such operating point, a place cannot be written (told before anything slow),
            or a server or folder does not take what it is given.
    """
    route = request.route
    server = route.open_server()
    found = [] if route.study else find_images(request.images, request.pictures)
    with fetched(server, route.study) if route.study else nullcontext(found) as images:
        _predict(request, images, server)


def _predict(request: Request, images: list[Path], server: "DicomWeb | None") -> None:
    """``predict`` of files."""
    from gkmvlp.app.prediction.quick_imports import quick_imports

    with quick_imports():
        from gkmvlp.app.prediction.rows import predict_rows
        from gkmvlp.app.prediction.table import read_prompts, show, write_rows
        from gkmvlp.app.prediction.task_rows import told_operating_point
        from gkmvlp.zoo.inference.loading import open_predictor

    out, route = request.out, request.route
    question = request.question or request.text
    prompts = read_prompts(request.prompts) if request.prompts else []
    if out:
        require_writable_file(out, "--out")
    if request.pictures:
        require_writable(request.pictures, "--pictures")
    predictor = open_predictor(request.model, request.device)
    task = request.task or predictor.reads_as
    if request.task is None:
        request = replace(request, task=task)  # what goes with it is checked now
        print(f"--task {task}, for which this model was trained")
    sender = Sender(route, request.model, server) if route.sends else None
    has_thresholds = task in WITH_THRESHOLDS and not prompts  # prompts of one's own are not calibrated
    at = told_operating_point(predictor, task, request.at) if has_thresholds else None
    if predictor.notice:
        print(predictor.notice)
    if predictor.calibration is not None and (has_thresholds or task in ("vqa", "image_text")):
        print(predictor.calibration.summary + (f"; thresholds at {at}" if at else ""))
    for folder in (out and out.parent, request.pictures):
        if folder:
            folder.mkdir(parents=True, exist_ok=True)
    gate = cast("GateMode", request.gate)
    done = predict_rows(predictor, task, images, question, prompts, request.pictures, request.accept, at, gate, sender)
    if route.study:
        done.call_by_uid()
    _tell_doubts(done.doubted)
    _tell_notes(done.noted, len(images))
    if done.rows:
        show(task, done.rows)
    if request.question and (scope_note := predictor.out_of_scope(request.question)):
        print(scope_note)
    if done.rows and out:
        write_rows(out, done.rows, task, request.model, predictor, at)
    for line in sender.told() if sender else ():
        print(line)
    _raise(done.bad, len(images), sender.failure if sender else None)


def require_accepted(words: Sequence[str]) -> None:
    """Checks the words of ``--accept``.

    Raises:
        UsageError: If one is none of ``ACCEPT``; the nearest is offered.
    """
    for word in words:
        if word not in ACCEPT:
            raise UsageError(f"--accept {word}{hint(word, ACCEPT)} ({', '.join(ACCEPT)})")


def require_gate(mode: str) -> None:
    """Checks the word of ``--gate``.

    Raises:
        UsageError: If it is none of ``GATE``; the nearest is offered.
    """
    if mode not in GATE:
        raise UsageError(f"--gate {mode}{hint(mode, GATE)} ({', '.join(GATE)})")


def _raise(bad: list[str], count: int, failure: str | None) -> None:
    """One line of what could not be read, and of why a server did not take the rest."""
    lines = "; ".join([*bad, *([failure] if failure else [])])
    if bad:
        raise DataError((f"{len(bad)} of {count} images: " if count > 1 else "") + lines)
    if failure:
        raise ConfigError(failure)


def _tell_doubts(doubted: list[str]) -> None:
    """What the gate would have refused, on stderr: the answers stand beside."""
    for line in doubted[:_SHOWN]:
        print(f"gkmvlp: gate: {printable(line)}", file=sys.stderr)
    if len(doubted) > _SHOWN:
        print(f"gkmvlp: gate: and {len(doubted) - _SHOWN:,} more; --out has the column gate", file=sys.stderr)


def _tell_notes(noted: dict[str, list[str]], count: int) -> None:
    """What was not taken as files say, a line a kind on stderr."""
    for note, names in noted.items():
        who = names[0] if count == 1 else f"{len(names):,} of {count:,} images (e.g. {names[0]})"
        print(f"gkmvlp: note: {printable(who)}: {note}", file=sys.stderr)
