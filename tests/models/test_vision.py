"""Patches against timm's own features, grids of all families."""

import pytest
import timm
import torch
from torch import nn

from gkmvlp.errors import ConfigError
from gkmvlp.models.config import VisionConfig
from gkmvlp.models.vision import AttentionPool, VisionEncoder, sincos_position_encoding

VIT = ("vit_tiny_patch16_224", {"patch_size": 8, "embed_dim": 16, "depth": 1, "num_heads": 2})
SWIN = ("swin_tiny_patch4_window7_224", {"window_size": 2, "embed_dim": 16, "depths": (1, 1), "num_heads": (1, 2)})
CASES = {
    "vit": (*VIT, [], (4, 4)),
    "vit stage": (*VIT, [0], (4, 4)),
    "swin": (*SWIN, [], (4, 4)),
    "swin pyramid": (*SWIN, [0, 1], (8, 8)),
    "resnet": ("test_resnet", {}, [], (1, 1)),
    "resnet stage": ("resnet10t", {}, [2], (4, 4)),
    "resnet pyramid": ("resnet10t", {}, [2, 3], (4, 4)),
    "convnext": ("test_convnext", {}, [], (1, 1)),
    "convnext pyramid": ("test_convnext", {}, [1, 2], (4, 4)),
}


def encoder(name, options, stages=(), width=16):
    torch.manual_seed(0)
    return VisionEncoder(VisionConfig(name, None, list(stages), options), width, 32).eval()


@pytest.mark.parametrize("case", CASES)
def test_every_family_gives_its_grid_and_trains_all_of_itself(case):
    name, options, stages, grid = CASES[case]
    model = encoder(name, options, stages).train()
    pooled, patches, given = model(torch.rand(2, 1, 32, 32))
    assert (tuple(given), patches.shape, pooled.shape) == (grid, (2, grid[0] * grid[1], 16), (2, 16))
    (pooled * torch.randn(2, 16)).sum().backward()
    assert [name for name, parameter in model.named_parameters() if parameter.grad is None] == []


@pytest.mark.parametrize("case", ["vit", "vit stage", "swin", "swin pyramid", "resnet stage", "convnext pyramid"])
def test_a_bright_square_changes_the_patch_it_lies_on_most(case):
    """Row-major, rows before columns, channels not taken for columns."""
    name, options, stages, grid = CASES[case]
    model = encoder(name, options, stages)
    image = torch.full((2, 1, 32, 32), 0.5)
    row, column = grid[0] // 4, grid[1] * 3 // 4
    side = 32 // grid[0]
    image[1, 0, row * side : (row + 1) * side, column * side : (column + 1) * side] = torch.rand(side, side)
    plain, marked = model(image).patches
    assert (marked - plain).norm(dim=-1).argmax() == row * grid[1] + column


@pytest.mark.parametrize(
    "name",
    ["resnet18", pytest.param("resnet26", marks=pytest.mark.slow), "tf_efficientnet_lite0", "efficientnet_lite0"],
)
def test_cells_of_a_conv_net_are_centred_on_what_they_see(name):
    """With equal positive weights a cell's receptive field is symmetric: its centre is the centre of the cell."""
    model = VisionEncoder(VisionConfig(name, None, [2], {}), 16, 128).eval()
    for layer in model.model.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.constant_(layer.weight, 1 / layer.weight[0].numel())
    image = torch.rand(64, 1, 128, 128, requires_grad=True)
    model.model(model.centred(image))[0][:, :, 8, 8].sum().backward()
    seen_SS = image.grad.abs().sum((0, 1))
    for axis in (0, 1):
        pixel = torch.arange(128) + 0.5
        assert (seen_SS.sum(1 - axis) @ pixel / seen_SS.sum()).item() == pytest.approx(8.5 * 8, abs=0.75)


def test_patch_embeddings_are_centred_already():
    assert [encoder(*CASES[case][:3]).shift for case in ("vit", "swin", "convnext")] == [0, 0, 0]


def test_patches_of_a_vit_are_timms_own():
    name, options, _, grid = CASES["vit"]
    model = encoder(name, options, width=24)
    own = timm.create_model(name, img_size=32, in_chans=1, num_classes=0, **options).eval()
    own.load_state_dict(model.model.state_dict())
    image = torch.rand(2, 1, 32, 32)
    tokens = own.forward_features((image - 0.5) / 0.25)[:, 1:]  # the first is the class token
    expected = model.norm(model.project(tokens)) + sincos_position_encoding(*grid, 24)
    torch.testing.assert_close(model(image).patches, expected)


def test_a_pyramid_sums_stages_on_the_grid_of_the_first():
    name, options, stages, grid = CASES["resnet pyramid"]
    model = encoder(name, options, stages)
    image = torch.rand(2, 1, 32, 32)
    fine, coarse = model.model((model.centred(image) - 0.5) / 0.25)
    coarse = nn.functional.interpolate(model.project[1](coarse), grid, mode="bilinear", align_corners=False)
    summed = (model.project[0](fine) + coarse).flatten(2).transpose(1, 2)
    torch.testing.assert_close(model(image).patches, model.norm(summed) + sincos_position_encoding(*grid, 16))


def test_building_leaves_running_statistics_alone():
    model = encoder("test_resnet", {})
    counted = [buffer for name, buffer in model.named_buffers() if name.endswith("num_batches_tracked")]
    assert counted
    assert sum(counted) == 0
    assert VisionEncoder(VisionConfig("test_resnet"), 16, 32).model.training


def test_the_code_of_places_is_distinct_and_the_same_at_any_resolution():
    coarse, fine = sincos_position_encoding(4, 4, 16), sincos_position_encoding(8, 8, 16)
    assert torch.cdist(coarse, coarse).add(torch.eye(16)).min() > 0.1
    torch.testing.assert_close(coarse.view(4, 4, 16), fine.view(8, 8, 16)[::2, ::2])


@pytest.mark.parametrize(("name", "options"), [("vit_tyni", {}), (VIT[0], {"depht": 1})])
def test_a_model_or_option_that_timm_does_not_know_is_an_error_of_the_config(name, options):
    with pytest.raises(ConfigError, match=name):
        encoder(name, options)


def test_arguments_of_a_model_are_none_where_null_is_said():
    none, empty = (VisionEncoder(VisionConfig("test_resnet", timm_kwargs=kwargs), 16, 32) for kwargs in (None, {}))
    assert none.state_dict().keys() == empty.state_dict().keys()


def test_arguments_of_another_model_are_named_with_the_remedy():
    with pytest.raises(
        ConfigError, match=r"'convnext_atto': .*timm_kwargs layers; .*another model's: timm_kwargs=null"
    ):
        VisionEncoder(VisionConfig("convnext_atto", timm_kwargs={"layers": [1, 1, 1, 1]}), 16, 32)


@pytest.mark.parametrize(
    ("wrong", "near"), [("resnet_18", "resnet18"), ("tf_eficientnet_lite0", "tf_efficientnet_lite0")]
)
def test_a_misspelt_name_is_answered_with_the_nearest(wrong, near):
    with pytest.raises(ConfigError, match=f"timm has no model '{wrong}'; did you mean {near}"):
        VisionEncoder(VisionConfig(wrong), 16, 32)


def test_the_pool_is_multi_head_attention_of_its_queries():
    """Value and gradients against torch's module, which holds the weights."""
    torch.manual_seed(0)
    pool, patches_BPD = AttentionPool(16, queries=3, heads=4), torch.randn(2, 5, 16, requires_grad=True)
    pooled_BD = pool(patches_BPD)
    answer_BKD, _ = pool.attention(pool.query_KD.expand(2, -1, -1), patches_BPD, patches_BPD)
    expected_BD = pool.project(answer_BKD.flatten(1))
    torch.testing.assert_close(pooled_BD, expected_BD)
    learned = [patches_BPD, *pool.parameters()]
    given, wanted = (torch.autograd.grad(x.square().sum(), learned) for x in (pooled_BD, expected_BD))
    torch.testing.assert_close(given, wanted)
