"""``density.json``: distances against closed forms and scikit-learn, read as written, refused where it is of others."""

import dataclasses
import json

import numpy as np
import pytest
from sklearn.covariance import LedoitWolf

from gkmvlp.checkpoints.density_file import INFO, TENSORS, Density, read_density, shrunk_covariance, write_density
from gkmvlp.errors import BackboneError

MADE = Density(np.array([1.0, -2.0]), np.diag([0.5, 2.0]), (0.0, 1.0, 4.0), "nih", "official@abc", 50, 20, "2026-01-01")


def test_distances_by_hand():
    """Deviations of 2 and 0.5 along the axes: two deviations along each."""
    assert MADE.distances(np.array([[1, -2], [5, -2], [1, -1], [5, -1]])) == pytest.approx([0, 2, 2, np.sqrt(8)])
    assert [MADE.share_nearer(d) for d in (0, 1, 2.5, 9)] == pytest.approx([0, 0.5, 0.75, 1])


@pytest.mark.parametrize("shape", [(30, 50), (200, 12), (5, 3)])
def test_the_covariance_is_that_of_ledoit_and_wolf(shape):
    draw = np.random.default_rng(0)
    vector_ND = draw.normal(size=shape) @ draw.normal(size=(shape[1], shape[1])) + 3
    np.testing.assert_allclose(shrunk_covariance(vector_ND), LedoitWolf().fit(vector_ND).covariance_, rtol=1e-8)


def test_written_and_read(tmp_path):
    assert read_density(tmp_path, 2) is None
    write_density(tmp_path, MADE)
    made = read_density(tmp_path, 2)
    for field in dataclasses.fields(Density):
        np.testing.assert_array_equal(getattr(made, field.name), getattr(MADE, field.name))


def test_another_models_and_broken_ones_are_one_line(tmp_path):
    write_density(tmp_path, MADE)
    with pytest.raises(BackboneError, match="of vectors of 2, the model has 128"):
        read_density(tmp_path, 128)
    content = json.loads((tmp_path / INFO).read_text())
    for wrong in ({"format": 2}, {"n": 3, "more": 1}, {"quantiles": "x"}):
        (tmp_path / INFO).write_text(json.dumps(content | wrong))
        with pytest.raises(BackboneError, match="calibrate --density"):
            read_density(tmp_path, 2)
    (tmp_path / INFO).write_text(json.dumps(content))
    (tmp_path / TENSORS).write_bytes(b"nothing")
    with pytest.raises(BackboneError, match="density"):
        read_density(tmp_path, 2)
