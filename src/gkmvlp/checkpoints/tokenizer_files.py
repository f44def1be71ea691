"""Tokenizers from files: of a name on the Hugging Face hub, a folder, or a pip package."""

from pathlib import Path
from typing import Any

from transformers import AutoTokenizer, PreTrainedTokenizerFast

from gkmvlp.checkpoints.packages import BERT, local
from gkmvlp.errors import BackboneError
from gkmvlp.models.tokenizer import with_special_tokens


def load_tokenizer(reference: str | Path) -> PreTrainedTokenizerFast:
    """A tokenizer by hub name, folder or ``package://NAME``, with the decoder's first token added where it lacks one.

    Raises:
        BackboneError: If nothing is there.
    """
    place = local(str(reference), BERT)
    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(place, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise BackboneError(f"no tokenizer at {str(reference)!r}: give a hub name or a folder") from error
    return with_special_tokens(tokenizer)
