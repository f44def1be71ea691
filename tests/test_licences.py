"""No GPL or AGPL package among what an installation brings along, directly or through others."""

import functools
import re
from importlib import metadata

import pytest
from packaging.requirements import Requirement

# GPL and AGPL, in letters or in words; not LGPL, nor the Lesser (or Library) General Public License.
GPL = re.compile(
    r"(?<![a-z])a?gpl(?![a-z])|(?<![a-z])a?gplv|affero|(?<!lesser )(?<!library )general\s+public\s+licen", re.I
)
# Read by hand: what the metadata does not say in a form that a program can judge.
READ_BY_HAND = {
    "scipy": "BSD; the text adds libgfortran's GPLv3 with the GCC runtime library exception, which lifts it",
    "matplotlib": "PSF-like; the text of a bundled font's licence names the GPL only to say what is compatible",
    "cuda-toolkit": "no licence stated; a package without files that names NVIDIA's own, which state theirs",
}


def name_of(requirement):
    return re.sub(r"[-_.]+", "-", requirement.name).lower()


@functools.cache
def installed_with(root):
    """Name -> distribution of a package and all it requires here, following the extras that are asked for."""
    found, todo, seen = {}, [Requirement(root)], set()
    while todo:
        requirement = todo.pop()
        for extra in {"", *requirement.extras}:
            if (name_of(requirement), extra) in seen:
                continue
            seen.add((name_of(requirement), extra))
            found[name_of(requirement)] = metadata.distribution(requirement.name)
            wanted = map(Requirement, found[name_of(requirement)].requires or [])
            todo += [other for other in wanted if not other.marker or other.marker.evaluate({"extra": extra})]
    return found


def spdx_is_gpl(expression):
    """Whether an SPDX expression leaves no way around the GPL; brackets around one are not worked out but reported."""
    plain = re.sub(r"\S+ WITH GCC-exception-\S+", "lifted", expression)
    alternatives = [plain] if "(" in plain else re.split(r"\s+OR\s+", plain, flags=re.I)
    return all(GPL.search(alternative) for alternative in alternatives)


def complaint(expression, classifiers, text):
    """What speaks against a package, or None: the SPDX expression decides, then classifiers and free text."""
    if expression:
        return f"SPDX {expression}" if spdx_is_gpl(expression) else None
    licences = [classifier for classifier in classifiers if classifier.startswith("License ::")]
    named = [licence for licence in licences if GPL.search(licence)]
    if named:
        return named[0]
    if text and (mention := GPL.search(text)):
        return f"its text says {mention.group()!r}"
    return None if licences or text else "states no licence"


@pytest.mark.parametrize("root", ["gkmvlp", *(f"gkmvlp[{extra}]" for extra in ("export", "lora", "dicom", "serve"))])
def test_no_gpl_package_is_required(root):
    if root == "gkmvlp[serve]":
        pytest.importorskip("gradio", reason="the extra serve is not installed")
    complaints = {}
    for name, distribution in installed_with(root).items():
        meta = distribution.metadata
        reason = complaint(meta.get("License-Expression"), meta.get_all("Classifier") or [], meta.get("License"))
        if reason and name not in READ_BY_HAND:
            complaints[name] = reason
    assert complaints == {}


def test_the_walk_goes_deep():
    """jinja2 comes with torch, scipy with albumentations, docstring-parser with jsonargparse's extra signatures."""
    found = set(installed_with("gkmvlp"))
    assert found >= {"gkmvlp", "torch", "timm", "transformers", "jinja2", "scipy", "docstring-parser"}
    assert "pytest" not in found
    assert set(installed_with("gkmvlp[test]")) >= found | {"pytest"}


OSI = "License :: OSI Approved :: "


@pytest.mark.parametrize(
    ("expression", "classifiers", "text", "refused"),
    [
        ("MIT", [], None, False),
        ("GPL-3.0-or-later", [], None, True),
        ("AGPL-3.0-only", [], None, True),
        ("LGPL-2.1-or-later", [], None, False),
        ("MIT OR GPL-2.0-only", [], None, False),
        ("MIT AND GPL-2.0-only", [], None, True),
        ("GPL-2.0-only AND (MIT OR BSD-3-Clause)", [], None, True),
        ("BSD-3-Clause AND GPL-3.0-or-later WITH GCC-exception-3.1", [], None, False),
        (None, [OSI + "GNU General Public License v3 (GPLv3)"], "MIT", True),
        (None, [OSI + "GNU Affero General Public License v3"], None, True),
        (None, [OSI + "GNU Lesser General Public License v3 (LGPLv3)"], None, False),
        (None, [OSI + "GNU Library or Lesser General Public License (LGPL)"], None, False),
        (None, [OSI + "MIT License"], "MIT", False),
        (None, [OSI + "BSD License"], "the terms of the GNU General Public\n License", True),
        (None, [], "GPL V3.0", True),
        (None, [], "AGPLv3", True),
        (None, [], "MPL-2.0 AND MIT", False),
        (None, ["Programming Language :: Python"], None, True),
    ],
)
def test_what_is_refused(expression, classifiers, text, refused):
    assert (complaint(expression, classifiers, text) is not None) == refused
