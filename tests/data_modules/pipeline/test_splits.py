import networkx as nx
import numpy as np
import pytest

from gkmvlp.data_modules.pipeline.splits import (
    connected_groups,
    draw_groups,
    hash_fold,
    hash_split,
    in_fraction,
    require_disjoint,
)
from gkmvlp.errors import DataError

PATIENTS = [f"patient-{number}" for number in range(4000)]


def test_shares_and_pins():
    told = [hash_split(patient) for patient in PATIENTS]
    assert abs(told.count("validate") / 4000 - 0.1) < 0.02
    assert abs(told.count("test") / 4000 - 0.1) < 0.02
    # A change here reshuffles every published split. The values follow from SHA-256 by hand: the first 8 bytes of
    # sha256("a") are ca978112ca1bbdca (0.79), of "b" 3e23e8160039594a (0.24), of "n" 1b16b1df538ba12d (0.106).
    assert [hash_split(name) for name in "abn"] == ["train", "train", "validate"]


def test_fractions_are_nested():
    small, large = ({p for p in PATIENTS if in_fraction(p, share)} for share in (0.01, 0.1))
    assert small < large
    assert abs(len(large) / 4000 - 0.1) < 0.02
    assert all(in_fraction(p, 1.0) for p in PATIENTS)


def test_folds_are_even_and_not_the_split():
    folds = np.array([hash_fold(p, 5) for p in PATIENTS])
    assert np.bincount(folds, minlength=5).min() > 700
    test = np.array([hash_split(p) == "test" for p in PATIENTS])
    assert np.bincount(folds[test], minlength=5).min() > 40


def test_groups_are_connected_components():
    rng = np.random.default_rng(3)
    keys = [[f"i{rng.integers(60)}", f"c{rng.integers(60)}"] for _ in range(70)]
    graph = nx.Graph()
    for image, case in keys:
        graph.add_edge(image, case)
    groups = connected_groups(keys)
    expected = {frozenset(part) for part in nx.connected_components(graph)}
    found = {
        frozenset(name for row, key in zip(groups, keys, strict=True) if row == group for name in key)
        for group in set(groups)
    }
    assert found == expected


def test_draw_does_not_depend_on_order():
    names = [f"g{number}" for number in range(50)] * 3
    assert draw_groups(names, 0.2, 0) == draw_groups(names[::-1], 0.2, 0)
    assert len(draw_groups(names, 0.2, 0)) == 10
    assert draw_groups(names, 0.2, 0) != draw_groups(names, 0.2, 1)


def test_a_patient_on_both_sides_is_named():
    with pytest.raises(DataError, match="patient b is in train and in test of split"):
        require_disjoint({"train": ["a", "b"], "test": ["b"]}, "split.csv")
