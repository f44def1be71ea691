"""Texts with the entities that they name: spans are the tokens of the words, cut texts lose what lies behind."""

import pytest
import torch

from gkmvlp.errors import DataError
from gkmvlp.knowledge.linker import Mention
from gkmvlp.models.linked_text import link_tokens
from gkmvlp.models.tokenizer import tokenize, train_tokenizer

TEXTS = ["Small left pleural effusion, no pneumothorax.", "Normal."]
INDEX = {"effusion": 3, "air": 5}


def mentions(text, **wordings):
    return [Mention(text.index(words), text.index(words) + len(words), concept) for concept, words in wordings.items()]


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(TEXTS, 200)


@pytest.fixture
def linked(tokenizer):
    def link(max_tokens=48, max_entities=24):
        found = [mentions(TEXTS[0], effusion="pleural effusion", air="pneumothorax"), []]
        return link_tokens(tokenizer, TEXTS, found, INDEX, max_tokens, max_entities)

    return link


def spelled(tokenizer, linked, slot):
    ids = linked.ids[0][linked.span[0, slot]]
    return "".join(tokenizer.convert_ids_to_tokens(ids)).replace("#", "")


def test_tokens_are_those_of_the_text_alone_and_spans_spell_the_words(tokenizer, linked):
    given = linked()
    for one, other in zip(given.tokens, tokenize(tokenizer, TEXTS, 48), strict=True):
        assert torch.equal(one, other)
    assert given.entity[0].tolist() == [3, 5]
    assert [spelled(tokenizer, given, slot) for slot in range(2)] == ["pleuraleffusion", "pneumothorax"]
    assert given.entity_mask.tolist() == [[True, True], [False, False]]
    assert not given.span[1].any()


def test_the_first_mentions_count_and_cut_texts_lose_theirs(tokenizer, linked):
    assert linked(max_entities=1).entity.tolist() == [[3], [0]]
    whole = linked()
    behind = int(whole.span[0, 0].nonzero().max()) + 2  # the text ends behind the effusion, [SEP] included
    assert linked(max_tokens=behind).entity_mask.sum() == 1
    assert linked(max_tokens=behind - 1).entity_mask.sum() == 0


def test_named_entities_and_entities_left_out(linked):
    given = linked()
    assert given.named(7).nonzero().tolist() == [[0, 3], [0, 5]]
    dropped = torch.tensor([[True, False], [False, False]])
    assert given.without(dropped).named(7).nonzero().tolist() == [[0, 5]]
    assert not given.without(dropped).span[0, 0].any()
    assert given.rows(torch.tensor([1, 0, 0])).entity.tolist() == [[0, 0], [3, 5], [3, 5]]


def test_texts_that_name_nothing_have_no_entity(tokenizer):
    given = link_tokens(tokenizer, TEXTS, [[], []], INDEX, 48, 24)
    assert given.entity.shape == (2, 0)
    assert not given.named(7).any()


@pytest.mark.parametrize(("start", "end"), [(-1, 3), (0, 99), (2, 2), (5, 3)])
def test_a_span_outside_the_text_is_refused(tokenizer, start, end):
    with pytest.raises(DataError, match=rf"span {start} to {end} of concept 'air' lies outside text 'Normal.' of 7"):
        link_tokens(tokenizer, TEXTS, [[], [Mention(start, end, "air")]], INDEX, 48, 24)


def test_a_concept_that_the_graph_lacks_is_refused(tokenizer):
    with pytest.raises(DataError, match="graph of 2 concepts has no 'C0032285', which a text is linked to: link"):
        link_tokens(tokenizer, TEXTS, [[Mention(0, 5, "C0032285")], []], INDEX, 48, 24)
