"""What a package index shows: README.md, whose links to files of the repository become whole addresses.

All else that a build needs stands in setup.cfg.
"""

import re
from pathlib import Path

from setuptools import setup

# Where a browser finds the repository's files, such as https://HOST/ORG/gkmvlp/blob/main. While it is empty, links to
# files become plain text, since an index has no such files.
ADDRESS = ""
LINK = re.compile(r"(!?)\[([^\]]*)\]\((?![a-z]+://|#)([^)]+)\)")


def description(readme: str, address: str) -> str:
    """The README without relative links: whole below an address; without one their text, and no picture."""

    def whole(match: re.Match[str]) -> str:
        mark, text, target = match.groups()
        if address:
            return f"{mark}[{text}]({address}/{target})"
        return "" if mark else text

    return LINK.sub(whole, readme)


if __name__ == "__main__":
    readme = Path(__file__).with_name("README.md").read_text(encoding="utf-8")
    setup(long_description=description(readme, ADDRESS), long_description_content_type="text/markdown")
