"""A graph that a user built: a model starts from its embeddings, and its backbone's folder holds the graph."""

import shutil

import pytest
import torch

from gkmvlp.anatomy import REGIONS
from gkmvlp.checkpoints import backbone as backbones
from gkmvlp.errors import GkmvlpError
from gkmvlp.knowledge.build import build
from gkmvlp.knowledge.graph import Concept, KnowledgeGraph, Triple
from gkmvlp.knowledge.storage import load_graph
from gkmvlp.knowledge.transe import TransEConfig
from tests.tiny import arl_architecture

ENTITIES = arl_architecture().knowledge.entities
TEXTS = ["no effusion"] * 9  # for the tokenizer


@pytest.fixture(scope="module")
def own_graph(tmp_path_factory):
    """A graph of a user, trained at the width of the tiny architecture."""
    folder = tmp_path_factory.mktemp("graph") / "built"
    concepts = (Concept("C1", "Heart failure", ("cardiac failure",)), Concept("C2", "Cardiomegaly"))
    graph = KnowledgeGraph(
        concepts, (Triple("C2", "sign of", "C1", "x"), Triple("C1", "shown by", "C2", "x")), "tsv", "1"
    )
    build(graph, TransEConfig(width=8, epochs=2), folder, 0.0, {})
    return folder


@torch.no_grad()
def test_a_graph_of_the_user_joins_the_entities_and_lies_in_the_backbone(own_graph, tmp_path):
    folder = shutil.copytree(own_graph, tmp_path / "mine")
    before = backbones.build(arl_architecture(**{"knowledge.graph": str(folder)}), TEXTS)
    before.model.eval()
    learned, findings = load_graph(folder).table_ND, len(ENTITIES)
    rows = findings + len(REGIONS)
    assert len(before.model.graph.table_ND) == rows + 1
    assert torch.equal(before.model.graph.table_ND[rows], learned[0])
    assert torch.equal(before.model.graph.table_ND[ENTITIES.index("cardiomegaly")], learned[1])
    named = before.read_texts(["Cardiac failure, and cardiomegaly."]).named(rows + 1)
    assert named[0].nonzero().flatten().tolist() == [ENTITIES.index("cardiomegaly"), rows]
    backbones.save(before, tmp_path / "bb")
    assert str(tmp_path) not in (tmp_path / "bb" / "config.json").read_text()
    shutil.rmtree(folder)
    after = backbones.load((tmp_path / "bb").rename(tmp_path / "moved"))
    after.model.eval()
    backbones.save(after, tmp_path / "again")
    for name in ("config.json", "graph.json"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "moved" / name).read_bytes()
    read = ["Cardiac failure.", "Nothing."]
    for mine, theirs in zip(before.read_texts(read), after.read_texts(read), strict=True):
        assert torch.equal(mine, theirs)
    assert torch.equal(before.model.encode_entities(), after.model.encode_entities())


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"projection_dim": 16}, r"embeddings of width 8, projection_dim is 16: build it with --width 16"),
        ({"knowledge.triples": "shuffled"}, "leave knowledge.graph null"),
        ({"knowledge.graph": "nowhere"}, "nowhere is no finished graph"),
    ],
)
def test_a_graph_that_does_not_fit_is_one_line(own_graph, changes, told):
    with pytest.raises(GkmvlpError, match=told) as raised:
        backbones.build(arl_architecture(**{"knowledge.graph": str(own_graph), **changes}), TEXTS)
    assert "\n" not in str(raised.value)


def test_a_backbone_whose_graph_is_gone_or_changed_is_one_line(own_graph, tmp_path):
    made = backbones.build(arl_architecture(**{"knowledge.graph": str(own_graph)}), TEXTS)
    backbones.save(made, tmp_path)
    (tmp_path / "graph.json").unlink()
    with pytest.raises(GkmvlpError, match=r"graph\.json") as raised:
        backbones.load(tmp_path)
    assert "\n" not in str(raised.value)
