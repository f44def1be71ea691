"""One BERT in three modes: text encoder, image-report encoder, report decoder.

As in BLIP, the three share all weights but the decoder's self-attention (Li et al. 2022, section 3.1). Post-norm layers
and names follow BERT, so that its weights load by the table in ``gkmvlp.checkpoints.bert_weights``.
B batch, T tokens, M memory tokens, D width, H heads, V vocabulary, N memories, R real tokens of a batch.
"""

from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from gkmvlp.models.bert_layer import BertLayer, Mode, Stage
from gkmvlp.models.config import TextConfig, TextPooling
from gkmvlp.models.dropout import dropout
from gkmvlp.models.memory import Memory, ProjectedMemory
from gkmvlp.models.packing import Packing

POSITIONS = 512  # as every public BERT has, whatever max_length cuts to


class TextStates(NamedTuple):
    """Texts behind all that knows nothing of an image, up to the self-attention of the layer ``fusion_layer``."""

    state: Tensor  # (B, T, D)
    mask: Tensor  # (B, T) bool, True on real tokens

    def rows(self, row_N: Tensor) -> "TextStates":
        """Some of the texts, in the order of ``row_N``, (N,) int64."""
        return TextStates(self.state[row_N], self.mask[row_N])


def pool_states(state_BTD: Tensor, mask_BT: Tensor, pooling: TextPooling) -> Tensor:
    """One vector a text, (B, D): the first token's state, or the mean of the real tokens'."""
    if pooling == "first":
        return state_BTD[:, 0]
    mask_BT1 = mask_BT[..., None].to(state_BTD.dtype)
    return (state_BTD * mask_BT1).sum(1) / mask_BT1.sum(1)


class FusionBert(nn.Module):
    """BERT whose layers from ``fusion_layer`` on can look at an image memory.

    Args:
        config: Sizes.
        vocabulary: V, the length of the tokenizer.
        decodes: Whether there is a ``decoder`` mode.
    """

    def __init__(self, config: TextConfig, vocabulary: int, decodes: bool = True) -> None:
        super().__init__()
        self.word = nn.Embedding(vocabulary, config.hidden_size)
        self.position = nn.Embedding(POSITIONS, config.hidden_size)
        self.segment = nn.Parameter(torch.zeros(config.hidden_size))
        self.norm = nn.LayerNorm(config.hidden_size, eps=1e-12)
        self.dropout = config.dropout
        self.layers = nn.ModuleList(
            BertLayer(config, layer >= config.fusion_layer, decodes) for layer in range(config.num_hidden_layers)
        )
        self.fusion_layer = config.fusion_layer
        self.decodes = decodes
        self.gradient_checkpointing = False
        self.head = nn.Sequential(
            nn.Linear(config.hidden_size, config.hidden_size), nn.GELU(), nn.LayerNorm(config.hidden_size, eps=1e-12)
        )
        self.head_bias = nn.Parameter(torch.zeros(vocabulary))
        gain = (768 / config.hidden_size) ** 0.5
        self.apply(lambda module: initialise(module, 0.02 * gain))
        for module in self.modules():
            if isinstance(module, nn.LayerNorm):
                module.eps = config.layer_norm_eps
            if isinstance(module, BertLayer) and module.cross_attention is not None:
                module.cross_attention.init_keys_from_queries()

    def forward(
        self,
        token_BT: Tensor,
        mask_BT: Tensor,
        mode: Mode = "text",
        memory: Memory | ProjectedMemory | Tensor | None = None,
        memory_mask_BM: Tensor | None = None,
        row_B: Tensor | None = None,
    ) -> Tensor:
        """States of the last layer.

        Args:
            token_BT: Token ids (B, T) int64, right-padded.
            mask_BT: (B, T) bool, True on real tokens.
            mode: ``text`` ignores the memory, ``fusion`` reads it, ``decoder`` reads it and is causal.
            memory: What is read, (B, M, D), or (B / k, M, D) where k texts in a row share it; a tensor is its own keys.
                What ``project`` made of one saves its projections where it is read again.
            memory_mask_BM: (B, M) or (B / k, M) bool, True where the memory may be read; None allows all.
            row_B: Which memory each text reads, (B,) int64, for memories (N, M, D) that are shared unevenly.

        Returns:
            (B, T, D).
        """
        states = self.unimodal(token_BT, mask_BT, mode)
        return self.multimodal(states, mode, memory, memory_mask_BM, row_B)

    def unimodal(self, token_BT: Tensor, mask_BT: Tensor, mode: Mode = "text") -> TextStates:
        """What no image reaches, the same in ``text`` and ``fusion``, so that both can go on from it.

        The layers below ``fusion_layer``, and the self-attention of that layer.

        Args:
            token_BT: Token ids (B, T) int64, right-padded.
            mask_BT: (B, T) bool, True on real tokens.
            mode: ``decoder`` is causal.
        """
        return self._through(TextStates(self.embed(token_BT), mask_BT), mode, begins=True)

    def project(self, memory: Memory) -> ProjectedMemory:
        """Keys and values of all layers, for several passes that read the same memory."""
        return ProjectedMemory(tuple(cast(BertLayer, layer).project(memory) for layer in self.layers))

    def multimodal(
        self,
        states: TextStates,
        mode: Mode = "text",
        memory: Memory | ProjectedMemory | Tensor | None = None,
        memory_mask_BM: Tensor | None = None,
        row_B: Tensor | None = None,
    ) -> Tensor:
        """What follows on ``unimodal`` of the same mode, (B, T, D); other arguments as in ``forward``."""
        if mode == "text":
            memory = None
        elif isinstance(memory, Tensor):
            memory = Memory(memory, memory)
        memory_mask = None if memory_mask_BM is None else memory_mask_BM[:, None, None, :]
        return self._through(states, mode, memory, memory_mask, row_B).state

    def first_token(
        self, states: TextStates, memory: Memory | ProjectedMemory | None = None, row_B: Tensor | None = None
    ) -> Tensor:
        """The first token behind the last layer, (B, D), which computes no other.

        Args:
            states: Of ``unimodal``.
            memory: What is read; None for mode ``text``.
            row_B: As in ``forward``.
        """
        mode: Mode = "text" if memory is None else "fusion"
        return self._through(states, mode, memory, row_B=row_B, first_only=True).state[:, 0]

    def _through(
        self,
        states: TextStates,
        mode: Mode,
        memory: Memory | ProjectedMemory | None = None,
        memory_mask: Tensor | None = None,
        row_B: Tensor | None = None,
        first_only: bool = False,
        begins: bool = False,
    ) -> TextStates:
        """The layers of ``unimodal`` (``begins``) or those behind it; states of padding mean nothing.

        The layer ``fusion_layer`` is parted: its self-attention ends the former, its rest begins the latter. Where
        much is padding, real tokens alone are computed. With ``first_only`` the last layer computes the first token of
        each text alone.
        """
        fusing, last = self.fusion_layer, len(self.layers) - 1
        numbers = range(min(fusing, last) + 1) if begins else range(fusing, last + 1)
        packing = Packing.of(states.mask, states.state.shape[-1]) if len(numbers) else None
        x_BTD = states.state if packing is None else packing.pack(states.state)
        projected = isinstance(memory, ProjectedMemory)
        for number in numbers:
            stage: Stage = "whole" if number != fusing else "self_attention" if begins else "rest"
            source = memory.layers[number] if isinstance(memory, ProjectedMemory) else memory
            others = states.mask[:, None, None, :], mode, source, memory_mask, row_B, packing, projected
            ends = first_only and number == last
            if self.gradient_checkpointing and torch.is_grad_enabled():
                x_BTD = checkpoint(self.layers[number], x_BTD, *others, ends, stage, use_reentrant=False)
            else:
                x_BTD = self.layers[number](x_BTD, *others, ends, stage)
        return TextStates(x_BTD if packing is None or first_only else packing.pad(x_BTD), states.mask)

    def embed(self, token_BT: Tensor, start: int = 0) -> Tensor:
        """Tokens at the places from ``start`` on as the first layer reads them, (B, T, D)."""
        place = torch.arange(start, start + token_BT.shape[1], device=token_BT.device)
        x_BTD = self.norm(self.word(token_BT) + self.position(place) + self.segment)
        return dropout(x_BTD, self.dropout, self.training)

    def vocabulary_logits(self, state_BTD: Tensor) -> Tensor:
        """Scores of the next token, (B, T, V); the output matrix is the word embedding."""
        return F.linear(self.head(state_BTD), self.word.weight, self.head_bias)


def initialise(module: nn.Module, std: float) -> None:
    """Normal; BERT's 0.02 at its width of 768, wider for narrower models: else their attention starts uniform."""
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=std)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)
