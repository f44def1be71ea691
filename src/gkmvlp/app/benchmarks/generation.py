"""Reports written a second, beside ``generate`` of transformers with the same weights, in turns.

B reports, M memory tokens, D width.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor

from gkmvlp.app.benchmarks.model import machine_name, now, spent
from gkmvlp.app.benchmarks.setup import architecture_of, build
from gkmvlp.checkpoints.foreign_weights import Rules, rename
from gkmvlp.errors import UsageError
from gkmvlp.hardware import best_precision
from gkmvlp.models.bert_layer import BertLayer
from gkmvlp.models.generation import DecodingConfig, generate
from gkmvlp.models.text import POSITIONS, FusionBert

if TYPE_CHECKING:
    from transformers import BertLMHeadModel

NUM_BEAMS = 3  # as R2Gen and most after it
START, END = 2, 3  # any two tokens: weights are fresh
NEVER = -1e4  # bias of the end: every text has all tokens, for us and for transformers

# Our decoder in the names of BertLMHeadModel; the encoder's self-attention is no part of it.
DECODER: Rules = (
    (r"^word\.", "bert.embeddings.word_embeddings."),
    (r"^position\.", "bert.embeddings.position_embeddings."),
    (r"^segment$", "bert.embeddings.token_type_embeddings.weight"),
    (r"^norm\.", "bert.embeddings.LayerNorm."),
    (r"^head\.0\.", "cls.predictions.transform.dense."),
    (r"^head\.2\.", "cls.predictions.transform.LayerNorm."),
    (r"^head_bias$", "cls.predictions.bias"),
    (r"^layers\.\d+\.attention\.", None),
    (r"^layers\.(\d+)\.decoder_attention\.", r"bert.encoder.layer.\1.attention."),
    (r"^layers\.(\d+)\.cross_attention\.", r"bert.encoder.layer.\1.crossattention."),
    (r"^layers\.(\d+)\.", r"bert.encoder.layer.\1."),
    (r"ttention\.(query|key|value)\.", r"ttention.self.\1."),
    (r"\.output\.(weight|bias)$", r".output.dense.\1"),
    (r"ttention\.norm\.", "ttention.output.LayerNorm."),
    (r"^(bert\.encoder\.layer\.\d+)\.norm\.", r"\1.output.LayerNorm."),
    (r"\.intermediate\.(weight|bias)$", r".intermediate.dense.\1"),
)


@dataclass(frozen=True)
class Written:
    """What writing reports costs."""

    config: str
    batch: int
    reports: int  # that were timed
    tokens: int  # of each report
    memory_tokens: int
    precision: str
    device: str
    seconds: float  # a report, as the config is
    same_seconds: float  # a report, with cross-attention in every layer as transformers has it
    transformers_seconds: float  # a report, by ``generate`` of transformers with those weights


def as_transformers(text: FusionBert) -> "BertLMHeadModel":
    """The decoder as transformers has it, with the same weights.

    Args:
        text: A model whose layers all read the memory.

    Raises:
        UsageError: If some do not: transformers has no such BERT.
    """
    from transformers import BertConfig, BertLMHeadModel

    if text.fusion_layer:
        raise UsageError(
            f"transformers reads the image in every layer; fusion_layer 0 was expected, got {text.fusion_layer}"
        )
    vocabulary, width = text.word.weight.shape
    first = cast(BertLayer, text.layers[0])
    config = BertConfig(
        vocab_size=vocabulary, hidden_size=width, num_hidden_layers=len(text.layers),
        num_attention_heads=first.attention.heads, intermediate_size=first.intermediate.out_features,
        max_position_embeddings=POSITIONS, type_vocab_size=1, is_decoder=True, add_cross_attention=True,
    )  # fmt: skip
    theirs = BertLMHeadModel(config)
    theirs.to(device=text.word.weight.device, dtype=text.word.weight.dtype)  # type: ignore[arg-type, call-arg]
    state = rename({name: tensor.detach().clone() for name, tensor in text.state_dict().items()}, DECODER)
    state["bert.embeddings.token_type_embeddings.weight"] = state["bert.embeddings.token_type_embeddings.weight"][None]
    tied = {"cls.predictions.decoder.weight": "bert.embeddings.word_embeddings.weight"}
    tied["cls.predictions.decoder.bias"] = "cls.predictions.bias"
    theirs.load_state_dict(state | {name: state[source] for name, source in tied.items()})
    return theirs.eval()


def generate_by_transformers(
    theirs: "BertLMHeadModel",
    bos_token_id: int,
    eos_token_id: int,
    memory_BMD: Tensor,
    mask_BM: Tensor | None,
    decoding: DecodingConfig,
) -> tuple[Tensor, Tensor | None]:
    """``generate`` of transformers, greedily or with beams.

    Returns:
        Ids (B, T) int64 without the first token, and with beams log-likelihoods (B,), each divided by the number of
        tokens to the power of ``length_penalty``.
    """
    from transformers import DynamicCache, EncoderDecoderCache

    first_B1 = torch.full((len(memory_BMD), 1), bos_token_id, device=memory_BMD.device)
    beams = decoding.num_beams if decoding.strategy == "beam" else 1
    written = theirs.generate(
        first_B1, attention_mask=torch.ones_like(first_B1),
        encoder_hidden_states=memory_BMD, encoder_attention_mask=mask_BM,
        cache=EncoderDecoderCache(DynamicCache(), DynamicCache()), do_sample=False, num_beams=beams,
        max_new_tokens=decoding.max_new_tokens, min_new_tokens=decoding.min_new_tokens or None,
        bos_token_id=bos_token_id, eos_token_id=eos_token_id, pad_token_id=eos_token_id,
        return_dict_in_generate=True, output_scores=beams > 1,
        **({"length_penalty": decoding.length_penalty, "early_stopping": "never"} if beams > 1 else {}),
    )  # fmt: skip
    return written.sequences[:, 1:], written.sequences_scores if beams > 1 else None


def measure_generation(config: str, batch: int, rounds: int, name: str | None, tokens: int = 60) -> Written:
    """Writes reports by beam search; every text has all tokens.

    Args:
        config: ``base``, ``small``, or a pre-training config.
        batch: B.
        rounds: How often each of the three writes, one after the other.
        name: Device; None takes a GPU where there is one.
        tokens: Of each report.
    """
    device = torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))
    architecture = architecture_of(config)
    tokens = min(tokens, POSITIONS)
    search = DecodingConfig("beam", num_beams=NUM_BEAMS, max_new_tokens=tokens)
    with torch.no_grad():
        task, studies = build(architecture, batch, device)
        memory = task.eval().encode_images(studies).memory
        same_sizes = copy.deepcopy(architecture.text)
        same_sizes.fusion_layer = 0
        same = FusionBert(same_sizes, len(task.model.text.word.weight)).to(device).eval()
        for text in (task.model.text, same):
            text.head_bias[END] = NEVER
        theirs = as_transformers(same)
    works: list[Callable[[], object]] = [
        lambda: generate(task.model.text, START, END, memory, decoding=search),
        lambda: generate(same, START, END, memory.value, decoding=search),
        lambda: generate_by_transformers(theirs, START, END, memory.value, None, search),
    ]
    precision = best_precision(device.type)
    seconds = [0.0, 0.0, 0.0]
    with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16-mixed"):
        for turn in range(rounds + 1):
            for index, work in enumerate(works):
                start = spent(device)
                work()
                now(device)
                seconds[index] += (spent(device) - start) * (turn > 0)  # the first warms up
    own, equal, other = (each / (rounds * batch) for each in seconds)
    memory_tokens = memory.key.shape[1]
    return Written(
        config, batch, rounds * batch, tokens, memory_tokens, precision, machine_name(device), own, equal, other
    )
