import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gkmvlp.app.cli import main
from gkmvlp.data_modules import ChestXray14
from gkmvlp.data_modules.formats.chest_xray14 import LABELS
from gkmvlp.errors import ConfigError, DataError

# name: labels, list, boxes as written: label, x, y, w, h in pixels of 1024 x 1024
ROWS = {
    "00000001_000.png": ("No Finding", "train_val", []),
    "00000001_001.png": ("Pleural_Thickening|Mass", "train_val", []),
    "00000002_000.png": ("No Finding", "train_val", []),
    "00000013_005.png": ("Infiltration|Nodule", "test", [("Infiltrate", 256, 512, 128, 256), ("Nodule", 0, 0, 64, 32)]),
    "00000013_026.png": ("Mass", "test", [("Mass", 900, 900, 300, 50), ("Mass", 10, 10, 0, 20)]),
}  # fmt: skip


@dataclass
class NihTree:
    """Invented images in the official layout; ``write`` puts them there."""

    root: Path
    rows: dict[str, tuple] = field(default_factory=lambda: dict(ROWS))
    is_2017: bool = False
    folder: str = "images"
    suffix: str = ".png"
    size: int = 1024
    mode: str = "L"

    def write(self) -> "NihTree":
        end = "," * self.is_2017
        header = "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
        entries = [f"{header}OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]{end}"]
        boxes = ["Image Index,Finding Label,Bbox [x,y,w,h],,,"]
        lists: dict[str, list[str]] = {"train_val": [], "test": []}
        for number, (name, (labels, side, own)) in enumerate(self.rows.items()):
            age = f"{40 + number:03d}Y" if self.is_2017 else 40 + number
            entries.append(f"{name},{labels},{number},{int(name[:8])},{age},M,AP,2500,2048,0.168,0.168{end}")
            boxes += [f"{name},{','.join(map(str, box))}" for box in own]
            if side:
                lists[side].append(name)
            self.image(name)
        table = "Data_Entry_2017.csv" if self.is_2017 else "Data_Entry_2017_v2020.csv"
        (self.root / table).write_text("\n".join(entries) + "\n")
        (self.root / "BBox_List_2017.csv").write_text("\n".join(boxes) + "\n")
        for side, names in lists.items():
            (self.root / f"{side}_list.txt").write_text("\n".join(names))
        return self

    def image(self, name: str) -> Path:
        path = self.root / self.folder / f"{name[:-4]}{self.suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        grey = np.full((self.size, self.size), 100 + int(name[9:12]), np.uint8)
        grey[: self.size // 4] = 0  # a picture of one grey is refused
        Image.fromarray(grey).convert(self.mode).save(path)
        return path


@pytest.fixture
def tree(tmp_path: Path) -> NihTree:
    return NihTree(tmp_path / "nih", size=16)


def ready(root: Path, **kwargs) -> ChestXray14:
    data = ChestXray14(str(root), image_size=32, num_workers=0, batch_size=8, intensity="voi", **kwargs)
    data.check()
    return data


@pytest.mark.parametrize(
    ("is_2017", "folder", "suffix", "size", "mode"),
    [
        (False, "images", ".png", 1024, "L"),
        (False, "images", ".png", 16, "RGBA"),
        (True, "images_001/images", ".jpg", 16, "L"),
        (False, "images_012", ".JPEG", 64, "L"),
        (False, "images-224/images-224", ".png", 224, "L"),
    ],
)
def test_every_layout_gives_the_same_rows_and_boxes(tmp_path: Path, is_2017, folder, suffix, size, mode):
    tree = NihTree(tmp_path / "nih", ROWS, is_2017, folder, suffix, size, mode).write()
    data = ready(tree.root)
    batch = next(iter(data.test_dataloader()))
    assert batch["sample_id"] == ["00000013_005", "00000013_026"]
    assert batch["patient_id"] == ["13", "13"]
    named = [{LABELS[index] for index in row.nonzero()[:, 0]} for row in batch["label"]]
    assert named == [{"Infiltration", "Nodule"}, {"Mass"}]
    assert batch["finding_mask"].tolist() == [[True, True], [True, False]]
    expected = torch.tensor([[256, 512, 384, 768], [0, 0, 64, 32], [900, 900, 1024, 950]]) / 1024
    torch.testing.assert_close(batch["finding_box"][batch["finding_mask"]], expected)
    assert [LABELS[index] for index in batch["finding"][batch["finding_mask"]]] == ["Infiltration", "Nodule", "Mass"]
    assert batch["letterbox"][:, 4:].tolist() == [[1024, 1024]] * 2
    np.testing.assert_allclose(batch["image"][:, 0, 16, 16] * 255, [105, 126], atol=2)
    assert data.ledger.dropped == {}
    assert data.ledger.masked == {
        "box without area in the image": 1,
        "box reaches out of the image (clipped)": 1,
    }
    assert {sample.view for sample in data.samples} == {"AP"}


@pytest.mark.parametrize("form", ["/home/ann/nih/{}.png", "C:\\nih\\{}.png", "./{}.png", "{}", "{}.PNG", "{}.jpg"])
def test_images_are_known_by_their_stem_however_a_table_names_them(tree: NihTree, form: str):
    tree.write()
    expected = ready(tree.root).manifest()
    for name in ("Data_Entry_2017_v2020.csv", "BBox_List_2017.csv"):
        file = tree.root / name
        file.write_text(re.sub(r"(\d{8}_\d{3})\.png", lambda match: form.format(match[1]), file.read_text()))
    for file in tree.root.glob("*_list.txt"):
        file.write_text("\n".join(f'"{line}"' for line in file.read_text().split()))
    assert ready(tree.root).manifest() == expected


def test_a_box_that_stands_twice_is_read_once(tree: NihTree):
    tree.rows["00000013_005.png"][2].append(tree.rows["00000013_005.png"][2][0])
    try:
        data = ready(tree.write().root)
    finally:
        tree.rows["00000013_005.png"][2].pop()
    assert data.ledger.masked["row of a box stands twice (once is read)"] == 1
    assert data.rows("test")[0].finding_K4.any(1).sum() == 2


def test_the_newer_table_wins_and_the_folder_may_lie_below_the_root(tree: NihTree):
    tree.is_2017 = True
    tree.write()
    (tree.root / "Data_Entry_2017_v2020.csv").write_text(
        (tree.root / "Data_Entry_2017.csv").read_text().replace("|Nodule", "|Edema")
    )
    tree.root.rename(tree.root.parent / "chestxray14")
    data = ready(tree.root.parent)
    assert data.rows("test")[0].fields["label"][LABELS.index("Edema")] == 1


def test_chosen_labels_bring_their_boxes_only(tree: NihTree):
    data = ready(tree.write().root, labels=["Nodule", "Mass"])
    assert data.labels == ("Nodule", "Mass")
    first, second = data.rows("test")
    assert [first.fields["label"].tolist(), second.fields["label"].tolist()] == [[1, 0], [0, 1]]
    assert [row.finding_K4.shape for row in data.samples] == [(1, 4)] * 5
    assert [first.fields["finding"].tolist(), second.fields["finding"].tolist()] == [[0], [1]]
    with pytest.raises(ConfigError, match="did you mean 'Pleural_Thickening'"):
        ready(tree.root, labels=["Pleural Thickening"])


def test_what_is_missing_is_counted_and_gone_on(tree: NihTree):
    tree.rows["00000014_000.png"] = ("Edema", "", [])
    tree.write()
    (tree.root / "images" / "00000002_000.png").unlink()
    tree.image("00000099_000.png")
    tree.image("00000001_001.jpg")
    (tree.root / "images" / "index.html").touch()
    (tree.root / "images" / "00000001_001.png").rename(tree.root / "images" / "00000001_001.jpg")
    tree.image("00000001_001.png")
    (tree.root / "BBox_List_2017.csv").unlink()
    data = ready(tree.root)
    assert data.ledger.dropped == {
        "image file is missing": 1,
        "image has no row in the label table": 1,
        "image is in neither split list": 1,
    }
    assert data.ledger.masked == {"several files have this stem, the first is read": 1}
    assert data.ledger.examples["image has no row in the label table"] == ["00000099_000"]
    assert any("BBox_List_2017.csv" in line for line in data.ledger.warnings)
    batch = next(iter(data.test_dataloader()))
    assert not batch["finding_mask"].any()
    assert len(data.samples) == 4


def test_errors_say_what_to_get(tree: NihTree, tmp_path: Path, capsys):
    with pytest.raises(DataError, match=r"Data_Entry_2017\*\.csv.*nihcc"):
        ready(tmp_path / "nothing")
    tree.rows["00000013_027.png"] = ("No Finding", "train_val", [])
    tree.write()
    with pytest.raises(DataError, match=r"patient 13 is in .* keep a patient on one side"):
        ready(tree.root)
    (tree.root / "test_list.txt").unlink()
    assert main(["data", "check", "ChestXray14", "--root", str(tree.root)]) == 1
    told = capsys.readouterr().err
    assert "test_list.txt" in told
    assert "fold: 0" in told
    assert told.count("\n") == 1
    table = tree.root / "Data_Entry_2017_v2020.csv"
    for change, word in ((("|Nodule", "|Noduel"), "'Noduel'"), (("View Position", "View"), "'View Position'")):
        text = table.read_text()
        table.write_text(text.replace(*change))
        with pytest.raises(DataError, match=word):
            ready(tree.root, fold=0)
        table.write_text(text)
    with pytest.raises(ConfigError, match="0 <= fold < num_folds"):
        ready(tree.root, fold=5)


def test_the_real_subset(shared_data: Path, capsys):
    root = shared_data / "chestxray14"
    data = ready(root)
    assert len(data.samples) == 535
    assert len({sample.patient_id for sample in data.samples}) == 422
    assert data.table_counts == data.published_counts
    assert data.ledger.dropped == {"image file is missing": 112_120 - 535}
    assert data.ledger.masked == {}
    named = (root / "test_list.txt").read_text().split()
    assert {row.sample_id for row in data.rows("test")} == {row.sample_id for row in data.samples} & {
        name[:-4] for name in named
    }
    boxed = [row for row in data.samples if row.finding_K4.any()]
    assert {row.split for row in boxed} == {"test"}
    for row in boxed:
        present = (row.finding_K4 != 0).any(-1)
        assert row.fields["label"][row.fields["finding"][present]].all()
    assert main(["data", "check", "ChestXray14", "--root", str(root)]) == 0
    told = capsys.readouterr().out
    assert "in the tables, test: 25,596 images (published 25,596), 2,797 patients (published 2,797)" in told
    assert "unreadable images: 0" in told


def test_folds_test_every_image_once_and_share_no_patient(shared_data: Path):
    seen: list[str] = []
    for fold in range(3):
        data = ready(shared_data / "chestxray14", fold=fold, num_folds=3, labels=["Pneumonia"])
        seen += [row.sample_id for row in data.rows("test")]
        sides = {split: {row.patient_id for row in data.rows(split)} for split in ("train", "validate", "test")}
        assert sum(map(len, sides.values())) == 422
        assert 0.04 < len(sides["validate"]) / 422 < 0.12
        assert data.split_label == f"fold{fold}of3"
    assert len(seen) == len(set(seen)) == 535


def test_nested_and_empty_image_folders(tmp_path: Path):
    tree = NihTree(tmp_path / "nih").write()
    folder = tree.root / "images"
    (folder / "deep" / "deeper").mkdir(parents=True)
    for path in sorted(folder.glob("*.png")):
        path.rename(folder / "deep" / "deeper" / path.with_suffix(".PNG").name)
    data = ChestXray14(str(tree.root), num_workers=0)
    data.check()
    assert {sample.sample_id for sample in data.samples} == {name.removesuffix(".png") for name in ROWS}
    for path in (folder / "deep" / "deeper").iterdir():
        path.unlink()
    with pytest.raises(DataError, match=rf"no image \(.*\) in {folder} or its folders: unpack"):
        ChestXray14(str(tree.root), num_workers=0).check()
