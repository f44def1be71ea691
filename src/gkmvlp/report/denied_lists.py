"""Lists under a heading that denies them: "No evidence of:" and a finding a line are one sentence."""

import re

from gkmvlp.report.lines import BULLET

_HEAD = (
    r"(?:there (?:is|are) )?(?:no(?: evidence| signs?)?(?: (?:of|for))?|negative(?: for)?|without|absent|absence of"
    r"|free of)(?: (?:any of )?(?:the following|these)(?: [a-z]+)?)?"
)
_ITEM = rf"[ \t]{{0,8}}(?:{BULLET}|\(?\d{{1,2}}[.)])[ \t]{{0,8}}([^\n:.;]{{3,60}})[.;,]?[ \t]{{0,8}}(?:\n|$)"
_LIST = re.compile(rf"(?im)^[ \t]{{0,8}}{_HEAD}[ \t]{{0,8}}:[ \t]{{0,8}}\n((?:{_ITEM}){{1,30}})")
_EACH = re.compile(_ITEM)
# An item that says of itself whether it is there, and so is a sentence of its own.
_SAYS = re.compile(
    r"\b(?:no|not|without|is|are|has|have|present|absent|seen|stable|unchanged|again|still|remain\w*|(?<= )new|known"
    r"|persist\w*|improv\w*|worse\w*|increas\w*|decreas\w*|small|mild|trace)\b",
    re.IGNORECASE,
)


def denied_in_lines(text: str) -> str:
    """A text whose denied lists are sentences: "No:", "- effusion", "- edema" is "No effusion or edema."."""
    return _LIST.sub(_denied, text) if ":" in text and "\n" in text else text


def _denied(match: re.Match[str]) -> str:
    items = [item[1].strip() for item in _EACH.finditer(match[1])]
    denied = [item for item in items if not _SAYS.search(item)]
    said = "".join(f"{item}.\n" for item in items if item not in denied)
    if not denied:
        return said
    return f"No {', '.join(denied[:-1])}{' or ' if len(denied) > 1 else ''}{denied[-1]}.\n{said}"
