"""Architectures: torch, timm and transformers; they know neither Lightning, data nor losses."""
