"""Coverage against counting pixels, region tokens against explicit means."""

import pytest
import torch

from gkmvlp.models.regions import RegionPooler, coverage

SIDE, GRID = 60, (4, 5)  # patches of 15 x 12 pixels


def test_coverage_counts_the_pixels_of_each_patch():
    generator = torch.Generator().manual_seed(0)
    corner_BR22 = torch.randint(0, SIDE + 1, (2, 7, 2, 2), generator=generator)
    box_BR4 = torch.cat([corner_BR22.amin(2), corner_BR22.amax(2)], -1)
    covered = coverage(box_BR4 / SIDE, GRID)
    for batch in range(2):
        for region, (x1, y1, x2, y2) in enumerate(box_BR4[batch].tolist()):
            inside = torch.zeros(SIDE, SIDE)
            inside[y1:y2, x1:x2] = 1
            patches = inside.unfold(0, 15, 15).unfold(1, 12, 12)  # (4, 5, 15, 12)
            torch.testing.assert_close(covered[batch, region], patches.mean((2, 3)).flatten())


def test_coverage_of_the_frame_is_one_and_of_no_area_zero():
    box = torch.tensor([[[0.0, 0, 1, 1], [0.0, 0, 0, 0], [0.3, 0.2, 0.3, 0.9], [-1.0, -1, 2, 2]]])
    covered = coverage(box, GRID)[0]
    assert (covered[[0, 3]] == 1).all()
    assert (covered[[1, 2]] == 0).all()


def pool(pooler, patches, box, grid=GRID):
    return pooler(patches, box, coverage(box, grid), grid)


def test_an_aligned_box_reads_the_mean_of_its_patches():
    torch.manual_seed(0)
    pooler, patches = RegionPooler(2, 8), torch.randn(1, 20, 8)
    box = torch.tensor([[[0.2, 0.25, 0.6, 0.75], [0.8, 0.0, 1.0, 0.25]]])  # rows 1-2 of columns 1-2; the last of row 0
    means = torch.stack([patches[0, [6, 7, 11, 12]].mean(0), patches[0, 4]])
    expected = pooler.norm(means + pooler.identity_RD + pooler.geometry(box[0]))
    torch.testing.assert_close(pool(pooler, patches, box)[0], expected)


def test_both_poolings_agree_on_a_ramp_and_differ_on_noise():
    torch.manual_seed(0)
    mean, aligned = RegionPooler(1, 8), RegionPooler(1, 8, "roi_align")
    aligned.load_state_dict(mean.state_dict())
    box = torch.tensor([[[0.25, 0.25, 0.75, 0.75]]])
    row, column = torch.meshgrid(torch.arange(8.0), torch.arange(8.0), indexing="ij")
    ramp = row.flatten()[:, None] * torch.randn(8) + column.flatten()[:, None] * torch.randn(8)
    torch.testing.assert_close(pool(mean, ramp[None], box, (8, 8)), pool(aligned, ramp[None], box, (8, 8)))
    noise, offset = torch.randn(1, 64, 8), box + 0.04
    difference = pool(mean, noise, offset, (8, 8)) - pool(aligned, noise, offset, (8, 8))
    assert difference.abs().max() > 1e-2


@pytest.mark.parametrize("pooling", ["coverage", "roi_align"])
def test_each_image_is_read_with_its_own_boxes(pooling):
    torch.manual_seed(0)
    pooler, patches = RegionPooler(2, 8, pooling), torch.randn(2, 20, 8)
    low = torch.rand(2, 2, 2) / 2
    box = torch.cat([low, low + 0.4], dim=-1)
    alone = [pool(pooler, patches[[b]], box[[b]])[0] for b in range(2)]
    torch.testing.assert_close(pool(pooler, patches, box), torch.stack(alone))


def test_a_region_without_area_is_finite_under_both_poolings():
    torch.manual_seed(0)
    patches, box = torch.randn(2, 20, 8), torch.zeros(2, 3, 4)
    for pooling in ("coverage", "roi_align"):
        assert pool(RegionPooler(3, 8, pooling), patches, box).isfinite().all()
