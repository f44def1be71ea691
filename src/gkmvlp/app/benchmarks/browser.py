"""A real browser on the page of ``gkmvlp serve``: Chromium by Playwright, which reaches this computer alone."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gkmvlp.errors import ConfigError

NAMES = ("chromium", "chromium-browser", "google-chrome")
WAIT = 60_000  # milliseconds; machines that test are busy
UPLOAD = "#gk-upload input[type=file]"
# no name is looked up, so that nothing can come from the network
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking",
         "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")  # fmt: skip


def chromium() -> str | None:
    """Where Chromium or Chrome lies; None without one."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def require_browser() -> None:
    """Says what to install where something is missing.

    Raises:
        ConfigError: If Playwright or Chromium is absent.
    """
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError as error:
        raise ConfigError(f"a browser is driven by Playwright ({error}): pip install 'gkmvlp[browser]'") from error
    if chromium() is None:
        raise ConfigError(f"none of {', '.join(NAMES)} is installed: install Chromium")


@contextmanager
def headless() -> Iterator[Any]:
    """A browser without a window (playwright.sync_api.Browser)."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium(), args=list(FLAGS))
        yield browser
        browser.close()


def open_page(page: Any, address: str) -> None:
    """Opens an address in a tab (playwright.sync_api.Page) and waits until a radiograph can be dropped."""
    page.goto(address)
    page.wait_for_selector(UPLOAD, state="attached", timeout=WAIT)


def upload(page: Any, file: Path) -> None:
    """Drops a radiograph and waits until its reading is seen."""
    page.set_input_files(UPLOAD, file)
    page.wait_for_selector(f".gk-reading[aria-label='Reading of {file.name}']", timeout=WAIT)
