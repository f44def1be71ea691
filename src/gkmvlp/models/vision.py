"""Image encoders: any timm model behind one contract.

B batch, S side in pixels, P = h * w patches, C channels of the timm model, D width, K pooling queries.
"""

import logging
import math
from collections.abc import Mapping
from itertools import chain
from typing import Any, NamedTuple

import timm
import torch
from timm.layers.conv2d_same import Conv2dSame
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from gkmvlp.errors import ConfigError, nearest
from gkmvlp.models.attention import attention, plain_attention
from gkmvlp.models.config import VisionConfig
from gkmvlp.models.depthwise import depthwise_in_float32

HEADS = ("head", "fc_norm", "attn_pool")  # parts of timm models behind the patches: nothing here would train them
# what timm raises of unknown models and options, and of tensors that do not fit
UNFIT = (RuntimeError, TypeError, OSError, ValueError, LookupError, AssertionError)


class ImageFeatures(NamedTuple):
    """What an image encoder gives."""

    pooled: Tensor  # (B, D) one vector an image
    patches: Tensor  # (B, P, D) row-major over the grid, with the code of their place
    grid: tuple[int, int]  # (h, w)


def sincos_position_encoding(height: int, width: int, channels: int) -> Tensor:
    """Fixed two-dimensional sine-cosine code, (h * w, D) float32 (Vaswani et al. 2017, one half an axis).

    Args:
        height: Rows h of the grid.
        width: Columns w of the grid.
        channels: D, a multiple of 4.
    """
    frequency = 100 ** -(torch.arange(channels // 4) / (channels // 4))  # grids are far shorter than texts
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    # in units of a sixteenth of the frame, so that the code does not depend on the resolution
    angles = [axis.flatten()[:, None] * (16 / size) * frequency for axis, size in ((y, height), (x, width))]
    return torch.cat([part for angle in angles for part in (angle.sin(), angle.cos())], dim=-1)


class PatchDrop(nn.Module):
    """Stands where timm's vision transformers leave out patches: here those that a call masks, which are not computed.

    Args:
        prefix: Tokens before the patches, which are always kept.
    """

    def __init__(self, prefix: int) -> None:
        super().__init__()
        self.prefix = prefix
        self.masked_BP: Tensor | None = None  # of the call that runs; None keeps all

    def forward(self, token_BNC: Tensor) -> Tensor:
        """(B, N, C) to as many or fewer tokens."""
        if self.masked_BP is None:
            return token_BNC
        visible_BVC = visible_patches(token_BNC[:, self.prefix :], self.masked_BP)
        return torch.cat([token_BNC[:, : self.prefix], visible_BVC], dim=1)


def visible_patches(patches_BPC: Tensor, masked_BP: Tensor) -> Tensor:
    """The patches that are not masked, in order, (B, V, C); as many must be masked in each image."""
    return patches_BPC[~masked_BP].unflatten(0, (len(masked_BP), -1))


class AttentionPool(nn.Module):
    """K learned queries look at the patches; their answers side by side make one vector.

    A mean over patches forgets on which side a finding lies; queries over patches that carry their place do not.
    """

    def __init__(self, width: int, queries: int = 8, heads: int = 4) -> None:
        super().__init__()
        self.query_KD = nn.Parameter(torch.randn(queries, width) * 0.02)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.project = nn.Linear(queries * width, width)

    def forward(self, patches_BPD: Tensor) -> Tensor:
        """(B, P, D) to (B, D)."""
        in_proj = zip(self.attention.in_proj_weight.chunk(3), self.attention.in_proj_bias.chunk(3), strict=True)
        read = (self.query_KD[None], patches_BPD, patches_BPD)
        query_1HKd, key_BHPd, value_BHPd = (
            F.linear(x, *part).unflatten(-1, (self.attention.num_heads, -1)).transpose(1, 2)
            for x, part in zip(read, in_proj, strict=True)
        )
        query_BHKd = query_1HKd.expand(patches_BPD.shape[0], -1, -1, -1)  # len() would fix B in an export
        answer_BHKd = attention(query_BHKd, key_BHPd, value_BHPd)
        return self.project(self.attention.out_proj(answer_BHKd.transpose(1, 2).flatten(2)).flatten(1))


class VisionEncoder(nn.Module):
    """A timm model, or a pyramid of its stages, with patches of width D.

    Its weights are fresh; ``gkmvlp.checkpoints.vision_weights`` fills in those that the config names.

    Args:
        config: Which timm model, and for which weights: they say how grey values are normalised.
        width: D of the patches it gives.
        image_size: Side S of the images in pixels.

    Raises:
        ConfigError: If timm has no such model.
    """

    mean: Tensor
    std: Tensor
    position_PD: Tensor

    def __init__(self, config: VisionConfig, width: int, image_size: int) -> None:
        super().__init__()
        self.stages = config.out_indices
        self.model: Any = create_timm(config, image_size)  # what timm's models have beside forward is untyped
        self.project: nn.ModuleList | nn.Linear
        if config.out_indices:
            channels = self.model.feature_info.channels()
            self.project = nn.ModuleList(nn.Conv2d(channel, width, 1) for channel in channels)
        else:
            self.project = nn.Linear(self.model.num_features, width)
        self.norm = nn.LayerNorm(width)
        self.pool = AttentionPool(width)
        self.patch_drop: PatchDrop | None = None
        if isinstance(getattr(self.model, "patch_drop", None), nn.Identity):
            self.patch_drop = self.model.patch_drop = PatchDrop(self.model.num_prefix_tokens)
        mean, std = _intensity(config)
        # tensors of the backbone, for a folder does not say where its weights once came from
        self.register_buffer("mean", torch.tensor(mean))
        self.register_buffer("std", torch.tensor(std))
        self.to(memory_format=torch.channels_last)  # a fifth faster on two cores
        depthwise_in_float32(self.model)
        self.shift = 0
        self.register_buffer("position_PD", torch.zeros(1, width), persistent=False)
        self.grid = self._grid(image_size)
        self.shift = image_size // self.grid[1] // 2 * _offset(self.model)
        self.position_PD = sincos_position_encoding(*self.grid, width)

    def _grid(self, image_size: int) -> tuple[int, int]:
        """Rows and columns of the patches, by a batch of no images: shapes alone cost little.

        Tensors without values (``device="meta"``) would do the same, and import torch's compiler, which takes seconds;
        they stand in where a network cannot take a batch of none.
        """
        self.eval()  # a grid of one cell has no statistics for batch norms
        try:
            with torch.no_grad():
                features: ImageFeatures = self(torch.zeros(0, 1, image_size, image_size))
        except RuntimeError:
            state = {name: x.to("meta") for name, x in chain(self.named_parameters(), self.named_buffers())}
            blank = torch.zeros(1, 1, image_size, image_size, device="meta")
            features = functional_call(self, state, blank)
        self.train()
        return features.grid

    def _map(self, image_B1SS: Tensor) -> Tensor:
        """Feature map (B, C or D, h, w) of normalised images."""
        if self.stages:
            assert isinstance(self.project, nn.ModuleList)
            stages = [self._channels_first(x) for x in self.model(image_B1SS)]
            maps = [project(x) for project, x in zip(self.project, stages, strict=True)]
            size = maps[0].shape[-2:]
            finer = [F.interpolate(x, size, mode="bilinear", align_corners=False) for x in maps[1:]]
            return torch.stack([maps[0], *finer]).sum(0)
        features = self.model.forward_features(image_B1SS)
        if features.ndim == 4:
            return self._channels_first(features)
        tokens = features[:, getattr(self.model, "num_prefix_tokens", 0) :]
        grid = getattr(getattr(self.model, "patch_embed", None), "grid_size", None)
        height, width = grid or [math.isqrt(tokens.shape[1])] * 2
        return tokens.transpose(1, 2).unflatten(2, (height, width))

    def _channels_first(self, map_4d: Tensor) -> Tensor:
        """Swin gives (B, h, w, C), conv nets (B, C, h, w)."""
        return map_4d.movedim(-1, 1) if getattr(self.model, "output_fmt", "NCHW") == "NHWC" else map_4d

    def centred(self, image_B1SS: Tensor) -> Tensor:
        """The images moved up and left (down and right), so that each cell of the grid is centred on what it sees."""
        side = image_B1SS.shape[-1]
        before, behind = max(self.shift, 0), max(-self.shift, 0)
        moved_B1ss = image_B1SS[..., before : side - behind, before : side - behind]
        return F.pad(moved_B1ss, (behind, before, behind, before), mode="replicate")

    def fill_masked(self, image_B1SS: Tensor, masked_BP: Tensor) -> Tensor:
        """The images with masked patches painted in the grey that the encoder takes for zero."""
        masked_B1hw = masked_BP.unflatten(1, (1, *self.grid)).to(image_B1SS.dtype)
        masked_B1SS = F.interpolate(masked_B1hw, image_B1SS.shape[-2:], mode="nearest")
        return torch.where(masked_B1SS.bool(), self.mean.to(image_B1SS.dtype), image_B1SS)

    def forward(self, image_B1SS: Tensor, masked_BP: Tensor | None = None) -> ImageFeatures:
        """Encodes images.

        Args:
            image_B1SS: (B, 1, S, S) float32 in [0, 1].
            masked_BP: (B, P) bool, True on patches of the grid whose pixels must not be seen, as many in each image;
                None hides none. The patches that are given are then the others alone, (B, V, D), in order.
        """
        with plain_attention(image_B1SS):
            patches_BVC, grid = self._encode(image_B1SS, masked_BP)
        return self._finished(patches_BVC, grid, masked_BP)

    def _encode(self, image_B1SS: Tensor, masked_BP: Tensor | None) -> tuple[Tensor, tuple[int, int]]:
        """The patches that are not masked, (B, V, C), and the grid."""
        if masked_BP is not None:
            image_B1SS = self.fill_masked(image_B1SS, masked_BP)
        image_B1SS = (self.centred(image_B1SS) - self.mean) / self.std
        image_B1SS = image_B1SS.contiguous(memory_format=torch.channels_last)
        if masked_BP is not None and self.patch_drop is not None:
            return self._visible(image_B1SS, masked_BP, self.patch_drop), self.grid
        map_BChw = self._map(image_B1SS)
        height, width = map_BChw.shape[-2:]
        patches_BPC = map_BChw.flatten(2).transpose(1, 2)
        patches_BPC = patches_BPC if masked_BP is None else visible_patches(patches_BPC, masked_BP)
        return patches_BPC, (height, width)

    def _visible(self, image_B1SS: Tensor, masked_BP: Tensor, patch_drop: PatchDrop) -> Tensor:
        """The patches of a vision transformer that are not masked, (B, V, C): the others are not computed."""
        patch_drop.masked_BP = masked_BP
        try:
            return self.model.forward_features(image_B1SS)[:, patch_drop.prefix :]
        finally:
            patch_drop.masked_BP = None

    def _finished(self, patches_BPC: Tensor, grid: tuple[int, int], masked_BP: Tensor | None) -> ImageFeatures:
        """Projection, norm and the code of the place."""
        if isinstance(self.project, nn.Linear):
            patches_BPC = self.project(patches_BPC)
        place = self.position_PD
        if masked_BP is not None:
            place = visible_patches(place.expand(*masked_BP.shape, -1), masked_BP)
        patches_BPD = self.norm(patches_BPC) + place
        return ImageFeatures(self.pool(patches_BPD), patches_BPD, grid)


def _offset(model: nn.Module) -> int:
    """Where a cell of the grid is centred: 1 for half a cell up and left of its own middle, -1 for down and right.

    On a fine grid that is the size of a nodule. Strided convolutions that overlap make it: with padding on both sides,
    as in ResNets, cell i is centred on pixel stride * i; with TensorFlow's, which pads behind first, as in
    EfficientNets named ``tf_``, on pixel stride * (i + 1) - 1. Patch embeddings (kernel = stride) are centred.
    """
    strided = [m for m in model.modules() if isinstance(m, nn.Conv2d) and m.stride[0] > 1]
    overlapping = [conv for conv in strided if conv.kernel_size[0] > conv.stride[0]]
    if any(isinstance(conv, Conv2dSame) for conv in overlapping):
        return -1
    return 1 if overlapping else 0


def _intensity(config: VisionConfig) -> tuple[float, float]:
    """Mean and standard deviation of the pixel values the weights expect, over grey values in [0, 1]."""
    cfg = timm.get_pretrained_cfg(config.name)
    if config.weights is None or cfg is None:
        return 0.5, 0.25
    return sum(cfg.mean) / len(cfg.mean), sum(cfg.std) / len(cfg.std)


def create_timm(config: VisionConfig, image_size: int, **options: Any) -> Any:
    """The timm model of an encoder: one input channel, no classifier, or its stages where these are asked for.

    Args:
        config: Its name, stages and arguments; ``weights`` are not read here.
        image_size: Side S of the images in pixels.
        **options: Further arguments of ``timm.create_model``.

    Raises:
        ConfigError: If timm has no such model, or refuses an argument or tensors.
    """
    _check_name(config.name)
    parts: dict[str, Any] = {"num_classes": 0}
    if config.out_indices:
        parts = {"features_only": True, "out_indices": tuple(config.out_indices)}
    model = _made(config, image_size, parts | options)
    for part in HEADS:
        if hasattr(model, part):
            setattr(model, part, nn.Identity())
    return model


def _check_name(name: str) -> None:
    """Whether timm has a model.

    Raises:
        ConfigError: If it has none; the nearest name is given.
    """
    if ":" in name or timm.is_model(name):  # with a colon it is an address that timm asks
        return
    suggestion = nearest(name.partition(".")[0], timm.list_models(), cutoff=0.5)
    hint = f"did you mean {suggestion}?" if suggestion else "timm.list_models() names those that there are"
    raise ConfigError(f"vision.name: timm has no model {name!r}; {hint}")


def _made(config: VisionConfig, image_size: int, options: Mapping[str, Any]) -> Any:
    options = dict(config.timm_kwargs or {}) | {"in_chans": 1} | dict(options)
    log = logging.getLogger("timm")
    before = log.level
    log.setLevel(logging.ERROR)  # its notes on channels and input sizes: a strict load says what matters
    try:
        try:
            return timm.create_model(config.name, **options, img_size=image_size)
        except TypeError:  # conv nets take any size and refuse the argument
            return timm.create_model(config.name, **options)
    except UNFIT as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        if config.timm_kwargs and isinstance(error, TypeError):
            reason += f" (timm_kwargs {', '.join(config.timm_kwargs)}; if they are another model's: timm_kwargs=null)"
        raise ConfigError(f"vision {config.name!r}: {reason}") from error
    finally:
        log.setLevel(before)
