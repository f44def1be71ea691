"""The page of a run through the real command."""

import re
from pathlib import Path

from gkmvlp.app.cli import main


def page_of(out: Path) -> tuple[list[str], int, str]:
    """Writes the page of a run; its headings, the number of its pictures, and its banner."""
    assert main(["evaluate", "page", str(out)]) == 0
    html = (out / "report.html").read_text()
    sources = re.findall(r'<[^>]* src="([^"]*)"', html)
    assert all(source.startswith("data:image/") for source in sources)
    banner = re.search('role="note">([^<]*)', html)
    assert banner
    return re.findall("<h2>([^<]*)", html), len(sources), banner[1]
