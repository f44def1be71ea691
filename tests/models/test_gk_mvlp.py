"""The whole backbone: shapes, gradients, padding, missing regions, and no way from the report to the image."""

import pytest
import torch
from torch._dynamo.utils import counters

from gkmvlp.models.memory import Memory
from gkmvlp.models.tokenizer import Tokens, tokenize

TEXTS = ["The heart is normal in size.", "No pneumothorax."]


def test_shapes_and_finite_values(build, images):
    backbone = build()
    model = backbone.model
    look = model.encode_image(*images(2))
    tokens = tokenize(backbone.tokenizer, TEXTS, 48)
    length = tokens.ids.shape[1]
    shapes = {
        (2, 16, 16): look.features.patches,
        (2, 20, 16): look.memory.value,  # 16 patches and 4 entities
        (2, 4, 29): look.grounded.region_attention,
        (2, 4, 16): look.grounded.patch_attention,
        (2, 4, 2): model.entity_logits(look.grounded),
        (2, 8): model.embed_image(look.features),
        (2, 2): model.itm_logits(tokens, look.memory),
        (2, length, len(backbone.tokenizer)): model.decode(tokens, look.memory),
    }
    for shape, tensor in shapes.items():
        assert tensor.shape == shape
        assert tensor.isfinite().all()
    for vectors in (model.embed_image(look.features), model.embed_text(tokens)):
        torch.testing.assert_close(vectors.norm(dim=-1), torch.ones(2))


CASES = {
    "default": {},
    "no routing": {"knowledge.routing": "none"},
    "hard routing": {"knowledge.routing": "hard"},
    "roi_align": {"knowledge.region_pooling": "roi_align"},
    "report mode": {"knowledge.mode": "report"},
    "late fusion": {"text.fusion_layer": 1},
    "coarse memory": {"memory_grid": 2},
    "convnext": {"vision.name": "test_convnext", "vision.timm_kwargs": {}, "vision.out_indices": [1, 2]},
}


@pytest.mark.parametrize("case", CASES)
def test_every_parameter_gets_a_gradient(tiny, build, images, outputs, case):
    backbone = build(tiny(**CASES[case], **{"text.dropout": 0.0, "knowledge.dropout": 0.0}))
    model = backbone.model.train()
    status = torch.tensor([[1, 0, -1, -2]] * 3, dtype=torch.int8)
    given = outputs(backbone, *images(3), status_BE=status)
    sum((value * torch.randn_like(value)).sum() for value in given.values()).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        # a bias of keys shifts all logits of a query alike: softmax takes it away again
        assert parameter.grad.any() or name.endswith("key.bias"), name


@pytest.mark.parametrize("vision", ["default", "convnext"])
def test_checkpointing_changes_neither_values_nor_gradients(tiny, build, images, outputs, vision):
    def read(checkpoints):
        model = (backbone := build(tiny(**CASES[vision], **{"text.fusion_layer": 1}))).model.train()
        if checkpoints:
            model.enable_gradient_checkpointing()
        calls = []
        hooks = [part.register_forward_pre_hook(lambda *_: calls.append(1)) for part in model.text.layers]
        torch.manual_seed(3)  # dropout too is the same
        given = outputs(backbone, *images(3))
        before = len(calls)
        sum(value.square().sum() for value in given.values()).backward()
        for hook in hooks:
            hook.remove()
        return given, {n: p.grad for n, p in model.named_parameters() if p.grad is not None}, len(calls) - before

    (one, ours, again), (other, theirs, never) = read(True), read(False)
    assert never == 0
    assert again > 0
    torch.testing.assert_close(one, other)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


# eager finds the programs and runs them as they are; inductor compiles C++ for minutes
BACKENDS = ["eager", *(pytest.param(name, marks=pytest.mark.slow) for name in ("aot_eager", "inductor"))]
STILL = {"text.fusion_layer": 1, "text.dropout": 0.0, "knowledge.dropout": 0.0}


@pytest.fixture
def no_programs():
    """Nothing compiled by other tests, and nothing left for them."""
    limit = torch._dynamo.config.recompile_limit
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()
    torch._dynamo.config.recompile_limit = limit


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("vision", ["default", pytest.param("convnext", marks=pytest.mark.slow)])
def test_compiling_changes_neither_values_nor_gradients(tiny, build, images, outputs, vision, backend, no_programs):
    def read(compiles):
        model = (backbone := build(tiny(**CASES[vision], **STILL))).model.train()
        names = list(model.state_dict())
        if compiles:
            model.compile_layers(backend)
        before = counters["stats"]["unique_graphs"]
        given = outputs(backbone, *images(3))
        sum(value.square().sum() for value in given.values()).backward()
        assert list(model.state_dict()) == names
        graphs = counters["stats"]["unique_graphs"] - before
        return given, {n: p.grad for n, p in model.named_parameters() if p.grad is not None}, graphs

    (one, ours, graphs), (other, theirs, none) = read(True), read(False)
    assert none == 0
    assert graphs > 2
    torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("backend", BACKENDS)
def test_one_program_serves_all_lengths(tiny, build, images, backend, no_programs):
    """Texts of five lengths, padded and not, in all modes: the programs of the first ones are enough."""
    backbone, plain = build(tiny(**STILL)), build(tiny(**STILL)).model.train()
    model = backbone.model.train()
    model.compile_layers(backend)
    memory, same = (
        Memory(*(part.detach() for part in each.encode_image(*images(3)).memory)) for each in (model, plain)
    )
    counts = []
    for length in (40, 7, 12, 31, 16):
        for shortest in (length, length - 3):
            ids = torch.randint(5, 100, (3, length), generator=torch.Generator().manual_seed(length))
            tokens = Tokens(ids, torch.arange(length) < torch.tensor([[length], [shortest], [length]]))
            found = []
            for each, read in ((model, memory), (plain, same)):
                each.zero_grad()
                states = each.begin(tokens)
                said = each.embed_text(states), each.itm_logits(states, read), each.decode(tokens, read)[tokens.mask]
                sum(value.square().sum() for value in said).backward()
                found.append(said)
            torch.testing.assert_close(*found, rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(
                model.text.layers[0].intermediate.weight.grad, plain.text.layers[0].intermediate.weight.grad,
                rtol=1e-3, atol=1e-4,
            )  # fmt: skip
        counts.append(counters["stats"]["unique_graphs"])
    assert counts[0] > 0
    assert len(set(counts[2:])) == 1, counts


def test_padded_and_unpadded_text_agree(build, images):
    backbone = build()
    model = backbone.model
    memory = model.encode_image(*images(1)).memory
    short = tokenize(backbone.tokenizer, TEXTS[1:], 48)
    real = int(short.mask.sum())
    ids = torch.nn.functional.pad(short.ids[:, :real], (0, 20), value=7)  # whatever stands there
    padded = Tokens(ids, torch.arange(real + 20)[None] < real)
    bare = Tokens(short.ids[:, :real], short.mask[:, :real])
    torch.testing.assert_close(model.embed_text(padded), model.embed_text(bare))
    torch.testing.assert_close(model.itm_logits(padded, memory), model.itm_logits(bare, memory))
    torch.testing.assert_close(model.decode(padded, memory)[:, :real], model.decode(bare, memory))


def test_texts_begun_once_give_what_each_reading_gives(tiny, build, images):
    """Values and gradients are those of whole passes; texts may be repeated and read with any image."""
    backbone = build(tiny(**{"text.fusion_layer": 1, "text.dropout": 0.0}))
    model, row = backbone.model.train(), torch.tensor([0, 1, 1, 0])
    tokens = tokenize(backbone.tokenizer, TEXTS, 48)
    image_N = torch.tensor([0, 1, 2, 2])
    with torch.no_grad():
        memory = model.encode_image(*images(3)).memory

    def read(shares):
        model.zero_grad()
        begun = model.begin(tokens) if shares else tokens
        repeated = begun.rows(row) if shares else Tokens(tokens.ids[row], tokens.mask[row])
        given = model.embed_text(begun), model.itm_logits(repeated, memory, image_N)
        sum((value * torch.linspace(-1, 1, value.numel()).view_as(value)).sum() for value in given).backward()
        return given, [p.grad.clone() for p in model.text.parameters() if p.grad is not None]

    for one, other in zip(read(True), read(False), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_logits_at_chosen_places_are_those_of_all_places(build, images):
    backbone = build()
    memory = backbone.model.encode_image(*images(2)).memory
    tokens = tokenize(backbone.tokenizer, TEXTS, 48, decode=True)
    at = tokens.mask & (torch.arange(tokens.ids.shape[1]) % 2 == 0)
    chosen = backbone.model.decode(tokens, memory, at_BT=at)
    torch.testing.assert_close(chosen, backbone.model.decode(tokens, memory)[at])


def test_without_any_visible_region_all_is_finite_and_trains(build, images, outputs):
    backbone = build()
    image, _, mask = images(2)
    given = outputs(backbone, image, torch.zeros(2, 29, 4), torch.zeros_like(mask), TEXTS)
    assert all(value.isfinite().all() for value in given.values())
    sum(value.square().sum() for value in given.values()).backward()
    assert all(parameter.grad.isfinite().all() for parameter in backbone.model.parameters())


def test_the_prior_of_the_entities_is_what_prompts_may_look_at(build, images):
    model = build().model
    image, box, mask = images(2)
    mask[0, 3] = False
    attention = model.encode_image(image, box, mask).grounded.region_attention
    admitted = model.prior_ER & mask[:, None]
    assert (attention[~admitted] == 0).all()
    assert (attention[admitted] > 0).all()


def test_a_masked_region_leaves_no_trace(build, images, outputs):
    """Where routing cannot see the box, an invisible region's box does not matter."""
    backbone = build()
    image, box, mask = images(2)
    mask[:, 5] = False
    moved = box.clone()
    moved[:, 5] = torch.tensor([0.1, 0.1, 0.9, 0.9])
    first, second = (outputs(backbone, image, boxes, mask, TEXTS) for boxes in (box, moved))
    assert all(torch.equal(first[name], second[name]) for name in first)


STATUSES = [None, torch.tensor([[1, 0, -1, -2]] * 2, dtype=torch.int8), torch.ones(2, 4, dtype=torch.int8)]


def test_in_query_mode_no_status_reaches_anything_bit_by_bit(build, images, outputs):
    backbone = build()
    plain, some, all_present = (outputs(backbone, *images(2), TEXTS, status_BE=status) for status in STATUSES)
    assert all(torch.equal(plain[name], other[name]) for name in plain for other in (some, all_present))


def test_in_report_mode_the_status_reaches_what_reads_the_prompts(tiny, build, images, outputs):
    backbone = build(tiny(**{"knowledge.mode": "report"}))
    plain, some, all_present = (outputs(backbone, *images(2), TEXTS, status_BE=status) for status in STATUSES)
    for name in ("entity", "match", "decode"):
        assert (plain[name] - some[name]).abs().max() > 1e-6
        assert (some[name] - all_present[name]).abs().max() > 1e-6
    assert torch.equal(plain["image"], some["image"])
    unsaid = torch.full((2, 4), -2, dtype=torch.int8)
    assert torch.equal(plain["entity"], outputs(backbone, *images(2), TEXTS, status_BE=unsaid)["entity"])


def test_strength_is_added_to_present_alone(build, images):
    model = build().model
    grounded = model.encode_image(*images(2)).grounded
    plain, raised = (model.entity_logits(grounded._replace(strength=grounded.strength + more)) for more in (0.0, 1.5))
    torch.testing.assert_close(raised - plain, torch.tensor([0.0, 1.5]).expand(2, 4, 2))


def test_no_image_sees_its_neighbour_in_the_batch_nor_the_texts(build, images, outputs):
    backbone = build()
    image, box, mask = images(2)
    other = image.clone()
    other[1] = 1 - other[1]
    first = outputs(backbone, image, box, mask, TEXTS)
    second = outputs(backbone, other, box, mask, TEXTS[::-1])
    for name in ("entity", "image"):
        torch.testing.assert_close(first[name][0], second[name][0])
        assert (first[name][1] - second[name][1]).abs().max() > 1e-4


def test_the_prompts_are_the_text_vectors_of_the_knowledge_sentences(build):
    backbone = build()
    model = backbone.model
    assert len({tuple(row) for row in model.prompt_ET.tolist()}) == 4
    alone = model.text(model.prompt_ET[2:3], model.prompt_mask_ET[2:3])[0, 0]
    torch.testing.assert_close(model.encode_prompts()[2], alone)


def test_bfloat16_autocast_is_finite_and_close(build, images, outputs):
    backbone = build()
    exact = outputs(backbone, *images(2), TEXTS)
    with torch.autocast("cpu", torch.bfloat16):
        rough = outputs(backbone, *images(2), TEXTS)
    for name, value in exact.items():
        torch.testing.assert_close(rough[name].float(), value, atol=0.1, rtol=0.1)


def test_texts_that_share_an_image_read_it_as_if_alone(build):
    backbone = build()
    tokens = tokenize(backbone.tokenizer, ["no edema", "an effusion", "a nodule is seen"], 16)
    memory_NMD = torch.randn(2, 5, 16)
    row_B = torch.tensor([1, 0, 1])
    shared = backbone.model.text(*tokens, "fusion", memory_NMD, row_B=row_B)
    torch.testing.assert_close(shared, backbone.model.text(*tokens, "fusion", memory_NMD[row_B]))


def test_memory_says_what_where_and_how_present_under_the_name_of_the_entity(tiny, build, images):
    model = build(tiny(memory_grid=2)).model.eval()
    look, prompt_ED = model.encode_image(*images(2)), model.encode_prompts()
    key_BMD, value_BMD = look.memory
    assert key_BMD.shape == value_BMD.shape == (2, 4 + 4, 16)  # 2 x 2 patches of 4 x 4, and 4 entities
    corner_BD = look.features.patches.unflatten(1, (4, 4))[:, :2, :2].mean((1, 2))
    torch.testing.assert_close(value_BMD[:, 0], corner_BD)
    torch.testing.assert_close(key_BMD[:, 0], corner_BD + model.kind[0])
    logit_BE = model.entity_logits(look.grounded).diff(dim=-1)
    told_BED = (logit_BE / 4).tanh() * model.verdict.weight[:, 0] + model.verdict.bias
    place_PD = model.vision.position_PD - model.vision.position_PD.mean(0)
    where_BED = 3 * torch.einsum("bep,pd->bed", look.grounded.patch_attention, place_PD)
    torch.testing.assert_close(value_BMD[:, 4:], look.grounded.tokens + where_BED + told_BED)
    apart_ED = prompt_ED - prompt_ED.mean(0)
    name_ED = (apart_ED - apart_ED.mean(1, keepdim=True)) / (apart_ED.var(1, correction=0, keepdim=True) + 1e-5).sqrt()
    torch.testing.assert_close(key_BMD[:, 4:], (name_ED + model.kind[1]).expand(2, -1, -1), atol=1e-5, rtol=1e-4)
