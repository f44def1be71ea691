"""The look-alike of RSNA Pneumonia: official layout, read by an outside reader; same seed, same bytes."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydicom import dcmread
from pydicom.uid import JPEGBaseline8Bit

from gkmvlp.app.cli import main
from gkmvlp.data_modules.formats.rsna_pneumonia import CLASSES, IMAGES, LABELS, MAPPING
from gkmvlp.data_modules.pipeline.images import read_image
from gkmvlp.data_modules.synthetic import chest_xray14, rsna_pneumonia
from gkmvlp.data_modules.synthetic.rsna_pneumonia import OPACITY, as_dicom, choose_shots
from gkmvlp.data_modules.synthetic.studies import plan_studies
from gkmvlp.errors import DataError
from gkmvlp.phantom.generate import draw_phantom
from tests.tiny import tree

SEED, COUNT, SIZE = 3, 30, 64
# As in the release, ages lack their unit.
pytestmark = pytest.mark.filterwarnings("ignore:Invalid value for VR AS")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rsna")
    rsna_pneumonia.write(folder, COUNT, SEED, SIZE)
    return folder


@pytest.fixture(scope="module")
def labels(root: Path) -> pd.DataFrame:
    return pd.read_csv(root / "rsna_pneumonia" / LABELS)


def dicoms(root: Path) -> dict[str, Path]:
    return {path.stem: path for path in sorted((root / "rsna_pneumonia" / IMAGES).glob("*.dcm"))}


@pytest.mark.parametrize("views", [["PA"], ["AP"], ["PA", "AP"]])
def test_an_outside_reader_reads_the_images(root: Path, labels: pd.DataFrame, tmp_path: Path, views: list[str]):
    xrv = pytest.importorskip("torchxrayvision")
    headers = [dcmread(path, stop_before_pixels=True) for path in dicoms(root).values()]
    table = pd.DataFrame([(header.PatientID, header.ViewPosition) for header in headers])
    table.to_csv(tmp_path / "headers.csv", index=False, header=["PatientID", "ViewPosition"])
    data = xrv.datasets.RSNA_Pneumonia_Dataset(
        imgpath=str(root / "rsna_pneumonia" / IMAGES),
        csvpath=str(root / "rsna_pneumonia" / LABELS),
        dicomcsvpath=str(tmp_path / "headers.csv"),
        views=views,
        extension=".dcm",
    )
    assert len(data) == table[1].isin(views).sum() > 0
    target = labels.groupby("patientId")["Target"].max()
    for row, name in enumerate(data.csv["patientId"]):
        pixels = (data[row]["img"][0] / 1024 + 1) / 2 * 255
        np.testing.assert_allclose(pixels, read_image(dicoms(root)[name]), atol=0.5)
        assert data[row]["lab"].tolist() == [target[name]] * 2


def test_both_tables_have_one_row_a_box(root: Path, labels: pd.DataFrame):
    classes = pd.read_csv(root / "rsna_pneumonia" / CLASSES)
    assert tuple(labels.columns) == ("patientId", "x", "y", "width", "height", "Target")
    assert tuple(classes.columns) == ("patientId", "class")
    assert labels["patientId"].tolist() == classes["patientId"].tolist() != sorted(labels["patientId"])
    assert set(labels["patientId"]) == set(dicoms(root))
    assert len(dicoms(root)) == COUNT < len(labels)
    assert ((classes["class"] == "Lung Opacity") == (labels["Target"] == 1)).all()
    assert set(classes["class"]) == {"Lung Opacity", "No Lung Opacity / Not Normal", "Normal"}
    boxes = labels[["x", "y", "width", "height"]]
    assert (boxes.notna().all(axis=1) == (labels["Target"] == 1)).all()
    assert (boxes.dropna() == boxes.dropna().round()).all(axis=None)
    assert (labels["x"] + labels["width"]).max() <= SIZE
    assert (labels["y"] + labels["height"]).max() <= SIZE
    text = (root / "rsna_pneumonia" / LABELS).read_text()
    assert ",,,,0\n" in text
    assert ".0,1\n" in text


def test_boxes_are_the_planted_opacities(root: Path, labels: pd.DataFrame):
    truth = pd.read_parquet(root / "_truth" / "rsna_findings.parquet")
    opacity = truth[truth["entity"] == OPACITY].sort_values(["sample_id", "x1"])
    boxed = labels[labels["Target"] == 1].sort_values(["patientId", "x"])
    assert opacity["sample_id"].tolist() == boxed["patientId"].tolist()
    told = np.stack([boxed.x, boxed.y, boxed.x + boxed.width, boxed.y + boxed.height], 1)
    planted = opacity[["x1", "y1", "x2", "y2"]].to_numpy()
    assert (told[:, :2] <= planted[:, :2]).all()
    assert (told[:, 2:] >= planted[:, 2:]).all()
    assert np.abs(told - planted).max() <= 1


def test_headers_are_those_of_the_release(root: Path):
    matches = {row["subset_img_id"]: row for row in json.loads((root / "rsna_pneumonia" / MAPPING).read_text())}
    assert set(dicoms(root)) < set(matches)
    patients = []
    for name, path in dicoms(root).items():
        header = dcmread(path)
        assert header.file_meta.TransferSyntaxUID == JPEGBaseline8Bit
        assert (header.Rows, header.Columns) == (SIZE, SIZE)
        assert header.PatientID == str(header.PatientName) == path.stem
        assert header.PhotometricInterpretation == "MONOCHROME2"
        assert header.PatientAge.isdigit()
        assert "WindowWidth" not in header
        assert matches[name]["SOPInstanceUID"] == header.SOPInstanceUID
        patients.append(matches[name]["img_id"][:8])
    assert len(set(patients)) < COUNT


def test_some_ages_are_slips():
    phantom = draw_phantom(0, 0, 32)
    ages = [int(as_dicom(phantom.image_HW, f"image {number}", phantom).PatientAge) for number in range(600)]
    old = [age for age in ages if age != phantom.age]
    assert 0 < len(old) < 20
    assert set(old) <= set(range(148, 156))


def test_images_lie_inside_the_chestxray14_lookalike(root: Path, tmp_path: Path):
    from PIL import Image

    chest_xray14.write(tmp_path, 4, SEED, SIZE)
    files = {path.name: path for path in (tmp_path / "chestxray14" / "images").iterdir()}
    matches = {
        row["img_id"]: row["subset_img_id"] for row in json.loads((root / "rsna_pneumonia" / MAPPING).read_text())
    }
    shared = [name for name in files if matches.get(name) in dicoms(root)]
    assert shared
    for name in shared:
        drawn = np.asarray(Image.open(files[name]).convert("L"), float)
        assert np.abs(drawn - read_image(dicoms(root)[matches[name]])).mean() < 3  # JPEG of quality 90


def test_phantoms_are_not_those_of_the_pretraining_corpus():
    shots = choose_shots(200, SEED)
    assert not {shot.index for shot in shots} & {study.index for study in plan_studies(2000, SEED)}
    assert [shot.name for shot in choose_shots(50, SEED)] == [shot.name for shot in shots[:50]]


def test_as_many_opacities_as_in_the_release():
    from gkmvlp.phantom.sample import sample_patient

    planned = [sample_patient(0, shot.index).planned(OPACITY) is not None for shot in choose_shots(1000, 0)]
    assert np.mean(planned) == pytest.approx(6_012 / 26_684, abs=0.03)


def test_same_seed_same_bytes_and_nothing_is_overwritten(root: Path, tmp_path: Path):
    rsna_pneumonia.write(tmp_path / "again", COUNT, SEED, SIZE, workers=2)
    assert tree(tmp_path / "again") == tree(root)
    rsna_pneumonia.write(root, COUNT, SEED, SIZE)
    with pytest.raises(DataError, match="another corpus"):
        rsna_pneumonia.write(root, COUNT + 1, SEED, SIZE)
    with pytest.raises(DataError, match="images or more"):
        rsna_pneumonia.write(tmp_path / "few", 1, SEED, SIZE)


def test_the_command_writes_it(tmp_path: Path, capsys: pytest.CaptureFixture):
    words = ["--root", str(tmp_path), "--layouts", "rsna", "--patients", "9", "--seed", "0", "--image-size", "32"]
    assert main(["data", "phantom", *words, "--rsna-images", "4", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rsna_images"] == 4 == len(dicoms(tmp_path))
    assert not (tmp_path / "mimic-cxr-jpg").exists()
