"""BLIP's own pre-training step, out of a checkout of its code, as something to measure against.

The code (github.com/salesforce/BLIP, BSD-3-Clause) is no part of this package. What it imports of older releases of
transformers, timm and fairscale stands in here under the names that it asks for; what it computes is its own. Its
weights are random: nothing is downloaded.
"""

import contextlib
import importlib
import io
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn

from gkmvlp.errors import UsageError

FILES = ("models/blip_pretrain.py", "models/med.py", "models/vit.py", "configs/bert_config.json")


class Words(dict[str, Tensor]):
    """What BLIP's tokenizer gives: ids and mask, each (B, T), as fields too."""

    def __getattr__(self, name: str) -> Tensor:
        return self[name]

    def to(self, device: torch.device) -> "Words":
        """The same on a device."""
        return Words({name: tensor.to(device) for name, tensor in self.items()})


class Tokenizer:
    """Stands for BLIP's: every text is already a row of tokens; padded to the longest that the model takes.

    Args:
        vocab_size: Size of the vocabulary.
        tokens: Tokens of each text, padding left out.
        longest: Length T that BLIP pads to.
    """

    pad_token_id, bos_token_id, enc_token_id = 0, 1, 2

    def __init__(self, vocab_size: int, tokens: list[int], longest: int) -> None:
        self.vocab_size, self.tokens, self.longest = vocab_size, tokens, longest

    def __len__(self) -> int:
        return self.vocab_size

    def __call__(self, caption: list[str], **_: object) -> Words:
        """Ids and mask (B, T) of made-up texts."""
        mask_BT = torch.arange(self.longest) < torch.tensor(self.tokens)[:, None]
        ids_BT = torch.randint(3, self.vocab_size, mask_BT.shape) * mask_BT
        return Words(input_ids=ids_BT, attention_mask=mask_BT.long())


class PreTrainedModel(nn.Module):
    """Stands for that of transformers 4: what BLIP's BERT calls of it, with random weights."""

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.config = config

    @classmethod
    def from_pretrained(cls, _: str, config: Any, **options: Any) -> "PreTrainedModel":
        """A fresh model of these sizes."""
        return cls(config, **options)

    @property
    def dtype(self) -> torch.dtype:
        """Of the weights."""
        return next(self.parameters()).dtype

    def init_weights(self) -> None:
        """As the class says."""
        self.apply(self._init_weights)

    def _init_weights(self, module: nn.Module) -> None:
        raise NotImplementedError

    def resize_token_embeddings(self, size: int) -> None:
        """The vocabulary has its size already."""

    def get_head_mask(self, _: None, layers: int) -> list[None]:
        """No head is left out."""
        return [None] * layers

    def invert_attention_mask(self, mask_BT: Tensor) -> Tensor:
        """What is added to scores, (B, 1, 1, T): 0 where the mask is 1."""
        return (1.0 - mask_BT[:, None, None, :].to(self.dtype)) * torch.finfo(self.dtype).min


def _modules() -> dict[str, types.ModuleType]:
    """Stand-ins by the names that BLIP imports."""
    import timm.layers.drop
    import timm.layers.weight_init
    import timm.models
    from transformers.pytorch_utils import apply_chunking_to_forward
    from transformers.utils.generic import ModelOutput

    stands: dict[str, dict[str, Any]] = {
        "fairscale": {},
        "fairscale.nn": {},
        "fairscale.nn.checkpoint": {},
        "fairscale.nn.checkpoint.checkpoint_activations": {"checkpoint_wrapper": None},
        "transformers.file_utils": {"ModelOutput": ModelOutput},
        "transformers.modeling_utils": {
            "PreTrainedModel": PreTrainedModel,
            "apply_chunking_to_forward": apply_chunking_to_forward,
            "find_pruneable_heads_and_indices": None,
            "prune_linear_layer": None,
        },
        "timm.models.registry": {"register_model": None},
        "timm.models.layers": {
            "trunc_normal_": timm.layers.weight_init.trunc_normal_,
            "DropPath": timm.layers.drop.DropPath,
        },
        "timm.models.helpers": {"named_apply": timm.models.named_apply, "adapt_input_conv": None},
        "timm.models.hub": {"download_cached_file": None},
    }
    made = {}
    for name, values in stands.items():
        made[name] = types.ModuleType(name)
        vars(made[name]).update(values)
    return made


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Makes a checkout's ``models`` importable; everything is as before at the end."""
    import timm.models.vision_transformer  # noqa: F401 - what BLIP imports must not see the stand-ins
    import transformers  # noqa: F401
    from transformers import BertTokenizer  # noqa: F401
    from transformers.models.bert import configuration_bert  # noqa: F401

    with mock.patch.dict(sys.modules, _modules()), mock.patch.object(sys, "path", [str(folder), *sys.path]):
        yield


def build_blip(folder: Path, batch: int, lengths: list[int], longest: int, image_size: int) -> nn.Module:
    """BLIP's pre-training model with random weights, momentum copies and queue, in training.

    Args:
        folder: The checkout.
        batch: B, which must divide BLIP's queue of 57,600.
        lengths: Tokens of each text of a batch.
        longest: Length that texts are padded to, as BLIP does.
        image_size: Side in pixels.

    Raises:
        UsageError: If the folder is no checkout of BLIP.
    """
    if missing := [name for name in FILES if not (folder / name).is_file()]:
        raise UsageError(
            f"--against {folder}: a checkout of github.com/salesforce/BLIP was expected, {missing[0]} is missing"
        )
    with _importable(folder):
        module: Any = importlib.import_module("models.blip_pretrain")
        config = module.BertConfig.from_json_file(str(folder / FILES[-1]))
        tokenizer = Tokenizer(config.vocab_size, lengths, longest)
        nothing = mock.patch.object(torch.hub, "load_state_dict_from_url", return_value={"model": {}})
        module.init_tokenizer, module.concat_all_gather = lambda: tokenizer, lambda x: x  # one process has all rows
        with nothing, contextlib.redirect_stdout(io.StringIO()):
            model: nn.Module = module.BLIP_Pretrain(
                str(folder / FILES[-1]), image_size, queue_size=57600 // batch * batch
            )
    return model.train()


def blip_losses(model: nn.Module, batch: int, image_size: int) -> Tensor:
    """The sum of BLIP's three objectives on a made-up batch, a scalar."""
    losses: list[Tensor] = model(torch.rand(batch, 3, image_size, image_size), [""] * batch, alpha=0.4)
    return torch.stack(list(losses)).sum()
