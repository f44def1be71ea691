"""Which regions each prompt may read.

E entities, R regions, P cells of a grid over the frame.
"""

import torch
from torch import Tensor

from gkmvlp.anatomy import atlas
from gkmvlp.entities import prior
from gkmvlp.models.config import KnowledgeConfig
from gkmvlp.models.regions import coverage

CELLS = 64  # a side
TOUCHING = 0.1  # largest share of a displaced region that may lie inside an entity's own


def allowed_regions(config: KnowledgeConfig) -> Tensor:
    """The regions that each prompt may read, (E, R) bool."""
    prior_ER = torch.from_numpy(prior(config.entities))
    if config.region_prior == "all":
        return torch.ones_like(prior_ER)
    return displaced(prior_ER) if config.region_prior == "shuffled" else prior_ER


def displaced(prior_ER: Tensor) -> Tensor:
    """Regions in the wrong places: at most as many as each prompt has, those that lie least inside its own.

    A permutation of the prior's rows would not do: most entities are of the lungs, and so would be their new rows.
    Places are those of the PA atlas.

    Args:
        prior_ER: (E, R) bool.

    Returns:
        (E, R) bool, none of it in ``prior_ER``; none at all for an entity that can show everywhere.
    """
    cover_RP = coverage(torch.from_numpy(atlas())[None], (CELLS, CELLS))[0]
    own_EP = (prior_ER.float() @ cover_RP).clamp(max=1)
    inside_ER = own_EP @ cover_RP.T / cover_RP.sum(1)
    rank_ER = inside_ER.masked_fill(prior_ER, 2.0).argsort(dim=1, stable=True).argsort(1)
    wrong_ER = (rank_ER == 0) | ((rank_ER < prior_ER.sum(1, keepdim=True)) & (inside_ER < TOUCHING))
    return wrong_ER & ~prior_ER
