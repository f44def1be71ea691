"""Rows that the entity tasks score: ECLS scores, zero-shot scores and the point a prompt attends to most.

B batch, E entities, P patches, h x w grid, S side.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from gkmvlp.batch import StudyBatch
from gkmvlp.entities import entity
from gkmvlp.geometry import Letterbox
from gkmvlp.models.gk_mvlp import GkMvlp
from gkmvlp.models.tokenizer import Tokens

PRESENT = "There is {name}."
ABSENT = "There is no {name}."


def attention_peaks(attention_BEP: Tensor, grid: tuple[int, int], side: int, area_BSS: Tensor | None = None) -> Tensor:
    """Where the map, bicubically enlarged to the frame, is highest.

    Args:
        attention_BEP: Attention over patches (B, E, P).
        grid: (h, w).
        side: S.
        area_BSS: Where to look, such as the image without its padding; everywhere without it.

    Returns:
        Points (B, E, 2), x and y in pixels of the frame, at pixel centres.
    """
    map_BEhw = attention_BEP.float().unflatten(-1, grid)
    peaks = []
    for b, map_Ehw in enumerate(map_BEhw):  # one image at a time: B x E x S x S would not fit
        large_ESS = F.interpolate(map_Ehw[None], (side, side), mode="bicubic", align_corners=False)[0]
        if area_BSS is not None:
            large_ESS = large_ESS.masked_fill(~area_BSS[b], -torch.inf)
        flat_E = large_ESS.flatten(1).argmax(1)
        peaks.append(torch.stack([flat_E % side, flat_E // side], -1) + 0.5)
    return torch.stack(peaks)


def regions_at(point_BE2: Tensor, box_BR4: Tensor, mask_BR: Tensor, attention_BER: Tensor) -> Tensor:
    """The region that each point lies in: of several the one that the prompt attends to most, else the smallest.

    Args:
        point_BE2: Points, x and y as fractions of the frame.
        box_BR4: Region boxes xyxy as fractions of the frame.
        mask_BR: Which regions have a box.
        attention_BER: Attention of the prompts over regions; 0 for regions that an entity cannot show in.

    Returns:
        (B, E) int64 index of the region, -1 where the point lies in none.
    """
    x_BE1, y_BE1 = point_BE2[..., :1], point_BE2[..., 1:]
    x1_B1R, y1_B1R, x2_B1R, y2_B1R = box_BR4[:, None].unbind(-1)
    inside_BER = (x_BE1 >= x1_B1R) & (x_BE1 <= x2_B1R) & (y_BE1 >= y1_B1R) & (y_BE1 <= y2_B1R) & mask_BR[:, None]
    area_B1R = (x2_B1R - x1_B1R) * (y2_B1R - y1_B1R)  # at most 1
    rank_BER = torch.where(attention_BER > 0, attention_BER, -area_B1R)
    best = rank_BER.masked_fill(~inside_BER, -torch.inf).max(-1)
    return best.indices.where(best.values > -torch.inf, -1)


def zero_shot_texts(names: list[str]) -> tuple[list[str], list[str]]:
    """The present and the absent sentence of each entity."""
    return [PRESENT.format(name=name) for name in names], [ABSENT.format(name=name) for name in names]


def zero_shot_scores(model: GkMvlp, image_BD: Tensor, present: Tokens, absent: Tokens) -> Tensor:
    """Similarity to the present sentence minus that to the absent one, (B, E), in [-2, 2].

    Args:
        model: The backbone.
        image_BD: Unit-norm image embeddings.
        present: E sentences.
        absent: E sentences.
    """
    text_ED = model.embed_text(present) - model.embed_text(absent)
    # bfloat16 would make ties of what a ranking tells apart: as in ITC, similarities stay out of autocast
    with torch.autocast(image_BD.device.type, enabled=False):
        return image_BD @ text_ED.T


def entity_rows(
    batch: StudyBatch,
    names: list[str],
    status_BE: Tensor,
    scores: dict[str, Tensor],
    point_BE2: Tensor | None = None,
) -> list[dict[str, Any]]:
    """One row an image and entity.

    Args:
        batch: The batch.
        names: E names.
        status_BE: Statuses from the report; present 1, absent or not mentioned 0, uncertain NaN as target.
        scores: Task name to (B, E).
        point_BE2: Peaks in pixels of the frame, where the model points.
    """
    target_BE = status_BE.float().where(status_BE != -2, torch.zeros(())).where(status_BE != -1, torch.tensor(np.nan))
    rows = []
    for b, sample_id in enumerate(batch["sample_id"]):
        points = [{} for _ in names] if point_BE2 is None else original_points(batch["letterbox"][b], point_BE2[b])
        for e, name in enumerate(names):
            rows.append(
                {
                    "sample_id": sample_id,
                    "patient_id": batch["patient_id"][b],
                    "entity": name,
                    "lateral": entity(name).lateral,
                    "target": float(target_BE[b, e]),
                    **{key: float(value[b, e]) for key, value in scores.items()},
                    **points[e],
                }
            )
    return rows


def original_points(letterbox_6: Tensor, point_E2: Tensor) -> list[dict[str, float]]:
    """Points of the frame, (E, 2), as ``x`` and ``y`` in pixels of the original image."""
    box_E4 = np.concatenate([point_E2.numpy()] * 2, axis=1).astype(np.float32)
    original_E4 = Letterbox(*letterbox_6.tolist()).to_original(box_E4)
    return [{"x": float(x), "y": float(y)} for x, y, *_ in original_E4]
