import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from gkmvlp.anatomy import REGIONS
from gkmvlp.app.cli import main
from gkmvlp.data_modules.pipeline.samples import read_atlas
from gkmvlp.data_modules.synthetic import chest_xray14, mimic_cxr
from tests.processes import gkmvlp


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("phantoms")
    mimic_cxr.write(folder, 24, 0, size=32, workers=1)  # some in each split
    return folder


def test_check_names_what_is_there_and_every_broken_image(root: Path, capsys):
    assert main(["data", "check", "MimicCxr", "--root", str(root)]) == 0
    told = capsys.readouterr().out
    assert "mimic-cxr-reports.zip" in told
    assert "unreadable images: 0" in told
    image = next(root.glob("mimic-cxr-jpg/2.1.0/files/*/*/*/*.jpg"))
    whole = image.read_bytes()
    for broken in (b"", whole[: len(whole) // 2]):
        image.write_bytes(broken)
        assert main(["data", "check", "MimicCxr", "--root", str(root), "--json"]) == 0
        report = json.loads(capsys.readouterr().out)
        assert list(report["unreadable"]) == [image.stem]
        assert str(image) in report["unreadable"][image.stem]
    image.write_bytes(whole)


def test_check_counts_what_images_look_like(tmp_path: Path, capsys):
    chest_xray14.write(tmp_path, 24, 3, 128, workers=1)
    images = sorted(tmp_path.rglob("images/*.png"))
    for place, change in ((0, lambda image_HW: 255 - image_HW), (1, lambda image_HW: image_HW[:30])):
        with Image.open(images[place]) as picture:
            changed = change(np.asarray(picture.convert("L")))
        Image.fromarray(changed).save(images[place])
    assert main(["data", "check", "ChestXray14", "--root", str(tmp_path), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    counts = report["looks_like"]
    assert sum(counts.values()) == len(images)
    assert counts["too small"] == 1
    assert report["looks_like_examples"]["too small"] == [images[1].stem]
    assert counts["frontal"] >= 0.9 * (len(images) - 2)
    assert images[0].stem not in report["looks_like_examples"]["frontal"]
    assert main(["data", "check", "ChestXray14", "--root", str(tmp_path)]) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if "look like to the gate" in line)
    assert all(f"{kind} {count}" in line for kind, count in counts.items())


def test_check_takes_a_config(root: Path, tmp_path: Path, capsys):
    config = tmp_path / "mine.yaml"
    text = f"data:\n  class_path: MimicCxr\n  init_args:\n    root: {root}\n    dataset_name: phantom-mimic-cxr\n"
    config.write_text(text)
    assert main(["data", "check", str(config)]) == 0
    assert "phantom-mimic-cxr official@" in capsys.readouterr().out
    config.write_text(text + "    imagesize: 3\n")
    assert main(["data", "check", str(config)]) == 1
    assert "'imagesize'" in capsys.readouterr().err


def test_wrong_words_and_missing_data(tmp_path: Path, capsys):
    assert main(["data", "check", "Mimic", "--root", str(tmp_path)]) == 2
    assert "MimicCxr" in capsys.readouterr().err
    assert main(["data", "check", "VqaRad"]) == 2
    assert "--root" in capsys.readouterr().err
    assert main(["data", "check", "MimicCxr", "--root", str(tmp_path)]) == 1
    told = capsys.readouterr().err
    assert "mimic-cxr-2.0.0-split.csv" in told
    assert "physionet.org" in told
    assert told.count("\n") == 1


def test_explain_atlas_and_cache(root: Path, tmp_path: Path, capsys):
    study = next(root.glob("mimic-cxr-jpg/2.1.0/files/*/*/s*")).name
    assert main(["data", "explain", study, "--root", str(root), "--picture", str(tmp_path / "x.png"), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["study_id"] for row in rows} == {study[1:]}
    assert (tmp_path / "x.png").is_file()
    assert main(["data", "atlas", "--root", str(root), "--out", str(tmp_path / "atlas.json")]) == 0
    boxes = read_atlas(str(tmp_path / "atlas.json"))
    right, left = (boxes["PA"][REGIONS.index(f"{side} lung")] for side in ("right", "left"))
    assert right[[0, 2]].mean() < 0.5 < left[[0, 2]].mean()
    assert np.isfinite(boxes["AP"]).all()
    assert main(["data", "cache", "MimicCxr", "--root", str(root), "--cache-dir", str(tmp_path / "cache")]) == 0
    assert (tmp_path / "cache" / "knowledge.parquet").is_file()
    assert [file.name for file in (tmp_path / "cache").glob("shard-*.tar")] == ["shard-00000.tar"]


@pytest.fixture
def own(tmp_path: Path, monkeypatch) -> Path:
    """A working folder with a data set class of somebody's own, and pairs whose images lie elsewhere."""
    noise = np.random.default_rng(0)
    (tmp_path / "elsewhere").mkdir()
    table = []
    for n, split in enumerate(["train", "train", "validate", "test"]):
        Image.fromarray(noise.integers(0, 255, (40, 40)).astype(np.uint8)).save(tmp_path / "elsewhere" / f"{n}.png")
        report = "No pneumothorax. Small left pleural effusion." if n else "Heart is enlarged."
        table.append({"image": f"{n}.png", "report": report, "patient_id": n, "study_id": f"s{n}", "split": split})
    pd.DataFrame(table).assign(view=["PA", "AP", "PA", "LATERAL"]).to_csv(tmp_path / "pairs.csv", index=False)
    source = "from gkmvlp.data_modules import ImageReportPairs\nclass OpenI(ImageReportPairs):\n    pass\n"
    (tmp_path / "my_module.py").write_text(source)
    (tmp_path / "broken.py").write_text("import nothing_of_that_name\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_a_class_of_ones_own_is_taken_by_path_with_its_init_args(own: Path):
    words = ["--root", "pairs.csv", "--image_root", "elsewhere"]
    done = gkmvlp("data", "check", "my_module.OpenI", *words, cwd=own)
    assert done.returncode == 0, done.stderr
    for told in ("views: AP 1, LATERAL 1, PA 2", "rows without regions: 1", "pleural effusion: 3 present, 0 absent",
                 "    Small left pleural effusion."):  # fmt: skip
        assert told in done.stdout
    done = gkmvlp(
        "data", "audit", "my_module.OpenI", "--root=pairs.csv", "--data.init_args.image_root=elsewhere", cwd=own
    )
    assert done.returncode == 0, done.stderr
    config = own / "mine.yaml"
    config.write_text("data:\n  class_path: my_module.OpenI\n  init_args: {table: pairs.csv, image_root: elsewhere}\n")
    assert gkmvlp("data", "check", str(config), cwd=own).returncode == 0
    done = gkmvlp("data", "explain", "s1", "--data", str(config), "--json", cwd=own)
    assert {row["entity"] for row in json.loads(done.stdout)} == {"pneumothorax", "pleural effusion"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["data", "check", "broken.OpenI"], "No module named 'nothing_of_that_name'"),
        (["data", "check", "my_module.Openi"], "has no class Openi"),
        (["data", "check", "nowhere.OpenI"], "No module named 'nowhere'"),
        (["data", "check", "my_module.OpenI", "--root=pairs.csv", "--image_rot=x"], "did you mean image_root?"),
        (["data", "explain", "s9", "--data=my_module.OpenI", "--root=pairs.csv", "--image_root=elsewhere"], "like s0"),
        (["fit", "--config=zoo://pretrain-pairs", "--data=broken.OpenI"], "No module named 'nothing_of_that_name'"),
        (["fit", "--config=zoo://pretrain-pairs", "--data=my_module.Openi"], "my_module has no Openi"),
    ],
)
def test_why_a_class_of_ones_own_is_not_taken_is_one_line(own: Path, words: list[str], said: str):
    done = gkmvlp(*words, cwd=own)
    assert done.returncode in (1, 2)
    assert done.stderr.count("\n") == 1
    assert said in done.stderr


def test_a_split_that_is_needed_later_and_empty_is_no_success(own: Path):
    text = (own / "pairs.csv").read_text()
    (own / "pairs.csv").write_text(text.replace("validate", "train"))
    done = gkmvlp("data", "check", "ImageReportPairs", "--root", "pairs.csv", "--image_root", "elsewhere", cwd=own)
    assert done.returncode == 1
    assert "no validate rows" in done.stderr
    assert "views" in done.stdout
