"""Texts as tokens, with the entities that they name and the tokens that name them.

B batch, T tokens, K entities of the text that names most.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from gkmvlp.errors import DataError
from gkmvlp.knowledge.linker import Mention, checked
from gkmvlp.models.tokenizer import Tokens, padded


class LinkedTokens(NamedTuple):
    """A batch of texts with their entities, in the order of the text."""

    ids: Tensor  # (B, T) int64, right-padded
    mask: Tensor  # (B, T) bool, True on real tokens
    entity: Tensor  # (B, K) int64, row of the entity in the graph; 0 where masked
    entity_mask: Tensor  # (B, K) bool, True on real entities
    span: Tensor  # (B, K, T) bool, True on the tokens that name the entity

    @property
    def tokens(self) -> Tokens:
        """The text alone."""
        return Tokens(self.ids, self.mask)

    def rows(self, row_N: Tensor) -> "LinkedTokens":
        """Some of the texts, in the order of ``row_N``, (N,) int64."""
        return LinkedTokens(*(tensor[row_N] for tensor in self))

    def without(self, dropped_BK: Tensor) -> "LinkedTokens":
        """The same texts without some entities, (B, K) bool, True where dropped."""
        return self._replace(entity_mask=self.entity_mask & ~dropped_BK, span=self.span & ~dropped_BK[..., None])

    def named(self, entities: int) -> Tensor:
        """Which entities each text names, (B, N) bool.

        Args:
            entities: N, how many the graph has.
        """
        named_BN = torch.zeros(len(self.ids), entities, dtype=torch.int64, device=self.ids.device)
        return named_BN.scatter_add(1, self.entity, self.entity_mask.long()) > 0


def link_tokens(
    tokenizer: PreTrainedTokenizerFast,
    texts: Sequence[str],
    mentions: Sequence[Sequence[Mention]],
    index: Mapping[str, int],
    max_tokens: int,
    max_entities: int,
) -> LinkedTokens:
    """Texts to ids, and mentions to spans of tokens.

    A mention is left out where its first or last character lies in no token: the text was cut before it.

    Args:
        tokenizer: The tokenizer.
        texts: B texts.
        mentions: Those of each text, in its order.
        index: Concept id -> its row in the graph.
        max_tokens: Longest text in tokens, special tokens included.
        max_entities: Most mentions of a text that are read; the first ones count.

    Raises:
        DataError: If a mention lies outside its text, or its concept is not in the graph.
    """
    encoded = tokenizer(list(texts), truncation=True, max_length=max_tokens)
    tokens = padded(encoded["input_ids"], tokenizer.pad_token_id, max_tokens)
    found: list[list[tuple[int, int, int]]] = []  # row of the entity, first token, token behind the last
    for row, some in enumerate(mentions):
        ends = [
            (_row(m, index), encoded.char_to_token(row, m.start), encoded.char_to_token(row, m.end - 1))
            for m in checked(texts[row], some)
        ]
        whole = [(entity, first, last + 1) for entity, first, last in ends if first is not None and last is not None]
        found.append(whole[:max_entities])
    count = max(len(some) for some in found)
    entity_BK = torch.zeros(len(texts), count, dtype=torch.long)
    span_BKT = torch.zeros(len(texts), count, tokens.ids.shape[1], dtype=torch.bool)
    for row, placed in enumerate(found):
        for slot, (entity, first, behind) in enumerate(placed):
            entity_BK[row, slot] = entity
            span_BKT[row, slot, first:behind] = True
    return LinkedTokens(*tokens, entity_BK, span_BKT.any(-1), span_BKT)


def _row(mention: Mention, index: Mapping[str, int]) -> int:
    """The row of a mention's concept."""
    if mention.concept not in index:
        known = f"the graph of {len(index)} concepts has no {mention.concept!r}, which a text is linked to"
        raise DataError(f"{known}: link texts to concepts of the graph alone, or build the graph with it")
    return index[mention.concept]
