"""``gkmvlp index``: the real command, the nearest images, files that are no index."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gkmvlp.app.cli import main
from gkmvlp.app.serving.neighbours import Index, read_index
from gkmvlp.errors import DataError
from gkmvlp.zoo.inference.loading import open_predictor
from tests.app.small_models import write_images


@pytest.fixture(scope="module")
def indexed(small_folders, tmp_path_factory):
    root = tmp_path_factory.mktemp("indexed")
    write_images(root / "images" / "deep", 4)
    (root / "images" / "broken.png").write_bytes(b"no image")
    words = ["index", root / "images", "--model", small_folders["backbone"], "--out", root / "i.parquet"]
    assert main([*map(str, words), "--device", "cpu"]) == 1  # one could not be read; the index is written
    return root


def test_images_of_one_name_in_two_folders_are_told_apart(indexed, small_folders, tmp_path):
    images, out = indexed / "images", tmp_path / "i.parquet"
    shutil.copytree(images / "deep", tmp_path / "deep")
    words = ["index", images / "deep", tmp_path / "deep", "--model", small_folders["backbone"], "--out", out]
    assert main([*map(str, words), "--device", "cpu"]) == 0
    names = read_index(out, open_predictor(small_folders["backbone"], "cpu")).names
    assert len(set(names)) == len(names) == 8
    assert all(Path(name).is_file() for name in names)


def test_the_nearest_of_an_image_is_itself(indexed, small_folders):
    predictor = open_predictor(small_folders["backbone"], "cpu")
    index = read_index(indexed / "i.parquet", predictor)
    assert sorted(index.names) == [f"deep/{n}.{'png' if n % 2 else 'jpg'}" for n in range(4)]
    for name in index.names:
        vector = predictor.embed(indexed / "images" / name).images[0]
        nearest = index.nearest(vector, 2)
        assert nearest[0].name == name
        assert nearest[0].similarity == pytest.approx(1, abs=1e-5)
        assert nearest[0].thumbnail.startswith("data:image/jpeg;base64,")
        assert nearest[1].similarity <= nearest[0].similarity


def test_the_order_is_that_of_the_cosine():
    vectors = np.array([[1, 0], [0, 1], [0.6, 0.8]], np.float32)
    near = Index(["a", "b", "c"], vectors, [b""] * 3).nearest(np.array([0.8, 0.6], np.float32))
    assert [(one.name, round(one.similarity, 2)) for one in near] == [("c", 0.96), ("a", 0.8), ("b", 0.6)]


def test_an_index_of_other_weights_is_refused(indexed, small_folders):
    predictor = open_predictor(small_folders["backbone"], "cpu")
    next(predictor.model.parameters()).data += 1
    with pytest.raises(DataError, match="whose weights are other ones"):
        read_index(indexed / "i.parquet", predictor)


def test_what_is_no_index_is_refused(small_folders, tmp_path):
    predictor = open_predictor(small_folders["backbone"], "cpu")
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "other.parquet")
    (tmp_path / "text.parquet").write_text("text")
    for name in ("other.parquet", "text.parquet", "none.parquet"):
        with pytest.raises(DataError, match="an index was expected"):
            read_index(tmp_path / name, predictor)


def test_a_model_without_vectors_is_refused(small_folders, indexed, tmp_path, capsys):
    words = ["index", indexed / "images", "--model", small_folders["report"], "--out", tmp_path / "i.parquet"]
    assert main([*map(str, words), "--device", "cpu"]) == 1
    assert "has no vectors: name the backbone it came from" in capsys.readouterr().err
    assert not (tmp_path / "i.parquet").exists()
