"""Every choice of the architecture is a config value that changes what comes out, the weights being the same."""

import pytest
import torch

from gkmvlp.models.config import Architecture

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
    for architecture in (base, other):
        backbone = fitted(build, architecture, weights)
        backbone.model.train("dropout" in key)
        torch.manual_seed(7)
        results.append(outputs(backbone, *images(2, architecture.image_size), ["The heart is large.", "No effusion."]))
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
