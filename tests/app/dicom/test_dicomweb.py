import threading

import pydicom
import pytest

from gkmvlp.app.benchmarks.radiograph import STUDY
from gkmvlp.app.dicom.dicomweb import DicomWeb
from gkmvlp.app.dicom.objects import objects_of
from gkmvlp.app.dicom.source import read_source
from gkmvlp.errors import ConfigError, DataError, UsageError
from tests.app.dicom import orthanc
from tests.app.dicom.radiographs import write_radiograph
from tests.app.dicom.readings import MODEL, prediction
from tests.app.dicom.servers import answering, status


@pytest.fixture(autouse=True)
def plain(monkeypatch):
    """No proxy, and nobody's password."""
    for name in ("USER", "PASSWORD", "TOKEN", "TIMEOUT"):
        monkeypatch.delenv(f"GKMVLP_DICOMWEB_{name}", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (status(401), "answers 401: set GKMVLP_DICOMWEB_USER and GKMVLP_DICOMWEB_PASSWORD, or GKMVLP_DICOMWEB_TOKEN"),
        (status(403), "answers 403: set GKMVLP_DICOMWEB_USER"),
        (status(404), "answers 404"),
        (status(503), "answers 503 .*see the server's log"),
        (status(200, b"<html>hello</html>"), "gave no DICOMweb answer"),
        (status(200, b'["a"]', "application/dicom+json"), "gave no DICOMweb answer"),
        (status(204), "holds no study"),
        (status(200, b"[]", "application/dicom+json"), "holds no study"),
    ],
)
def test_what_a_server_answers_is_one_line(answer, said, tmp_path):
    with answering(answer) as url, pytest.raises((ConfigError, DataError), match=said) as error:
        DicomWeb(url).fetch(STUDY, tmp_path)
    assert str(error.value).startswith((url, "study"))
    assert "\n" not in str(error.value)


def test_a_server_that_is_down(tmp_path):
    url = f"http://127.0.0.1:{orthanc.free_port()}/dicom-web"
    with pytest.raises(ConfigError, match="is not reached: start the server, or name another --dicomweb"):
        DicomWeb(url).fetch(STUDY, tmp_path)


def test_a_server_that_is_slow(tmp_path, monkeypatch):
    """It takes the request and says nothing, or half of an answer."""
    monkeypatch.setenv("GKMVLP_DICOMWEB_TIMEOUT", "0.3")
    over = threading.Event()

    def half(handler):
        handler.send_response(200)
        handler.send_header("Content-Type", "application/dicom+json")
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b"[")
        handler.wfile.flush()
        over.wait(20)

    for answer in (lambda _: over.wait(20), half):
        with answering(answer) as url:
            with pytest.raises(ConfigError, match=r"no answer within 0.3 s: .*GKMVLP_DICOMWEB_TIMEOUT"):
                DicomWeb(url).fetch(STUDY, tmp_path)
            over.set()
        over.clear()


@pytest.mark.parametrize(
    "url",
    ["", "orthanc", "file:///etc/passwd", "ftp://127.0.0.1/dicom-web", "http://", "http://host:99999/", "http://[::1"],
)
def test_no_address(url):
    with pytest.raises(UsageError, match=r"an address like http://127\.0\.0\.1:8042/dicom-web was expected"):
        DicomWeb(url)


def test_a_password_does_not_belong_into_an_address():
    with pytest.raises(UsageError, match="no password in an address") as error:
        DicomWeb("http://reader:secret@127.0.0.1/dicom-web")
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("study", ["", "../../patients", "1.2.3/../4", "1.2;rm", "<script>", "1." * 40])
def test_no_study(study, tmp_path):
    with pytest.raises(UsageError, match="is no UID"):
        DicomWeb("http://127.0.0.1/dicom-web").fetch(study, tmp_path)


@pytest.mark.parametrize("text", ["soon", "0", "-1", "nan", "inf"])
def test_no_patience(text, monkeypatch):
    monkeypatch.setenv("GKMVLP_DICOMWEB_TIMEOUT", text)
    with pytest.raises(ConfigError, match="seconds above 0 were expected"):
        DicomWeb("http://127.0.0.1/dicom-web")


needs_orthanc = pytest.mark.skipif(not orthanc.is_there(), reason="no Orthanc (Debian: orthanc, orthanc-dicomweb)")


@pytest.fixture
def stored(upright, tmp_path):
    """A study of two radiographs and a report, to be stored."""
    files = [write_radiograph(tmp_path / name, "F\\R", upright) for name in ("first.dcm", "second.dcm")]
    report = objects_of(read_source(files[0], "first.dcm"), prediction(upright), MODEL)["report"]
    report.Manufacturer = "another"
    return [*map(pydicom.dcmread, files), report]


@needs_orthanc
def test_there_and_back(stored, upright, tmp_path):
    with orthanc.running(tmp_path / "orthanc") as url:
        server = DicomWeb(url)
        with pytest.raises(DataError, match="holds no study"):
            server.fetch(STUDY, tmp_path)
        server.store(stored)
        first, second = sorted(server.fetch(STUDY, tmp_path / "in"))
        assert {first.stem, second.stem} == {str(dataset.SOPInstanceUID) for dataset in stored[:2]}
        original = {str(dataset.SOPInstanceUID): dataset for dataset in stored[:2]}
        assert pydicom.dcmread(first).PixelData == original[first.stem].PixelData
        objects = objects_of(read_source(first, first.name), prediction(upright), MODEL)
        for _ in range(2):  # a retry is no error, and doubles nothing
            server.store(list(objects.values()))
        assert sorted(server.fetch(STUDY, tmp_path / "again")) == [tmp_path / "again" / f.name for f in (first, second)]
        series = server._client.search_for_series(STUDY)
        assert sorted(row["00080060"]["Value"][0] for row in series) == ["CR", "OT", "SEG", "SR", "SR"]
        for dataset in objects.values():
            back = server._client.retrieve_instance(STUDY, dataset.SeriesInstanceUID, dataset.SOPInstanceUID)
            assert back.get("PixelData") == dataset.get("PixelData")
        report = server._client.retrieve_instance(
            STUDY, objects["report"].SeriesInstanceUID, objects["report"].SOPInstanceUID
        )
        assert report.ContentSequence == objects["report"].ContentSequence
        only_report = pydicom.Dataset()
        only_report.update(stored[2])
        only_report.file_meta = stored[2].file_meta
        only_report.StudyInstanceUID = "1.2.3.4"
        server.store([only_report])
        with pytest.raises(DataError, match=r"holds no radiograph \(modality CR, DX ...\), but SR: name another"):
            server.fetch("1.2.3.4", tmp_path)


@needs_orthanc
def test_an_orthanc_that_asks_who_it_is(stored, tmp_path, monkeypatch):
    with orthanc.running(tmp_path / "orthanc", is_closed=True) as url:
        with pytest.raises(ConfigError, match="answers 401: set GKMVLP_DICOMWEB_USER"):
            DicomWeb(url).fetch(STUDY, tmp_path)
        with pytest.raises(ConfigError, match="answers 401: set GKMVLP_DICOMWEB_USER"):
            DicomWeb(url).store(stored)
        monkeypatch.setenv("GKMVLP_DICOMWEB_USER", orthanc.USER)
        monkeypatch.setenv("GKMVLP_DICOMWEB_PASSWORD", orthanc.PASSWORD)
        DicomWeb(url).store(stored)
        assert len(DicomWeb(url).fetch(STUDY, tmp_path / "in")) == 2
    with pytest.raises(ConfigError, match="is not reached"):
        DicomWeb(url).store(stored)
