"""Studies from a DICOMweb server, and readings back to it; whatever that server does, the page goes on."""

import re
import threading
import time

import numpy as np
import pydicom
import pytest
from pydicom.uid import generate_uid

from gkmvlp.app.benchmarks.radiograph import NAME, PATIENT, STUDY
from gkmvlp.app.dicom.dicomweb import DicomWeb
from gkmvlp.app.dicom.identity import ModelIdentity
from gkmvlp.app.serving.archive import Archive
from gkmvlp.app.serving.desk import Desk
from tests.app.dicom import orthanc
from tests.app.dicom.radiographs import write_radiograph
from tests.app.dicom.servers import Holding, answering, status
from tests.app.serving.files import picture
from tests.app.serving.test_desk import Tags

SERIES = "SeriesInstanceUID"


@pytest.fixture(autouse=True)
def plain(monkeypatch):
    """No proxy, and nobody's password."""
    for name in ("USER", "PASSWORD", "TOKEN", "TIMEOUT"):
        monkeypatch.delenv(f"GKMVLP_DICOMWEB_{name}", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A lateral radiograph, which is refused, before a frontal one, and one of another study."""
    folder = tmp_path_factory.mktemp("study")
    lateral = write_radiograph(folder / "lateral.dcm", ViewPosition="LL")
    frontal = write_radiograph(folder / "frontal.dcm", "F\\R")
    other = write_radiograph(
        folder / "other.dcm", StudyInstanceUID="1.2.3.4", AccessionNumber="B-1", StudyDate="20240131",
        SeriesInstanceUID=generate_uid(entropy_srcs=["other"]),
    )  # fmt: skip
    return lateral, frontal, other


@pytest.fixture
def desk_at(small_models):
    def desk(url):
        identities = [{part: ModelIdentity.of(name) for part, name in small_models.named.items()}]
        return Desk([small_models], archive=Archive(DicomWeb(url, 5), identities))

    return desk


def uid_of(file):
    return str(pydicom.dcmread(file).SOPInstanceUID)


def test_a_study_is_opened_and_its_reading_stored(desk_at, study, capsys):
    frontal = study[1]
    held = Holding(*study)
    with answering(held) as url:
        desk = desk_at(url)
        opened = desk.open_study(f"  {STUDY} ", "s", "c")
        assert "a lateral view" in opened.html
        assert f"Reading of {uid_of(frontal)}" in opened.html
        assert Tags(opened.html).open == []
        assert [choice.words for choice in opened.choices] == ["1: CR", "2: CR"]
        assert opened.chosen == opened.choices[1].value
        again = desk.open_study(opened.choices[1].value, "s", "c")
        assert again.choices == []
        assert "a lateral view" not in again.html
        assert "a lateral view" in desk.open_study(opened.choices[0].value, "s", "c").html
        said = desk.store("s", "c")
        assert "gk-done" in said
        assert re.search(rf"Stored the reading of {uid_of(frontal)}: \d+ objects in \d+ new series of its study", said)
    assert {str(one.StudyInstanceUID) for one in held.stored} == {STUDY}
    assert {one.Modality for one in held.stored} == {"SR", "SEG", "OT"}
    assert {str(one.PatientName) for one in held.stored} == {NAME}
    original = pydicom.dcmread(frontal)
    assert original.SeriesInstanceUID not in {one.SeriesInstanceUID for one in held.stored}
    reports = [one for one in held.stored if one.Modality == "SR"]
    assert len(reports) == 3  # by the backbone, the model for labels, the model for boxes
    for one in reports:
        (evidence,) = one.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence
        assert evidence.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == original.SOPInstanceUID
    out, error = capsys.readouterr()
    shown = opened.html + said + out + error
    assert not [secret for secret in ("Sonnenschein", PATIENT, "Weissmann") if secret in shown]
    findings = {one.name: one.probability for one in desk.sessions.of("s").readings[0].findings}
    by_backbone = findings.keys() - {"pleural effusion", "cardiomegaly", "nodule"}  # labels take the place of these
    percents = percents_in(reports)
    assert by_backbone < percents.keys()
    for name in by_backbone:
        assert percents[name] == pytest.approx(100 * findings[name], abs=1e-3)


def percents_in(reports):
    """Finding -> its probability in percent."""
    groups = [
        {item.ConceptNameCodeSequence[0].CodeMeaning: item for item in group.ContentSequence}
        for report in reports
        for part in report.ContentSequence if "ContentSequence" in part
        for group in part.ContentSequence if "ContentSequence" in group
    ]  # fmt: skip
    return {
        group["Tracking Identifier"].TextValue: float(
            group["Certainty of Finding"].MeasuredValueSequence[0].NumericValue
        )
        for group in groups
    }


@pytest.mark.parametrize("words", ["B-1", " B-1  "])
def test_an_accession_number_opens_its_study(desk_at, study, words):
    with answering(Holding(*study)) as url:
        assert f"Reading of {uid_of(study[2])}" in desk_at(url).open_study(words, "s", "c").html


def test_a_day_gives_studies_to_choose_from(desk_at, study):
    held = Holding(*study)
    with answering(held) as url:
        desk = desk_at(url)
        opened = desk.open_study("2024-01-31", "s", "c")
        assert "2 studies were found: choose one" in opened.html
        assert opened.choices[0].words == f"2024-01-31 CR {STUDY}"
        assert opened.chosen is None
        assert desk.sessions.of("s") is None
        chosen = desk.open_study(opened.choices[1].value, "s", "c")
        assert f"Reading of {uid_of(study[2])}" in chosen.html
        assert chosen.choices == []
        assert "no study of the day 1999-01-01" in desk.open_study("1999-01-01", "s", "c").html
        assert "no study of accession number &lt;b&gt;" in desk.open_study("<b>", "s", "c").html
    assert {query["StudyDate"] for query in held.asked if "StudyDate" in query} == {"20240131", "19990101"}
    assert all(int(query["limit"]) == 50 for query in held.asked if "StudyDate" in query)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (status(401), "answers 401: set GKMVLP_DICOMWEB_USER"),
        (status(403), "answers 403: set GKMVLP_DICOMWEB_USER"),
        (status(503), "answers 503"),
        (status(200, b"<html>hello</html>"), "gave no DICOMweb answer"),
        (status(204), "holds no study"),
    ],
    ids=["401", "403", "503", "html", "unknown"],
)
def test_what_a_server_answers_is_a_notice(desk_at, answer, told):
    with answering(answer) as url:
        desk = desk_at(url)
        desk.read_upload(picture(), "good.png", "s", "c")
        html = desk.open_study(STUDY, "s", "c").html
    assert told in html
    assert "gk-refusal" in html
    assert desk.sessions.of("s").readings[0].image == "good.png"
    assert "gk-reading" in desk.read_phantom(0, "s", "c")


def test_a_server_that_is_down_and_one_that_is_slow(desk_at, small_models):
    desk = desk_at(f"http://127.0.0.1:{orthanc.free_port()}/dicom-web")
    assert "is not reached" in desk.open_study(STUDY, "s", "c").html
    over = threading.Event()
    with answering(lambda _: over.wait(20)) as url:
        desk = Desk([small_models], archive=Archive(DicomWeb(url, 0.5), [{}]))
        waiting = threading.Thread(target=desk.open_study, args=(STUDY, "slow", "c"))
        waiting.start()
        started = time.perf_counter()
        assert "gk-reading" in desk.read_upload(picture(), "a.png", "s", "c")  # nobody waits for the archive
        assert "gave no answer within 0.5 s" in desk.open_study(STUDY, "s", "c").html
        over.set()
        waiting.join(30)
    assert time.perf_counter() - started < 15


@pytest.mark.parametrize("text", ["", "   ", "../../patients", "1.2.3/../4", "1.2/3.4/<b>", "x" * 5000])
def test_what_names_nothing(desk_at, study, text):
    with answering(Holding(*study)) as url:
        html = desk_at(url).open_study(text, "s", "c").html
    assert "gk-notice" in html
    assert "gk-reading" not in html
    assert len(html) < 1000


def test_a_study_without_radiographs_and_one_of_our_own_objects(desk_at, tmp_path):
    report = write_radiograph(tmp_path / "a.dcm", Modality="SR")
    with answering(Holding(report)) as url:
        assert "holds no radiograph" in desk_at(url).open_study(STUDY, "s", "c").html
    capture = write_radiograph(tmp_path / "b.dcm", Manufacturer="gkmvlp contributors")
    with answering(Holding(capture)) as url:
        assert "nothing but what was stored from here" in desk_at(url).open_study(STUDY, "s", "c").html


def test_a_broken_radiograph_is_a_notice(desk_at, tmp_path):
    blank = write_radiograph(tmp_path / "blank.dcm", picture_HW=np.zeros((48, 40), np.uint8))
    frames = write_radiograph(tmp_path / "frames.dcm", NumberOfFrames=10_000)
    with answering(Holding(blank, frames)) as url:
        html = desk_at(url).open_study(STUDY, "s", "c").html
    assert "blank" in html
    assert "10,000 frames" in html
    assert "gk-reading" not in html


def test_what_is_of_no_study_is_not_stored(desk_at, study):
    held = Holding(*study)
    with answering(held) as url:
        desk = desk_at(url)
        assert "There is no reading to store" in desk.store("s", "c")
        desk.read_upload(study[1].read_bytes(), "a.dcm", "s", "c")
        assert "of no study of the archive" in desk.store("s", "c")
    assert held.stored == []


def test_a_store_that_is_refused_is_a_notice(desk_at, study):
    held = Holding(study[1])

    def closed(handler):
        (status(401) if handler.command == "POST" else held)(handler)

    with answering(closed) as url:
        desk = desk_at(url)
        desk.open_study(STUDY, "s", "c")
        assert "answers 401" in desk.store("s", "c")
        assert 'class="gk-answer"' in desk.ask("is there one?", "s", "c")


def test_a_bug_tells_the_log_nobodys_name(desk_at, study, monkeypatch, capsys):
    def broken(*_):
        raise ValueError(f"bad {NAME}")

    monkeypatch.setattr("gkmvlp.app.serving.desk.read", broken)
    with answering(Holding(study[1])) as url:
        html = desk_at(url).open_study(STUDY, "s", "c").html
    out, error = capsys.readouterr()
    assert "gkmvlp serve: ValueError in test_archive.py, line" in out
    assert NAME not in html + out + error


@pytest.mark.skipif(not orthanc.is_there(), reason="no Orthanc (Debian: orthanc, orthanc-dicomweb)")
def test_from_an_orthanc_and_back(desk_at, study, tmp_path, monkeypatch):
    with orthanc.running(tmp_path / "orthanc", is_closed=True) as url:
        desk = desk_at(url)
        assert "answers 401" in desk.open_study(STUDY, "s", "c").html
        monkeypatch.setenv("GKMVLP_DICOMWEB_USER", orthanc.USER)
        monkeypatch.setenv("GKMVLP_DICOMWEB_PASSWORD", orthanc.PASSWORD)
        desk = desk_at(url)
        assert "no study of accession number A-99" in desk.open_study("A-99", "s", "c").html
        desk.archive.server.store([pydicom.dcmread(file) for file in study])
        assert "2 studies were found" in desk.open_study("2024-01-31", "s", "c").html
        assert "gk-reading" in desk.open_study("A-99", "s", "c").html
        for _ in range(2):  # a second time doubles nothing
            assert "gk-done" in desk.store("s", "c")
        client = desk.archive.server._client
        modalities = [row["00080060"]["Value"][0] for row in client.search_for_series(STUDY)]
        assert sorted(set(modalities)) == ["CR", "OT", "SEG", "SR"]
        assert modalities.count("SR") == 3
        assert len(client.search_for_studies()) == 2
        again = desk.open_study(STUDY, "s", "c")  # what was stored is no radiograph to read
        assert "gk-reading" in again.html
