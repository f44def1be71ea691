"""One BERT in three modes: text encoder, image-report encoder, report decoder.

As in BLIP, the three share all weights but the decoder's self-attention (Li et al. 2022, section 3.1). Post-norm layers
and names follow BERT, so that its weights load by the table in ``gkmvlp.checkpoints.bert_weights``.
B batch, T tokens, M memory tokens, D width, H heads, V vocabulary, N memories, R real tokens of a batch.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from gkmvlp.models.attention import attention
from gkmvlp.models.config import TextConfig, TextPooling
from gkmvlp.models.dropout import dropout
from gkmvlp.models.packing import Packing, first_tokens

Mode = Literal["text", "fusion", "decoder"]
POSITIONS = 512  # as every public BERT has, whatever max_length cuts to


class Memory(NamedTuple):
    """What cross-attention reads: a token is found by its key and tells its value."""

    key: Tensor  # (N, M, D)
    value: Tensor  # (N, M, D)


class ProjectedMemory(NamedTuple):
    """A memory as the layers read it, for several passes over the same images: fusion and decoding read it alike."""

    layers: tuple[Memory | None, ...]  # keys and values by head, (N, H, M, D / H) each; None where a layer reads none


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


class BertAttention(nn.Module):
    """Multi-head attention, output projection, residual and norm."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.query, self.key = nn.Linear(width, width), nn.Linear(width, width)
        self.value, self.output = nn.Linear(width, width), nn.Linear(width, width)
        self.norm = nn.LayerNorm(width, eps=1e-12)

    def init_keys_from_queries(self) -> None:
        """Makes keys of equal weights as queries: a word looks at what resembles it from the first step on.

        In trials a text learned several times sooner to read the knowledge token of the entity that it names.
        """
        self.query.weight.data *= 2  # by trial: one would leave attention close to uniform
        self.key.weight.data.copy_(self.query.weight.data)

    def forward(
        self,
        x_BTD: Tensor,
        source: Memory,
        mask: Tensor | None,
        causal: bool = False,
        row_B: Tensor | None = None,
        packing: Packing | None = None,
    ) -> Tensor:
        """Attends from ``x_BTD`` to ``source``.

        Args:
            x_BTD: Queries (B, T, D).
            source: Keys and values, (N, M, D) each.
            mask: Bool, broadcastable to (B, 1, T, M), True where attention is allowed; None allows all.
            causal: Whether a token sees only itself and earlier ones; ``mask`` must then be None.
            row_B: Which source each row of queries reads, (B,); None where N = B and each reads its own.
            packing: Of ``x_BTD`` and of a source that is ``x_BTD`` itself, where they are packed, (1, R, D).
        """
        key_value = self.project(source, packing if source.key is x_BTD else None)
        return self.attend(x_BTD, key_value, mask, causal, row_B, packing)

    def project(self, source: Memory, packing: Packing | None = None) -> Memory:
        """Keys and values by head, (N, H, M, D / H) each."""
        projected = self.key(source.key), self.value(source.value)
        return Memory(*(self.split_heads(x if packing is None else packing.pad(x)) for x in projected))

    def split_heads(self, x_BTD: Tensor) -> Tensor:
        """(B, H, T, D / H)."""
        return x_BTD.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def attend(
        self,
        x_BTD: Tensor,
        key_value: Memory,
        mask: Tensor | None,
        causal: bool = False,
        row_B: Tensor | None = None,
        packing: Packing | None = None,
    ) -> Tensor:
        """``forward`` with keys and values that ``project`` made, (N, H, M, D / H) each."""
        if row_B is not None:  # a source that several rows read is projected once
            key_value = Memory(key_value.key[row_B], key_value.value[row_B])
        query_1RD = self.query(x_BTD)
        query_BTD = query_1RD if packing is None else packing.pad(query_1RD)
        # k texts in a row that share a memory, side by side, are the queries of one attention
        folded = query_BTD.reshape(key_value.key.shape[0], -1, query_BTD.shape[-1])
        mixed = attention(self.split_heads(folded), *key_value, mask, causal)
        mixed_BTD = mixed.transpose(1, 2).flatten(2).view_as(query_BTD)
        mixed_BTD = mixed_BTD if packing is None else packing.pack(mixed_BTD)
        out_BTD = dropout(self.output(mixed_BTD), self.dropout, self.training)
        return self.norm(x_BTD + out_BTD)


class FeedForward(nn.Module):
    """Feed-forward part, residual and norm."""

    def __init__(self, width: int, inner: int, dropout: float) -> None:
        super().__init__()
        self._add_feed_forward(width, inner, dropout)

    def _add_feed_forward(self, width: int, inner: int, dropout: float) -> None:
        self.intermediate = nn.Linear(width, inner)
        self.output = nn.Linear(inner, width)
        self.norm = nn.LayerNorm(width, eps=1e-12)
        self.dropout = dropout

    def feed_forward(self, x_BTD: Tensor) -> Tensor:
        """(B, T, D) to the same."""
        out_BTD = self.output(F.gelu(self.intermediate(x_BTD)))
        return self.norm(x_BTD + dropout(out_BTD, self.dropout, self.training))


class BertLayer(FeedForward):
    """Self-attention (one for encoding, one for decoding), optional cross-attention, feed-forward."""

    def __init__(self, config: TextConfig, fuses: bool, decodes: bool = True) -> None:
        nn.Module.__init__(self)  # the feed-forward part comes last: a seed draws weights in this order
        width, heads, dropout = config.hidden_size, config.num_attention_heads, config.dropout
        self.attention = BertAttention(width, heads, dropout)
        self.decoder_attention = BertAttention(width, heads, dropout) if decodes else None
        self.cross_attention = BertAttention(width, heads, dropout) if fuses else None
        self._add_feed_forward(width, config.intermediate_size, dropout)

    def project(self, memory: Memory) -> Memory | None:
        """Keys and values of an image memory by head, (N, H, M, D / H) each; None where the layer does not read it."""
        return None if self.cross_attention is None else self.cross_attention.project(memory)

    def read_itself(
        self, x_BTD: Tensor, mask: Tensor, mode: Mode, packing: Packing | None, first_only: bool = False
    ) -> Tensor:
        """Self-attention, the part of the layer that no image reaches, (B, T, D).

        With ``first_only`` (not in ``decoder``) each first token reads the others, which are not computed: (B, 1, D).
        """
        source = Memory(x_BTD, x_BTD)
        if mode == "decoder":
            assert self.decoder_attention is not None
            # right padding hides behind causality
            return self.decoder_attention(x_BTD, source, None, causal=True, packing=packing)
        if first_only:
            return self.attention.attend(first_tokens(x_BTD, packing), self.attention.project(source, packing), mask)
        return self.attention(x_BTD, source, mask, packing=packing)

    def forward(
        self,
        x_BTD: Tensor,
        mask: Tensor,
        mode: Mode,
        memory: Memory | None,
        memory_mask: Tensor | None,
        row_B: Tensor | None,
        packing: Packing | None,
        projected: bool = False,
        first_only: bool = False,
        has_read_itself: bool = False,
    ) -> Tensor:
        """One layer; see ``FusionBert.forward``.

        A ``projected`` memory is this layer's keys and values. ``first_only`` gives the first tokens alone, (B, 1, D).
        ``has_read_itself`` goes on from what ``read_itself`` gave for all tokens.
        """
        if not has_read_itself:
            x_BTD = self.read_itself(x_BTD, mask, mode, packing, first_only)
        elif first_only:
            x_BTD = first_tokens(x_BTD, packing)
        packing = None if first_only else packing
        if self.cross_attention is not None and memory is not None:
            cross = self.cross_attention.attend if projected else self.cross_attention
            x_BTD = cross(x_BTD, memory, memory_mask, row_B=row_B, packing=packing)
        return self.feed_forward(x_BTD)


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
        states = self._through(self.layers[: self.fusion_layer], TextStates(self.embed(token_BT), mask_BT), mode)
        if self.fusion_layer == len(self.layers):
            return states
        fusing, packing = cast(BertLayer, self.layers[self.fusion_layer]), Packing.of(mask_BT)
        x_BTD = states.state if packing is None else packing.pack(states.state)
        x_BTD = self._call(fusing.read_itself, x_BTD, mask_BT[:, None, None, :], mode, packing)
        return TextStates(x_BTD if packing is None else packing.pad(x_BTD), mask_BT)

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
        layers = self.layers[self.fusion_layer :]
        return self._through(layers, states, mode, memory, memory_mask, row_B, begun=True).state

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
        layers = self.layers[self.fusion_layer :]
        return self._through(layers, states, mode, memory, row_B=row_B, first_only=True, begun=True).state[:, 0]

    def _through(
        self,
        layers: nn.ModuleList,
        states: TextStates,
        mode: Mode,
        memory: Memory | ProjectedMemory | None = None,
        memory_mask: Tensor | None = None,
        row_B: Tensor | None = None,
        first_only: bool = False,
        begun: bool = False,
    ) -> TextStates:
        """Some layers, which compute real tokens alone; padding comes out as zeros.

        Where they are ``begun``, the self-attention of the first of them lies behind the states. With ``first_only``
        the last of them computes the first token of each text alone.
        """
        packing = Packing.of(states.mask) if len(layers) else None
        x_BTD = states.state if packing is None else packing.pack(states.state)
        projected = isinstance(memory, ProjectedMemory)
        read = memory.layers[self.fusion_layer :] if isinstance(memory, ProjectedMemory) else [memory] * len(layers)
        for place, (layer, source) in enumerate(zip(layers, read, strict=True), 1):
            ends, goes_on = first_only and place == len(layers), begun and place == 1
            mask = states.mask[:, None, None, :]
            x_BTD = self._call(layer, x_BTD, mask, mode, source, memory_mask, row_B, packing, projected, ends, goes_on)
        return TextStates(x_BTD if packing is None or first_only else packing.pad(x_BTD), states.mask)

    def _call(self, part: Callable[..., Tensor], *arguments: object) -> Tensor:
        """Calls a part of a layer; with gradient checkpointing its activations are computed anew for the gradient."""
        if self.gradient_checkpointing and torch.is_grad_enabled():
            return cast(Tensor, checkpoint(part, *arguments, use_reentrant=False))
        return part(*arguments)

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
