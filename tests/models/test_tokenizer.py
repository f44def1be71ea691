"""The tokenizer trained on the corpus: it spells everything, and a folder gives it back."""

import json
import string

import pytest
from transformers import AutoTokenizer, BertTokenizerFast

from gkmvlp.checkpoints.tokenizer_files import load_tokenizer
from gkmvlp.errors import BackboneError
from gkmvlp.models.tokenizer import DECODE, tokenize, train_tokenizer

TEN = [f"The heart is of size {number}." for number in range(10)]


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(TEN, 300)


def unknown(tokenizer, texts):
    return [text for text in texts if tokenizer.unk_token_id in tokenizer(text)["input_ids"]]


def test_ten_sentences_suffice_to_spell_vqa_rad(tokenizer, shared_data):
    rows = json.loads((shared_data / "vqa_rad/VQA_RAD Dataset Public.json").read_text())
    texts = [str(row[key]) for row in rows for key in ("question", "question_rephrase", "answer") if key in row]
    assert len(rows) == 2248
    assert unknown(tokenizer, texts) == []


def test_every_printable_ascii_letter_is_spelled_at_every_place(tokenizer):
    letters = string.printable.strip()
    assert unknown(tokenizer, [first + second for first in letters for second in letters]) == []


def test_accents_are_spelled_and_other_signs_are_unknown_unless_the_corpus_has_them(tokenizer):
    degrees = "37 \u00b0C"
    assert unknown(tokenizer, ["na\u00efve caf\u00e9 \u00c5ngstr\u00f6m", "\ufffd damaged", degrees]) == [degrees]
    assert unknown(train_tokenizer([*TEN, degrees], 300), ["41 \u00b0C"]) == []


def test_case_does_not_matter_and_texts_come_back(tokenizer):
    ids = tokenizer("THE Heart, again!")["input_ids"]
    assert ids == tokenizer("the heart, again!")["input_ids"]
    assert tokenizer.decode(ids, skip_special_tokens=True).replace(" ", "") == "theheart,again!"


def test_a_text_begins_and_ends_with_its_marks(tokenizer):
    ids, mask = tokenize(tokenizer, ["the heart", "the heart is of size"], 16)
    length = mask.sum(1)
    for row, end in zip(ids, length, strict=True):
        assert (row[0], row[end - 1]) == (tokenizer.cls_token_id, tokenizer.sep_token_id)
        assert (row[end:] == tokenizer.pad_token_id).all()
    assert length.tolist() == [4, 7]


def test_a_decoded_text_differs_only_in_its_first_token(tokenizer):
    plain, start = (tokenize(tokenizer, ["the heart"], 16, decode) for decode in (False, True))
    assert start.ids[0, 0] == tokenizer.convert_tokens_to_ids(DECODE) == tokenizer.bos_token_id
    assert (start.ids[0, 1:] == plain.ids[0, 1:]).all()
    assert tokenizer.bos_token_id not in (tokenizer.cls_token_id, tokenizer.unk_token_id)


@pytest.mark.parametrize(("words", "most", "length"), [(1, 100, 4), (14, 100, 16), (15, 100, 24), (97, 100, 100)])
def test_lengths_are_few_and_never_above_the_bound(tokenizer, words, most, length):
    ids, mask = tokenize(tokenizer, [" ".join(["the"] * words)], most)
    assert ids.shape == (1, length)
    assert mask.sum() == words + 2


def test_a_long_text_is_cut_and_still_ends(tokenizer):
    ids, mask = tokenize(tokenizer, [" ".join(["the"] * 50)], 20)
    assert ids.shape == (1, 20)
    assert mask.all()
    assert ids[0, -1] == tokenizer.sep_token_id


def test_a_folder_gives_the_same_ids(tokenizer, tmp_path):
    tokenizer.save_pretrained(tmp_path)
    texts = [*TEN, "zqxj 7%", ""]
    for again in (load_tokenizer(tmp_path), AutoTokenizer.from_pretrained(tmp_path)):
        assert len(again) == len(tokenizer)
        assert again(texts)["input_ids"] == tokenizer(texts)["input_ids"]
        assert again.bos_token_id == tokenizer.bos_token_id


def test_a_public_bert_tokenizer_gets_the_first_token_of_the_decoder(tmp_path):
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "heart"]
    BertTokenizerFast(vocab={word: index for index, word in enumerate(words)}).save_pretrained(tmp_path)
    tokenizer = load_tokenizer(tmp_path)
    assert tokenize(tokenizer, ["the heart"], 16).ids[0].tolist() == [2, 5, 6, 3]
    assert tokenize(tokenizer, ["the heart"], 16, decode=True).ids[0].tolist() == [7, 5, 6, 3]
    assert len(tokenizer) == 8


def test_no_tokenizer_is_an_error_with_its_remedy(tmp_path):
    with pytest.raises(BackboneError, match="give a hub name or a folder"):
        load_tokenizer(tmp_path / "nothing")


def test_equal_texts_give_equal_ids_in_any_order():
    """Checkpoints of fresh models rest on it: their tokenizer is trained anew from the same texts."""
    texts = [f"finding number {number} in zone {number % 7} with words {'ab' * (number % 5)}" for number in range(200)]
    vocabularies = [train_tokenizer(some, 120).get_vocab() for some in (texts, texts[::-1], texts, texts)]
    assert all(vocabulary == vocabularies[0] for vocabulary in vocabularies)
