"""The phantom generator against what a radiograph is by definition: sides, boxes, regions, the same bytes twice."""

from dataclasses import replace

import numpy as np
import pytest

from gkmvlp.anatomy import REGION_INDEX, REGIONS
from gkmvlp.app.benchmarks.phantom_sheet import contact_sheet
from gkmvlp.entities import ENTITY_INDEX
from gkmvlp.phantom.generate import draw_phantom, render
from gkmvlp.phantom.plan import FINDINGS, Phantom
from gkmvlp.phantom.sample import FindingPlan, PatientPlan, sample_patient

_BILATERAL = {"edema", "emphysema"}
_CENTRAL = {"cardiomegaly", "hernia"}
# These change the anatomy, and the pose with it: nothing is left to compare pixel by pixel.
_RESHAPING = {"cardiomegaly", "elevated hemidiaphragm", "emphysema"}
# The vein, and so the tip of a line, lies on the right whichever side it was put in from.
_ONE_SIDED = sorted(set(FINDINGS) - _BILATERAL - _CENTRAL - {"central line"})


def bare(index: int) -> PatientPlan:
    """A patient in whom nothing is planted."""
    return replace(sample_patient(11, index), findings=(), turned=0.0, low_inspiration=False)


def planted(index: int, entity: str, side: str | None, **changes: object) -> PatientPlan:
    """The same patient with one finding."""
    zone = {"pleural effusion": "lower", "atelectasis": "lower"}.get(entity, "mid")
    finding = FindingPlan(entity, side, zone, "moderate", 0.5, 0.5, 0.5, 3)  # type: ignore[arg-type]
    return replace(bare(index), findings=(replace(finding, **changes),))


@pytest.fixture(scope="module")
def sample() -> list[Phantom]:
    return [draw_phantom(5, index) for index in range(32)]


def test_same_arguments_same_bytes() -> None:
    for index in range(3):
        first, second = draw_phantom(4, index), draw_phantom(4, index)
        assert first.image_HW.tobytes() == second.image_HW.tobytes()
        assert first.region_R4.tobytes() == second.region_R4.tobytes()
        assert [f.box_K4.tobytes() for f in first.findings] == [f.box_K4.tobytes() for f in second.findings]
    assert draw_phantom(4, 0).image_HW.tobytes() != draw_phantom(4, 1).image_HW.tobytes()
    assert draw_phantom(4, 0).image_HW.tobytes() != draw_phantom(5, 0).image_HW.tobytes()


@pytest.mark.parametrize("size", [32, 96, 256])
def test_the_longer_side_is_the_size(size: int) -> None:
    shapes = {draw_phantom(2, index, size).image_HW.shape for index in range(8)}
    assert {max(shape) for shape in shapes} == {size}
    assert len(shapes) > 1


def test_boxes_lie_in_the_image_and_hold_something(sample: list[Phantom]) -> None:
    for phantom in sample:
        height, width = phantom.image_HW.shape
        for finding in phantom.findings:
            assert finding.entity in ENTITY_INDEX
            assert finding.box_K4.shape == (1 + (finding.entity in _BILATERAL), 4)
            assert finding.box_K4.dtype == np.float32
            assert (finding.box_K4 >= 0).all()
            assert (finding.box_K4 <= [width, height, width, height]).all()
            assert (finding.box_K4[:, 2:] - finding.box_K4[:, :2] >= 2).all()
        assert len({(f.entity, f.side) for f in phantom.findings}) == len(phantom.findings)


def test_region_boxes_are_valid_and_ordered(sample: list[Phantom]) -> None:
    def center(phantom: Phantom, region: str) -> np.ndarray:
        box_4 = phantom.region_R4[REGION_INDEX[region]]
        return (box_4[:2] + box_4[2:]) / 2

    for phantom in sample:
        height, width = phantom.image_HW.shape
        assert phantom.region_R4.shape == (len(REGIONS), 4)
        assert (phantom.region_R4 >= 0).all()
        assert (phantom.region_R4 <= [width, height, width, height]).all()
        assert (phantom.region_R4[:, 2:] > phantom.region_R4[:, :2]).all()
        for side in ("right", "left"):
            heights = [center(phantom, f"{side} {zone} zone")[1] for zone in ("apical", "upper lung", "mid lung")]
            heights.append(center(phantom, f"{side} lower lung zone")[1])
            assert heights == sorted(heights)
            lung, zone = (phantom.region_R4[REGION_INDEX[f"{side} {name}"]] for name in ("lung", "mid lung zone"))
            assert (zone[:2] >= lung[:2] - 8).all()
            assert (zone[2:] <= lung[2:] + 8).all()
        for region in REGIONS:
            if region.startswith("right ") and region != "right atrium":
                assert center(phantom, region)[0] < center(phantom, region.replace("right", "left"))[0]


@pytest.mark.parametrize("entity", _ONE_SIDED)
@pytest.mark.parametrize("side", ["right", "left"])
def test_right_findings_lie_on_the_right_lung(entity: str, side: str) -> None:
    for index in range(2):
        phantom = render(planted(index, entity, side), 128)
        (finding,) = phantom.findings
        middle = phantom.region_R4[REGION_INDEX["spine"]][[0, 2]].mean()
        center = finding.box_K4[0, [0, 2]].mean()
        assert (center < middle) == (side == "right")


def test_a_left_effusion_lands_on_the_right_of_the_image() -> None:
    plan = planted(1, "pleural effusion", "left", severity="large")
    with_HW, without_HW = render(plan).image_HW.astype(float), render(replace(plan, findings=())).image_HW.astype(float)
    brighter_HW = np.clip(with_HW - without_HW, 0, None)
    half = brighter_HW.shape[1] // 2
    assert brighter_HW[:, half:].sum() > 3 * brighter_HW[:, :half].sum()


@pytest.mark.parametrize("entity", sorted(set(FINDINGS) - _RESHAPING))
def test_a_finding_changes_the_pixels_in_its_boxes(entity: str) -> None:
    side = "bilateral" if entity in _BILATERAL else None if entity in _CENTRAL else "left"
    ratios = []
    for index in range(3):
        plan = planted(index, entity, side)
        phantom, without = render(plan, 160), render(replace(plan, findings=()), 160)
        change_HW = np.abs(phantom.image_HW.astype(float) - without.image_HW)
        inside_HW = np.zeros(change_HW.shape, bool)
        for x1, y1, x2, y2 in phantom.findings[0].box_K4.astype(int).tolist():
            inside_HW[y1:y2, x1:x2] = True
        ratios.append(change_HW[inside_HW].mean() / max(change_HW[~inside_HW].mean(), 0.1))
    assert np.median(ratios) > (1.5 if entity in _BILATERAL else 2.5)


def test_enlarged_hearts_are_wider_than_normal_ones() -> None:
    def ratio(plan: PatientPlan) -> float:
        box_R4 = render(plan, 128).region_R4
        heart, right, left = (box_R4[REGION_INDEX[n]] for n in ("cardiac silhouette", "right lung", "left lung"))
        return float((heart[2] - heart[0]) / (left[2] - right[0]))

    normal = [ratio(bare(index)) for index in range(8)]
    large = [ratio(planted(index, "cardiomegaly", None)) for index in range(8)]
    assert max(normal) < 0.53 < 0.56 < min(large)


def test_prevalences_are_those_of_the_design() -> None:
    plans = [sample_patient(3, index) for index in range(3000)]
    shares = {name: np.mean([plan.planned(name) is not None for plan in plans]) for name in FINDINGS}
    assert all(0.05 < share < 0.17 for share in shares.values()), shares
    assert 0.2 < np.mean([not plan.findings for plan in plans]) < 0.3
    marked = [bool(p.planned("central line") or p.planned("pacemaker") or p.turned or p.low_inspiration) for p in plans]
    assert 0.17 < np.mean(marked) < 0.25


def test_contact_sheet_is_small(tmp_path) -> None:
    contact_sheet(tmp_path / "sheet.png", seed=5, count=8)
    assert 10_000 < (tmp_path / "sheet.png").stat().st_size < 200_000
