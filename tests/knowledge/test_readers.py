"""Readers on tables written here, on look-alikes of UMLS with invented ids, and on SLAKE's real files."""

import re

import pytest

from gkmvlp.anatomy import REGIONS
from gkmvlp.entities import ENTITIES
from gkmvlp.errors import DataError
from gkmvlp.knowledge import umls
from gkmvlp.knowledge.graph import Concept, Triple
from gkmvlp.knowledge.linker import DictionaryLinker, Mention, read_cuis, read_mentions
from gkmvlp.knowledge.radiology import TABLES, radiology
from gkmvlp.knowledge.slake import FILES, RELATIONS, read_slake
from gkmvlp.knowledge.tsv import read_tsv
from gkmvlp.knowledge.umls import read_umls


def written(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def refused(call, *told):
    with pytest.raises(DataError) as caught:
        call()
    assert "\n" not in str(caught.value)
    for words in told:
        assert words in str(caught.value)


# tables with tabs
TRIPLES = "head\trelation\ttail\tsource\nA\tpart of\tB\tbook\nB\tis a\tC\t\nA\tpart of\tB\tother\n"
CONCEPTS = "id\tname\tsynonyms\tkind\nA\tapex\ttop| tip\tanatomy\nB\tlung\t\t\nC\torgan\t\t\n"


def test_tables_with_tabs(tmp_path):
    triples, concepts = written(tmp_path / "t.tsv", TRIPLES), written(tmp_path / "c.tsv", CONCEPTS)
    graph = read_tsv(triples, concepts, "tsv", "7")
    assert graph.concepts == (
        Concept("A", "apex", ("top", "tip"), "anatomy"),
        Concept("B", "lung"),
        Concept("C", "organ"),
    )
    assert graph.triples == (Triple("A", "part of", "B", "book"), Triple("B", "is a", "C", "t.tsv"))
    alone = read_tsv(triples, None, "tsv", "7")
    assert [(concept.id, concept.name) for concept in alone.concepts] == [("a", "a"), ("b", "b"), ("c", "c")]


@pytest.mark.parametrize(
    ("triples", "concepts", "told"),
    [
        ("", CONCEPTS, ("t.tsv is empty", "head, relation, tail")),
        ("head\trelation\ttail\n", CONCEPTS, ("no row below its header",)),
        ("head\ttail\nA\tB\n", CONCEPTS, ("no column 'relation'",)),
        ("head\trelation\ttail\nA\tin\t\n", CONCEPTS, ("row 1: tail is empty",)),
        ("head\trelation\ttail\nA\tin\n", CONCEPTS, ("row 1: tail is empty",)),
        ("head\trelation\ttail\nA\tin\tlungs\n", CONCEPTS + "lung\tlung\t\t\n", ("'lungs'; did you mean 'lung'?",)),
        (TRIPLES, CONCEPTS + "A\tagain\t\t\n", ("'A' stands twice",)),
        (TRIPLES, None, ("cannot read", "c.tsv")),
    ],
)
def test_tables_that_cannot_be_read(tmp_path, triples, concepts, told):
    path = written(tmp_path / "t.tsv", triples)
    if concepts is not None:
        written(tmp_path / "c.tsv", concepts)
    refused(lambda: read_tsv(path, tmp_path / "c.tsv", "tsv", "7"), *told)


# UMLS: invented ids, in the format of the Reference Manual
def row(columns, **cells):
    assert set(cells) <= set(columns)
    return "|".join([*(cells.get(column, "") for column in columns), ""]) + "\n"


def relation(head, tail, **cells):
    """CUI2 has the relation to CUI1."""
    told = {"REL": "RO", "RELA": "finding_site_of", "SAB": "SNOMEDCT_US", "SUPPRESS": "N"} | cells
    return row(umls.MRREL, CUI1=tail, CUI2=head, **told)


def atom(cui, name, **cells):
    told = {"LAT": "ENG", "TS": "S", "STT": "VO", "ISPREF": "N", "SUPPRESS": "N"} | cells
    return row(umls.MRCONSO, CUI=cui, STR=name, **told)


PREFERRED = {"TS": "P", "STT": "PF", "ISPREF": "Y"}
RELATIONS_TEXT = "".join(
    [
        relation("X0000001", "X0000002"),
        relation("X0000001", "X0000002"),
        relation("X0000002", "X0000001", DIR="N"),
        relation("X0000003", "X0000001", RELA=""),
        relation("X0000003", "X0000003"),
        relation("X0000003", "X0000002", SUPPRESS="O"),
        relation("X0000003", "X0000002", SAB="MSH"),
        relation("X0000003", "X0000002", REL="PAR"),
        relation("X0000004", "X0000002"),
    ]
)
NAMES_TEXT = "".join(
    [
        atom("X0000001", "wing of zeppelin"),
        atom("X0000001", "Zeppelin wing", **PREFERRED),
        atom("X0000001", "Zeppelinflügel", LAT="GER"),
        atom("X0000001", "old wing", SUPPRESS="O"),
        atom("X0000002", "Zeppelin", **PREFERRED),
        atom("X0000003", "Balloon"),
        atom("X0000009", "not asked for"),
    ]
)


@pytest.fixture
def meta(tmp_path):
    written(tmp_path / "MRREL.RRF", RELATIONS_TEXT)
    written(tmp_path / "MRCONSO.RRF", NAMES_TEXT)
    written(tmp_path / "MRSTY.RRF", row(umls.MRSTY, CUI="X0000002", STY="Vehicle"))
    written(tmp_path / "release.dat", "umls.release.name=1900AA\numls.release.description=Base\n")
    return tmp_path


def test_umls_triples_run_from_the_second_concept_to_the_first(meta):
    graph = read_umls(meta, umls.release(meta))
    assert graph.version == "1900AA"
    assert graph.triples == (
        Triple("X0000001", "finding_site_of", "X0000002", "UMLS SNOMEDCT_US"),
        Triple("X0000003", "RO", "X0000001", "UMLS SNOMEDCT_US"),
    )
    assert graph.concepts == (
        Concept("X0000001", "Zeppelin wing", ("wing of zeppelin",)),
        Concept("X0000002", "Zeppelin", (), "Vehicle"),
        Concept("X0000003", "Balloon"),
    )


def test_umls_is_cut_to_the_concepts_vocabularies_and_relations_asked_for(meta):
    assert len(read_umls(meta, "", only={"X0000001", "X0000002"}).triples) == 1
    assert len(read_umls(meta, "", sources=("MSH",)).triples) == 1
    assert [triple.tail for triple in read_umls(meta, "", relations=("PAR",)).triples] == ["X0000002"]
    refused(lambda: read_umls(meta, "", only={"X0000002"}), "no triple of SNOMEDCT_US", "among the 1 concepts")


@pytest.mark.parametrize("name", ["MRREL.RRF", "MRCONSO.RRF"])
@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda text: "", "is empty"),
        (lambda text: text.replace("|", "", 1), "line 1: "),
        (lambda text: text + text.splitlines()[0] + "extra|\n", "each with | behind it were expected, got"),
        (lambda text: text.replace("|\n", "\n"), "line 1: "),
    ],
)
def test_umls_files_of_another_release_are_one_line(meta, name, change, told):
    written(meta / name, change((meta / name).read_text()))
    refused(lambda: read_umls(meta, ""), name, told, "full UMLS release")


def test_names_of_another_release_are_refused_and_a_few_that_lack_are_counted(meta, capsys):
    assert len(read_umls(meta, "").concepts) == 3
    assert capsys.readouterr().err == "note: 1 of 4 concepts have no English name and are left out\n"
    written(meta / "MRCONSO.RRF", atom("X0000002", "Zeppelin", **PREFERRED))
    refused(lambda: read_umls(meta, ""), "English name for 1 of the 4 concepts", "both files of one release?")


def test_a_release_file_in_another_encoding(meta):
    (meta / "release.dat").write_bytes(b"umls.release.name=1900AA\numls.release.description=\xe9\n")
    assert umls.release(meta) == "1900AA"


def test_a_umls_file_that_is_not_there(meta):
    (meta / "MRCONSO.RRF").unlink()
    refused(lambda: read_umls(meta, ""), "cannot read", "MRCONSO.RRF")


# SLAKE
SLAKE = {
    "en_disease.csv": "disease#attribute#value\nEmphysema#location#Lung\nEmphysema#symptom#cough, Dyspnea.\n"
    "Emphysema#alias#big lung\nEmphysema#description#a long tale, with commas\nEmphysema#location#Lung\n",
    "en_organ.csv": "organ#attribute#value\nLung#component#alveolus\nLung#function#breathing\n",
    "en_organ_rel.csv": "organ#attribute#value\nLung#belong to#Respiratory System\n",
}


def test_slake_lists_are_split_and_sentences_left_out(tmp_path):
    for name, text in SLAKE.items():
        written(tmp_path / name, text)
    graph = read_slake(tmp_path)
    assert {triple[:3] for triple in graph.triples} == {
        ("emphysema", "location", "lung"),
        ("emphysema", "symptom", "cough"),
        ("emphysema", "symptom", "dyspnea"),
        ("lung", "component", "alveolus"),
        ("lung", "belong to", "respiratory system"),
    }
    assert len(graph.triples) == 5
    assert graph.find("big lung") == (Concept("emphysema", "emphysema", ("big lung",), "disease"),)
    assert graph.find("lung")[0].kind == "organ"


@pytest.mark.parametrize(
    ("text", "told"),
    [("", "does not begin with"), ("a#b#c\n", "does not begin with"), ("organ#attribute#value\nLung#in\n", "line 2:")],
)
def test_slake_files_that_cannot_be_read(tmp_path, text, told):
    for name, whole in SLAKE.items():
        written(tmp_path / name, text if name == "en_organ.csv" else whole)
    refused(lambda: read_slake(tmp_path), "en_organ.csv", told, "SLAKE 1.0")


def test_the_real_graph_of_slake(shared_data):
    folder = shared_data / "slake" / "KG"
    if not folder.is_dir():
        pytest.skip("no knowledge graph of SLAKE")
    graph = read_slake(folder.parent)
    cells = [line.split("#") for name in FILES for line in (folder / name).read_text().splitlines()[1:]]
    listed = {
        (head.lower(), relation, re.sub(r"\s+", " ", part.strip(" .;").lower()))
        for head, relation, value in cells
        if relation in RELATIONS
        for part in value.split(",")
        if part.strip(" .;")
    }
    assert {triple[:3] for triple in graph.triples} == listed
    assert ("emphysema", "location", "lung") in listed
    assert len(graph.triples) == len(listed) > 2000
    assert graph.find("LUNG")[0].kind == "organ"


# the open graph
def test_the_open_graph_holds_every_entity_and_region_and_names_its_sources():
    graph = radiology()
    assert {entity.name for entity in ENTITIES} | set(REGIONS) <= set(graph.index)
    assert 150 <= len(graph.triples) <= 300
    assert {"part of", "located in", "sign of", "treated by"} <= set(graph.relations)
    sources = [line.split("\t") for line in (TABLES / "radiology_sources.tsv").read_text().splitlines()[1:]]
    assert {triple.source for triple in graph.triples} == {name for name, reference in sources}
    assert all(len(reference) > 40 for _, reference in sources)


def test_every_concept_of_the_open_graph_has_a_triple_and_a_wording_of_its_own():
    graph = radiology()
    named = {end for triple in graph.triples for end in (triple.head, triple.tail)}
    assert named == set(graph.index)
    assert all(len(rows) == 1 for rows in graph.wordings.values())
    assert all(triple.head != triple.tail for triple in graph.triples)


def test_the_open_graph_links_a_report():
    linker, text = DictionaryLinker.of(radiology()), "Cardiomegaly with small left pleural effusions. No pneumothorax."
    found = [(text[one.start : one.end], one.concept) for one in linker(text)]
    assert found == [
        ("Cardiomegaly", "cardiomegaly"), ("pleural effusions", "pleural effusion"), ("pneumothorax", "pneumothorax"),
    ]  # fmt: skip


# links made before
def test_concepts_of_images_and_mentions_of_texts(tmp_path):
    path = written(tmp_path / "cuis.txt", "ROCO_1\tX1\tX2\tX1\nROCO_2\n")
    assert read_cuis(path) == {"ROCO_1": ("X1", "X2"), "ROCO_2": ()}
    links = written(tmp_path / "m.jsonl", '{"text": "a lung", "mentions": [[2, 6, "X1"]]}\n')
    assert read_mentions(links)("a lung") == [Mention(2, 6, "X1")]


@pytest.mark.parametrize(
    ("read", "text", "told"),
    [
        (read_cuis, "", "is empty"),
        (read_cuis, "A\tX\nA\tY\n", "line 2: image 'A' stands twice"),
        (read_mentions, "{}\n", "line 1: "),
        (read_mentions, '{"text": "a", "mentions": [[0, "X"]]}\n', "line 1: "),
        (read_mentions, '{"text": "a", "mentions": [[0, 2, "X"]]}\n', "lies outside text 'a'"),
        (read_mentions, "not json\n", "link the texts again"),
    ],
)
def test_files_of_links_that_cannot_be_read(tmp_path, read, text, told):
    refused(lambda: read(written(tmp_path / "file", text)), told)
    refused(lambda: read(tmp_path / "absent"), "cannot read")
