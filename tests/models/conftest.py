"""A backbone small enough to build in every test."""

import copy

import pytest
import torch
from torch import nn

from gkmvlp.anatomy import REGIONS
from gkmvlp.checkpoints import backbone as backbones
from gkmvlp.models.config import Architecture, KnowledgeConfig, TextConfig, VisionConfig
from gkmvlp.models.tokenizer import tokenize

SENTENCES = [
    "The heart is normal in size.",
    "There is a small left pleural effusion.",
    "No pneumothorax is seen.",
    "Right lower lobe opacity may represent pneumonia.",
]
ENTITIES = ["pleural effusion", "cardiomegaly", "pneumothorax", "fracture"]
VIT = {"patch_size": 8, "embed_dim": 16, "depth": 1, "num_heads": 2}


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture
def tiny():
    """Makes architectures: 32 px, 4 x 4 patches, width 16; dotted keys are set to the values given."""

    def make(**changes):
        architecture = Architecture(
            image_size=32,
            projection_dim=8,
            vision=VisionConfig("vit_tiny_patch16_224", timm_kwargs=dict(VIT)),
            text=TextConfig(
                hidden_size=16,
                num_hidden_layers=2,
                num_attention_heads=2,
                intermediate_size=24,
                vocab_size=200,
                max_length=48,
            ),
            knowledge=KnowledgeConfig(ENTITIES, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24),
        )
        for key, value in changes.items():
            *path, name = key.split(".")
            owner = architecture
            for part in path:
                owner = getattr(owner, part)
            assert hasattr(owner, name), key
            setattr(owner, name, copy.deepcopy(value))
        return architecture

    return make


@pytest.fixture
def build(tiny):
    """Builds backbones from the same seed, in evaluation mode, biases and norms away from 0 and 1."""

    def make(architecture=None):
        torch.manual_seed(0)
        backbone = backbones.build(architecture or tiny(), SENTENCES)
        for module in backbone.model.modules():
            if isinstance(module, nn.LayerNorm | nn.Linear) and module.bias is not None:
                nn.init.normal_(module.bias, std=0.1)
        backbone.model.eval()
        return backbone

    return make


@pytest.fixture
def images():
    """Makes what ``encode_image`` reads: images, boxes as fractions of the frame, masks."""

    def make(count=3, side=32):
        generator = torch.Generator().manual_seed(1)
        image = torch.rand(count, 1, side, side, generator=generator)
        low = 0.6 * torch.rand(count, len(REGIONS), 2, generator=generator)
        size = 0.1 + 0.3 * torch.rand(count, len(REGIONS), 2, generator=generator)
        return image, torch.cat([low, low + size], -1), torch.ones(count, len(REGIONS), dtype=torch.bool)

    return make


@pytest.fixture
def outputs():
    """All that a backbone gives: entity logits, vectors, match and decoder logits, by name."""

    def read(backbone, image, box, mask, texts=SENTENCES[:3], **options):
        model, max_tokens = backbone.model, backbone.model.architecture.text.max_length
        look = model.encode_image(image, box, mask, **options)
        tokens = tokenize(backbone.tokenizer, texts, max_tokens)
        starts = tokenize(backbone.tokenizer, texts, max_tokens, decode=True)
        return {
            "entity": model.entity_logits(look.grounded),
            "image": model.embed_image(look.features),
            "text": model.embed_text(tokens),
            "match": model.itm_logits(tokens, look.memory),
            "decode": model.decode(starts, look.memory),
        }

    return read
