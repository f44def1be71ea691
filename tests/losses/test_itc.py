"""ITC against its definition, closed forms, invariances and gradients; several ranks: test_itc_ranks.py."""

import math

import pytest
import torch
import torch.nn.functional as F

from gkmvlp.losses.itc import Queue, image_text_contrast, match_matrix, soft_targets

SCALE = 1 / 0.07


def unit(rows, seed, width=6, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(rows, width, generator=generator, dtype=dtype), dim=1)


def case(rows, dtype=torch.float64):
    """Embeddings, scale and keys with repeats: rows 0 and 2 share a study, 1 and 2 a wording (not transitive)."""
    study, wording = list(range(rows)), list(range(100, 100 + rows))
    if rows > 2:
        study[2], wording[2] = study[0], wording[1]
    keys = (torch.tensor(study), torch.tensor(wording))
    return unit(rows, 1, dtype=dtype), unit(rows, 2, dtype=dtype), torch.tensor(SCALE, dtype=dtype), *keys


def queue_of(rows):
    """The first queued pair has the study of row 0, the last has the wording of the last row; the rest is new."""
    study, wording = torch.arange(1000, 1005), torch.arange(2000, 2005)
    study[0], wording[-1] = 0, 100 + rows - 1
    return Queue(unit(5, 3), unit(5, 4), study, wording)


def softmax(values):
    total = sum(math.exp(value) for value in values)
    return [math.exp(value) / total for value in values]


def naive(image, text, scale, study, wording, queue=None, teacher=None, alpha=0.4):
    """The definition, in Python floats and for loops; a queued pair that says the same is no candidate."""
    n, total = len(image), 0.0
    directions = [(image, text, 0), (text, image, 1)]
    for query, key, side in directions:
        for i in range(n):
            matches = [bool(study[i] == study[j] or wording[i] == wording[j]) for j in range(n)]
            candidates = list(key)
            for q in range(len(queue.study_Q) if queue else 0):
                if study[i] != queue.study_Q[q] and wording[i] != queue.wording_Q[q]:
                    candidates.append((queue.text_QD, queue.image_QD)[side][q])
            probabilities = softmax([float(scale) * float(query[i] @ candidate) for candidate in candidates])
            target = [match / sum(matches) for match in matches] + [0.0] * (len(candidates) - n)
            if teacher:
                opinions = [*teacher[1 - side], *candidates[n:]]
                opinion = softmax([float(scale) * float(teacher[side][i] @ other) for other in opinions])
                target = [alpha * soft + (1 - alpha) * hard for soft, hard in zip(opinion, target, strict=True)]
            total -= sum(t * math.log(p) for t, p in zip(target, probabilities, strict=True))
    return total / (2 * n)


@pytest.mark.parametrize("rows", [1, 2, 3, 8])
@pytest.mark.parametrize("with_queue", [False, True])
@pytest.mark.parametrize("with_teacher", [False, True])
def test_definition(rows, with_queue, with_teacher):
    args = case(rows)
    queue = queue_of(rows) if with_queue else None
    teacher = (unit(rows, 5), unit(rows, 6)) if with_teacher else None
    loss = image_text_contrast(*args, queue=queue, teacher=teacher, alpha=0.3)
    assert float(loss) == pytest.approx(naive(*args, queue, teacher, 0.3), abs=1e-12)


def test_distinct_keys_are_plain_info_nce():
    image, text, scale, *_ = case(7)
    keys = torch.arange(7)
    logits = scale * image @ text.T
    plain = (F.cross_entropy(logits, keys) + F.cross_entropy(logits.T, keys)) / 2
    torch.testing.assert_close(image_text_contrast(image, text, scale, keys, keys), plain, rtol=0, atol=1e-12)


@pytest.mark.parametrize("rows", [1, 2, 5, 64])
def test_no_information_is_log_of_the_candidates(rows):
    same, keys = unit(1, 1).expand(rows, -1), torch.arange(rows)
    scale = torch.tensor(SCALE, dtype=torch.float64)
    assert float(image_text_contrast(same, same, scale, keys, keys)) == pytest.approx(math.log(rows), abs=1e-12)
    further = Queue(same[:1].expand(3, -1), same[:1].expand(3, -1), torch.arange(100, 103), torch.arange(100, 103))
    loss = image_text_contrast(same, same, scale, keys, keys, queue=further)
    assert float(loss) == pytest.approx(math.log(rows + 3), abs=1e-12)


def test_perfect_embeddings_reach_the_entropy_of_the_targets():
    """Two texts, each three times: orthogonal embeddings leave ln 3, the entropy of a target uniform over three."""
    embedding = torch.eye(2, dtype=torch.float64).repeat(3, 1)
    wording = torch.tensor([0, 1] * 3)
    loss = image_text_contrast(embedding, embedding, torch.tensor(100.0), torch.arange(6), wording)
    assert float(loss) == pytest.approx(math.log(3), abs=1e-9)


def test_a_queue_that_says_the_same_changes_nothing():
    image, text, scale, study, wording = case(4)
    same = Queue(unit(2, 3), unit(2, 4), torch.full((2,), 50), torch.full((2,), 60))
    alone = image_text_contrast(image, text, scale, torch.full((4,), 50), wording)
    loss = image_text_contrast(image, text, scale, torch.full((4,), 50), wording, queue=same)
    torch.testing.assert_close(loss, alone, rtol=0, atol=1e-12)
    assert image_text_contrast(image, text, scale, study, wording, queue=same) > alone


def test_order_and_sides_do_not_matter():
    image, text, scale, study, wording = case(8)
    loss = image_text_contrast(image, text, scale, study, wording)
    order = torch.randperm(8, generator=torch.Generator().manual_seed(0))
    shuffled = image_text_contrast(image[order], text[order], scale, study[order], wording[order])
    torch.testing.assert_close(shuffled, loss)
    torch.testing.assert_close(image_text_contrast(text, image, scale, study, wording), loss)
    torch.testing.assert_close(image_text_contrast(image, text, scale, wording, study), loss)


def test_match_matrix():
    key = torch.tensor([[0, 10], [1, 11], [0, 11]])
    expected = [[True, False, True], [False, True, True], [True, True, True]]
    assert match_matrix(key, key).tolist() == expected
    # a study key equal to a wording key is no match
    assert match_matrix(torch.tensor([[5, 6]]), torch.tensor([[6, 5], [5, 0]])).tolist() == [[False, True]]


@pytest.mark.parametrize("alpha", [0.0, 0.4, 1.0])
def test_soft_targets_are_distributions(alpha):
    hard, teacher = torch.eye(3, dtype=torch.float64), torch.tensor([[0.0, 0, 0]] * 3, dtype=torch.float64)
    target = soft_targets(hard, teacher, alpha)
    torch.testing.assert_close(target.sum(1), torch.ones(3, dtype=torch.float64))
    torch.testing.assert_close(target.diagonal(), torch.full((3,), 1 - alpha * 2 / 3, dtype=torch.float64))


@pytest.mark.parametrize("with_queue", [False, True])
def test_gradient(with_queue):
    image, text, scale, study, wording = case(4)
    queue = queue_of(4) if with_queue else None
    inputs = [x.clone().requires_grad_() for x in (image, text, scale)]
    assert torch.autograd.gradcheck(lambda *x: image_text_contrast(*x, study, wording, queue=queue), inputs)
    # the teacher's logits hold the scale too, and must not teach it: it is checked without
    fixed = [lambda i, t: image_text_contrast(i, t, scale, study, wording, queue=queue, teacher=(text, image))]
    assert torch.autograd.gradcheck(fixed[0], inputs[:2])


def test_queue_and_teacher_get_no_gradient():
    image, text, scale, study, wording = case(4)
    queue = queue_of(4)
    frozen = [queue.image_QD, queue.text_QD, unit(4, 5), unit(4, 6)]
    for tensor in [image, *frozen]:
        tensor.requires_grad_()
    image_text_contrast(image, text, scale, study, wording, queue=queue, teacher=(frozen[2], frozen[3])).backward()
    assert image.grad is not None
    assert image.grad.abs().max() > 1e-3
    assert all(tensor.grad is None for tensor in frozen)


def test_autocast_changes_nothing():
    """Similarities stay in float32: the loss is bit by bit that without autocast, and half inputs give float32."""
    args = case(16, torch.float32)
    plain = image_text_contrast(*args)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(image_text_contrast(*args), plain)
        half = image_text_contrast(args[0].bfloat16(), args[1].bfloat16(), *args[2:], teacher=args[:2])
    assert half.dtype == torch.float32
    assert torch.isfinite(half)


def test_extreme_scale_is_finite():
    image, text, _, study, wording = case(8, torch.float32)
    queue = Queue(image.detach(), text.detach(), study, wording)
    image.requires_grad_()
    loss = image_text_contrast(image, text, torch.tensor(1000.0), study, wording, queue=queue, teacher=(text, text))
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(image.grad).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({1: unit(3, 2)}, r"image \(4, 6\) and text \(3, 6\) must pair up"),
        ({3: torch.arange(3)}, r"study \(3,\) and wording \(4,\) must be one key for each of 4 images"),
        ({4: torch.zeros(4, 1)}, r"study \(4,\) and wording \(4, 1\) must be one key"),
    ],
)
def test_shapes_must_agree(change, message):
    args = list(case(4))
    for place, value in change.items():
        args[place] = value
    with pytest.raises(ValueError, match=message):
        image_text_contrast(*args)


def test_teacher_must_pair_up():
    args = case(4)
    with pytest.raises(ValueError, match=r"teacher \(3, 6\) must pair up"):
        image_text_contrast(*args, teacher=(args[0], unit(3, 1)))
