"""The adapter on a stand-in for spaCy: thresholds, the program, and the line that says where it runs."""

import sys
from types import ModuleType, SimpleNamespace

import pytest

from gkmvlp.errors import UsageError
from gkmvlp.knowledge.linker import Mention, read_mentions
from gkmvlp.knowledge.scispacy_linker import ScispacyLinker, main


def entity(text, start, found):
    return SimpleNamespace(text=text, start_char=start, end_char=start + len(text), _=SimpleNamespace(kb_ents=found))


class Model:
    def __init__(self):
        self.pipes = {}

    def add_pipe(self, name, config):
        self.pipes[name] = config

    def __call__(self, text):
        ents = [entity("lung", 2, [("X1", 0.99), ("X2", 0.98)]), entity("a", 0, [("X3", 1.0)])]
        return SimpleNamespace(ents=[*ents, entity("rib", 7, [("X4", 0.94)]), entity("air", 11, [])])


@pytest.fixture
def spacy(monkeypatch):
    module, model = ModuleType("spacy"), Model()
    module.load = lambda name: model
    monkeypatch.setitem(sys.modules, "spacy", module)
    for name in ("scispacy", "scispacy.linking"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    return model


def test_the_best_concept_of_each_long_enough_name(spacy):
    assert ScispacyLinker()("a lung rib air") == [Mention(2, 6, "X1")]
    assert spacy.pipes == {"scispacy_linker": {"linker_name": "umls"}}


def test_the_program_writes_what_the_library_reads(spacy, tmp_path):
    texts, out = tmp_path / "texts.txt", tmp_path / "mentions.jsonl"
    texts.write_text("a lung rib air\n")
    assert main([str(texts), str(out)]) == 0
    assert read_mentions(out)("a lung rib air") == [Mention(2, 6, "X1")]


def test_without_scispacy_one_line_names_the_remedy(monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(sys.modules, "scispacy.linking", None)
    with pytest.raises(UsageError, match=r"docs/knowledge\.md"):
        ScispacyLinker()
    texts = tmp_path / "texts.txt"
    texts.write_text("a\n")
    assert main([str(texts), str(tmp_path / "out")]) == 2
    assert main([str(tmp_path / "absent"), "out"]) == 1
    assert main([]) == 2
    assert capsys.readouterr().err.count("\n") == 3
    assert not (tmp_path / "out").exists()
