"""Cards say what entries say; the committed ones are current."""

import json
import re

import pytest

from gkmvlp.app.cli import main
from gkmvlp.notices import NOT_CLINICAL
from gkmvlp.zoo.registry import PACKAGED, entries, find
from gkmvlp.zoo.store.cards import card
from tests.zoo.store.server import write_entry
from tests.zoo.test_registry import FIGURE


@pytest.fixture
def entry(tmp_path, monkeypatch):
    monkeypatch.setenv("GKMVLP_ZOO", str(tmp_path / "zoo"))
    return write_entry(tmp_path / "zoo", results=[FIGURE], backbone="zoo://other@0123456789ab")


def test_committed_cards_are_current(package):
    """`gkmvlp zoo card NAME --write` mends what this finds."""
    ours = {name: entry for name, entry in entries().items() if entry.origin.startswith(str(PACKAGED))}
    stale = [name for name, entry in ours.items() if (PACKAGED / f"{name}.md").read_text() != card(entry)]
    assert stale == []
    assert {path.stem for path in PACKAGED.glob("*.md")} == set(ours)


def test_a_card_holds_what_a_reader_asks(entry):
    text = card(entry)
    headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert headings == ["Method", "Use", "Data and licences", "Results", "Limits", "Files"]
    for needed in (
        NOT_CLINICAL, "Not for: ", entry.summary, entry.backbone, "0.500 [0.400, 0.600] (95 %)", "9 (3)", "Apache-2.0",
        "no patient data", FIGURE.signature, "Reads nothing.", "0" * 64, *(file.sha256 for file in entry.files),
    ):  # fmt: skip
        assert needed in text
    used = [line for block in re.findall(r"```\w+\n(.*?)```", text, re.DOTALL) for line in block.splitlines() if line]
    assert len(used) == 5


def test_the_command_writes_it_beside_the_entry(entry, tmp_path, capsys):
    assert main(["zoo", "card", "small"]) == 0
    assert capsys.readouterr().out == card(find("small"))
    assert main(["zoo", "card", "small", "--write"]) == 0
    assert (tmp_path / "zoo" / "small.md").read_text() == card(find("small"))


def test_the_command_as_json(entry, tmp_path, capsys):
    assert main(["zoo", "card", "small", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"name": "small", "card": card(find("small"))}
    assert main(["zoo", "card", "small", "--write", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"name": "small", "file": str(tmp_path / "zoo" / "small.md")}
