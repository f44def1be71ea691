"""Which regions a prompt may read: its own, all, or wrong ones."""

import numpy as np
import torch

from gkmvlp.anatomy import REGIONS, atlas
from gkmvlp.entities import ENTITIES, prior
from gkmvlp.models.config import KnowledgeConfig
from gkmvlp.models.priors import allowed_regions

NAMES = [entity.name for entity in ENTITIES if len(entity.regions) > 0]
OWN = torch.from_numpy(prior(NAMES))


def painted(regions: torch.Tensor) -> np.ndarray:
    """Pixels of a 200 x 200 frame inside any of the regions' boxes."""
    canvas = np.zeros((200, 200), bool)
    for x1, y1, x2, y2 in (atlas()[regions.numpy()] * 200).round().astype(int):
        canvas[y1:y2, x1:x2] = True
    return canvas


def test_prior_and_all():
    assert torch.equal(allowed_regions(KnowledgeConfig(NAMES)), OWN)
    assert allowed_regions(KnowledgeConfig(NAMES, region_prior="all")).all()


def test_shuffled_regions_lie_elsewhere():
    wrong = allowed_regions(KnowledgeConfig(NAMES, region_prior="shuffled"))
    assert not (wrong & OWN).any()
    assert (wrong.sum(1) >= 1).all()
    assert (wrong.sum(1) <= OWN.sum(1)).all()
    for name, own_R, wrong_R in zip(NAMES, OWN, wrong, strict=True):
        own, other = painted(own_R), painted(wrong_R)
        assert (own & other).sum() <= 0.3 * other.sum(), name


def test_an_entity_that_shows_everywhere_has_no_wrong_place():
    everywhere = [entity.name for entity in ENTITIES if len(entity.regions) in (0, len(REGIONS))]
    assert not allowed_regions(KnowledgeConfig(everywhere, region_prior="shuffled")).any()
