"""The page of a run through the real command."""

import re
from html.parser import HTMLParser
from pathlib import Path

from gkmvlp.cli import main


class _Reader(HTMLParser):
    """Headings, and where pictures come from."""

    def __init__(self) -> None:
        super().__init__()
        self.sources: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.sources += [str(value) for name, value in attrs if name == "src"]


def page_of(out: Path) -> tuple[list[str], int, str]:
    """Writes the page of a run; its headings, the number of its pictures, and its banner."""
    assert main(["page", str(out)]) == 0
    html = (out / "report.html").read_text()
    reader = _Reader()
    reader.feed(html)
    assert all(source.startswith("data:image/") for source in reader.sources)
    banner = re.search('role="note">([^<]*)', html)
    assert banner
    return re.findall("<h2>([^<]*)", html), len(reader.sources), banner[1]
