"""What ``gkmvlp data check`` counts is what a loop over rows, reports and entities counts."""

from dataclasses import replace

import numpy as np
import pytest

from gkmvlp.data_modules import MimicCxr
from gkmvlp.data_modules.inspection.check import build, find_class, read_entities, silent_reports, without_regions
from gkmvlp.data_modules.inspection.explain import STATUS
from gkmvlp.data_modules.synthetic import mimic_cxr
from gkmvlp.entities import ENTITIES
from gkmvlp.errors import ConfigError, UsageError
from gkmvlp.geometry import Letterbox


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("check") / "data"
    mimic_cxr.write(folder, 12, 0, size=16)
    return folder


def load(root, **kwargs) -> MimicCxr:
    data = MimicCxr(str(root), num_workers=0, image_size=16, **kwargs)
    data.check()
    return data


def test_entities_are_counted_by_study(root):
    samples = load(root).samples
    studies = {sample.fields["study_id"]: sample.fields for sample in samples}
    told = read_entities(samples)
    assert told
    for index, entity in enumerate(ENTITIES):
        values = [int(fields["status"][index]) for fields in studies.values()]
        counts = {word: values.count(code) for code, word in STATUS.items()}
        assert (entity.name in told) == any(counts.values())
        if entity.name in told:
            assert {word: told[entity.name][word] for word in counts} == counts
            assert len(told[entity.name]["examples"]) == min(3, counts["present"])
    assert read_entities([]) == {}


def test_reports_without_any_finding_are_counted_by_study(root):
    samples = list(load(root).samples)
    silent = {s.fields["study_id"]: not set(s.fields["status"].tolist()) & set(STATUS) for s in samples}
    assert silent_reports(samples) == {"reports": len(silent), "without_findings": sum(silent.values())}
    quiet = [replace(s, fields=s.fields | {"status": np.full(len(ENTITIES), -2, np.int8)}) for s in samples]
    assert silent_reports(quiet) == {"reports": len(silent), "without_findings": len(silent)}
    assert silent_reports([]) == {"reports": 0, "without_findings": 0}


@pytest.mark.parametrize("source", ["atlas", "mixed", "dataset"])
def test_rows_without_regions_are_counted(root, source):
    data = load(root, region_boxes=source)
    data.samples = [
        sample if number % 3 else replace(sample, view="LATERAL") for number, sample in enumerate(data.samples)
    ]
    frame = Letterbox.fit(16, 16, 16)
    masks = [data.regions.boxes(sample, frame, None)[1] for sample in data.samples]
    count = sum(not np.any(mask) for mask in masks)
    assert without_regions(data) == count
    assert source == "dataset" or 0 < count < len(data.samples)


@pytest.mark.parametrize("name", ["MimicCxxr", "mimic_cxr", "MIMIC-CXR", "gkmvlp.data_modules.MimicCXR"])
def test_a_misspelt_class_is_answered_with_the_nearest(name):
    with pytest.raises(UsageError, match=r"; did you mean MimicCxr\?$"):
        find_class(name)


def test_a_misspelt_class_of_ones_own_is_answered_with_the_nearest():
    with pytest.raises(UsageError, match=r"has no class Openi .*; did you mean OpenI\?$"):
        find_class("gkmvlp.data_modules.openi.Openi")


@pytest.mark.parametrize(
    ("key", "remedy"),
    [("splitt", "did you mean split?"), ("study", "it takes root, split, labels, fold, num_folds and what all take")],
)
def test_an_argument_that_a_class_does_not_have_is_answered_with_those_it_has(key, remedy):
    with pytest.raises(ConfigError) as caught:
        build("ChestXray14", None, "nowhere", **{key: 1})
    assert str(caught.value) == f"ChestXray14 has no {key!r}; {remedy}"
