"""Weights of a Hugging Face BERT, by a table of rules and a strict load.

Models of transformers are imported where weights are read: they bring scikit-learn and SciPy along.
"""

import sys
from collections.abc import Mapping
from logging import CRITICAL
from pathlib import Path

import torch
from torch import Tensor

from gkmvlp.checkpoints.foreign_weights import Rules, rename
from gkmvlp.checkpoints.packages import BERT, local
from gkmvlp.checkpoints.weights import differences
from gkmvlp.errors import BackboneError
from gkmvlp.models.config import BERT_SIZES, TextConfig
from gkmvlp.models.text import POSITIONS, FusionBert

RULES: Rules = (
    (r"^bert\.embeddings\.word_embeddings\.weight$", r"word.weight"),
    (r"^bert\.embeddings\.position_embeddings\.weight$", r"position.weight"),
    (r"^bert\.embeddings\.token_type_embeddings\.weight$", r"segment"),
    (r"^bert\.embeddings\.LayerNorm\.(weight|bias)$", r"norm.\1"),
    (r"^bert\.encoder\.layer\.(\d+)\.attention\.self\.(query|key|value)\.(\w+)$", r"layers.\1.attention.\2.\3"),
    (r"^bert\.encoder\.layer\.(\d+)\.attention\.output\.dense\.(\w+)$", r"layers.\1.attention.output.\2"),
    (r"^bert\.encoder\.layer\.(\d+)\.attention\.output\.LayerNorm\.(\w+)$", r"layers.\1.attention.norm.\2"),
    (r"^bert\.encoder\.layer\.(\d+)\.intermediate\.dense\.(\w+)$", r"layers.\1.intermediate.\2"),
    (r"^bert\.encoder\.layer\.(\d+)\.output\.dense\.(\w+)$", r"layers.\1.output.\2"),
    (r"^bert\.encoder\.layer\.(\d+)\.output\.LayerNorm\.(\w+)$", r"layers.\1.norm.\2"),
    (r"^cls\.predictions\.transform\.dense\.(\w+)$", r"head.0.\1"),
    (r"^cls\.predictions\.transform\.LayerNorm\.(\w+)$", r"head.2.\1"),
    (r"^cls\.predictions\.bias$", r"head_bias"),
    (r"^cls\.predictions\.decoder\.", None),  # tied to the word embedding
    (r"^bert\.pooler\.", None),
)


def bert_sizes(reference: str) -> TextConfig:
    """The sizes of a BERT, read from its config.

    Args:
        reference: Name on the hub, a folder, or ``package://NAME``.

    Raises:
        BackboneError: If nothing is there, or it is no BERT.
    """
    from transformers import AutoConfig, PreTrainedConfig

    place = local(reference, BERT)
    try:
        config: PreTrainedConfig = AutoConfig.from_pretrained(place)
    except (OSError, ValueError) as error:
        raise BackboneError(
            f"no BERT at {reference!r}: give a hub name (needs the network once) or a folder with config.json"
        ) from error
    if config.model_type != "bert":
        raise BackboneError(f"{reference!r} is a {config.model_type!r} model, a BERT is needed")
    return TextConfig(
        weights=reference,
        hidden_size=config.hidden_size,
        num_hidden_layers=config.num_hidden_layers,
        num_attention_heads=config.num_attention_heads,
        intermediate_size=config.intermediate_size,
        vocab_size=config.vocab_size,
        layer_norm_eps=config.layer_norm_eps,
    )


def take_bert_sizes(text: TextConfig) -> None:
    """Where ``weights`` names a BERT, its sizes replace the ones given.

    Raises:
        BackboneError: What ``bert_sizes`` refuses.
    """
    if text.weights:
        sizes = bert_sizes(text.weights)
        for key in BERT_SIZES:
            setattr(text, key, getattr(sizes, key))


def load_bert(bert: FusionBert, reference: str) -> list[str]:
    """Fills the encoder and starts the decoder's self-attention from the encoder's, as BLIP does.

    Cross-attention keeps its fresh weights, and so do the rows of tokens that were added to the vocabulary, and the
    head that predicts tokens where the source has none.

    Args:
        bert: The model to fill, of the sizes that ``bert_sizes`` gives.
        reference: Name on the hub, a folder, or ``package://NAME``.

    Returns:
        What keeps its fresh weights, in words.

    Raises:
        BackboneError: If the tensors do not fit, or some of the encoder are missing.
    """
    source, missing = _read(local(reference, BERT))
    try:
        return fill_bert(bert, {name: tensor for name, tensor in source.items() if name not in missing})
    except BackboneError as error:
        raise BackboneError(f"the BERT {reference!r} does not fit: {error}") from error


def fill_bert(bert: FusionBert, source: Mapping[str, Tensor]) -> list[str]:
    """``load_bert`` with the tensors of a BERT or RoBERTa, by the names of ``BertForMaskedLM``.

    A RoBERTa counts its positions from 2 on: the last rows are those that texts have.

    Raises:
        BackboneError: If the tensors do not fit, or some of the encoder are missing.
    """
    state = rename(source, RULES)
    # one segment is all a report needs; its vector is added to every token
    if "segment" in state:
        state["segment"] = state["segment"][0]
    if "position.weight" in state:
        state["position.weight"] = state["position.weight"][-POSITIONS:]
    own = bert.state_dict()
    for name, tensor in list(state.items()):
        if "attention." in name and bert.decodes:
            state[name.replace(".attention.", ".decoder_attention.")] = tensor
        if name in ("word.weight", "head_bias") and len(tensor) < len(own[name]):
            state[name] = torch.cat([tensor, own[name][len(tensor) :]])
    head = [name for name in own if name.startswith("head") and name not in state]
    expected = {name: x for name, x in own.items() if "cross_attention" not in name and name not in head}
    if told := differences(state, expected):
        raise BackboneError(told)
    bert.load_state_dict(own | state, strict=True)
    crosses = any("cross_attention" in name for name in own)
    return [*(["cross-attention"] if crosses else []), *(["prediction head"] if head else [])]


def _read(place: str) -> tuple[dict[str, Tensor], set[str]]:
    """Tensors of a BERT, and the names of those that it lacks, which transformers draws.

    Its own table of them is off, and so are its bars, but for a download that somebody watches.

    Args:
        place: Name on the hub, or a folder.
    """
    from transformers import AutoModelForMaskedLM
    from transformers.utils import logging

    verbosity = logging.get_verbosity()
    hides_bars = logging.is_progress_bar_enabled() and (Path(place).is_dir() or not sys.stderr.isatty())
    logging.set_verbosity(CRITICAL)
    if hides_bars:
        logging.disable_progress_bar()
    try:
        source, told = AutoModelForMaskedLM.from_pretrained(place, output_loading_info=True)
    finally:
        logging.set_verbosity(verbosity)
        if hides_bars:
            logging.enable_progress_bar()
    return source.state_dict(), set(told["missing_keys"])
