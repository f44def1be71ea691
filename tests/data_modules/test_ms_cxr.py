"""MsCxr: both releases, both formats, a phrase's own boxes, and what is left out."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gkmvlp.app.cli import main
from gkmvlp.data_modules import MsCxr
from gkmvlp.data_modules.ms_cxr import PUBLISHED
from gkmvlp.data_modules.synthetic import ms_cxr as lookalike
from gkmvlp.errors import DataError
from gkmvlp.geometry import Letterbox
from gkmvlp.metrics.results.evaluate import figures_of

COLUMNS = "dicom_id,category_name,label_text,path,x,y,w,h,image_width,image_height"


@pytest.fixture
def root(phantoms: Path, tmp_path: Path) -> Path:
    """A MIMIC-CXR look-alike that a test may change, with release 1.1.0 of MS-CXR."""
    copy = Path(shutil.copytree(phantoms, tmp_path / "data"))
    lookalike.write(copy)
    return copy


def ready(root: Path, **kwargs) -> MsCxr:
    data = MsCxr(
        str(root), **{"image_size": 32, "num_workers": 0, "batch_size": 4, "augmentation_strength": 0.0} | kwargs
    )
    data.check()
    return data


def file(root: Path, kind: str) -> Path:
    return root / "ms-cxr" / "1.1.0" / f"MS_CXR_Local_Alignment_v1.1.0.{kind}"


def test_one_row_a_phrase_with_its_own_boxes(root: Path):
    data = ready(root)
    table = pd.read_csv(file(root, "csv"))
    pairs = table.groupby(["dicom_id", "category_name", "label_text"])
    assert len(data.samples) == pairs.ngroups < len(table)
    assert table.groupby("dicom_id")["label_text"].nunique().max() > 1
    for sample in data.samples:
        dicom_id = sample.sample_id.rpartition("_")[0]
        assert Path(sample.image).stem == dicom_id
        assert f"p{sample.patient_id}" in sample.image
        [category] = [name for name, here in zip(data.labels, sample.fields["label"] == 1, strict=True) if here]
        assert np.isnan(sample.fields["label"]).sum() == 7
        rows = pairs.get_group((dicom_id, category, sample.fields["phrase"]))
        expected = np.stack([rows.x, rows.y, rows.x + rows.w, rows.y + rows.h], 1)
        assert np.array_equal(sample.finding_K4[: len(rows)], expected)
        assert not sample.finding_K4[len(rows) :].any()
        assert (sample.fields["finding"][: len(rows)] == data.labels.index(category)).all()
        assert sample.split == {"val": "validate"}.get(rows["split"].iloc[0], rows["split"].iloc[0])
        assert sample.view in ("PA", "AP")


def test_rows_on_one_image_keep_their_boxes_in_batches(root: Path):
    data = ready(root, batch_size=1)  # larger training batches leave a remainder out
    boxes = {sample.sample_id: sample.finding_K4 for sample in data.samples}
    data.setup("fit")
    phrases = set()
    for batch in data.train_dataloader():
        phrases.update(batch["phrase"])
        for name, frame, box_K4, mask_K in zip(
            batch["sample_id"], batch["letterbox"], batch["finding_box"], batch["finding_mask"], strict=True
        ):
            assert np.array_equal(mask_K, boxes[name].any(1))
            original = Letterbox(*frame.tolist()).to_original(box_K4.numpy() * 32)
            assert np.allclose(original[mask_K], boxes[name][mask_K], atol=0.01)
    assert phrases == set(data.texts()) == {sample.fields["phrase"] for sample in data.rows("train")}


def test_json_and_csv_give_the_same_rows(root: Path):
    told = [
        [(s.sample_id, s.patient_id, s.split, s.size, s.fields["phrase"], s.finding_K4.tolist()) for s in data.samples]
        for data in (ready(root, annotations=str(file(root, kind))) for kind in ("json", "csv"))
    ]
    assert told[0] == told[1]


def test_the_release_without_a_split_is_all_test(phantoms: Path, tmp_path: Path):
    copy = Path(shutil.copytree(phantoms, tmp_path / "data"))
    lookalike.write(copy, "0.1")
    [table] = (copy / "ms-cxr" / "0.1").glob("MS_CXR_Local_Alignment_v1.0.0.csv")
    assert table.read_text().splitlines()[0] == COLUMNS
    data = ready(copy)
    assert {sample.split for sample in data.samples} == {"test"}
    assert data.split_label == "all-test"
    unpacked = copy / "ms-cxr-making-the-most-of-text-semantics-0.1"
    (copy / "ms-cxr" / "0.1").rename(unpacked)
    (copy / "ms-cxr").rmdir()
    assert ready(copy).split_name == data.split_name


def test_boxes_of_a_smaller_copy_are_measured_in_the_original(root: Path):
    from PIL import Image

    data = ready(root)
    sample = data.rows("test")[0]
    width, height = sample.size
    Image.open(sample.image).resize((16, 16)).save(sample.image)
    item = data.dataset("test")[0]
    expected = sample.finding_K4[0] / [width, height, width, height]
    assert np.allclose(item["finding_box"][0], expected, atol=1e-3)


def test_what_is_missing_is_counted_or_told(root: Path):
    data = ready(root)
    gone = data.samples[0].image
    Path(gone).unlink()
    (root / "mimic-cxr-jpg/2.1.0/mimic-cxr-2.0.0-metadata.csv.gz").unlink()
    table = pd.read_csv(file(root, "csv"))
    table.loc[table.index[-1], "w"] = 0
    nameless = table.iloc[[-2]].assign(label_text="")
    pd.concat([table, nameless]).to_csv(file(root, "csv"), index=False)
    data = ready(root, annotations=str(file(root, "csv")))
    assert data.ledger.dropped == {"image file is missing": 1, "phrase is empty": 1}
    assert data.ledger.masked == {"box without area in the image": 1}
    assert any("views are not known" in line for line in data.ledger.warnings)
    shutil.rmtree(root / "ms-cxr")
    with pytest.raises(DataError, match=r"no MS_CXR_Local_Alignment.*physionet\.org"):
        ready(root)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("label_text", "text", "no column 'label_text'"),
        (",train\n", ",trained\n", "split 'trained'"),
        ("Pneumothorax", "Air", "category 'Air'"),
        (",32,32,", ",wide,32,", "column image_width"),
    ],
)
def test_wrong_tables_stop_with_one_line(root: Path, old: str, new: str, reason: str):
    text = file(root, "csv").read_text()
    assert old in text
    file(root, "csv").write_text(text.replace(old, new))
    with pytest.raises(DataError, match=reason) as caught:
        ready(root, annotations=str(file(root, "csv")))
    assert "\n" not in str(caught.value)
    file(root, "json").write_text("{")
    with pytest.raises(DataError, match="cannot read"):
        ready(root)


def test_splits_in_other_words_and_rows_that_stand_twice_are_read_alike(root: Path):
    csv = file(root, "csv")
    expected = ready(root, annotations=str(csv)).manifest()["hash"]
    head, *rows = csv.read_text().splitlines()
    rows = [row.replace(",train", ",Training").replace(",val", ",dev") for row in rows]
    csv.write_text("\n".join([head, *rows, rows[0]]) + "\n")
    data = ready(root, annotations=str(csv))
    assert data.manifest()["hash"] == expected
    assert data.ledger.masked["row of a box stands twice (once is read)"] == 1


def test_a_patient_on_two_sides_is_an_error(root: Path):
    table = pd.read_csv(file(root, "csv"))
    several = table["dicom_id"].value_counts().index[0]
    rows = table.index[table["dicom_id"] == several]
    table.loc[rows, "split"] = "train"
    table.loc[rows[0], "split"] = "test"
    table.to_csv(file(root, "csv"), index=False)
    with pytest.raises(DataError, match="keep a patient on one side"):
        ready(root, annotations=str(file(root, "csv")))


def test_the_command_counts_pairs(root: Path, capsys: pytest.CaptureFixture):
    assert sum(PUBLISHED.values()) == 1_162
    assert main(["data", "check", "MsCxr", "--root", str(root), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["found"]["all"]
    pairs = pd.read_csv(file(root, "csv")).drop_duplicates(["dicom_id", "category_name", "label_text"])
    assert found.pop("pairs") == len(pairs)
    assert {name: count for name, count in found.items() if count} == pairs["category_name"].value_counts().to_dict()


@pytest.mark.parametrize("release", ["0.1", "1.1.0"])
def test_the_config_scores_every_phrase_of_a_test_image(release: str, phantoms: Path, tmp_path: Path):
    root, out = Path(shutil.copytree(phantoms, tmp_path / "data")), tmp_path / "run"
    lookalike.write(root, release)
    places = [f"--data.init_args.root={root}", f"--trainer.default_root_dir={out}", "--data.init_args.num_workers=0"]
    places += ["--model.init_args.architecture=null", "--data.init_args.image_size=128"]  # those of the backbone
    backbone = "--model.init_args.backbone=zoo://gk-mvlp-phantom"
    assert main(["test", "--config=zoo://grounding-mscxr", *places, backbone]) == 0
    [path] = (root / "ms-cxr" / release).glob("*.csv")
    table = pd.read_csv(path)
    if "split" in table:
        table = table[table["split"] == "test"]
    trials = table.drop_duplicates(["dicom_id", "category_name"])["category_name"].str.lower()
    either_side = ~trials.isin(["cardiomegaly", "edema"])
    found = figures_of(out / "predictions" / "grounding.parquet")
    assert {(f.task, f.data, f.model, f.boxes) for f in found} == {("grounding", "ms-cxr", "pretrained", "atlas")}
    assert {f.split.partition("@")[0] for f in found} == {"all-test" if release == "0.1" else "official"}
    pointing = {f.label: f for f in found if f.name == "pointing_game"}
    wanted = {None: either_side.sum(), "all": len(trials), **trials.value_counts()}
    assert {label: figure.n for label, figure in pointing.items()} == wanted
    assert all(0 <= figure.value <= 1 and set(figure.baselines) == {"prior_box"} for figure in pointing.values())


def test_the_lookalike_is_the_truth_and_writes_once(root: Path, phantoms: Path, tmp_path: Path):
    truth = pd.read_parquet(root / "_truth" / "findings.parquet")
    table = pd.read_csv(file(root, "csv"))
    planted = truth[truth["entity"] == "pneumothorax"].sort_values(["sample_id", "x1"])
    told = table[table["category_name"] == "Pneumothorax"].sort_values(["dicom_id", "x"])
    assert told["dicom_id"].tolist() == planted["sample_id"].tolist()
    assert np.allclose(told[["x", "y"]], planted[["x1", "y1"]], atol=0.5)
    for side in ("left", "right"):
        named = told["label_text"].str.contains(side).to_numpy()
        assert (planted["side"].to_numpy()[named] == side).all()
    before = file(root, "json").read_bytes()
    lookalike.write(root)
    assert file(root, "json").read_bytes() == before
    with pytest.raises(DataError, match="another corpus"):
        lookalike.write(root, "0.1")
    with pytest.raises(DataError, match="write it first"):
        lookalike.write(tmp_path / "empty")
