"""Sentences left out of reports: which remain, how often, and never none."""

import torch

from gkmvlp.report.dropout import drop_sentences

TEXT = "Heart is enlarged. No effusion. Lungs are clear. Old rib fracture."


def test_nothing_is_left_out_at_zero_and_one_sentence_stays_at_one():
    generator = torch.Generator().manual_seed(0)
    assert drop_sentences(TEXT, 0.0, generator) == TEXT
    assert {drop_sentences(TEXT, 1.0, generator) + " " for _ in range(100)} == {
        f"{sentence.rstrip('.')}. " for sentence in TEXT.split(". ")
    }
    assert drop_sentences("One sentence alone", 1.0, generator) == "One sentence alone"


def test_each_sentence_goes_with_the_same_chance_and_order_stays():
    generator = torch.Generator().manual_seed(1)
    sentences = ["Heart is enlarged.", "No effusion.", "Lungs are clear.", "Old rib fracture."]
    draws = [drop_sentences(TEXT, 0.3, generator) for _ in range(2000)]
    for sentence in sentences:
        share = sum(sentence not in draw for draw in draws) / len(draws)
        assert abs(share - 0.3) < 0.04  # four standard errors of 2,000 draws
    for draw in draws:
        places = [draw.find(sentence) for sentence in sentences if sentence in draw]
        assert places == sorted(places)
