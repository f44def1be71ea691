"""RsnaPneumonia: the real challenge files, patients by the mapping, published splits, and rows that are left out."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydicom import dcmread

from gkmvlp.app.cli import main
from gkmvlp.data_modules import RsnaPneumonia, rsna_pneumonia
from gkmvlp.data_modules.formats import rsna_pneumonia as files
from gkmvlp.data_modules.formats.rsna_pneumonia import IMAGES, LABELS, MAPPING
from gkmvlp.data_modules.rsna_pneumonia import LEGACY, draw_legacy
from gkmvlp.data_modules.synthetic import rsna_pneumonia as lookalike
from gkmvlp.errors import ConfigError, DataError
from gkmvlp.geometry import Letterbox

# As in the release, ages lack their unit.
pytestmark = pytest.mark.filterwarnings("ignore:Invalid value for VR AS")
SPLITS = ("train", "validate", "test")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("rsna")
    lookalike.write(root, 24, 1, size=32)
    return root


@pytest.fixture
def tree(corpus: Path, tmp_path: Path) -> Path:
    """A copy of the look-alike that a test may change: the folder of the tables."""
    return Path(shutil.copytree(corpus / "rsna_pneumonia", tmp_path / "rsna_pneumonia"))


def ready(root: Path, **kwargs) -> RsnaPneumonia:
    data = RsnaPneumonia(str(root), **{"image_size": 32, "num_workers": 0, "augmentation_strength": 0.0} | kwargs)
    data.check()
    return data


def test_real_images_boxes_and_patients(shared_data: Path):
    root = shared_data / "rsna_pneumonia"
    data = ready(root)
    table = pd.read_csv(root / LABELS)
    matches = pd.read_csv(root / "rsna_to_nih.csv.gz").set_index("rsna_patientId")["nih_image"]
    assert len(data.samples) == 315
    assert sum(float(sample.fields["label"][0]) for sample in data.samples) == 116
    assert not data.ledger.dropped
    assert not data.ledger.masked
    for sample in data.samples:
        assert sample.patient_id == str(int(matches[sample.sample_id].split("_")[0]))
        rows = table[(table["patientId"] == sample.sample_id) & (table["Target"] == 1)]
        expected = rows.assign(x2=rows.x + rows.width, y2=rows.y + rows.height)[["x", "y", "x2", "y2"]]
        assert sample.finding_K4.shape == (3, 4)
        assert np.array_equal(sample.finding_K4[: len(rows)], expected.to_numpy(np.float32))
        assert not sample.finding_K4[len(rows) :].any()
        header = dcmread(sample.image, stop_before_pixels=True)
        assert (sample.view, sample.size) == (header.ViewPosition, (header.Columns, header.Rows))


def test_a_batch_of_real_images(shared_data: Path):
    data = ready(shared_data / "rsna_pneumonia", batch_size=4, fold=0)
    batch = next(iter(data.test_dataloader()))
    boxes = {sample.sample_id: sample.finding_K4 for sample in data.samples}
    assert batch["label"].shape == (4, 1)
    assert batch["finding"].unique().tolist() == [0]
    for name, frame, box_K4, mask_K in zip(
        batch["sample_id"], batch["letterbox"], batch["finding_box"], batch["finding_mask"], strict=True
    ):
        assert np.array_equal(mask_K, boxes[name].any(1))
        original = Letterbox(*frame.tolist()).to_original(box_K4.numpy() * 32)
        assert np.allclose(original[mask_K], boxes[name][mask_K], atol=0.01)


def test_splits_share_no_patient_and_folds_test_everyone_once(shared_data: Path, tmp_path: Path):
    root = shared_data / "rsna_pneumonia"
    tested: list[str] = []
    for fold in (None, *range(5)):
        data = ready(root, fold=fold, cache_dir=str(tmp_path))
        patients = [{sample.patient_id for sample in data.rows(split)} for split in SPLITS]
        assert all(patients)
        assert not patients[0] & patients[1] | patients[0] & patients[2] | patients[1] & patients[2]
        tested += [sample.sample_id for sample in data.rows("test")] * (fold is not None)
    assert sorted(tested) == sorted(sample.sample_id for sample in data.samples)
    assert data.split_name.startswith("fold4of5@")
    with pytest.raises(ConfigError, match="0 <= fold < num_folds"):
        RsnaPneumonia("x", fold=5)


@pytest.mark.parametrize(
    ("split", "sizes", "shared"),
    [("legacy-mgca", (18678, 4003, 4003), 0.687), ("legacy-detection", (16010, 5337, 5337), 0.671)],
)
def test_published_splits_are_drawn_by_their_rule(shared_data: Path, split: str, sizes, shared: float):
    selection = pytest.importorskip("sklearn.model_selection")
    matches = pd.read_csv(shared_data / "rsna_pneumonia" / "rsna_to_nih.csv.gz").set_index("rsna_patientId")
    names = sorted(matches.index)
    drawn = draw_legacy(names[::-1], LEGACY[split])
    parts = [[name for name in names if drawn[name] == side] for side in SPLITS]
    assert tuple(map(len, parts)) == sizes
    # The rule as GLoRIA and MGCA wrote it, and the share of test images that a patient in training has, as measured
    # on their files.
    train, held = selection.train_test_split(names, test_size=len(names) - sizes[0], random_state=0)
    test, validate = selection.train_test_split(held, test_size=0.5, random_state=0)
    assert parts == [sorted(train), sorted(validate), sorted(test)]
    patient = matches["nih_image"].str[:8]
    assert patient[parts[2]].isin(set(patient[parts[0]])).mean() == pytest.approx(shared, abs=0.0005)


def test_a_legacy_split_needs_the_whole_table(tree: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(ConfigError, match=r"26,684 images.*holds 24.*split: patient"):
        ready(tree, split="legacy-mgca")
    monkeypatch.setitem(rsna_pneumonia.PUBLISHED, "all", {"images": 24})
    monkeypatch.setitem(LEGACY, "legacy-mgca", 11)
    data = ready(tree, split="legacy-mgca")
    assert [len(data.rows(split)) for split in SPLITS] == [13, 6, 5]
    assert any("of the test images are of patients in training" in line for line in data.ledger.warnings)


def test_both_mappings_give_the_same_patients(tree: Path, tmp_path: Path):
    told = json.loads((tree / MAPPING).read_text())
    lines = [f"{row['subset_img_id']},{row['img_id']},1.5" for row in told]
    (tmp_path / "matches.csv").write_text("\n".join(["rsna_patientId,nih_image,mse", *lines]) + "\n")
    expected = ready(tree)
    assert len(expected.samples) == 24
    assert ready(tree, mapping=str(tmp_path / "matches.csv")).split_name == expected.split_name
    unsure = expected.samples[0].sample_id
    lines = [line.replace(",1.5", ",60.0") if line.startswith(unsure) else line for line in lines[:-1]]
    (tmp_path / "matches.csv").write_text("\n".join(["rsna_patientId,nih_image,mse", *lines]) + "\n")
    data = ready(tree, mapping=str(tmp_path / "matches.csv"))
    assert data.ledger.dropped["patient is not sure in matches.csv"] == 1
    assert unsure not in {sample.sample_id for sample in data.samples}


def test_without_a_mapping_the_remedy_is_told(tree: Path):
    (tree / MAPPING).unlink()
    with pytest.raises(DataError, match=r"dataset-mappings_2018\.json.*patient_id_source: image"):
        ready(tree)
    data = ready(tree, patient_id_source="image")
    assert {sample.patient_id for sample in data.samples} == {sample.sample_id for sample in data.samples}
    assert data.split_label == "patient-by-image"
    assert any("may lie on both sides" in line for line in data.ledger.lines())
    (tree / MAPPING).write_text('[{"img": 1}]')
    with pytest.raises(DataError, match="not the official mapping"):
        ready(tree)


def test_rows_that_are_left_out_or_changed_are_counted(tree: Path):
    table = pd.read_csv(tree / LABELS)
    unboxed, other, *_ = table["patientId"][table["Target"] == 0]
    boxed = table["patientId"][table["Target"] == 1].iloc[0]
    (tree / IMAGES / f"{unboxed}.dcm").unlink()
    with (tree / LABELS).open("a") as file:
        file.write(f"{boxed},4.0,4.0,0.0,9.0,1\n{boxed},40.0,4.0,5.0,5.0,1\n")
    text = (tree / LABELS).read_text()
    (tree / LABELS).write_text(text.replace(f"{other},,,,,0\n", ""))
    data = ready(tree)
    assert data.ledger.dropped == {"label without an image file": 1, "image without a label": 1}
    assert data.ledger.masked == {"box without area in the image": 2}
    assert len(data.samples) == 22
    [sample] = [sample for sample in data.samples if sample.sample_id == boxed]
    assert sample.fields["label"] == 1
    assert sample.finding_K4.any(1).sum() == (table["patientId"] == boxed).sum()


def test_copies_in_another_format_are_measured_in_the_release(tree: Path):
    from PIL import Image

    [path, *_] = sorted((tree / IMAGES).iterdir())
    Image.fromarray(dcmread(path).pixel_array).resize((16, 16)).save(path.with_suffix(".png"))
    path.unlink()
    [sample] = [sample for sample in ready(tree).samples if sample.sample_id == path.stem]
    assert (sample.view, sample.size, Path(sample.image).suffix) == ("", (1024, 1024), ".png")


def test_headers_are_read_once_with_a_cache(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    expected = ready(tree, cache_dir=str(tmp_path / "cache")).samples
    monkeypatch.setattr(files, "open_dicom", None)
    again = ready(tree, cache_dir=str(tmp_path / "cache")).samples
    assert [(sample.view, tuple(sample.size)) for sample in again] == [
        (sample.view, tuple(sample.size)) for sample in expected
    ]


def test_wrong_tables_and_roots(tree: Path, tmp_path: Path):
    with pytest.raises(DataError, match=r"no stage_2_train_labels.csv in .*kaggle\.com"):
        ready(tmp_path / "nowhere")
    text = (tree / LABELS).read_text()
    (tree / LABELS).write_text(text.replace("Target", "Ziel", 1))
    with pytest.raises(DataError, match="no column 'Target'"):
        ready(tree)
    (tree / LABELS).write_text(text + "id,left,1,1,1,1\n")
    with pytest.raises(DataError, match="column x"):
        ready(tree)
    (tree / LABELS).write_text(text)
    shutil.rmtree(tree / IMAGES)
    with pytest.raises(DataError, match=f"no folder .*{IMAGES}"):
        ready(tree)


def test_the_command_lays_counts_beside_those_published(tree: Path, capsys: pytest.CaptureFixture):
    assert main(["data", "check", "RsnaPneumonia", "--root", str(tree), "--json"]) == 1
    said = capsys.readouterr()
    assert "no validate rows" in said.err  # 24 images are few patients
    told = json.loads(said.out)
    table = pd.read_csv(tree / LABELS)
    found = told["found"]["all"]
    assert found["images"] == 24 == found["Normal"] + found["Lung Opacity"] + found["No Lung Opacity / Not Normal"]
    assert found["label rows"] == len(table)
    assert found["boxes"] == table["Target"].sum()
    assert told["published"] == {}
    assert told["unreadable"] == {}


def test_nested_folders_capital_endings_and_leftovers_of_macos(tree: Path):
    whole = ready(tree)
    inner = tree / IMAGES / IMAGES
    inner.mkdir()
    for path in sorted((tree / IMAGES).glob("*.dcm")):
        (inner / f"._{path.name}").write_bytes(b"x")
        path.rename(inner / path.with_suffix(".DCM").name)
    nested = ready(tree)
    assert [(s.sample_id, s.view, s.size) for s in nested.samples] == [
        (s.sample_id, s.view, s.size) for s in whole.samples
    ]
    shutil.rmtree(inner)
    with pytest.raises(DataError, match=rf"no image \(\.dcm, .*\) in {tree / IMAGES} or its folders: get the RSNA"):
        ready(tree)


def test_targets_that_contradict_boxes_are_counted(tree: Path):
    table = pd.read_csv(tree / LABELS)
    boxed, empty = table["Target"] == 1, table["Target"] == 0
    first, second = table.index[boxed][0], table.index[empty][0]
    table.loc[first, ["x", "y", "width", "height"]] = np.nan
    table.loc[second, ["x", "y", "width", "height"]] = 4.0
    table.to_csv(tree / LABELS, index=False)
    data = ready(tree)
    assert data.ledger.masked["Target 1 without a box (both are kept)"] == 1
    assert data.ledger.masked["Target 0 with a box (both are kept)"] == 1


@pytest.mark.parametrize(("told", "change"), [
    ("as fractions of the image do", lambda box_N4: box_N4 / 10_000),
    ("as corners x1, y1, x2, y2 do", lambda box_N4: box_N4 + np.pad(box_N4[:, :2], ((0, 0), (2, 0)))),
])  # fmt: skip
def test_boxes_of_another_form_are_named(tree: Path, told: str, change):
    table = pd.read_csv(tree / LABELS)
    boxed = table["Target"] == 1
    columns = ["x", "y", "width", "height"]
    table.loc[boxed, columns] = change(table.loc[boxed, columns].to_numpy())
    table.to_csv(tree / LABELS, index=False)
    with pytest.raises(DataError, match=f"{LABELS}: .* {told}"):
        ready(tree)
