"""Configs, registry and model entries."""
