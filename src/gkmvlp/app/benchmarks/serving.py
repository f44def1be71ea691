"""How fast the page of ``gkmvlp serve`` loads and reads, and whether a thousand readings leave it as it was."""

import io
import re
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from gkmvlp.app.benchmarks.browser import headless, open_page, require_browser, upload
from gkmvlp.app.benchmarks.model import processor
from gkmvlp.app.benchmarks.served_page import PageClient, ServedPage, served_page
from gkmvlp.errors import UsageError
from gkmvlp.metrics.results.metric_result import VERSION, MetricResult, signature

MODELS = ("gk-mvlp-phantom-report", "gk-mvlp-phantom-vqa")  # they bring their backbone: findings, report, answers
LOADS, FURTHER = 5, 9  # times that the page is opened, and readings after the first
CLIENTS = 4
WARM = 5  # one reading in so many fills caches, before memory is looked at
ASKED = 5  # one reading in so many is followed by a question
PHANTOM_SEED, PHANTOM_SIZE, PHANTOMS = 4000, 512, 6
SUFFIXES = (".png", ".jpg", ".dcm")
_FINDINGS = re.compile(r'<section class="gk-findings">.*?</section>', re.DOTALL)


class Picture(NamedTuple):
    """A file that is read: its bytes and the end of its name."""

    data: bytes
    suffix: str


class Client(Protocol):
    """Who sends pictures; ``PageClient`` is one."""

    def read(self, data: bytes, name: str) -> str:
        """The HTML of a reading."""

    def ask(self, question: str) -> str:
        """The HTML of all answers on it."""


class PageTimes(NamedTuple):
    """Seconds in a browser.

    Attributes:
        loads: Of opening the page, nothing of it remembered, until a picture can be dropped.
        first: From an upload to its reading, the first of the server.
        further: The same of the next ones.
    """

    loads: list[float]
    first: float
    further: list[float]


class Endurance(NamedTuple):
    """What many readings of several clients at once left behind.

    Attributes:
        readings: How many.
        warm: Those of them before memory was looked at first.
        errors: Those that gave no reading, or whose question had no answer.
        mixed_up: Those that showed another picture's name, findings or question.
        before_bytes: Memory of the server after the warm ones.
        after_bytes: Memory of the server in the end.
        seconds: Time of all.
    """

    readings: int
    warm: int
    errors: int
    mixed_up: int
    before_bytes: int
    after_bytes: int
    seconds: float

    @property
    def growth(self) -> float:
        """Share by which memory grew."""
        return self.after_bytes / self.before_bytes - 1


def measure_serving(readings: int, models: Sequence[str] = MODELS) -> tuple[PageTimes, Endurance]:
    """Serves models, opens the page in a browser and reads; then has four clients read at once.

    Args:
        readings: Of the four clients together, 20 or more.
        models: References.

    Raises:
        UsageError: If too few readings are asked for.
        ConfigError: If Gradio, Playwright or Chromium is missing.
    """
    if readings < WARM * CLIENTS:
        raise UsageError(f"--readings {readings}: {WARM * CLIENTS} or more were expected")
    require_browser()
    with served_page(models) as served:
        times = time_page(served.address)
        return times, endure(served, readings)


def time_page(address: str) -> PageTimes:
    """Opens the page as a new visitor several times, then uploads phantoms by the last of them."""
    loads: list[float] = []
    readings: list[float] = []
    with tempfile.TemporaryDirectory() as folder, headless() as browser:
        for _ in range(LOADS):
            page = browser.new_context().new_page()
            start = time.perf_counter()
            open_page(page, address)
            loads.append(time.perf_counter() - start)
        for number, picture in enumerate(islice(cycle(pictures()), 1 + FURTHER)):
            file = Path(folder, f"phantom-{number}{picture.suffix}")
            file.write_bytes(picture.data)
            start = time.perf_counter()
            upload(page, file)
            readings.append(time.perf_counter() - start)
    return PageTimes(loads, readings[0], readings[1:])


def endure(served: ServedPage, readings: int) -> Endurance:
    """Four clients read at once; memory is looked at after the first fifth and in the end."""
    clients = [PageClient(served.address, f"client-{number}") for number in range(CLIENTS)]
    check, warm, start = Check(pictures()), readings // WARM, time.perf_counter()
    check.learn(clients[0])
    check.read(clients, range(warm))
    before = served.resident_bytes()
    check.read(clients, range(warm, readings))
    seconds = time.perf_counter() - start
    return Endurance(readings, warm, check.errors, check.mixed_up, before, served.resident_bytes(), seconds)


class Check:
    """Has clients read pictures and compares what they are shown with what each picture showed when it was alone.

    Attributes:
        errors: As of ``Endurance``.
        mixed_up: As of ``Endurance``.
    """

    def __init__(self, shown: Sequence[Picture]) -> None:
        self.errors, self.mixed_up = 0, 0
        self._pictures, self._alone = shown, list[str]()
        self._lock = threading.Lock()

    def learn(self, client: Client) -> None:
        """Reads each picture alone."""
        self._alone = [_findings(client.read(one.data, f"alone{one.suffix}")) for one in self._pictures]

    def read(self, clients: Sequence[Client], numbers: range) -> None:
        """Readings by numbers: the clients work at once, each on every n-th of them."""
        with ThreadPoolExecutor(len(clients)) as pool:
            list(pool.map(self._work, clients, (numbers[place :: len(clients)] for place in range(len(clients)))))

    def _work(self, client: Client, numbers: range) -> None:
        for number in numbers:
            try:
                is_right = self._is_right(client, number)
            except OSError:  # the server said no, or nothing
                self._count(1, 0)
            else:
                self._count(0, not is_right)

    def _is_right(self, client: Client, number: int) -> bool:
        """Whether a reading, and the answer after it, are of what was sent.

        Raises:
            OSError: If there is no reading or no answer.
        """
        place = number % len(self._pictures)
        picture, name = self._pictures[place], f"reading-{number}"
        html = client.read(picture.data, name + picture.suffix)
        is_right = _findings(html) == self._alone[place] and f"Reading of {name}{picture.suffix}" in html
        if number % ASKED == 0:
            asked = f"Is there a mass in {name}?"
            answered = re.findall(r"<p>(Is there a mass in [^<]*)</p>", client.ask(asked))
            if not answered:
                raise OSError(f"no answer to {asked!r}")
            is_right = is_right and answered == [asked]
        return is_right

    def _count(self, errors: int, mixed_up: int) -> None:
        with self._lock:
            self.errors += errors
            self.mixed_up += mixed_up


def _findings(html: str) -> str:
    """The findings of a reading with their probabilities.

    Raises:
        OSError: If it is none.
    """
    found = _FINDINGS.search(html)
    if found is None:
        raise OSError(f"no reading: {html[:200]!r}")
    return found[0]


def pictures() -> list[Picture]:
    """Phantoms as PNG, JPG and DICOM, two of each."""
    from PIL import Image

    from gkmvlp.app.benchmarks.radiograph import radiograph_dicom
    from gkmvlp.phantom.generate import draw_phantom

    found = []
    for number in range(PHANTOMS):
        image_HW, suffix = draw_phantom(PHANTOM_SEED, number, PHANTOM_SIZE).image_HW, SUFFIXES[number % len(SUFFIXES)]
        file = io.BytesIO()
        if suffix == ".dcm":
            file.write(radiograph_dicom(image_HW, str(number)))
        else:
            Image.fromarray(image_HW).save(file, Image.registered_extensions()[suffix])
        found.append(Picture(file.getvalue(), suffix))
    return found


def serving_figures(times: PageTimes, endured: Endurance, models: Sequence[str] = MODELS) -> list[MetricResult]:
    """Seconds of the page and of readings; errors, mixed up ones and growth of memory."""

    def figure(name: str, value: float, n: int, note: str, label: str | None = None, **how: object) -> MetricResult:
        sign = signature(metric=name, version=VERSION, unit="reading", models="+".join(models), device="cpu", **how)
        return MetricResult("bench", name, value, sign, label=label, n=n, higher_is_better=False, note=note)

    t, e = times, endured
    clients = f"{CLIENTS} clients at once, {e.readings / e.seconds:.1f} readings a second"
    many: dict[str, Any] = {"clients": CLIENTS, "warm": e.warm}
    return [
        figure("page_load_seconds", statistics.median(t.loads), len(t.loads),
               f"median, without the network, nothing cached; the longest {max(t.loads):.2f} s; {processor()}"),
        figure("reading_seconds", t.first, 1, "upload to reading in a browser, the first after the start", "first"),
        figure("reading_seconds", statistics.median(t.further), len(t.further),
               f"median of the next ones; the longest {max(t.further):.2f} s", "further"),
        figure("reading_errors", e.errors, e.readings, f"count; {clients}", **many),
        figure("mixed_up_readings", e.mixed_up, e.readings,
               "count of another picture's name, findings or question", **many),
        figure("memory_growth", e.growth, e.readings,
               f"share; {e.before_bytes / 1e6:,.0f} MB after {e.warm}, {e.after_bytes / 1e6:,.0f} in the end", **many),
    ]  # fmt: skip
