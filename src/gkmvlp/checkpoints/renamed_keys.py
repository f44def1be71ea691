"""Keys that files of earlier releases hold, and their names today. Files are written with today's names alone."""

from collections.abc import Mapping
from typing import Any

ARCHITECTURE = {
    "fit": "resize_mode",
    "embedding": "projection_dim",
    "vision.stages": "out_indices",
    "vision.options": "timm_kwargs",
    "text.vocabulary": "vocab_size",
    "text.width": "hidden_size",
    "text.layers": "num_hidden_layers",
    "text.heads": "num_attention_heads",
    "text.feedforward": "intermediate_size",
    "text.max_tokens": "max_length",
    "text.fusion_start": "fusion_layer",
    "knowledge.layers": "num_hidden_layers",
    "knowledge.heads": "num_attention_heads",
    "knowledge.feedforward": "intermediate_size",
    "knowledge.routing_floor": "routing_eps",
    "knowledge.pooling": "region_pooling",
    "knowledge.grounding": "region_prior",
}
ANSWERS = {"head": "mode", "candidates": "num_candidates"}
ANSWER_MODES = {"ranked": "rank", "free": "generate", "classifier": "classify"}
LABELS = {"features": "head_inputs"}
BOXES = {
    "knowledge": "use_attention_maps",
    "detector.factors": "pyramid_scales",
    "detector.anchor": "anchor_size",
    "detector.overlap": "nms_thresh",
    "detector.least_score": "score_thresh",
}
INFO = {"search": "decoding"}
DECODING = {
    "kind": "strategy",
    "beams": "num_beams",
    "drafts": "num_samples",
    "trust": "entity_head_weight",
    "shortest": "min_new_tokens",
    "longest": "max_new_tokens",
}


def with_new_keys(values: Mapping[str, Any], table: Mapping[str, str], prefix: str = "") -> dict[str, Any]:
    """The values under today's keys.

    Args:
        values: Content of a file, old keys or new ones.
        table: Dotted old key -> last part of the new one. A nested mapping is entered where a row of the table begins
            with its key.
        prefix: Dotted key of ``values`` itself, with a dot at the end.
    """
    changed: dict[str, Any] = {}
    for key, value in values.items():
        inner = f"{prefix}{key}."
        entered = isinstance(value, Mapping) and any(old.startswith(inner) for old in table)
        changed[table.get(prefix + key, key)] = with_new_keys(value, table, inner) if entered else value
    return changed
