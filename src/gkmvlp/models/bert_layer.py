"""The layer of BERT, post-norm, with two self-attentions and one attention to an image memory.

B batch, T tokens, M memory tokens, D width, H heads, N memories, R real tokens of a batch.
"""

from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F

from gkmvlp.models.attention import attention
from gkmvlp.models.config import TextConfig
from gkmvlp.models.dropout import dropout
from gkmvlp.models.memory import Memory
from gkmvlp.models.packing import Packing, first_tokens

Mode = Literal["text", "fusion", "decoder"]
Stage = Literal["whole", "self_attention", "rest"]


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
        stage: Stage = "whole",
    ) -> Tensor:
        """One layer, or a part of it; see ``FusionBert.forward``.

        A ``projected`` memory is this layer's keys and values. ``first_only`` gives the first tokens alone, (B, 1, D).
        The stage ``self_attention`` is what no image reaches; ``rest`` goes on from what it gave for all tokens. Both
        are reached by this method, which is what a compiler and FSDP2 know of a layer.
        """
        if stage != "rest":
            x_BTD = self._self_attention(x_BTD, mask, mode, packing, first_only)
        elif first_only:
            x_BTD = first_tokens(x_BTD, packing)
        if stage == "self_attention":
            return x_BTD
        packing = None if first_only else packing
        if self.cross_attention is not None and memory is not None:
            cross = self.cross_attention.attend if projected else self.cross_attention
            x_BTD = cross(x_BTD, memory, memory_mask, row_B=row_B, packing=packing)
        return self.feed_forward(x_BTD)

    def _self_attention(
        self, x_BTD: Tensor, mask: Tensor, mode: Mode, packing: Packing | None, first_only: bool
    ) -> Tensor:
        """Each token reads the others, (B, T, D).

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
