"""A reading as HTML: the one piece that the page shows and that an export holds.

``viewer.css`` and ``viewer.js`` beside this file make it look and move; without them it is still a readable list. What
belongs together shares a word in ``data-of``, whatever it is: a finding, a sentence, a box, a heat map.
"""

import re
from collections.abc import Iterable
from functools import cache
from html import escape
from importlib.resources import files

from gkmvlp.app.serving.pictures import heat_uri
from gkmvlp.app.serving.reading import Answer, Box, Finding, Link, Neighbour, Reading, Sentence
from gkmvlp.metrics.calibration.score_map import UNCALIBRATED
from gkmvlp.zoo.inference.readings import counts

SHOWN = 8  # findings that are not folded away, those that are likely apart
WORTH = 0.01  # probability from which another answer is named


@cache
def asset(name: str) -> str:
    """Style or script: ``viewer.css``, ``viewer.js``, ``page.css`` or ``page.js``."""
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def shown(text: object) -> str:
    """Text as text: neither HTML, nor a placeholder of the templates that Gradio fills."""
    return escape(str(text)).replace("{", "&#123;").replace("}", "&#125;").replace("$", "&#36;")


def fragment(reading: Reading, picture: str, saved_as: str = "") -> str:
    """A reading.

    Args:
        reading: What is shown.
        picture: The radiograph as a data URI.
        saved_as: Address without suffix from which it can be saved; "" leaves the links out.
    """
    left = _stage(reading, picture) + _controls(reading) + _know(reading)
    return (
        f'<article class="gk-reading" aria-label="Reading of {shown(reading.image)}">{_head(reading, saved_as)}'
        f'<div class="gk-columns"><div class="gk-left">{left}</div>'
        f'<div class="gk-right">{_findings(reading)}{_found(reading)}{_report(reading)}{answers(reading.answers)}'
        f"{_neighbours(reading.neighbours)}</div></div></article>"
    )


def notice(text: str, kind: str = "warning") -> str:
    """A line that has to be read: ``warning`` or ``refusal``."""
    return f'<p class="gk-notice gk-{kind}" role="alert">{shown(text)}</p>'


def answers(asked: Iterable[Answer]) -> str:
    """Questions and their answers, the newest first; a place that stays empty without any."""
    rows = "".join(map(_answer, reversed(list(asked))))
    head = "<h3>Questions</h3>" if rows else ""
    return f'<section class="gk-answers" aria-live="polite">{head}{rows}</section>'


def saves(address: str) -> str:
    """The links by which what is shown is saved; "" without an address."""
    kinds = "".join(
        f'<a class="gk-save" href="{address}.{kind}" download>{kind.upper()}</a>' for kind in ("html", "json")
    )
    return f'<span class="gk-saves">Save as {kinds}</span>' if address else ""


def _head(reading: Reading, saved_as: str) -> str:
    facts = [f"{reading.width} x {reading.height} px", f"view {reading.view}" if reading.view else ""]
    facts += [f"{reading.seconds:.1f} s", " + ".join(one.rpartition("/")[2] for one in reading.models)]
    lines = [" · ".join(filter(None, facts))]
    if reading.planted is not None:
        lines.append("Planted: " + (", ".join(reading.planted) or "nothing"))
    below = "".join(f"<p>{shown(line)}</p>" for line in lines)
    return (
        f'<header class="gk-head"><div><h2>{shown(reading.image)}</h2>{below}</div>{saves(saved_as)}</header>'
        f"{''.join(map(notice, reading.warnings))}"
    )


def _stage(reading: Reading, picture: str) -> str:
    """The radiograph under heat maps, regions and boxes."""
    maps = "".join(
        f'<img class="gk-heat" alt="" data-of="{word(one.name)}"{"" if first else " hidden"} '
        f'src="{heat_uri(one.attention, reading.frame, reading.side)}">'
        for first, one in _first(finding for finding in reading.findings if finding.attention)
        if reading.frame is not None
    )
    regions = "".join(_rectangle("gk-region", f'data-region="{word(n)}"', b, n) for n, b in reading.regions.items())
    boxes = "".join(map(_boxes, reading.findings)) + "".join(
        _rectangle("gk-box gk-likely gk-found", f'data-of="box-{n} {word(one.label)}" tabindex="0"', one.box,
                   f"{one.label}, box found with score {one.score:.2f}")
        for n, one in enumerate(reading.detections)
    )  # fmt: skip
    return (
        '<div class="gk-stage" tabindex="0" role="group" aria-label="Radiograph; scrolls where it is enlarged">'
        f'<div class="gk-layers" style="--ratio:{reading.width}/{reading.height}">'
        f'<img class="gk-image" alt="The radiograph" src="{picture}">{maps}'
        f'<svg viewBox="0 0 {reading.width} {reading.height}" preserveAspectRatio="none">{regions}{boxes}</svg>'
        '<span class="gk-side gk-side-r" title="the patient\'s right">R</span></div></div>'
    )


def _boxes(finding: Finding) -> str:
    """The box of a finding's attention; one that is not likely shows only where its finding is lit."""
    if finding.box is None:
        return ""
    likely, focus = (" gk-likely", ' tabindex="0"') if is_likely(finding) else ("", "")
    told = f"{finding.name}, {finding.probability:.2f}"
    return _rectangle(f"gk-box{likely}", f'data-of="{word(finding.name)}"{focus}', finding.box, told)


def _rectangle(kind: str, attributes: str, box: Box, told: str) -> str:
    x1, y1, x2, y2 = box
    return (
        f'<rect class="{kind}" {attributes} role="img" aria-label="{shown(told)}" x="{x1:.1f}" y="{y1:.1f}" '
        f'width="{x2 - x1:.1f}" height="{y2 - y1:.1f}"><title>{shown(told)}</title></rect>'
    )


def _controls(reading: Reading) -> str:
    """Sliders and switches of what there is to see."""
    sliders = (
        ("mix", "Image", "attention", 0, 100, 35, 1),
        ("bright", "Brightness", "", 40, 250, 100, 5),
        ("contrast", "Contrast", "", 50, 250, 100, 5),
        ("zoom", "Zoom", "", 1, 5, 1, 0.25),
    )
    has_map = reading.frame is not None and any(one.attention for one in reading.findings)
    rows = "".join(
        f'<label class="gk-slider gk-set-{key}"><span>{name}</span><input type="range" data-set="{key}" '
        f'min="{least}" max="{most}" step="{step}" value="{start}" aria-label="{told}">'
        f"{f'<span>{other}</span>' if other else ''}</label>"
        for key, name, other, least, most, start, step in sliders
        if has_map or key != "mix"
        for told in [f"{name} to {other}" if other else name]
    )
    has_box = bool(reading.detections) or any(one.box for one in reading.findings)
    switches = ("boxes", " checked", has_box), ("regions", "", bool(reading.regions))
    checks = "".join(
        f'<label><input type="checkbox" data-show="{name}"{start}> {name}</label>'
        for name, start, is_there in switches
        if is_there
    )
    reset = '<button type="button" class="gk-reset">Reset view</button>'
    return f'<div class="gk-controls">{rows}<div class="gk-checks">{checks}{reset}</div></div>'


def _know(reading: Reading) -> str:
    """The knowledge row of each finding; that of the lit one is seen."""
    rows = [one for one in reading.findings if one.knowledge is not None]
    return '<div class="gk-know" aria-live="polite">' + "".join(
        f'<div data-of="{word(one.name)}"{"" if first else " hidden"}>{_row(one)}</div>' for first, one in _first(rows)
    ) + "</div>"  # fmt: skip


def _row(finding: Finding) -> str:
    known = finding.knowledge
    assert known is not None
    attended = ", ".join(f"{shown(name)} {share:.0%}" for name, share in known.attended.items()) or "none"
    prior = shown(", ".join(known.prior)) or "all regions"
    at = f"; its highest point lies in: {shown(finding.region)}" if finding.region else ""
    return (
        f"<h3>Why: {shown(finding.name)}</h3><dl><dt>Prompt</dt><dd>{shown(known.prompt)}</dd>"
        f"<dt>Looks at</dt><dd>{attended}{at}</dd><dt>May show in</dt><dd>{prior}</dd></dl>"
    )


def _findings(reading: Reading) -> str:
    if not reading.findings:
        nothing = '<p class="gk-soft">None of the models scores any.</p>'
        return f'<section class="gk-findings"><h3>Findings</h3>{nothing}</section>'
    likely = [one for one in reading.findings if is_likely(one)]
    rest = [one for one in reading.findings if not is_likely(one)]
    open_rows = likely + rest[: max(SHOWN - len(likely), 0)]
    folded = rest[max(SHOWN - len(likely), 0) :]
    more = f"<details><summary>{len(folded)} less likely</summary>{_rows(folded)}</details>" if folded else ""
    return (
        f'<section class="gk-findings"><h3>Findings</h3>{_rows(open_rows)}{more}'
        f'<p class="gk-soft">{shown(_meaning(reading))}</p></section>'
    )


def _meaning(reading: Reading) -> str:
    """What the probabilities of a reading mean, in a sentence or two."""
    told = [
        "Uncalibrated: nobody has measured what these numbers mean." if one == UNCALIBRATED
        else f"Probabilities {one}."
        for one in dict.fromkeys(reading.probabilities)
    ]  # fmt: skip
    if reading.at:
        told.append(f"Thresholds: {reading.at}, with 95 % intervals.")
    return " ".join(told)


def _found(reading: Reading) -> str:
    """Boxes that a model was trained to find."""
    if not reading.detections:
        return ""
    rows = "".join(
        f'<li><button type="button" class="gk-finding gk-likely gk-detection" data-of="box-{n}">'
        f'<span class="gk-name">{shown(one.label)}</span><span class="gk-number">{one.score:.2f}</span>'
        f'<span class="gk-verdict">from {one.threshold:.2f} on</span></button></li>'
        for n, one in enumerate(reading.detections)
    )
    return f'<section class="gk-findings"><h3>Boxes found</h3><ul>{rows}</ul></section>'


def _rows(findings: Iterable[Finding]) -> str:
    return f"<ul>{''.join(f'<li>{_finding(one)}</li>' for one in findings)}</ul>"


def _finding(one: Finding) -> str:
    """A finding as a button with its probability as a bar, threshold and interval in it."""
    marks = ""
    if one.threshold is not None:
        low, high = one.threshold_low, one.threshold_high
        if low is not None and high is not None:
            marks += f'<i class="gk-interval" style="left:{low:.1%};width:{max(high - low, 0):.1%}"></i>'
        marks += f'<i class="gk-threshold" style="left:{one.threshold:.1%}"></i>'
    likely = " gk-likely" if is_likely(one) else ""
    return (
        f'<button type="button" class="gk-finding{likely}" data-of="{word(one.name)}" title="{shown(_told(one))}">'
        f'<span class="gk-name">{shown(one.name)}</span><span class="gk-bar" aria-hidden="true">'
        f'<b style="width:{one.probability:.1%}"></b>{marks}</span><span class="gk-number">{one.probability:.2f}</span>'
        f'<span class="gk-verdict">{_verdict(one)}</span></button>'
    )


def _verdict(one: Finding) -> str:
    if one.is_likely is None:
        return "uncalibrated" if one.calibration == UNCALIBRATED else "no threshold"
    sign = "≥" if one.is_likely else "<"
    within = ""
    if one.threshold_low is not None and one.threshold_high is not None:
        within = f" [{one.threshold_low:.2f}, {one.threshold_high:.2f}]"
    return f"{sign} {one.threshold:.2f}{within}"


def _told(one: Finding) -> str:
    """All that is known of a probability, in words."""
    told = f"{one.name}: probability {one.probability:.3f}, {one.calibration}"
    if one.threshold is not None:
        told += f"; threshold {one.threshold:.3f}"
        if one.threshold_low is not None and one.threshold_high is not None:
            told += f" [{one.threshold_low:.3f}, {one.threshold_high:.3f}]"
    return f"{told}; by the {one.source} of the model" + (f"; {one.region}" if one.region else "")


def _report(reading: Reading) -> str:
    if reading.report is None:
        return ""
    text = " ".join(map(_sentence, reading.report)) or "<i>empty</i>"
    return f'<section class="gk-report"><h3>Generated report</h3><p>{text}</p></section>'


def _sentence(sentence: Sentence) -> str:
    """A sentence that lights what it speaks of; one of which the labeler reads nothing is plain text."""
    if not sentence.links:
        return f'<span class="gk-plain">{shown(sentence.text)}</span>'
    words = " ".join(dict.fromkeys(word(one.entity) for one in sentence.links))
    regions = " ".join(dict.fromkeys(word(region) for one in sentence.links for region in one.regions))
    without = " ".join(dict.fromkeys(word(one.entity) for one in sentence.links if one.no_box))
    told = "; ".join(map(_link_told, sentence.links))
    badge = '<small class="gk-none">no box</small>' if all(one.no_box for one in sentence.links) else ""
    negates = " gk-absent" if all(one.said == "absent" for one in sentence.links) else ""
    return (
        f'<span class="gk-sentence{negates}" role="button" tabindex="0" data-of="{words}" data-regions="{regions}" '
        f'data-boxless="{without}" title="{shown(told)}">{shown(sentence.text)}{badge}</span>'
    )


def _link_told(link: Link) -> str:
    where = ", ".join(link.regions[:4])
    return " ".join(filter(None, (link.side, link.entity, link.said))) + "".join(
        f": {part}" for part in (where, link.no_box) if part
    )


def _answer(one: Answer) -> str:
    how = "" if one.probability is None else f' <span class="gk-number">{one.probability:.2f}</span>'
    others = ", ".join(f"{shown(text)} {share:.2f}" for text, share in one.others if share >= WORTH)
    beside = f'<span class="gk-soft">{shown(one.calibration)}{"; then " + others if others else ""}</span>'
    remark = notice(one.remark) if one.remark else ""
    said = f"<p>{shown(one.question)}</p><p><b>{shown(one.text)}</b>{how}</p>"
    return f'<div class="gk-answer">{said}{beside}{remark}</div>'


def _neighbours(near: list[Neighbour]) -> str:
    if not near:
        return ""
    cells = "".join(
        f'<figure><img alt="" src="{one.thumbnail}"><figcaption>{shown(one.name)}<br>{one.similarity:.3f}</figcaption>'
        "</figure>"
        for one in near
    )
    return f'<section class="gk-near"><h3>Nearest in the index</h3><div>{cells}</div></section>'


def is_likely(finding: Finding) -> bool:
    """Whether a finding reaches its threshold; without one, one half."""
    return counts(finding.probability, finding.is_likely)


def word(name: str) -> str:
    """A name as one word of an attribute."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _first(findings: Iterable[Finding]) -> Iterable[tuple[bool, Finding]]:
    return ((number == 0, one) for number, one in enumerate(findings))
