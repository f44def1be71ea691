"""Tokenizing: a WordPiece tokenizer trained on the corpus, the tokens that every model needs, and texts as ids.

B batch, T tokens.
"""

import string
from collections.abc import Iterable
from typing import NamedTuple

import torch
from tokenizers import BertWordPieceTokenizer
from tokenizers.processors import BertProcessing
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from gkmvlp.texts import as_texts

DECODE = "[DEC]"  # first token of a decoded text
# bf16 kernels are chosen anew for each shape, so texts are padded to few lengths
LENGTHS = (4, 8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)


class Tokens(NamedTuple):
    """A batch of texts."""

    ids: Tensor  # (B, T) int64, right-padded
    mask: Tensor  # (B, T) bool, True on real tokens


def train_tokenizer(texts: str | Iterable[str], size: int) -> PreTrainedTokenizerFast:
    """A lower-casing WordPiece tokenizer that can spell every printable ASCII text.

    Args:
        texts: Training texts.
        size: Largest vocabulary.
    """
    model = BertWordPieceTokenizer(lowercase=True)
    texts = as_texts(texts)
    alphabet = _alphabet(model, texts)
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", DECODE]
    # Letters inside a word ("##x") would get their ids in the order of a random hash, and ids decide between equally
    # frequent merges. Named beforehand like special tokens, they make equal texts give equal tokenizers.
    inside = ["##" + letter for letter in alphabet if len(model.pre_tokenizer.pre_tokenize_str("0" + letter)) == 1]
    model.train_from_iterator(
        texts, size, initial_alphabet=alphabet, special_tokens=specials + inside, min_frequency=2, show_progress=False
    )
    model = BertWordPieceTokenizer(model.get_vocab(), lowercase=True)
    ends = [(token, model.token_to_id(token)) for token in ("[SEP]", "[CLS]")]
    model.post_processor = BertProcessing(*ends)
    return with_special_tokens(PreTrainedTokenizerFast(tokenizer_object=model._tokenizer))


def _alphabet(model: BertWordPieceTokenizer, texts: list[str]) -> list[str]:
    """Printable ASCII and every letter of the texts as the tokenizer sees them, in order."""
    letters = set(string.printable.lower()).union(*(model.normalize(text) for text in texts))
    return sorted(letter for letter in letters if not letter.isspace())


def with_special_tokens(tokenizer: PreTrainedTokenizerFast) -> PreTrainedTokenizerFast:
    """The tokenizer, with those special tokens added that it lacks; what marks the start of a decoded text is ours."""
    tokens = {
        "pad_token": "[PAD]",
        "unk_token": "[UNK]",
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "mask_token": "[MASK]",
    }
    lacking = {kind: token for kind, token in tokens.items() if getattr(tokenizer, kind) is None}
    tokenizer.add_special_tokens({**lacking, "bos_token": DECODE})
    return tokenizer


def tokenize(
    tokenizer: PreTrainedTokenizerFast, texts: str | Iterable[str], max_tokens: int, decode: bool = False
) -> Tokens:
    """Texts to ids, padded to the next of a few fixed lengths.

    Args:
        tokenizer: The tokenizer.
        texts: B texts; a bare string is one.
        max_tokens: Longest text in tokens, special tokens included.
        decode: Whether the first token is the decoder's instead of [CLS].
    """
    encoded = tokenizer(as_texts(texts), truncation=True, max_length=max_tokens)["input_ids"]
    tokens = padded(encoded, tokenizer.pad_token_id, max_tokens)
    if decode:
        tokens.ids[:, 0] = tokenizer.bos_token_id
    return tokens


def padded(encoded: list[list[int]], padding: int, max_tokens: int) -> Tokens:
    """Ids of texts as a batch, padded to the next of a few fixed lengths.

    Args:
        encoded: Ids of B texts.
        padding: Id of padding.
        max_tokens: Longest text in tokens.
    """
    longest = max(len(ids) for ids in encoded)
    length = min((size for size in LENGTHS if size >= longest), default=longest)
    length = min(length, max_tokens)
    ids_BT = torch.tensor([[*ids, *[padding] * (length - len(ids))] for ids in encoded])
    mask_BT = torch.arange(length) < torch.tensor([len(ids) for ids in encoded])[:, None]
    return Tokens(ids_BT, mask_BT)
