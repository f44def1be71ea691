"""Tokenizers from files: of a name on the Hugging Face hub, a folder, or a pip package."""

import json
from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerFast

from gkmvlp.checkpoints.packages import BERT, local
from gkmvlp.errors import BackboneError
from gkmvlp.models.tokenizer import with_special_tokens

_OURS = ("PreTrainedTokenizerFast", "TokenizersBackend")  # the second is its name since transformers 5


def load_tokenizer(reference: str | Path) -> PreTrainedTokenizerFast:
    """A tokenizer by hub name, folder or ``package://NAME``, with the decoder's first token added where it lacks one.

    Raises:
        BackboneError: If nothing is there.
    """
    place = local(str(reference), BERT)
    try:
        tokenizer: Any = _reader(place).from_pretrained(place, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise BackboneError(f"no tokenizer at {str(reference)!r}: give a hub name or a folder") from error
    return with_special_tokens(tokenizer)


def _reader(place: str | Path) -> Any:
    """The class that reads a tokenizer: of one that this package wrote the plain one, which needs no list of models."""
    try:
        written = json.loads((Path(place) / "tokenizer_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        written = {}
    if isinstance(written, dict) and written.get("tokenizer_class") in _OURS:
        return PreTrainedTokenizerFast
    from transformers import AutoTokenizer

    return AutoTokenizer
