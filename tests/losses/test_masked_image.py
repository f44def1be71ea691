"""Masked image modelling against plain loops, closed forms, invariances and gradients."""

import pytest
import torch

from gkmvlp.losses.masked_image import masked_image_loss, patch_pixels, place_weight, random_patch_mask

GRID = (3, 2)  # patches of 2 x 3 px of an image of 6 px


def case(images=2, seed=0):
    """Predictions, images and masked patches, four of six each."""
    generator = torch.Generator().manual_seed(seed)
    image = torch.rand(images, 1, 6, 6, generator=generator, dtype=torch.float64)
    predicted = torch.randn(images, 6, 6, generator=generator, dtype=torch.float64)
    return predicted, image, random_patch_mask(torch.ones(images, 6), 0.7, generator)


def naive(predicted, image, hidden):
    """The definition in Python floats and for loops."""
    errors = []
    for b in range(len(image)):
        for p in range(6):
            if not hidden[b, p]:
                continue
            row, column = p // 2 * 2, p % 2 * 3
            pixels = [float(image[b, 0, row + i, column + j]) for i in range(2) for j in range(3)]
            mean = sum(pixels) / 6
            spread = (sum((x - mean) ** 2 for x in pixels) / 6 + 1e-6) ** 0.5
            errors += [(float(predicted[b, p, k]) - (x - mean) / spread) ** 2 for k, x in enumerate(pixels)]
    return sum(errors) / len(errors)


def test_pixels_of_a_patch_are_its_rows_one_after_another():
    image = torch.arange(36.0).view(1, 1, 6, 6)
    assert patch_pixels(image, GRID)[0, 3].tolist() == [15, 16, 17, 21, 22, 23]


@pytest.mark.parametrize("images", [1, 3])
def test_definition(images):
    args = case(images)
    assert float(masked_image_loss(*args, GRID)) == pytest.approx(naive(*args), abs=1e-9)


def test_visible_patches_do_not_count():
    predicted, image, hidden = case()
    changed = torch.where(hidden[..., None], predicted, predicted + 5)
    assert torch.equal(
        masked_image_loss(changed, image, hidden, GRID), masked_image_loss(predicted, image, hidden, GRID)
    )
    order = torch.tensor([1, 0])
    torch.testing.assert_close(
        masked_image_loss(predicted[order], image[order], hidden[order], GRID), masked_image_loss(*case(), GRID)
    )


def test_brightness_and_contrast_of_the_image_do_not_matter():
    predicted, image, hidden = case()
    loss = masked_image_loss(predicted, image, hidden, GRID)
    torch.testing.assert_close(masked_image_loss(predicted, 20 * image + 3, hidden, GRID), loss, rtol=1e-3, atol=0)


def test_a_prediction_of_zero_gives_one_and_flat_patches_give_zero():
    predicted, image, hidden = case()
    assert float(masked_image_loss(0 * predicted, 1000 * image, hidden, GRID)) == pytest.approx(1, abs=1e-6)
    assert float(masked_image_loss(0 * predicted, 0 * image, hidden, GRID)) == 0


def test_gradient_reaches_hidden_patches_alone():
    predicted, image, hidden = case()
    predicted.requires_grad_()
    assert torch.autograd.gradcheck(lambda x: masked_image_loss(x, image, hidden, GRID), predicted)
    masked_image_loss(predicted, image, hidden, GRID).backward()
    assert torch.equal(predicted.grad.any(-1), hidden)


@pytest.mark.parametrize(("patches", "share", "count"), [(324, 0.75, 243), (4, 0.75, 3), (2, 0.99, 1), (8, 0.01, 1)])
def test_as_many_patches_are_hidden_in_each_image(patches, share, count):
    hidden = random_patch_mask(torch.ones(5, patches), share, torch.Generator().manual_seed(0))
    assert hidden.sum(1).tolist() == [count] * 5


def test_patches_are_hidden_uniformly_or_by_weight():
    generator = torch.Generator().manual_seed(0)
    even = random_patch_mask(torch.ones(4000, 8), 0.75, generator).float().mean(0)
    assert torch.allclose(even, torch.full((8,), 0.75), atol=0.03)
    weight = torch.tensor([4.0, 1, 1, 1, 1]).expand(4000, 5)
    one = random_patch_mask(weight, 0.2, generator).float().mean(0)
    assert torch.allclose(one, weight[0] / 8, atol=0.03)


def test_patches_of_regions_that_matter_weigh_four_times_as_much():
    coverage = torch.tensor([[[1.0, 0.5, 0.0], [0.25, 1.0, 0.0]], [[1.0, 1.0, 1.0], [0.0, 0.5, 1.0]]])
    matters = torch.tensor([[True, True], [False, True]])
    expected = torch.tensor([[4.0, 4.0, 1.0], [1.0, 2.5, 4.0]])  # 1 + 3 x the share in the region that covers most
    assert torch.equal(place_weight(coverage, matters), expected)
    none = place_weight(coverage, torch.zeros(2, 2, dtype=torch.bool))
    assert torch.equal(none, torch.ones(2, 3))
    two = random_patch_mask(expected[:1].expand(4000, 3), 0.34, torch.Generator().manual_seed(0)).float().mean(0)
    assert torch.allclose(two, expected[0] / 9, atol=0.03)


def test_half_precision_is_scored_in_float32_and_shapes_must_agree():
    predicted, image, hidden = case()
    loss = masked_image_loss(predicted.bfloat16(), image.bfloat16(), hidden, GRID)
    assert loss.dtype == torch.float32
    with pytest.raises(ValueError, match=r"predicted \(2, 5, 6\), masks \(2, 6\): a grid of \(3, 2\) gives"):
        masked_image_loss(predicted[:, :5], image, hidden, GRID)
    with pytest.raises(ValueError, match="two patches"):
        random_patch_mask(torch.ones(2, 1))
