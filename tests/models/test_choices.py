"""Every choice of the architecture is a config value that changes what comes out, the weights being the same."""

import pytest
import torch

from gkmvlp.errors import ConfigError
from gkmvlp.models.config import Architecture, ArlArchitecture
from tests.tiny import architecture, arl_architecture

CHOICES = [
    ("image_size", 40),
    ("projection_dim", 4),
    ("vision.name", "test_vit"),
    ("vision.timm_kwargs", {"patch_size": 8, "embed_dim": 16, "depth": 2, "num_heads": 2}),
    ("vision.out_indices", [0]),
    ("text.vocab_size", 90),
    ("memory_grid", 2),
    ("text.hidden_size", 32),
    ("text.num_hidden_layers", 1),
    ("text.num_attention_heads", 1),
    ("text.intermediate_size", 16),
    ("text.layer_norm_eps", 0.1),
    ("text.max_length", 6),
    ("text.pooling", "mean"),
    ("text.fusion_layer", 1),
    ("text.dropout", 0.4),
    ("knowledge.entities", ["cardiomegaly", "pleural effusion", "pneumothorax", "fracture"]),
    ("knowledge.mode", "report"),
    ("knowledge.num_hidden_layers", 1),
    ("knowledge.num_hidden_layers", 0),
    ("knowledge.num_attention_heads", 1),
    ("knowledge.intermediate_size", 16),
    ("knowledge.routing", "none"),
    ("knowledge.routing", "hard"),
    ("knowledge.routing_eps", 0.3),
    ("knowledge.region_pooling", "roi_align"),
    ("knowledge.region_prior", "all"),
    ("knowledge.region_prior", "shuffled"),
    ("knowledge.dropout", 0.4),
]
ELSEWHERE = {
    "resize_mode": "the reader of images; tests of data modules",
    "intensity": "the reader of images; tests of data modules",
    "vision.weights": "test_vision_weights.py",
    "text.weights": "test_text.py",
    "text.tokenizer": "test_backbone.py",
}


def fitted(build, architecture, base):
    """A backbone with all tensors of the base that fit, so that only the structure differs."""
    backbone = build(architecture)
    fixed = {"prior_ER", "prompt_ET", "prompt_mask_ET"}
    state = backbone.model.state_dict()
    same = {key: x for key, x in base.items() if key not in fixed and key in state and state[key].shape == x.shape}
    backbone.model.load_state_dict(same, strict=False)
    return backbone


@pytest.mark.parametrize(("key", "value"), CHOICES)
def test_a_choice_changes_the_outputs(tiny, build, images, outputs, key, value):
    base, other = tiny(), tiny(**{key: value})
    weights = build(base).model.state_dict()
    results = []
    for one in (base, other):
        backbone = fitted(build, one, weights)
        backbone.model.train("dropout" in key)
        torch.manual_seed(7)
        results.append(outputs(backbone, *images(2, one.image_size), ["The heart is large.", "No effusion."]))
    first, second = results
    assert any(
        first[name].shape != second[name].shape or (first[name] - second[name]).abs().max() > 1e-5 for name in first
    )


def test_the_list_is_complete():
    def keys(values, prefix=""):
        for key, value in values.items():
            if isinstance(value, dict) and key != "timm_kwargs":
                yield from keys(value, f"{prefix}{key}.")
            else:
                yield prefix + key

    assert {key for key, _ in CHOICES} | set(ELSEWHERE) == set(keys(Architecture().to_dict()))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"text.num_attention_heads": 3}, "architecture.text: 3 attention heads do not divide a width of 16"),
        ({"knowledge.num_attention_heads": 3}, "architecture.knowledge: 3 attention heads do not divide a width of 16"),
        ({"vision.name": None}, "architecture.vision.name is null: str was expected"),
        ({"text.num_hidden_layers": None}, "architecture.text.num_hidden_layers is null: int was expected"),
        ({"text.max_length": 2}, r"architecture.text.max_length must be at least 3, got 2"),
    ],
)
def test_an_architecture_that_cannot_be_built_is_refused(changes, told):
    with pytest.raises(ConfigError, match=told):
        Architecture.from_dict(architecture(**changes).to_dict())


def test_heads_of_the_fusion_divide_what_they_share():
    for change, told in (
        ({"fusion.num_attention_heads": 3}, "fusion: 3 "),
        ({"fusion.entity_attention_heads": 5}, "fusion .entities.: 5 "),
        ({"image_decoder.num_attention_heads": 5}, "image_decoder: 5 "),
    ):
        with pytest.raises(ConfigError, match=f"architecture.{told}attention heads do not divide a width of "):
            ArlArchitecture.from_dict(arl_architecture(**change).to_dict())
