"""Writing texts with the decoder: greedily, by beam search, by sampling, or by consensus of samples.

B texts, K beams or drafts of each, T tokens, M memory tokens, D width, H heads, V vocabulary.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from gkmvlp.entities import ENTITIES, ENTITY_INDEX, entity
from gkmvlp.errors import ConfigError
from gkmvlp.models.gk_mvlp import GkMvlp
from gkmvlp.models.text import POSITIONS, BertLayer, FusionBert, Memory

_HYPHEN = re.compile(r"(?<=\w) ([-/]) (?=\w)")  # a WordPiece tokenizer takes "x-ray" apart
Strategy = Literal["greedy", "beam", "sample", "consensus"]


@dataclass
class DecodingConfig:
    """How a text is chosen among all that the decoder could write.

    Attributes:
        strategy: ``greedy`` takes the likeliest token each time, ``beam`` keeps the likeliest ``num_beams`` beginnings,
            ``sample`` draws each token, ``consensus`` draws ``num_samples`` texts and takes the one whose entities
            agree most with those of the others and with the entity head (see ``gkmvlp.report.consensus``).
        num_beams: Width of the beam.
        num_samples: How many texts are drawn for a consensus.
        entity_head_weight: Weight of the entity head in a consensus, in [0, 1]; the other drafts have the rest.
        temperature: Divides the logits before a token is drawn.
        top_p: A token is drawn among the likeliest whose probabilities reach this sum.
        min_new_tokens: Fewest tokens of a text, the end not counted.
        max_new_tokens: Most tokens of a text, the end counted; what is longer is cut.
        length_penalty: A beam's log-likelihood is divided by its number of tokens to this power; 0 favours short texts.
    """

    strategy: Strategy = "greedy"
    num_beams: int = 4
    num_samples: int = 16
    entity_head_weight: float = 0.0
    temperature: float = 1.0
    top_p: float = 1.0
    min_new_tokens: int = 0
    max_new_tokens: int = 64
    length_penalty: float = 1.0

    def __post_init__(self) -> None:
        """Refuses what no search can do.

        Raises:
            ConfigError: If a number is out of its range.
        """
        rules = {
            "num_beams >= 1": self.num_beams >= 1,
            "num_samples >= 1": self.num_samples >= 1,
            "0 <= entity_head_weight <= 1": 0 <= self.entity_head_weight <= 1,
            "temperature > 0": self.temperature > 0,
            "0 < top_p <= 1": 0 < self.top_p <= 1,
            f"0 <= min_new_tokens < max_new_tokens <= {POSITIONS}": 0
            <= self.min_new_tokens
            < self.max_new_tokens
            <= POSITIONS,
            "length_penalty >= 0": self.length_penalty >= 0,
        }
        if broken := [rule for rule, holds in rules.items() if not holds]:
            raise ConfigError(f"decoding: {broken[0]} was expected, got {self}")


class Generated(NamedTuple):
    """Texts."""

    ids: Tensor  # (B, T) int64 without the first token; the end token from where a text ends
    score: Tensor  # (B,) log-likelihood in nats, the end counted


class CachedDecoder:
    """The decoder, one token at a time: keys and values of the memory and of earlier tokens are projected once.

    Args:
        text: The model.
        memory: What it reads, (B, M, D).
        mask_BM: (B, M) bool, True where it may be read; None allows all.
    """

    def __init__(self, text: FusionBert, memory: Memory, mask_BM: Tensor | None = None) -> None:
        self.text, self.length = text, 0
        self.mask = None if mask_BM is None else mask_BM[:, None, None, :]
        self.layers = cast(list[BertLayer], list(text.layers))
        crossed = [layer.cross_attention for layer in self.layers]
        self.read = [None if cross is None else cross.project(memory) for cross in crossed]
        self.written: list[Memory | None] = [None] * len(self.layers)

    def step(self, token_N: Tensor) -> Tensor:
        """Reads one more token of each text.

        Args:
            token_N: (B K,) int64.

        Returns:
            Scores of the token after it, (B K, V) float32.
        """
        x_N1D = self.text.embed(token_N[:, None], self.length)
        for index, layer in enumerate(self.layers):
            own = layer.decoder_attention
            assert own is not None  # a text encoder alone has none
            new, old = own.project(Memory(x_N1D, x_N1D)), self.written[index]
            if old is not None:
                new = Memory(torch.cat([old.key, new.key], dim=2), torch.cat([old.value, new.value], dim=2))
            self.written[index] = new
            x_N1D = own.attend(x_N1D, new, None)
            read, cross = self.read[index], layer.cross_attention
            if read is not None and cross is not None:
                x_N1D = cross.attend(x_N1D, read, self.mask)
            x_N1D = layer.feed_forward(x_N1D)
        self.length += 1
        return self.text.vocabulary_logits(x_N1D)[:, 0].float()

    def reorder_cache(self, row_N: Tensor) -> None:
        """Goes on with other beginnings: text n with what text ``row_N[n]`` has read, of the same memory."""
        self.written = [old and Memory(old.key[row_N], old.value[row_N]) for old in self.written]


@torch.no_grad()
def generate(
    text: FusionBert,
    bos_token_id: int,
    eos_token_id: int,
    memory: Memory | Tensor,
    mask_BM: Tensor | None = None,
    decoding: DecodingConfig = DecodingConfig(),  # noqa: B008 - never changed
    generator: torch.Generator | None = None,
) -> Generated:
    """Writes one text for each memory; for ``consensus`` all drafts of the first, then of the second, and so on.

    Args:
        text: The model, in evaluation mode.
        bos_token_id: The decoder's first token.
        eos_token_id: The token that ends a text.
        memory: What the decoder reads, (B, M, D); a tensor is its own keys.
        mask_BM: (B, M) bool, True where it may be read; None allows all.
        decoding: How a text is chosen.
        generator: Source of chance where tokens are drawn, on the memory's device; the global one without it.
    """
    memory = Memory(memory, memory) if isinstance(memory, Tensor) else memory
    if decoding.strategy == "beam":
        return _beam(CachedDecoder(text, memory, mask_BM), bos_token_id, eos_token_id, memory.key, decoding)
    drafts = decoding.num_samples if decoding.strategy == "consensus" else 1
    decoder = CachedDecoder(text, memory, mask_BM)
    token_B = torch.full((len(memory.key) * drafts,), bos_token_id, device=memory.key.device)  # B texts of all memories
    done_B, score_B = torch.zeros_like(token_B, dtype=torch.bool), torch.zeros_like(token_B, dtype=torch.float)
    written: list[Tensor] = []
    while len(written) < decoding.max_new_tokens and not done_B.all():
        logits_BV = decoder.step(token_B)
        if len(written) < decoding.min_new_tokens:
            logits_BV[:, eos_token_id] = -torch.inf
        if decoding.strategy in ("sample", "consensus"):
            token_B = torch.multinomial(probabilities(logits_BV, decoding), 1, generator=generator)[:, 0]
        else:
            token_B = logits_BV.argmax(-1)
        token_B = token_B.masked_fill(done_B, eos_token_id)
        log_likelihood_B = logits_BV.log_softmax(-1).gather(1, token_B[:, None])[:, 0]
        score_B += log_likelihood_B.masked_fill(done_B, 0)
        written.append(token_B)
        done_B |= token_B == eos_token_id
    return Generated(torch.stack(written, dim=1), score_B)


def generate_texts(
    model: GkMvlp,
    tokenizer: PreTrainedTokenizerFast,
    memory: Memory | Tensor,
    mask_BM: Tensor | None = None,
    decoding: DecodingConfig = DecodingConfig(),  # noqa: B008 - never changed
    generator: torch.Generator | None = None,
    present_BE: Tensor | None = None,
) -> tuple[list[str], list[float]]:
    """``generate`` in words.

    Args:
        model: The model, in evaluation mode.
        tokenizer: Its tokenizer.
        memory: What the decoder reads, (B, M, D); a tensor is its own keys.
        mask_BM: (B, M) bool, True where it may be read; None allows all.
        decoding: How a text is chosen.
        generator: Source of chance where tokens are drawn.
        present_BE: Probability of each entity of the model, for a consensus with ``entity_head_weight``.

    Returns:
        B texts in lower case where the tokenizer is, and B log-likelihoods in nats.
    """
    ends = tokenizer.bos_token_id, tokenizer.sep_token_id
    written = generate(model.text, *ends, memory, mask_BM, decoding, generator)
    decoded = tokenizer.batch_decode(written.ids, skip_special_tokens=True)
    texts, scores = [_HYPHEN.sub(r"\1", text) for text in decoded], written.score.tolist()
    if decoding.strategy != "consensus":
        return texts, scores
    from gkmvlp.report.consensus import most_agreed  # and with it the labeler

    starts = range(0, len(texts), decoding.num_samples)
    rows = zip(
        starts, _entity_probabilities(len(starts), present_BE, model.architecture.knowledge.entities), strict=True
    )
    chosen = [
        start + most_agreed(texts[start : start + decoding.num_samples], belief_E, decoding.entity_head_weight)
        for start, belief_E in rows
    ]
    return [texts[n] for n in chosen], [scores[n] for n in chosen]


def _entity_probabilities(images: int, present_BE: Tensor | None, names: Sequence[str]) -> NDArray[np.float32]:
    """Probabilities of the entities of these names in the columns of all entities, (B, E); NaN where there are none."""
    belief_BE = np.full((images, len(ENTITIES)), np.nan, np.float32)
    if present_BE is not None:
        belief_BE[:, [ENTITY_INDEX[entity(name).name] for name in names]] = present_BE.float().cpu().numpy()
    return belief_BE


def probabilities(logits_BV: Tensor, decoding: DecodingConfig) -> Tensor:
    """What tokens are drawn from: by temperature and nucleus (Holtzman et al., ICLR 2020), (B, V), not normalised."""
    sorted_BV, token_BV = (logits_BV / decoding.temperature).softmax(-1).sort(-1, descending=True)
    before_BV = sorted_BV.cumsum(-1) - sorted_BV
    sorted_BV = sorted_BV.masked_fill(before_BV >= decoding.top_p, 0)  # the likeliest always stays
    return torch.zeros_like(sorted_BV).scatter(1, token_BV, sorted_BV)


def _beam(
    decoder: CachedDecoder, bos_token_id: int, eos_token_id: int, key_BMD: Tensor, decoding: DecodingConfig
) -> Generated:
    """Beam search: K unfinished beginnings of each text, and its best finished text so far.

    It ends when no beginning can become better than what is finished: a log-likelihood only falls, and is divided by
    ``longest ** length_penalty`` at most.
    """
    batch, beams, longest, device = len(key_BMD), decoding.num_beams, decoding.max_new_tokens, key_BMD.device
    ids_BKT = torch.full((batch, beams, longest), eos_token_id, device=device)
    sum_BK = torch.full((batch, beams), -torch.inf, device=device)
    sum_BK[:, 0] = 0  # all beams begin alike: one counts
    best_BT, best_B = ids_BKT[:, 0].clone(), sum_BK.new_full((batch,), -torch.inf)
    token_BK = torch.full((batch, beams), bos_token_id, device=device)
    row_B1 = torch.arange(batch, device=device)[:, None]

    def finish(total_BK: Tensor, length: int) -> None:
        """Takes the best of texts that end here, where it is better than the best so far."""
        value_B, beam_B = (total_BK / length**decoding.length_penalty).max(1)
        is_better_B = value_B > best_B
        best_B[is_better_B] = value_B[is_better_B]
        best_BT[is_better_B] = ids_BKT[row_B1[:, 0], beam_B][is_better_B]

    for length in range(longest):
        total_BKV = sum_BK[..., None] + decoder.step(token_BK.flatten()).log_softmax(-1).view(batch, beams, -1)
        if length >= decoding.min_new_tokens:
            finish(total_BKV[..., eos_token_id], length + 1)
        total_BKV[..., eos_token_id] = -torch.inf
        sum_BK, flat_BK = total_BKV.flatten(1).topk(beams)
        beam_BK, token_BK = flat_BK // total_BKV.shape[-1], flat_BK % total_BKV.shape[-1]
        ids_BKT = ids_BKT[row_B1, beam_BK]
        ids_BKT[..., length] = token_BK
        decoder.reorder_cache((row_B1 * beams + beam_BK).flatten())
        if (sum_BK[:, 0] / longest**decoding.length_penalty <= best_B).all():
            break
    else:
        finish(sum_BK, longest)  # cut
    length_B = ((best_BT != eos_token_id).sum(1) + 1).clamp(max=longest)
    return Generated(best_BT, best_B * length_B**decoding.length_penalty)
