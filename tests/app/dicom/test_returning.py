"""The real command, from and to files and servers."""

from collections import Counter
from contextlib import redirect_stdout
from io import StringIO

import numpy as np
import pydicom
import pytest
import torch
from PIL import Image

from gkmvlp.app.benchmarks.radiograph import NAME, PATIENT, STUDY
from gkmvlp.app.cli import main
from gkmvlp.app.dicom import returning
from gkmvlp.zoo.inference.predictor import Predictor
from tests.app.dicom import orthanc
from tests.app.dicom.radiographs import write_radiograph
from tests.app.dicom.validators import all_errors_of, validated
from tests.app.small_models import write_answering, write_backbone, write_detecting, write_labelling


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("models")
    write_backbone(folder / "backbone")
    write_detecting(folder / "boxes")
    write_labelling(folder / "labels", ("Effusion", "Something else"))
    write_answering(folder / "vqa", "rank")
    return folder


@pytest.fixture
def radiograph(upright, tmp_path):
    return write_radiograph(tmp_path / "image.dcm", "H\\R", upright)


def predict(models, task, *words, model="backbone"):
    return main(["predict", "--model", str(models / model), "--task", task, "--device", "cpu", *map(str, words)])


def told_once(capsys, *parts):
    """The one line of an error, which names nobody."""
    error = capsys.readouterr().err
    assert error.count("\n") == 1 + error.count("gkmvlp: note: ")
    for part in parts:
        assert part in error
    assert not [secret for secret in (NAME, "Sonnenschein", PATIENT) if secret in error]


KINDS = [("grounding", "backbone"), ("localization", "boxes"), ("classification", "labels")]


@pytest.fixture(scope="module", params=KINDS, ids="-".join)
def sent(request, models, upright, tmp_path_factory):
    """The folder that the command writes for one radiograph, and what it prints."""
    task, model = request.param
    folder = tmp_path_factory.mktemp("sent")
    radiograph = write_radiograph(folder / "image.dcm", "H\\R", upright)
    with redirect_stdout(StringIO()) as told:
        assert predict(models, task, radiograph, "--dicom-out", folder / "out", model=model) == 0
    return folder / "out" / str(pydicom.dcmread(radiograph).SOPInstanceUID), told.getvalue()


def test_objects_of_each_kind_of_model(sent):
    folder, told = sent
    names = {file.stem for file in folder.iterdir()}
    assert {"report", "regions", "capture"} <= names
    assert f"{len(names)} DICOM objects of 1 images in {folder.parent}" in told
    for file in folder.iterdir():
        assert pydicom.dcmread(file).StudyInstanceUID == STUDY
    assert pydicom.dcmread(folder / "capture.dcm").SoftwareVersions.startswith("gkmvlp 0.1.0, weights ")


@validated
def test_objects_of_each_kind_of_model_are_valid(sent):
    folder, _ = sent
    assert all_errors_of([*folder.iterdir()], folder.parents[1] / "image.dcm") == []


@pytest.mark.parametrize(("task", "model"), KINDS)
def test_no_head_is_asked_twice_and_the_rows_are_those_without_objects(task, model, models, radiograph, tmp_path):
    asked = Counter()
    with pytest.MonkeyPatch.context() as patch:
        for name in ("entity_scores", "label_scores", "places", "boxes"):
            patch.setattr(Predictor, name, counting(asked, name, getattr(Predictor, name)))
        words = radiograph, "--out", tmp_path / "sent.csv", "--dicom-out", tmp_path / "out"
        assert predict(models, task, *words, model=model) == 0
    assert asked
    assert set(asked.values()) == {1}
    assert predict(models, task, radiograph, "--out", tmp_path / "alone.csv", model=model) == 0
    assert (tmp_path / "sent.csv").read_bytes() == (tmp_path / "alone.csv").read_bytes()


def counting(asked, name, method):
    def counted(*words):
        asked[name] += 1
        return method(*words)

    return counted


def test_what_is_no_dicom_is_named_and_the_rest_goes_back(models, radiograph, upright, tmp_path, capsys):
    Image.fromarray(upright).save(tmp_path / "image.png")
    (tmp_path / "letter.dcm").write_bytes(b"%PDF-1.7\n" + b"letter to Sonnenschein\n" * 90)
    frames = write_radiograph(tmp_path / "frames.dcm", picture_HW=upright, NumberOfFrames=10_000)
    lost = write_radiograph(tmp_path / "lost.dcm", picture_HW=upright, StudyInstanceUID=None)
    script = write_radiograph(tmp_path / "script.dcm", picture_HW=upright, StudyInstanceUID="<script>alert(1)</script>")
    files = [tmp_path / "image.png", tmp_path / "letter.dcm", frames, lost, script, radiograph]
    assert predict(models, "grounding", *files, "--dicom-out", tmp_path / "out") == 1
    told_once(
        capsys, "5 of 6 images: ", "image.png cannot go back: a DICOM was expected", "letter.dcm cannot go back: a D",
        "NumberOfFrames: the DICOM has 10000 frames, not one", "lost.dcm cannot go back: it has no StudyInstanceUID",
        "script.dcm cannot go back: its StudyInstanceUID is no UID",
    )  # fmt: skip
    assert len(list((tmp_path / "out").iterdir())) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--task", "vqa", "--question", "Is it?", "IMAGE", "--dicom-out", "OUT"], "go with --task classification"),
        (["--task", "grounding", "IMAGE", "--deidentify"], "--deidentify goes with --dicom-out or --store"),
        (["--task", "grounding", "IMAGE", "--store"], "need --dicomweb URL"),
        (["--task", "grounding", "--study", "1.2.3"], "need --dicomweb URL"),
        (["--task", "grounding"], "what to read is missing: an IMAGE, or --dicomweb URL --study UID"),
        (
            ["--task", "grounding", "IMAGE", "--study", "1.2", "--dicomweb", "http://127.0.0.1"],
            "name no IMAGE beside it",
        ),
        (["--task", "grounding", "IMAGE", "--dicomweb", "http://127.0.0.1"], "needs --study UID"),
        (["--task", "grounding", "--study", "../x", "--dicomweb", "http://127.0.0.1"], "is no UID"),
        (["--task", "grounding", "--study", "1.2", "--dicomweb", "nowhere"], "an address like"),
    ],
)
def test_what_does_not_go_together(words, said, models, radiograph, tmp_path, capsys):
    known = {"IMAGE": str(radiograph), "OUT": str(tmp_path / "out")}
    assert main(["predict", "--model", str(models / "backbone"), *(known.get(word, word) for word in words)]) == 2
    told_once(capsys, said)
    assert not (tmp_path / "out").exists()


def test_without_the_extra_the_remedy_is_told(models, radiograph, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(returning, "find_spec", lambda _: None)
    assert predict(models, "grounding", radiograph, "--dicom-out", tmp_path / "out") == 1
    told_once(capsys, "need highdicom: pip install 'gkmvlp[dicom]'")


def test_a_server_that_is_down_loses_nothing(models, radiograph, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    url = f"http://127.0.0.1:{orthanc.free_port()}/dicom-web"
    words = radiograph, "--dicomweb", url, "--store", "--dicom-out", tmp_path / "out", "--out", tmp_path / "rows.csv"
    assert predict(models, "grounding", *words) == 1
    told_once(capsys, f"{url} is not reached: start the server, or name another --dicomweb")
    assert len(list((tmp_path / "out").iterdir())) == 1
    assert (tmp_path / "rows.csv").is_file()


@pytest.mark.skipif(not orthanc.is_there(), reason="no Orthanc (Debian: orthanc, orthanc-dicomweb)")
def test_from_an_orthanc_and_back(models, radiograph, upright, tmp_path, capsys, monkeypatch):
    from gkmvlp.app.dicom.dicomweb import DicomWeb

    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    uid = str(pydicom.dcmread(radiograph).SOPInstanceUID)
    blank = write_radiograph(tmp_path / "blank.dcm", picture_HW=np.zeros_like(upright))
    with orthanc.running(tmp_path / "orthanc") as url:
        server = DicomWeb(url)
        server.store([pydicom.dcmread(radiograph), pydicom.dcmread(blank)])
        words = "--dicomweb", url, "--study", STUDY, "--store", "--out", tmp_path / "rows.csv"
        assert predict(models, "grounding", *words) == 1  # the blank one is named
        out, error = capsys.readouterr()
        assert f"DICOM objects stored at {url}" in out
        assert uid in out
        assert f"1 of 2 images: {pydicom.dcmread(blank).SOPInstanceUID} is refused: the picture is blank" in error
        assert error.count("\n") == 1 + error.count("gkmvlp: note: ")
        assert "Sonnenschein" not in out + error
        modalities = [row["00080060"]["Value"][0] for row in server._client.search_for_series(STUDY)]
        assert sorted(set(modalities)) == ["CR", "OT", "SEG", "SR"]
        row = server._client.search_for_studies(search_filters={"StudyInstanceUID": STUDY})[0]
        assert row["00100010"]["Value"][0]["Alphabetic"] == NAME
