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
from gkmvlp.models.bert_layer import BertLayer
from gkmvlp.models.gk_mvlp import GkMvlp
from gkmvlp.models.memory import Memory
from gkmvlp.models.text import POSITIONS, FusionBert

_HYPHEN = re.compile(r"(?<=\w) ([-/]) (?=\w)")  # a WordPiece tokenizer takes "x-ray" apart
FIRST_ROOM = 32  # tokens; most reports need no more than one or two larger rooms
# Share of the images that must have ended before the others go on without them: who stays is copied.
WORTH_LEAVING = 0.25
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


class WrittenTokens:
    """Keys and values of the tokens that a layer has read: each is written once and stays where it is."""

    def __init__(self) -> None:
        self.room: Memory | None = None  # (N, H, S, D / H) each, of which ``used`` are filled
        self.used = 0

    def append(self, new: Memory) -> Memory:
        """Adds keys and values (N, H, k, D / H); gives all so far as views, (N, H, used, D / H)."""
        end = self.used + new.key.shape[2]
        if self.room is None or end > self.room.key.shape[2]:
            self.room = Memory(*(self._larger(index, part) for index, part in enumerate(new)))
        for kept, part in zip(self.room, new, strict=True):
            kept[:, :, self.used : end] = part
        self.used = end
        return Memory(self.room.key[:, :, :end], self.room.value[:, :, :end])

    def _larger(self, index: int, part: Tensor) -> Tensor:
        """Room for twice as many tokens: copying comes to one copy of each token, however long a text gets."""
        size = max(FIRST_ROOM * part.shape[2], 2 * self.used)
        larger = part.new_empty(*part.shape[:2], size, part.shape[3])
        if self.room is not None:
            larger[:, :, : self.used] = self.room[index][:, :, : self.used]
        return larger

    def keep(self, row_N: Tensor) -> None:
        """Goes on with these rows, (N,) int64."""
        if self.room is not None:
            self.room = Memory(self.room.key[row_N], self.room.value[row_N])


class CachedDecoder:
    """The decoder, one token at a time, for K texts of each memory.

    Keys and values of a memory are projected once for its K texts. Those of a token are written once: beams that
    exchange their beginnings all look into one store of their image, and each finds its own tokens by a mask; copying
    the beginnings at each step would move as many bytes as attention reads.

    Args:
        text: The model.
        memory: What it reads, (B, M, D).
        mask_BM: (B, M) bool, True where it may be read; None allows all.
        texts: K.
        exchanges: Whether texts of one memory go on with one another's beginnings (``reorder_cache``).
    """

    def __init__(
        self,
        text: FusionBert,
        memory: Memory,
        mask_BM: Tensor | None = None,
        texts: int = 1,
        exchanges: bool = False,
    ) -> None:
        self.text, self.texts, self.length = text, texts, 0
        self.mask = None if mask_BM is None else mask_BM[:, None, None, :]
        self.layers = cast(list[BertLayer], list(text.layers))
        self.read = list(text.project(memory).layers)
        self.written = [WrittenTokens() for _ in self.layers]
        # which of the tokens of its image a beam reads, (B, K, tokens so far) bool; None where each text has a store
        empty_BK0 = torch.zeros(len(memory.key), texts, 0, dtype=torch.bool, device=memory.key.device)
        self.own_BKS = empty_BK0 if exchanges and texts > 1 else None

    def step(self, token_N: Tensor) -> Tensor:
        """Reads one more token of each text.

        Args:
            token_N: (B K,) int64, the K texts of a memory in a row.

        Returns:
            Scores of the token after it, (B K, V) float32.
        """
        x_N1D, mask = self.text.embed(token_N[:, None], self.length), None
        if self.own_BKS is not None:
            itself_KK = torch.eye(self.texts, dtype=torch.bool, device=token_N.device)
            self.own_BKS = torch.cat([self.own_BKS, itself_KK.expand(len(self.own_BKS), -1, -1)], dim=2)
            mask = self.own_BKS[:, None]
        for layer, written, read in zip(self.layers, self.written, self.read, strict=True):
            own, cross = layer.decoder_attention, layer.cross_attention
            assert own is not None  # a text encoder alone has none
            # the tokens of beams stand side by side in the store of their image
            beside = x_N1D if mask is None else x_N1D.view(-1, self.texts, x_N1D.shape[-1])
            x_N1D = own.attend(x_N1D, written.append(own.project(Memory(beside, beside))), mask)
            if read is not None and cross is not None:
                x_N1D = cross.attend(x_N1D, read, self.mask)
            x_N1D = layer.feed_forward(x_N1D)
        self.length += 1
        return self.text.vocabulary_logits(x_N1D)[:, 0].float()

    def reorder_cache(self, beam_BK: Tensor) -> None:
        """Goes on with other beginnings: text k of memory b with what its text ``beam_BK[b, k]`` has read."""
        if self.own_BKS is not None:
            self.own_BKS = self.own_BKS.gather(1, beam_BK[..., None].expand_as(self.own_BKS))

    def keep(self, memory_A: Tensor) -> None:
        """Goes on with the texts of these memories alone, (A,) int64."""
        self.read = [read and Memory(read.key[memory_A], read.value[memory_A]) for read in self.read]
        self.mask = None if self.mask is None else self.mask[memory_A]
        row_N = memory_A
        if self.own_BKS is not None:
            self.own_BKS = self.own_BKS[memory_A]
        else:
            row_N = (self.texts * memory_A[:, None] + torch.arange(self.texts, device=memory_A.device)).flatten()
        for written in self.written:
            written.keep(row_N)


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

    Memories whose texts have all ended leave the batch.

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
        decoder = CachedDecoder(text, memory, mask_BM, decoding.num_beams, exchanges=True)
        return _beam(decoder, bos_token_id, eos_token_id, memory.key, decoding)
    batch, device = len(memory.key), memory.key.device
    drafts = decoding.num_samples if decoding.strategy == "consensus" else 1
    decoder = CachedDecoder(text, memory, mask_BM, drafts)
    ids_BKT = torch.full((batch, drafts, decoding.max_new_tokens), eos_token_id, device=device)
    score_BK = torch.zeros(batch, drafts, device=device)
    running_A = torch.arange(batch, device=device)  # memories whose texts are written, at most B
    token_AK = torch.full((batch, drafts), bos_token_id, device=device)
    done_AK = torch.zeros_like(token_AK, dtype=torch.bool)
    length = 0
    for place in range(decoding.max_new_tokens):
        logits_NV = decoder.step(token_AK.flatten())
        if place < decoding.min_new_tokens:
            logits_NV[:, eos_token_id] = -torch.inf
        if decoding.strategy in ("sample", "consensus"):
            # drawn for texts that left too: what a text becomes does not depend on the ends of others
            chance_BKV = torch.empty(batch, drafts, logits_NV.shape[-1], device=device).exponential_(
                generator=generator
            )
            token_N = (probabilities(logits_NV, decoding) / chance_BKV[running_A].flatten(0, 1)).argmax(-1)
        else:
            token_N = logits_NV.argmax(-1)
        token_AK = token_N.view_as(done_AK).masked_fill(done_AK, eos_token_id)
        log_likelihood_AK = logits_NV.log_softmax(-1).gather(1, token_AK.view(-1, 1)).view_as(done_AK)
        score_BK[running_A] += log_likelihood_AK.masked_fill(done_AK, 0)
        ids_BKT[running_A, :, place] = token_AK
        done_AK = done_AK | (token_AK == eos_token_id)
        length = place + 1
        left_L = _left(~done_AK.all(1))
        if len(left_L) == 0:
            break
        if len(left_L) < len(running_A):
            running_A, token_AK, done_AK = running_A[left_L], token_AK[left_L], done_AK[left_L]
            decoder.keep(left_L)
    return Generated(ids_BKT[..., :length].flatten(0, 1), score_BK.flatten())


def _left(is_running_A: Tensor) -> Tensor:
    """Which rows the next step computes: those that run, where enough have ended to be worth the copying, else all."""
    running_L = is_running_A.nonzero()[:, 0]
    is_worth = len(running_L) <= (1 - WORTH_LEAVING) * len(is_running_A)
    return running_L if is_worth else torch.arange(len(is_running_A), device=is_running_A.device)


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

    A text ends when no beginning can become better than what is finished: a log-likelihood only falls, and is divided
    by ``longest ** length_penalty`` at most.
    """
    batch, beams, longest, device = len(key_BMD), decoding.num_beams, decoding.max_new_tokens, key_BMD.device
    ids_AKT = torch.full((batch, beams, longest), eos_token_id, device=device)  # A of the B texts are not yet ended
    sum_AK = torch.full((batch, beams), -torch.inf, device=device)
    sum_AK[:, 0] = 0  # all beams begin alike: one counts
    best_BT, best_B = ids_AKT[:, 0].clone(), sum_AK.new_full((batch,), -torch.inf)
    token_AK = torch.full((batch, beams), bos_token_id, device=device)
    running_A = torch.arange(batch, device=device)

    def finish(total_AK: Tensor, length: int) -> None:
        """Takes the best of texts that end here, where it is better than the best so far."""
        value_A, beam_A = (total_AK / length**decoding.length_penalty).max(1)
        is_better_A = value_A > best_B[running_A]
        best_B[running_A[is_better_A]] = value_A[is_better_A]
        best_BT[running_A[is_better_A]] = ids_AKT[is_better_A, beam_A[is_better_A]]

    for length in range(longest):
        scores_AKV = decoder.step(token_AK.flatten()).log_softmax(-1).unflatten(0, sum_AK.shape)
        total_AKV = sum_AK[..., None] + scores_AKV
        if length >= decoding.min_new_tokens:
            finish(total_AKV[..., eos_token_id], length + 1)
        total_AKV[..., eos_token_id] = -torch.inf
        sum_AK, flat_AK = total_AKV.flatten(1).topk(beams)
        beam_AK, token_AK = flat_AK // total_AKV.shape[-1], flat_AK % total_AKV.shape[-1]
        ids_AKT = ids_AKT.gather(1, beam_AK[..., None].expand_as(ids_AKT))
        ids_AKT[..., length] = token_AK
        decoder.reorder_cache(beam_AK)
        left_L = _left(sum_AK[:, 0] / longest**decoding.length_penalty > best_B[running_A])
        if len(left_L) == 0:
            break
        if len(left_L) < len(running_A):
            running_A, sum_AK, token_AK, ids_AKT = (x[left_L] for x in (running_A, sum_AK, token_AK, ids_AKT))
            decoder.keep(left_L)
    else:
        finish(sum_AK, longest)  # cut
    length_B = ((best_BT != eos_token_id).sum(1) + 1).clamp(max=longest)
    return Generated(best_BT, best_B * length_B**decoding.length_penalty)
