"""Ranked answers against plain loops."""

import pytest
import torch

from gkmvlp.checkpoints import backbone as backbones
from gkmvlp.models.tokenizer import tokenize
from gkmvlp.tasks.parts.answering import among_yes_and_no, asks_yes_or_no, candidate_scores
from tests.tiny import architecture

ANSWERS = ["yes", "no", "left", "left lung", "the left lower lobe", "right", "pleural effusion", "yes yes yes"]


@pytest.fixture(scope="module")
def made():
    torch.manual_seed(0)
    backbone = backbones.build(architecture(), [answer + " is seen" for answer in ANSWERS * 3])
    for parameter in backbone.model.text.parameters():
        parameter.data += 0.2 * torch.randn_like(parameter)
    backbone.model.eval().double()
    return backbone


@pytest.fixture(scope="module")
def memory():
    generator = torch.Generator().manual_seed(3)
    mask = torch.ones(3, 7, dtype=torch.bool)
    mask[1, 4:] = False
    return torch.randn(3, 7, 16, generator=generator, dtype=torch.float64), mask


def alone(made, answer, memory, mask):
    """Log-likelihood of one answer for one image, token by token, nothing padded or shared."""
    ids = made.tokenizer(answer)["input_ids"]
    ids[0] = made.tokenizer.bos_token_id
    said = 0.0
    for end in range(1, len(ids)):
        state = made.model.text(
            torch.tensor([ids[:end]]), torch.ones(1, end, dtype=torch.bool), "decoder", memory[None], mask[None]
        )
        said += made.model.text.vocabulary_logits(state)[0, -1].log_softmax(-1)[ids[end]].item()
    return said


@torch.no_grad()
def test_scores_equal_each_candidate_decoded_alone(made, memory):
    candidates = tokenize(made.tokenizer, ANSWERS, 32, decode=True)
    scores = candidate_scores(made.model, candidates, *memory, keep=len(ANSWERS))
    assert (scores <= 0).all()
    for b in range(3):
        wanted = [alone(made, answer, memory[0][b], memory[1][b]) for answer in ANSWERS]
        assert scores[b].tolist() == pytest.approx(wanted, abs=2e-4)  # scores are float32
        assert scores[b].argmax() == torch.tensor(wanted).argmax()


@torch.no_grad()
@pytest.mark.parametrize("keep", [1, 3, 100])
def test_keep_scores_those_of_the_likeliest_first_token(made, memory, keep):
    candidates = tokenize(made.tokenizer, ANSWERS, 32, decode=True)
    full = candidate_scores(made.model, candidates, *memory, keep=len(ANSWERS))
    some = candidate_scores(made.model, candidates, *memory, keep=keep)
    kept = some.isfinite()
    assert kept.sum(1).tolist() == [min(keep, len(ANSWERS))] * 3
    assert torch.allclose(some[kept], full[kept], atol=1e-5)
    start = tokenize(made.tokenizer, ["x"], 32, decode=True)
    for b in range(3):
        first = made.model.decode(
            start._replace(ids=start.ids[:, :1], mask=start.mask[:, :1]), memory[0][b : b + 1], memory[1][b : b + 1]
        )[0, 0]
        likelihood = first[candidates.ids[:, 1]]
        if not kept[b].all():
            assert likelihood[kept[b]].min() >= likelihood[~kept[b]].max()


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Is there a pleural effusion?", True),
        ("are both lungs clear", True),
        ("Does the picture contain heart?", True),
        ("Is it on the left or the right?", False),
        ("Which lung is clear?", False),
        ("Isolated nodule, where?", False),
        ("What is seen?", False),
    ],
)
def test_questions_for_yes_or_no_are_known_by_their_wording(question, expected):
    assert asks_yes_or_no(question) is expected


def test_only_questions_for_yes_or_no_are_limited_and_only_where_both_are_known():
    questions, answers = ["Is it clear?", "Where is it?", "Is it clear?"], ["left", "yes", "no"]
    score = torch.tensor([[3.0, 1.0, 2.0], [3.0, 1.0, 2.0], [3.0, -torch.inf, -torch.inf]])
    limited = among_yes_and_no(score, questions, answers)
    assert limited.argmax(1).tolist() == [2, 0, 0]  # in the last nothing else was scored
    assert torch.equal(limited[1:], score[1:])
    assert torch.equal(among_yes_and_no(score, questions, ["left", "yes", "maybe"]), score)
