"""Writing with cached keys and values: equal to decoding anew, each search against its definition, and faster."""

import itertools
import time

import pytest
import torch
from transformers.generation.logits_process import TopPLogitsWarper

from gkmvlp.app.benchmarks.generation import as_transformers, generate_by_transformers
from gkmvlp.errors import ConfigError
from gkmvlp.models.config import TextConfig
from gkmvlp.models.generation import CachedDecoder, DecodingConfig, generate, probabilities
from gkmvlp.models.memory import Memory
from gkmvlp.models.text import FusionBert

V, START, END = 6, 1, 2
SEEN = torch.tensor([[True] * 5, [True] * 3 + [False] * 2, [True] * 5])


def make(vocabulary=V, **sizes):
    torch.manual_seed(0)
    config = TextConfig(
        **{
            "hidden_size": 16,
            "num_hidden_layers": 3,
            "num_attention_heads": 2,
            "intermediate_size": 24,
            "fusion_layer": 1,
            **sizes,
        }
    )
    text = FusionBert(config, vocabulary).eval()
    with torch.no_grad():
        for parameter in text.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    return text


@pytest.fixture(scope="module")
def text():
    return make().double()


@pytest.fixture(scope="module")
def memory():
    return Memory(*torch.randn(2, 3, 5, 16, generator=torch.Generator().manual_seed(1), dtype=torch.float64))


def scores(text, ids, memory, row, seen=SEEN):
    """Log-probabilities of the token after each of ``ids``, decoded anew without a cache, (T, V)."""
    token_1T = torch.tensor([ids])
    own = Memory(memory.key[row : row + 1], memory.value[row : row + 1])
    state = text(token_1T, torch.ones_like(token_1T, dtype=torch.bool), "decoder", own, seen[row : row + 1])
    return text.vocabulary_logits(state)[0].log_softmax(-1)


def value(text, ids, memory, row):
    """Log-likelihood of a text behind its first token."""
    said = scores(text, [START, *ids[:-1]], memory, row)
    return said[range(len(ids)), ids].sum().item()


def until_end(ids):
    """A text up to its end token."""
    return ids[: ids.index(END) + 1] if END in ids else ids


@torch.no_grad()
def test_cached_logits_equal_those_decoded_anew_also_after_beams_were_exchanged(text, memory):
    decoder, ids = CachedDecoder(text, memory, SEEN, 2, exchanges=True), torch.full((6, 1), START)
    exchange = torch.tensor([[1, 0], [0, 0], [1, 0]])
    generator = torch.Generator().manual_seed(2)
    for step in range(70):  # longer than the room that is made first, twice
        logits = decoder.step(ids[:, -1])
        for n in range(6):
            anew = scores(text, ids[n].tolist(), memory, n // 2)[-1]
            torch.testing.assert_close(logits[n].log_softmax(-1).double(), anew, atol=1e-5, rtol=0)
        if step % 3 == 2:
            decoder.reorder_cache(exchange)
            ids = ids[(torch.arange(3)[:, None] * 2 + exchange).flatten()]
        ids = torch.cat([ids, torch.randint(V, (6, 1), generator=generator)], dim=1)


@torch.no_grad()
def test_the_cache_is_faster():
    text, longest = make(500, hidden_size=128, num_hidden_layers=4), 96
    memory = Memory(*torch.randn(2, 8, 32, 128))
    kept = text.vocabulary_logits
    text.vocabulary_logits = lambda state: kept(state).index_fill(-1, torch.tensor([END]), -torch.inf)  # never ends
    search = DecodingConfig(max_new_tokens=longest)

    def anew():
        ids = torch.full((8, 1), START)
        for _ in range(longest):
            state = text(ids, torch.ones_like(ids, dtype=torch.bool), "decoder", memory)
            ids = torch.cat([ids, text.vocabulary_logits(state)[:, -1:].argmax(-1)], dim=1)
        return ids[:, 1:]

    seconds, found = {}, {}
    for name, write in {
        "anew": anew,
        "cached": lambda: generate(text, START, END, memory, decoding=search).ids,
    }.items():
        start = time.perf_counter()
        found[name] = write()
        seconds[name] = time.perf_counter() - start
    assert torch.equal(*found.values())
    assert seconds["cached"] < seconds["anew"] / 2


@torch.no_grad()
def test_greedy_equals_a_plain_loop_and_ends(text, memory):
    longest = 7
    written = generate(text, START, END, memory, SEEN, DecodingConfig(max_new_tokens=longest))
    for row in range(3):
        ids = []
        while len(ids) < longest and END not in ids:
            ids.append(scores(text, [START, *ids], memory, row)[-1].argmax().item())
        assert until_end(written.ids[row].tolist()) == ids
        assert (written.ids[row, len(ids) :] == END).all()
        assert written.score[row].item() == pytest.approx(value(text, ids, memory, row), abs=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("exchanges", [False, True])
def test_texts_that_stay_read_what_they_read_before(text, memory, exchanges):
    """Three memories, two texts each; the second memory leaves after three tokens."""
    decoder = CachedDecoder(text, memory, SEEN, 2, exchanges=exchanges)
    ids = torch.randint(V, (6, 6), generator=torch.Generator().manual_seed(3))
    for place in range(3):
        decoder.step(ids[:, place])
    decoder.keep(torch.tensor([0, 2]))
    stayed = [0, 1, 4, 5]
    for place in range(3, 6):
        logits = decoder.step(ids[stayed, place])
        for n, row in enumerate(stayed):
            anew = scores(text, ids[row, : place + 1].tolist(), memory, row // 2)[-1]
            torch.testing.assert_close(logits[n].log_softmax(-1).double(), anew, atol=1e-5, rtol=0)


@torch.no_grad()
def test_texts_that_ended_leave_and_writing_stops_with_the_last(text, memory, monkeypatch):
    """Of eight texts, text n ends at token n + 1; they leave when a quarter of those written has ended."""
    calls, running = [], list(range(8))
    keep = CachedDecoder.keep

    def step(self, token_N):
        calls.append(len(token_N))
        wanted = torch.tensor([END if n < len(calls) else 4 for n in running])
        return torch.nn.functional.one_hot(wanted, V).float()

    def leave(self, memory_A):
        running[:] = [running[n] for n in memory_A.tolist()]
        keep(self, memory_A)

    monkeypatch.setattr(CachedDecoder, "step", step)
    monkeypatch.setattr(CachedDecoder, "keep", leave)
    many = Memory(*(part[[0, 1, 2, 0, 1, 2, 0, 1]] for part in memory))
    written = generate(text, START, END, many)
    assert written.ids.tolist() == [[4] * n + [END] * (8 - n) for n in range(8)]
    assert calls == [8, 8, 6, 6, 4, 3, 2, 1]


@pytest.fixture(scope="module")
def twins():
    """A decoder of ours whose layers all read the image, and transformers' with the same weights."""
    ours = make(40, fusion_layer=0).double()
    with torch.no_grad():
        ours.head_bias[END] += 4  # texts of 1 to 9 tokens, and some that are cut
    return ours, as_transformers(ours)


def images(count):
    return torch.randn(count, 5, 16, generator=torch.Generator().manual_seed(6), dtype=torch.float64)


@torch.no_grad()
@pytest.mark.parametrize("kind", ["greedy", "beam"])
def test_a_batch_writes_what_each_memory_writes_alone(twins, kind):
    """Texts of many lengths: those that ended have left, and the others do not notice."""
    (text, _), memory = twins, images(24)
    search = DecodingConfig(kind, num_beams=3, max_new_tokens=30)
    together = generate(text, START, END, memory, decoding=search)
    lengths = set()
    for row in range(24):
        alone = generate(text, START, END, memory[row : row + 1], decoding=search)
        ids = until_end(alone.ids[0].tolist())
        assert until_end(together.ids[row].tolist()) == ids
        assert together.score[row].item() == pytest.approx(alone.score[0].item(), abs=1e-5)
        lengths.add(len(ids))
    assert len(lengths) > 3


@torch.no_grad()
def test_greedy_writes_token_for_token_what_transformers_writes(twins):
    ours, theirs = twins
    memory, mask = images(24), torch.rand(24, 5, generator=torch.Generator().manual_seed(7)) > 0.3
    mask[:, 0] = True
    search = DecodingConfig(max_new_tokens=30)
    wanted, _ = generate_by_transformers(theirs, START, END, memory, mask, search)
    written = generate(ours, START, END, memory, mask, search)
    texts = [until_end(ids) for ids in written.ids.tolist()]
    assert texts == [until_end(ids) for ids in wanted.tolist()]
    assert len(set(map(len, texts))) > 3


@torch.no_grad()
@pytest.mark.parametrize("beams", [2, 3, 5])
@pytest.mark.parametrize("penalty", [0.0, 1.0])
def test_beams_of_one_length_have_the_tokens_and_scores_of_transformers(twins, beams, penalty):
    """Where all texts have one length, both keep the same beams; where a text may end, theirs counts fewer ends."""
    ours, theirs = twins
    memory = images(12)
    search = DecodingConfig("beam", num_beams=beams, min_new_tokens=9, max_new_tokens=10, length_penalty=penalty)
    wanted, value = generate_by_transformers(theirs, START, END, memory, None, search)
    written = generate(ours, START, END, memory, decoding=search)
    assert written.ids.tolist() == wanted.tolist()
    torch.testing.assert_close(written.score / 10**penalty, value.float(), atol=1e-4, rtol=0)


@torch.no_grad()
def test_beams_that_may_end_are_as_likely_as_those_of_transformers(twins):
    """Transformers takes an end only where it is among the best K tokens of all beams; we take every end."""
    ours, theirs = twins
    memory = images(24)
    search = DecodingConfig("beam", num_beams=3, max_new_tokens=20)
    wanted, value = generate_by_transformers(theirs, START, END, memory, None, search)
    written = generate(ours, START, END, memory, decoding=search)
    texts, others = ([until_end(ids) for ids in each.tolist()] for each in (written.ids, wanted))
    own = torch.tensor([score / len(ids) for ids, score in zip(texts, written.score.tolist(), strict=True)])
    assert (own >= value - 1e-4).all()
    same = torch.tensor([one == other for one, other in zip(texts, others, strict=True)])
    assert same.float().mean() > 0.5
    torch.testing.assert_close(own[same], value[same].float(), atol=1e-4, rtol=0)


def every_text(longest):
    """All texts there are: ended within ``longest`` tokens, or cut there."""
    words = [word for word in range(V) if word != END]
    for length in range(longest + 1):
        for ids in itertools.product(words, repeat=length):
            yield list(ids) if length == longest else [*ids, END]


@pytest.fixture(scope="module")
def likelihoods(text, memory):
    """Log-likelihood of every text of at most three tokens, for each memory."""
    with torch.no_grad():
        return [{tuple(ids): value(text, ids, memory, row) for ids in every_text(3)} for row in range(3)]


@torch.no_grad()
@pytest.mark.parametrize("penalty", [0.0, 1.0, 2.5])
@pytest.mark.parametrize("shortest", [0, 2])
def test_a_wide_beam_finds_the_best_of_all_texts(text, memory, likelihoods, penalty, shortest):
    search = DecodingConfig("beam", num_beams=5**2, min_new_tokens=shortest, max_new_tokens=3, length_penalty=penalty)
    written = generate(text, START, END, memory, SEEN, search)
    for row, found in enumerate(likelihoods):
        allowed = [ids for ids in found if END not in ids[:shortest]]
        best = max(allowed, key=lambda ids: found[ids] / len(ids) ** penalty)
        assert until_end(written.ids[row].tolist()) == list(best)
        assert written.score[row].item() == pytest.approx(found[best], abs=1e-5)


def plain_beam(text, memory, row, beams, longest):
    """Beam search by lists, without a length penalty."""
    running, finished = [([], 0.0)], []
    for _ in range(longest):
        grown = [
            ([*ids, word], total + said)
            for ids, total in running
            for word, said in enumerate(scores(text, [START, *ids], memory, row)[-1].tolist())
        ]
        finished += [one for one in grown if one[0][-1] == END]
        running = sorted((one for one in grown if one[0][-1] != END), key=lambda one: -one[1])[:beams]
    return max(finished + running, key=lambda one: one[1])


@torch.no_grad()
@pytest.mark.parametrize("beams", [1, 2, 3])
def test_a_narrow_beam_equals_one_made_of_lists(text, memory, beams):
    search = DecodingConfig("beam", num_beams=beams, max_new_tokens=5, length_penalty=0)
    written = generate(text, START, END, memory, SEEN, search)
    for row in range(3):
        ids, total = plain_beam(text, memory, row, beams, 5)
        assert until_end(written.ids[row].tolist()) == ids
        assert written.score[row].item() == pytest.approx(total, abs=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("kind", ["greedy", "beam", "sample", "consensus"])
def test_no_text_is_shorter_or_longer_than_asked(text, memory, kind):
    for shortest, longest in ((3, 4), (5, 9)):
        written = generate(
            text, START, END, memory, SEEN, DecodingConfig(kind, min_new_tokens=shortest, max_new_tokens=longest)
        )
        assert written.ids.shape[1] <= longest
        assert (written.ids[:, :shortest] != END).all()


@torch.no_grad()
def test_samples_follow_the_distribution(text, memory):
    """Frequencies of the first two tokens of 20,000 texts, at a temperature."""
    count, heat = 20_000, 1.7
    one = Memory(memory.key[:1].expand(count, -1, -1), memory.value[:1].expand(count, -1, -1))
    search = DecodingConfig("sample", temperature=heat, max_new_tokens=2)
    ids = generate(text, START, END, one, None, search, torch.Generator().manual_seed(0)).ids
    seen = torch.ones(1, 5, dtype=torch.bool)
    first = (scores(text, [START], memory, 0, seen)[-1] / heat).softmax(-1)
    for a in range(V):
        then = (scores(text, [START, a], memory, 0, seen)[-1] / heat).softmax(-1)
        for b in range(V):
            expected = first[a] * (then[b] if a != END else float(b == END))
            share = ((ids[:, 0] == a) & (ids[:, 1] == b)).double().mean()
            assert abs(share - expected) < 4 * (expected * (1 - expected) / count) ** 0.5 + 1e-9
    again = generate(text, START, END, one, None, search, torch.Generator().manual_seed(0)).ids
    assert torch.equal(ids, again)


@torch.no_grad()
def test_the_drafts_of_a_consensus_are_samples_of_one_memory_after_the_other(text, memory):
    drafts = DecodingConfig("consensus", num_samples=3, max_new_tokens=7)
    together = generate(text, START, END, memory, SEEN, drafts, torch.Generator().manual_seed(0))
    each = Memory(*(part.repeat_interleave(3, dim=0) for part in memory))
    alone = DecodingConfig("sample", max_new_tokens=7)
    apart = generate(text, START, END, each, SEEN.repeat_interleave(3, dim=0), alone, torch.Generator().manual_seed(0))
    assert torch.equal(together.ids, apart.ids)
    assert together.ids.unique(dim=0).shape[0] > 3
    torch.testing.assert_close(together.score, apart.score)


@pytest.mark.parametrize("top_p", [1e-6, 0.3, 0.7, 0.95, 1.0])
def test_the_nucleus_is_that_of_transformers(top_p):
    logits = 2 * torch.randn(50, 30, generator=torch.Generator().manual_seed(4))
    kept = probabilities(logits / 1, DecodingConfig("sample", top_p=top_p))
    kept = kept / kept.sum(-1, keepdim=True)
    theirs = TopPLogitsWarper(top_p)(None, logits).softmax(-1) if top_p < 1 else logits.softmax(-1)
    torch.testing.assert_close(kept, theirs)


@pytest.mark.parametrize(
    "wrong",
    [{"num_beams": 0}, {"temperature": 0.0}, {"top_p": 0.0}, {"min_new_tokens": 9, "max_new_tokens": 9},
     {"max_new_tokens": 513},
     {"length_penalty": -1.0}, {"entity_head_weight": 1.5}],
)  # fmt: skip
def test_a_search_out_of_range_is_refused(wrong):
    with pytest.raises(ConfigError, match="was expected"):
        DecodingConfig(**wrong)
