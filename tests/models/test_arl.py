"""The whole of ARL: size, shapes, gradients, padding, texts without entities, and what a masked image gives away."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from gkmvlp.checkpoints import backbone as backbones
from gkmvlp.entities import prior
from gkmvlp.errors import ConfigError
from gkmvlp.losses.masked_image import random_patch_mask
from gkmvlp.models.arl import Arl, mean_odds
from gkmvlp.models.config import (
    ArlArchitecture,
    EntityGraphConfig,
    FusionConfig,
    ImageDecoderConfig,
    TextConfig,
    VisionConfig,
)
from gkmvlp.models.gk_mvlp import GkMvlp
from gkmvlp.models.protocol import TextDecoder, VisionLanguageModel, check_decoder

ENTITIES = ["pleural effusion", "cardiomegaly", "pneumothorax"]
TEXTS = ["Pleural effusion and pneumothorax.", "The picture is normal.", "Cardiomegaly."]
VIT = VisionConfig("vit_tiny_patch16_224", timm_kwargs={"patch_size": 8, "embed_dim": 16, "depth": 1, "num_heads": 2})
RESNET = VisionConfig("resnet18", out_indices=[2], timm_kwargs={"layers": [1, 1, 1, 1], "channels": [8, 16, 16, 16]})
SWIN = VisionConfig(
    "swin_tiny_patch4_window7_224",
    timm_kwargs={"window_size": 2, "patch_size": 4, "embed_dim": 8, "depths": (2, 2), "num_heads": (1, 2)},
)
FUSION = FusionConfig(
    num_hidden_layers=3,
    num_attention_heads=2,
    intermediate_size=24,
    entity_attention_heads=2,
    entity_intermediate_size=12,
    masked_image_layers=2,
    dropout=0.0,
)


def architecture(**changes):
    text = TextConfig(
        vocab_size=200, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24, max_length=64
    )
    made = ArlArchitecture(
        image_size=32,
        projection_dim=8,
        vision=VIT,
        text=replace(text, dropout=0.0),
        fusion=FUSION,
        knowledge=EntityGraphConfig(ENTITIES, num_attention_heads=2, head_size=4, dropout=0.0),
        image_decoder=ImageDecoderConfig(8, 1, 2, 16),
    )
    return replace(made, **changes)


def built(**changes):
    """A backbone from one seed, biases and norms away from 0 and 1."""
    torch.manual_seed(0)
    backbone = backbones.build(architecture(**changes), TEXTS)
    for module in backbone.model.modules():
        if isinstance(module, nn.LayerNorm | nn.Linear) and module.bias is not None:
            nn.init.normal_(module.bias, std=0.1)
    for parameter in backbone.model.parameters():  # some norms start at 0 and close the way to what lies before them
        if not parameter.any():
            nn.init.normal_(parameter, std=0.1)
    return backbone


def images(count=3):
    return torch.rand(count, 1, 32, 32, generator=torch.Generator().manual_seed(1))


def outputs(backbone, image, texts=TEXTS):
    """All that the model gives, by name."""
    model = backbone.model
    entity_NC, text = model.encode_entities(), backbone.read_texts(texts)
    begun, look = model.begin(text, entity_NC), model.encode_image(image)
    masked_BP = random_patch_mask(torch.ones(len(image), 16), 0.75, torch.Generator().manual_seed(2))
    return {
        "image": model.embed_image(look.features),
        "text": model.embed_text(begun),
        "image entities": model.image_log_odds(look.features, entity_NC).mean(),
        "text entities": model.project_text(begun) @ entity_NC.T,
        "match": model.itm_logits(begun, look.memory),
        "words": model.text.vocabulary_logits(model.fuse(begun, look.memory)[begun.mask]),
        "pixels": model.decode_image(begun, model.encode_image(image, masked_BP=masked_BP), masked_BP),
    }


def test_shapes_and_finite_values_with_and_without_entities():
    backbone = built()
    assert backbone.read_texts(TEXTS).entity_mask.sum(1).tolist() == [2, 0, 1]
    given = outputs(backbone, images())
    words, concepts = len(backbone.tokenizer), 3 + 29
    tokens = int(backbone.read_texts(TEXTS).mask.sum())
    shapes = [(3, 8), (3, 8), (3, concepts), (3, concepts), (3, 2), (tokens, words), (3, 16, 64)]
    assert [tuple(value.shape) for value in given.values()] == shapes
    assert all(value.isfinite().all() for value in given.values())
    assert torch.allclose(given["image"].norm(dim=-1), torch.ones(3))


@pytest.mark.parametrize("vision", [VIT, RESNET, SWIN])
def test_every_parameter_gets_a_gradient(vision):
    backbone = built(vision=vision)
    given = outputs(backbone, images())
    sum((value * torch.randn_like(value)).sum() for value in given.values()).backward()
    for name, parameter in backbone.model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        # a bias of keys shifts all logits of a query alike
        assert parameter.grad.any() or name.endswith("key.bias"), name


def test_texts_without_any_entity_are_finite_and_teach_the_null_entity():
    backbone = built()
    given = outputs(backbone, images(2), ["The picture is normal.", "Normal."])
    assert all(value.isfinite().all() for value in given.values())
    given["match"].square().sum().backward()
    assert backbone.model.null_C.grad.any()
    assert all(p.grad is None or p.grad.isfinite().all() for p in backbone.model.parameters())


@torch.no_grad()
def test_an_entity_changes_how_the_text_that_names_it_reads_the_image_alone():
    backbone = built()
    model, look = backbone.model.eval(), backbone.model.encode_image(images())
    text, entity_NC = backbone.read_texts(TEXTS), backbone.model.encode_entities()
    other_NC = entity_NC.clone()
    other_NC[ENTITIES.index("cardiomegaly")] += 1
    before, after = (model.itm_logits(model.begin(text, vectors), look.memory) for vectors in (entity_NC, other_NC))
    assert (before != after).any(1).tolist() == [False, False, True]
    assert torch.equal(model.embed_text(model.begin(text, entity_NC)), model.embed_text(model.begin(text, other_NC)))


@torch.no_grad()
def test_without_the_entity_stream_no_entity_changes_what_is_read():
    backbone = built(fusion=replace(FUSION, entity_stream=False))
    model, look = backbone.model.eval(), backbone.model.encode_image(images())
    text, entity_NC = backbone.read_texts(TEXTS), backbone.model.encode_entities()
    given, other, none = (
        model.itm_logits(model.begin(read, vectors), look.memory)
        for read, vectors in ((text, entity_NC), (text, entity_NC + 1), (text.without(text.entity_mask), entity_NC))
    )
    assert torch.equal(given, other)
    assert torch.equal(given, none)
    assert text.named(len(entity_NC)).any()  # what a text is aligned with is still known


@torch.no_grad()
def test_shuffled_triples_change_the_entities_alone():
    known, shuffled = (
        built(knowledge=EntityGraphConfig(ENTITIES, num_attention_heads=2, head_size=4, dropout=0.0, triples=triples))
        for triples in ("known", "shuffled")
    )
    state, other = known.model.state_dict(), shuffled.model.state_dict()
    assert {name for name in state if not torch.equal(state[name], other[name])} == {"graph.edge_index_2M"}
    assert not torch.allclose(known.model.eval().encode_entities(), shuffled.model.eval().encode_entities())


@torch.no_grad()
def test_padding_and_neighbours_in_the_batch_do_not_matter():
    backbone = built()
    backbone.model.eval()
    image = images()
    together = outputs(backbone, image)
    alone = outputs(backbone, image[2:], TEXTS[2:])
    for name in ("image", "text", "match", "image entities", "text entities"):
        torch.testing.assert_close(together[name][2:], alone[name], msg=name)


@pytest.mark.parametrize("vision", [VIT, RESNET, SWIN])
@torch.no_grad()
def test_nothing_of_a_masked_patch_is_seen(vision):
    """Whatever stands there; what is visible is seen, and only visible patches are given."""
    model = built(vision=vision).model.eval()
    image, height = images(2), model.vision.grid[0]
    masked_BP = random_patch_mask(torch.ones(2, height * height), 0.75, torch.Generator().manual_seed(3))
    cell = 32 // height
    pixels = masked_BP.view(2, 1, height, height).repeat_interleave(cell, 2).repeat_interleave(cell, 3)
    other = torch.where(pixels, torch.rand(image.shape), image)
    one, same = (model.vision(x, masked_BP) for x in (image, other))
    assert torch.equal(one.patches, same.patches)
    assert torch.equal(one.pooled, same.pooled)
    assert one.patches.shape[1] == int((~masked_BP[0]).sum())
    changed = model.vision(torch.where(pixels, image, image + 0.3), masked_BP)
    assert not torch.equal(changed.patches, one.patches)


@torch.no_grad()
def test_visible_patches_of_a_vision_transformer_are_those_of_the_whole_where_none_is_masked():
    vision = built().model.vision.eval()
    whole, visible = vision(images()), vision(images(), torch.zeros(3, 16, dtype=torch.bool))
    torch.testing.assert_close(visible.patches, whole.patches)
    torch.testing.assert_close(visible.pooled, whole.pooled)


def test_a_masked_image_is_decoded_from_the_layer_where_it_is_read():
    """Later layers, and what the last of the earlier ones would do with text and entities, are not computed."""
    backbone = built()
    model, image = backbone.model.eval(), images()
    masked_BP = random_patch_mask(torch.ones(3, 16), 0.75, torch.Generator().manual_seed(2))
    look, begun = model.encode_image(image, masked_BP=masked_BP), model.begin(backbone.read_texts(TEXTS))
    pixels = model.decode_image(begun, look, masked_BP)
    streams = model.fusion_streams(begun, look.memory.value, FUSION.masked_image_layers)
    torch.testing.assert_close(pixels, model.image_decoder(streams.image[:, 1:], masked_BP))
    pixels.square().sum().backward()
    read = {
        name.split(".")[1] for name, p in model.named_parameters() if name.startswith("layers.") and p.grad is not None
    }
    assert read == {"0", "1"}
    assert model.layers[1].text_self.query.weight.grad is None


@torch.no_grad()
def test_the_memory_is_averaged_to_its_grid_and_shared_by_rows():
    backbone = built(memory_grid=2)
    model = backbone.model.eval()
    look = model.encode_image(images())
    assert look.memory.value.shape == (3, 1 + 4, 16)
    text, row = backbone.read_texts(TEXTS), torch.tensor([2, 2, 0])
    shared = model.itm_logits(text, look.memory, row)
    torch.testing.assert_close(shared, model.itm_logits(text, type(look.memory)(*(part[row] for part in look.memory))))


@torch.no_grad()
def test_a_folder_gives_back_the_same_outputs_bit_by_bit(tmp_path):
    before = built()
    before.model.eval()
    backbones.save(before, tmp_path / "bb")
    after = backbones.load(tmp_path / "bb")
    after.model.eval()
    assert isinstance(after.model, Arl)
    assert after.model.architecture == before.model.architecture
    mine, theirs = outputs(before, images()), outputs(after, images())
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)
    assert torch.equal(after.model.region_prior(), torch.from_numpy(prior(ENTITIES)))


@torch.no_grad()
def test_log_odds_of_an_image_are_those_of_the_definition():
    """In a loop over images, entities and patches: halfway between the one vector's and the mean odds of patches."""
    model = built().model.eval().double()
    features, entity_NC = model.encode_image(images().double()).features, model.encode_entities()
    given = model.image_log_odds(features, entity_NC).mean()

    def asked(state_D, entity_C):
        return float(model.image_query(state_D + model.kind[1]) @ entity_C)

    for b, patches in enumerate(features.patches):
        for n, entity_C in enumerate(entity_NC):
            odds = [math.exp(asked(state_D, entity_C)) for state_D in patches]
            expected = (asked(features.pooled[b], entity_C) + math.log(sum(odds) / len(odds))) / 2
            assert float(given[b, n]) == pytest.approx(expected, abs=1e-5)
    of_model = model.entity_log_odds(model.encode_image(images().double()))
    torch.testing.assert_close(of_model, given[:, : len(ENTITIES)].double(), rtol=0, atol=1e-6)


@torch.no_grad()
def test_equal_patches_say_what_one_vector_says_and_one_of_many_is_heard():
    model = built().model.eval()
    features, entity_NC = model.encode_image(images()).features, model.encode_entities()
    alike = features._replace(patches=features.pooled[:, None].expand(-1, 16, -1))
    by_vector = model.project_image(features) @ entity_NC.T
    torch.testing.assert_close(model.image_log_odds(alike, entity_NC).mean(), by_vector)
    logit = torch.zeros(1, 256, 1)
    logit[0, 7] = 10
    assert float(mean_odds(logit)) == pytest.approx(math.log((255 + math.exp(10)) / 256), abs=1e-4)
    assert float(mean_odds(logit)) > 100 * float(logit.mean())
    assert mean_odds(torch.full((1, 4, 2), 500.0)).tolist() == [[500.0, 500.0]]  # whose odds are no float32


def test_both_systems_fulfil_the_protocol_and_one_of_them_writes(tiny, build):
    ours, theirs = built().model, build().model
    assert isinstance(ours, VisionLanguageModel)
    assert isinstance(theirs, VisionLanguageModel)
    assert isinstance(theirs, GkMvlp)
    check_decoder(theirs, "reports")
    assert not isinstance(ours, TextDecoder)
    with pytest.raises(ConfigError, match="Arl has no text decoder, which is needed for reports"):
        check_decoder(ours, "reports")


@pytest.mark.parametrize("layers", [0, 4])
def test_the_masked_image_passes_layers_that_there_are(layers):
    with pytest.raises(ConfigError, match=r"fusion\.masked_image_layers: \d must be one of the 3 layers"):
        built(fusion=replace(FUSION, masked_image_layers=layers))


@pytest.mark.parametrize("most", [0, -1])
def test_at_least_one_entity_of_a_text_is_read(most):
    with pytest.raises(ConfigError, match=rf"architecture\.knowledge\.max_entities must be at least 1, got {most}"):
        built(knowledge=EntityGraphConfig(ENTITIES, most, num_attention_heads=2, head_size=4))


@torch.no_grad()
def test_more_entities_than_the_maximum_are_cut_and_told_once(capsys):
    backbone = built(knowledge=EntityGraphConfig(ENTITIES, 1, num_attention_heads=2, head_size=4, dropout=0.0))
    backbone.model.eval()
    text = backbone.read_texts(TEXTS)
    assert text.entity_mask.sum(1).tolist() == [1, 0, 1]
    backbone.read_texts(TEXTS)
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "a text names 2 entities, of such the first 1 are read; knowledge.max_entities is the bound" in told
    assert all(value.isfinite().all() for value in outputs(backbone, images()).values())


def test_an_empty_text_has_finite_output():
    given = outputs(built(), images(2), ["", " \n"])
    assert all(value.isfinite().all() for value in given.values())


def millions(*parts):
    return sum(p.numel() for part in parts for p in part.parameters()) / 1e6


def test_the_core_has_the_size_of_the_published_one(monkeypatch):
    """331.5 M: 11 blocks of CLIP's ViT-B/16 at 288 px, RoBERTa-base, six layers of fusion, projections and poolers.

    Counted are timm's encoder and its projection, the text encoder without the head of words, the fusion, the
    projection of the text and both poolers. Three things are not built: two of three input channels, RoBERTa's own
    pooler, and the feed-forward part of the last entity stream, which nothing reads.
    """
    monkeypatch.setattr("gkmvlp.models.arl.GraphAttention", lambda *_: nn.Identity())  # it looks at the edges
    vision = VisionConfig("vit_base_patch16_224", timm_kwargs={"depth": 11})
    with torch.device("meta"):
        model = Arl(ArlArchitecture(image_size=288, vision=vision), 50265, torch.zeros(10, 256), torch.zeros(2, 1))
    text = [model.text.word, model.text.position, model.text.norm, model.text.layers]
    pooler, channels = (768 * 768 + 768) / 1e6, 2 * 16 * 16 * 768 / 1e6
    assert millions(model.vision.model) + channels == pytest.approx(78.8, abs=0.05)
    assert millions(*text) + pooler == pytest.approx(124.6, abs=0.05)
    assert millions(model.layers[0]) == pytest.approx(2 * 9.45 + 2.04, abs=0.02)
    core = [model.vision.model, model.vision.project, *text, model.layers, model.text_projection]
    left_out = pooler + channels + millions(model.layers[0].entity_feed)
    assert millions(*core, model.text_pooler, model.image_pooler) + left_out == pytest.approx(331.5, abs=0.1)
    assert millions(model.image_decoder) + 2 * 256 * 385 / 1e6 == pytest.approx(7.7, abs=0.1)
    assert millions(model.text_query, model.image_query) == pytest.approx(2 * 0.788, abs=0.01)
