"""Cards say what entries say; the committed ones are current."""

import dataclasses
import json
import re

import pytest

from gkmvlp.app.cli import main
from gkmvlp.app.running.configs import by_name, data_class
from gkmvlp.data_modules.inspection.check import find_class
from gkmvlp.data_modules.synthetic.lookalikes import layout_of, write_lookalikes
from gkmvlp.metrics.results.group_result import Group, GroupedResult
from gkmvlp.notices import NOT_CLINICAL
from gkmvlp.zoo.registry import PACKAGED, entries, find
from gkmvlp.zoo.store.cards import card
from gkmvlp.zoo.store.packaged import MODELS
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


def test_cards_have_figures_by_all_groups_that_the_data_know(package, phantoms, tmp_path):
    """`gkmvlp zoo make --only-test` measures what this finds lacking; phantoms with questions know no group."""
    write_lookalikes(tmp_path, {"nih": 4, "rsna": 6}, 0, size=32, workers=1)
    known = {}
    for shipped in MODELS:
        name = data_class(by_name(shipped.config))
        own = phantoms if layout_of(name) in ("mimic", "vqa") else tmp_path
        data = find_class(name)(str(own))
        data.check()
        known[shipped.name] = data.known_groups(None).keys() - {"sample_id"}
    assert {name: {grouped.by for grouped in find(name).groups} for name in known} == known
    assert known["arl-phantom-vqa"] == set()
    assert known["gk-mvlp-phantom-classification"] == {"sex", "age", "view"}


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


def grouped(**changes):
    """An AUROC by sex, of which the men's is lower; 12 of unknown age."""
    groups = [Group("F", 60, 40, 0.8, 0.7, 0.9), Group("M", 50, 35, 0.7, 0.6, 0.8)]
    figure = GroupedResult("grounding", "pointing_game", None, "pretrained", "d", "s@1", "sex", groups, 0, "M", "F",
                           0.1, -0.05, 0.25, "metric:x|by:sex")  # fmt: skip
    return dataclasses.replace(figure, **changes)


def test_a_card_names_worst_group_and_gap(tmp_path, monkeypatch):
    monkeypatch.setenv("GKMVLP_ZOO", str(tmp_path))
    small = [Group("under 40", 20, 12, None, None, None), Group("60 and over", 60, 40, 0.8, 0.7, 0.9)]
    ages = grouped(by="age", groups=small, worst=None, best=None, gap=None, gap_low=None, gap_high=None)
    entry = write_entry(tmp_path, results=[FIGURE], groups=[grouped(), ages])
    assert find(entry.name).groups == [grouped(), ages]
    text = card(entry)
    assert "| grounding | pointing_game |  | sex | M | F | 0.100 [-0.050, 0.250] |" in text
    assert "| grounding | pointing_game |  | age | too few | too few |  |" in text
    assert "for the number of comparisons. None by view and source: of the images tested the data do not tell" in text
    assert "| pointing_game |  | pretrained | age | under 40 | 20 (12) | too few |" in text


def test_a_card_says_what_is_read_with_the_image(entry):
    for task, word in (("vqa", "question"), ("image_text_classification", "text")):
        text = card(dataclasses.replace(entry, task=task))
        assert re.search(rf'gkmvlp predict .* --{word} ".+" image.png', text)
        assert re.search(rf'model\.predict\("image.png", {word}=".+"\)', text)
    assert 'model.predict("image.png")' in card(entry)


def test_a_card_without_groups_says_so(entry):
    assert "Figures by groups of patients.** None by sex, age, view and source: of the images tested" in card(entry)
