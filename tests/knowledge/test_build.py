"""The whole build: files, manifest, restart, and what is refused."""

import json
from dataclasses import replace

import pytest
import torch
from pyarrow import parquet
from safetensors.torch import load_file

from gkmvlp.errors import DataError, UsageError
from gkmvlp.knowledge import build as building
from gkmvlp.knowledge.build import build
from gkmvlp.knowledge.radiology import radiology
from gkmvlp.knowledge.storage import MANIFEST, TABLES, TRIPLES, file_hash, load_graph, save_graph
from gkmvlp.knowledge.transe import TransEConfig

CONFIG = TransEConfig(width=8, epochs=30, batches=3, negatives=4)
FILES = ["concepts.parquet", "manifest.json", "transe.safetensors", "triples.parquet"]


@pytest.fixture(scope="module")
def graph():
    return radiology()


@pytest.fixture(scope="module")
def built(graph, tmp_path_factory):
    folder = tmp_path_factory.mktemp("built") / "graph"
    build(graph, CONFIG, folder, 0.1, {"terms": "open"})
    return folder


def test_what_is_written_is_what_comes_back(graph, built):
    assert sorted(path.name for path in built.iterdir()) == FILES
    back = load_graph(built)
    assert (back.concepts, back.triples, back.source, back.version) == (
        graph.concepts, graph.triples, graph.source, graph.version,
    )  # fmt: skip
    assert back.table_ND.shape == (len(graph.concepts), 8)
    assert back.relation_RD.shape == (len(graph.relations), 8)
    assert parquet.read_table(built / TRIPLES).column_names == ["head", "relation", "tail", "source"]


def test_the_manifest_seals_the_files(built):
    manifest = json.loads((built / MANIFEST).read_text())
    assert manifest["sha256"] == {name: file_hash(built / name) for name in FILES if name != MANIFEST}
    assert manifest["terms"] == "open"
    assert (manifest["source"], manifest["version"]) == ("radiology", "1")
    assert manifest["held_out"]["triples"] == round(0.1 * manifest["triples"])
    assert 0 <= manifest["held_out"]["hits_at_10"] <= 1


class Killed(BaseException):
    """A build that ends where it is."""


@pytest.mark.parametrize("writes", [1, 2, 4, 6])
def test_a_build_that_was_stopped_anywhere_gives_the_same_files(graph, built, tmp_path, monkeypatch, writes):
    """Six states are written: three of each training."""
    write, left = building._write_state, [writes]

    def stopping(*arguments):
        write(*arguments)
        left[0] -= 1
        if not left[0]:
            raise Killed

    monkeypatch.setattr(building, "_write_state", stopping)
    with pytest.raises(Killed):
        build(graph, CONFIG, tmp_path, 0.1, {"terms": "open"})
    assert not (tmp_path / MANIFEST).exists()
    with pytest.raises(DataError, match="no finished graph"):
        load_graph(tmp_path)
    again, epochs = [], building.train
    monkeypatch.setattr(building, "_write_state", write)
    monkeypatch.setattr(building, "train", lambda t, state, *more: again.append(state.epoch) or epochs(t, state, *more))
    build(graph, CONFIG, tmp_path, 0.1, {"terms": "open"})
    assert again == ([writes * 10, 0] if writes < 3 else [30, (writes - 3) * 10])
    assert sorted(path.name for path in tmp_path.iterdir()) == FILES
    assert [(tmp_path / name).read_bytes() for name in FILES] == [(built / name).read_bytes() for name in FILES]


def test_a_finished_build_is_left_and_another_one_begins_anew(graph, built, tmp_path, monkeypatch):
    monkeypatch.setattr(building, "train", None)
    manifest = build(graph, CONFIG, built, 0.1, {"terms": "open"})
    assert manifest == json.loads((built / MANIFEST).read_text())
    monkeypatch.undo()
    state = tmp_path / "state"
    tables = building.start(2, 1, CONFIG)
    building._write_state(state, tables, "one")
    assert building._read_state(state, "other") is None
    assert torch.equal(building._read_state(state, "one").tables.concept_ND, tables.tables.concept_ND)


@pytest.mark.parametrize(
    ("share", "told"), [(1.0, "below 1"), (-0.1, "from 0"), (0.001, "is 0 of"), (0.999, "take another")]
)
def test_a_share_that_leaves_nothing_is_refused(graph, tmp_path, share, told):
    with pytest.raises(UsageError, match=told):
        build(graph, CONFIG, tmp_path, share, {})


def test_without_a_share_there_is_one_training_on_all(graph, built, tmp_path):
    manifest = build(graph, CONFIG, tmp_path, 0, {})
    assert manifest["held_out"] is None
    assert torch.equal(load_file(tmp_path / TABLES)["concepts"], load_file(built / TABLES)["concepts"])


def test_a_changed_or_missing_file_is_named(graph, tmp_path):
    save_graph(replace(graph, table_ND=torch.zeros(1, 2), relation_RD=torch.zeros(1, 2)), tmp_path, {})
    (tmp_path / TRIPLES).write_bytes(b"x")
    with pytest.raises(DataError, match=r"triples\.parquet is missing or not what manifest\.json was written for"):
        load_graph(tmp_path)
    (tmp_path / MANIFEST).write_text('{"format": 0}')
    with pytest.raises(DataError, match="not of format 1: build it again"):
        load_graph(tmp_path)
