"""FusionBert against transformers' BERT in all three modes, and what each mode must not see."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertForMaskedLM, BertLMHeadModel, BertModel, RobertaConfig

from gkmvlp.checkpoints.bert_weights import bert_sizes, load_bert
from gkmvlp.errors import BackboneError
from gkmvlp.models import packing
from gkmvlp.models.config import TextConfig
from gkmvlp.models.memory import Memory
from gkmvlp.models.text import FusionBert

V, D = 60, 16
SIZES = {
    "vocab_size": V,
    "hidden_size": D,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "initializer_range": 0.2,
}
TOKENS = torch.tensor([[5, 17, 33, 9, 41], [7, 8, 22, 0, 0]])
MASK = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])


@pytest.fixture(autouse=True)
def packs(monkeypatch):
    """Texts are packed however little of them is padding."""
    monkeypatch.setattr(packing, "WORTHWHILE", 1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A random BERT as transformers writes it."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("bert")
    model = BertForMaskedLM(BertConfig(**SIZES))
    torch.nn.init.normal_(model.cls.predictions.bias)
    model.save_pretrained(path)
    return path


@pytest.mark.parametrize("mode", ["text", "fusion"])
@pytest.mark.parametrize("fusion_layer", [0, 1, 2])
@pytest.mark.parametrize("mask_BT", [MASK, torch.ones_like(MASK)], ids=["padded", "full"])
@pytest.mark.parametrize("checkpoints", [False, True])
def test_the_first_token_alone_is_that_of_all_tokens(mode, fusion_layer, mask_BT, checkpoints):
    """Values and gradients are those of a computation of every token; the last feed-forward sees one token a text."""
    torch.manual_seed(0)
    sizes = {"hidden_size": D, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
    model = FusionBert(TextConfig(**sizes, fusion_layer=fusion_layer, dropout=0.0), V)
    model.gradient_checkpointing = checkpoints
    memory, row = Memory(torch.randn(3, 7, D), torch.randn(3, 7, D)), torch.tensor([2, 0])
    given = (model.project(memory), row) if mode == "fusion" else (None, None)
    seen = []
    model.layers[-1].intermediate.register_forward_hook(lambda _, args, __: seen.append(args[0].shape[:2].numel()))

    def every(states):
        return model.multimodal(states, mode, given[0], row_B=given[1])[:, 0]

    def alone(states):
        return model.first_token(states, *given)

    def read(first):
        seen.clear()
        state = first(model.unimodal(TOKENS, mask_BT))
        weight = torch.randn(state.shape, generator=torch.Generator().manual_seed(1))
        known = {name: part for name, part in model.named_parameters() if part.requires_grad}
        gradients = torch.autograd.grad(
            (state * weight).sum(), list(known.values()), retain_graph=True, allow_unused=True
        )
        return state.detach(), dict(zip(known, gradients, strict=True))

    expected, found = read(every), read(alone)
    assert set(seen) == {len(TOKENS) if fusion_layer < 2 else int(mask_BT.sum())}
    torch.testing.assert_close(found[0], expected[0])
    for name, gradient in expected[1].items():
        assert (gradient is None) == (found[1][name] is None), name
        if gradient is not None:
            torch.testing.assert_close(
                found[1][name], gradient, rtol=1e-4, atol=1e-5, msg=lambda text, n=name: f"{n}: {text}"
            )


@pytest.mark.parametrize("mode", ["text", "fusion", "decoder"])
@pytest.mark.parametrize("fusion_layer", [0, 1, 2])
def test_padding_is_left_out_without_a_trace(mode, fusion_layer, monkeypatch):
    """Real tokens and gradients are those of a computation of all tokens; padding comes out as zeros."""
    torch.manual_seed(0)
    sizes = {"hidden_size": D, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
    model = FusionBert(TextConfig(**sizes, fusion_layer=fusion_layer, dropout=0.0), V)
    memory = torch.randn(2, 3, D)

    def read():
        model.zero_grad()
        state = model(TOKENS, MASK, mode, memory)
        (state * torch.randn(state.shape, generator=torch.Generator().manual_seed(1)))[MASK].sum().backward()
        return state.detach(), {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}

    packed, packed_gradients = read()
    monkeypatch.setattr(packing, "WORTHWHILE", 2 * D**2 + 1)  # two tokens are padding
    plain, gradients = read()
    torch.testing.assert_close(packed[MASK], plain[MASK])
    assert not packed[~MASK].any()
    assert plain[~MASK].any()
    torch.testing.assert_close(packed_gradients, gradients, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("fusion_layer", [0, 1, 2])
def test_a_memory_that_is_projected_once_is_read_alike(fusion_layer):
    """Values and gradients of two modes that read it are those of two that project it; none projects it anew."""
    torch.manual_seed(0)
    sizes = {"hidden_size": D, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
    model = FusionBert(TextConfig(**sizes, fusion_layer=fusion_layer, dropout=0.0), V)
    memory = Memory(*torch.randn(2, 3, 4, D).requires_grad_())
    row_B, calls = torch.tensor([2, 0]), []
    for layer in model.layers:
        if layer.cross_attention is not None:
            layer.cross_attention.key.register_forward_hook(lambda *_: calls.append(1))

    def read(source):
        calls.clear()
        model.zero_grad()
        states = [model(TOKENS, MASK, mode, source, row_B=row_B)[MASK] for mode in ("fusion", "decoder")]
        torch.stack(states).square().sum().backward(inputs=[*model.parameters()])
        gradients = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
        return torch.stack(states).detach(), gradients, len(calls)

    *expected, twice = read(memory)
    projected = model.project(memory)
    *given, never = read(projected)
    assert (twice, never) == (2 * (2 - fusion_layer), 0)
    torch.testing.assert_close(given, expected)


@pytest.fixture
def bert(folder):
    torch.manual_seed(1)
    model = FusionBert(bert_sizes(str(folder)), V)
    load_bert(model, str(folder))
    return model.eval()


@pytest.fixture
def memory():
    torch.manual_seed(2)
    return torch.randn(2, 6, D)


def test_encoding_equals_transformers(bert, folder):
    theirs = BertForMaskedLM.from_pretrained(folder).eval()
    state = theirs.bert(TOKENS, MASK.long()).last_hidden_state
    torch.testing.assert_close(bert(TOKENS, MASK)[MASK], state[MASK])
    logits = theirs(TOKENS, MASK.long()).logits
    torch.testing.assert_close(bert.vocabulary_logits(bert(TOKENS, MASK))[MASK], logits[MASK])


def test_an_encoder_alone_takes_the_same_weights(folder):
    """Neither decoder nor cross-attention: what another system fuses behind it."""
    torch.manual_seed(1)
    sizes = replace(bert_sizes(str(folder)), fusion_layer=2)
    encoder = FusionBert(sizes, V, decodes=False).eval()
    assert not any("decoder_attention" in name or "cross_attention" in name for name in encoder.state_dict())
    assert load_bert(encoder, str(folder)) == []
    theirs = BertForMaskedLM.from_pretrained(folder).eval()
    torch.testing.assert_close(encoder(TOKENS, MASK)[MASK], theirs.bert(TOKENS, MASK.long()).last_hidden_state[MASK])


def test_decoding_with_a_memory_equals_transformers(bert, folder, memory):
    theirs = BertLMHeadModel.from_pretrained(folder, is_decoder=True, add_cross_attention=True).eval()
    for ours, layer in zip(bert.layers, theirs.bert.encoder.layer, strict=True):
        mine, cross = ours.cross_attention, layer.crossattention
        for part in ("query", "key", "value"):
            getattr(cross.self, part).load_state_dict(getattr(mine, part).state_dict())
        cross.output.dense.load_state_dict(mine.output.state_dict())
        cross.output.LayerNorm.load_state_dict(mine.norm.state_dict())
    seen = torch.tensor([[True] * 6, [True] * 4 + [False] * 2])
    expected = theirs(TOKENS, MASK.long(), encoder_hidden_states=memory, encoder_attention_mask=seen.long()).logits
    logits = bert.vocabulary_logits(bert(TOKENS, MASK, "decoder", memory, seen))
    torch.testing.assert_close(logits[MASK], expected[MASK])


def test_decoding_at_once_equals_decoding_token_by_token(bert, memory):
    with torch.no_grad():
        bert.layers[1].decoder_attention.query.weight.normal_()  # its own weights, not those of the encoder
    at_once = bert(TOKENS, MASK, "decoder", memory)
    for end in range(1, 6):
        prefix = bert(TOKENS[:, :end], MASK[:, :end], "decoder", memory)
        torch.testing.assert_close(at_once[:, end - 1], prefix[:, -1])


def test_a_later_token_changes_no_earlier_score_of_the_decoder(bert, memory):
    changed = TOKENS.clone()
    changed[:, 3] = 50
    before, after = (bert(tokens, MASK, "decoder", memory) for tokens in (TOKENS, changed))
    assert torch.equal(before[:, :3], after[:, :3])
    assert not torch.equal(before[0, 3:], after[0, 3:])
    assert not torch.equal(bert(TOKENS, MASK)[0, :3], bert(changed, MASK)[0, :3])


@pytest.mark.parametrize("mode", ["text", "fusion", "decoder"])
def test_padded_and_unpadded_text_agree(bert, memory, mode):
    padded = bert(TOKENS, MASK, mode, memory)[1, :3]
    alone = bert(TOKENS[1:, :3], MASK[1:, :3], mode, memory[1:])[0]
    torch.testing.assert_close(padded, alone)


def test_only_fusion_and_decoder_read_the_memory_and_only_where_allowed(bert, memory):
    seen = torch.tensor([[True] * 6, [True] * 4 + [False] * 2])
    hidden = memory.clone()
    hidden[1, 4:] += 1
    for mode in ("fusion", "decoder"):
        read = bert(TOKENS, MASK, mode, memory, seen)
        assert torch.equal(read, bert(TOKENS, MASK, mode, hidden, seen))
        assert not torch.equal(read, bert(TOKENS, MASK, mode, hidden))
    assert torch.equal(bert(TOKENS, MASK, "text", memory), bert(TOKENS, MASK, "text", memory + 1))


def test_texts_that_share_an_image_read_it_as_if_each_had_its_own(bert, memory):
    tokens, mask = TOKENS.repeat(2, 1), MASK.repeat(2, 1)  # four texts, the first two of image 0
    for mode in ("fusion", "decoder"):
        shared = bert(tokens, mask, mode, memory)
        torch.testing.assert_close(shared, bert(tokens, mask, mode, memory.repeat_interleave(2, 0)))


@pytest.mark.parametrize("mode", ["text", "fusion"])
@pytest.mark.parametrize("fusion_layer", [0, 1, 2])
def test_what_no_image_reaches_is_computed_once_and_read_as_layer_after_layer(memory, mode, fusion_layer):
    """Texts that are taken up twice give what whole layers give to each copy of them, in values and gradients."""
    torch.manual_seed(0)
    sizes = {"hidden_size": D, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
    model = FusionBert(TextConfig(**sizes, fusion_layer=fusion_layer, dropout=0.0), V)
    read_BMD, twice = torch.randn(4, 3, D), torch.tensor([0, 1, 1, 0])
    read = Memory(read_BMD, read_BMD) if mode == "fusion" else None
    asked = []
    for layer in model.layers:
        layer.attention.query.register_forward_hook(lambda _, args, __: asked.append(args[0].shape[:2].numel()))

    once = model.multimodal(model.unimodal(TOKENS, MASK).rows(twice), mode, read)
    real = int(MASK.sum())
    assert asked == [real if layer <= fusion_layer else 2 * real for layer in range(2)]

    state = model.embed(TOKENS[twice])
    for layer in model.layers:
        state = layer(state, MASK[twice][:, None, None, :], mode, read, None, None, None)
    state = state * MASK[twice][..., None]
    torch.testing.assert_close(once * MASK[twice][..., None], state)
    weight = torch.randn(state.shape)
    for one in model.layers[fusion_layer:]:
        parts = list(one.attention.parameters())
        found, expected = (torch.autograd.grad((x * weight).sum(), parts, retain_graph=True) for x in (once, state))
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_fusion_starts_where_it_is_told(memory):
    for start in range(3):
        config = TextConfig(
            hidden_size=D, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24, fusion_layer=start
        )
        torch.manual_seed(0)
        model = FusionBert(config, V).eval()
        assert [layer.cross_attention is not None for layer in model.layers] == [start <= 0, start <= 1]
        blind = torch.equal(model(TOKENS, MASK, "fusion", memory), model(TOKENS, MASK, "fusion", memory + 1))
        assert blind == (start == 2)


def test_tokens_added_to_the_vocabulary_keep_fresh_rows(folder):
    torch.manual_seed(3)
    model = FusionBert(bert_sizes(str(folder)), V + 1)
    fresh = model.word.weight[V].clone()
    load_bert(model, str(folder))
    theirs = BertForMaskedLM.from_pretrained(folder).bert.embeddings.word_embeddings.weight
    assert torch.equal(model.word.weight, torch.cat([theirs, fresh[None]]))


def test_a_bert_without_prediction_head_keeps_ours_and_nothing_is_printed(tmp_path, capfd):
    torch.manual_seed(0)
    theirs = BertModel(BertConfig(**SIZES)).eval()
    theirs.save_pretrained(tmp_path)
    model = FusionBert(bert_sizes(str(tmp_path)), V).eval()
    fresh = {name: tensor.clone() for name, tensor in model.head.state_dict().items()}
    capfd.readouterr()
    assert load_bert(model, str(tmp_path)) == ["cross-attention", "prediction head"]
    assert capfd.readouterr() == ("", "")
    assert all(torch.equal(tensor, fresh[name]) for name, tensor in model.head.state_dict().items())
    state = theirs(TOKENS, MASK.long()).last_hidden_state
    torch.testing.assert_close(model(TOKENS, MASK)[MASK], state[MASK])


def test_a_bert_that_lacks_a_layer_is_refused(folder, tmp_path):
    """transformers would draw it and go on."""
    BertConfig(**SIZES).save_pretrained(tmp_path)
    state = load_file(folder / "model.safetensors")
    kept = {name: tensor for name, tensor in state.items() if "layer.1.attention.self.key" not in name}
    save_file(kept, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(BackboneError, match=r"4 missing: layers\.1\.attention\.key\.weight 16x16"):
        load_bert(FusionBert(bert_sizes(str(tmp_path)), V), str(tmp_path))


def test_the_sizes_are_those_of_the_folder(folder):
    sizes = bert_sizes(str(folder))
    assert (
        sizes.hidden_size,
        sizes.num_hidden_layers,
        sizes.num_attention_heads,
        sizes.intermediate_size,
        sizes.vocab_size,
    ) == (D, 2, 2, 24, V)


def test_a_bert_of_other_sizes_or_of_none_is_refused(folder, tmp_path):
    sizes = bert_sizes(str(folder))
    sizes.num_hidden_layers = 3
    with pytest.raises(BackboneError, match=r"26 missing: layers\.2\.attention"):
        load_bert(FusionBert(sizes, V), str(folder))
    RobertaConfig(**SIZES).save_pretrained(tmp_path / "roberta")
    with pytest.raises(BackboneError, match="'roberta' model, a BERT is needed"):
        bert_sizes(str(tmp_path / "roberta"))
    with pytest.raises(BackboneError, match="no BERT at"):
        bert_sizes(str(tmp_path / "nothing"))
