import json
from pathlib import Path

import numpy as np
import pytest

from gkmvlp.anatomy import REGIONS
from gkmvlp.app.cli import main
from gkmvlp.data_modules.pipeline.samples import read_atlas
from gkmvlp.data_modules.synthetic import mimic_cxr


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("phantoms")
    mimic_cxr.write(folder, 4, 0, size=32, workers=1)
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
    assert len(list((tmp_path / "cache").glob("images-*.npy"))) == 2
