"""What the package imports is declared in setup.cfg, and what is declared is used."""

import ast
import configparser
import sys
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from itertools import pairwise

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.test_layout import ROOT, at_module_level, imported, modules, parse, within

# import name -> where its distribution is declared, for what is not needed to install and import the package
EXTRAS = "options.extras_require"
OPTIONAL = {
    "onnxruntime": "export", "peft": "lora", "sklearn": "test",
    "highdicom": "dicom", "dicomweb_client": "dicom", "requests": "dicom",
    "gradio": "serve", "fastapi": "serve", "uvicorn": "serve", "playwright": "browser",
}  # fmt: skip
# modules that need an extra when they are imported, which no other module then does when it is imported itself
WITH_EXTRA = {
    f"gkmvlp.app.dicom.{name}"
    for name in ("codes", "structured_report", "segmentation", "secondary_capture", "objects")
}
# gkmvlp.app.running.radeval_program runs in an environment of its own that the user names
APART = {"radeval"}
# declared and not imported: other packages find them by themselves
PLUGINS = {
    "jinja2": "huggingface_hub renders model cards with it",
    "pyjpegls": "a codec of pydicom",
    "pylibjpeg": "a codec of pydicom",
    "pylibjpeg-openjpeg": "a codec of pydicom",
}


def declared(section, option):
    """Canonical names of the distributions in a list of setup.cfg."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    lines = [line for line in config[section][option].splitlines() if line and not line.startswith("gkmvlp")]
    return {canonicalize_name(Requirement(line).name) for line in lines}


def third_party(nodes):
    """Top names of what the nodes import from neither the standard library nor this package."""
    tops = {name.partition(".")[0] for name in imported(nodes)}
    return tops - sys.stdlib_module_names - {"gkmvlp", ""}


@cache
def brought():
    """Import name -> declared distribution that brings it; the metadata of all others need not be read."""
    names = INSTALLED | {distribution for extra in OPTIONAL.values() for distribution in declared(EXTRAS, extra)}
    found = {}
    for name in names:
        with suppress(PackageNotFoundError):
            files = [file.parts for file in distribution(name).files or () if file.suffix in (".py", ".so")]
            found |= {parts[0].partition(".")[0]: name for parts in files}
    return found


def distribution_of(name):
    """Canonical name of the declared distribution that brings an import name; the name itself where none does."""
    return brought().get(name, canonicalize_name(name))


TREES = {module: parse(path) for module, path in modules(ROOT).items()}
ANYWHERE = {name for tree in TREES.values() for name in third_party(ast.walk(tree))}
AT_IMPORT = {
    name for module, tree in TREES.items() for name in third_party(at_module_level(tree)) if module not in WITH_EXTRA
}
INSTALLED = declared("options", "install_requires")


def test_every_import_is_declared():
    missing = {name for name in ANYWHERE - APART - set(OPTIONAL) if distribution_of(name) not in INSTALLED}
    assert missing == set()


def test_optional_imports_are_declared_and_wait_until_they_are_needed():
    for name, extra in OPTIONAL.items():
        assert distribution_of(name) in declared(EXTRAS, extra), name
        assert name in ANYWHERE
        assert name not in AT_IMPORT


def test_what_needs_an_extra_is_imported_when_it_is_needed():
    others = {module: tree for module, tree in TREES.items() if module not in WITH_EXTRA}
    assert TREES.keys() >= WITH_EXTRA
    wrong = [
        f"{module} imports {name}"
        for module, tree in others.items()
        for name in imported(at_module_level(tree))
        if within(name, WITH_EXTRA)
    ]
    assert wrong == []


def test_what_is_declared_is_used():
    imported_ones = {distribution_of(name) for name in ANYWHERE}
    assert INSTALLED - imported_ones == set(PLUGINS)


def test_every_requirement_has_its_reason():
    """A comment stands before it, or before the one above, whose reason is also its own."""
    lines = (ROOT / "setup.cfg").read_text(encoding="utf-8").partition("install_requires =\n")[2].splitlines()
    block = lines[: lines.index("")]
    assert block[0].lstrip().startswith("#")
    bare = [line for before, line in pairwise(block) if "#" not in before + line]
    same_reason = {"pylibjpeg-openjpeg", "python-gdcm", "pandas", "numpy"}
    assert {Requirement(line.strip()).name for line in bare} <= same_reason
