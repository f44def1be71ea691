"""Grounded, knowledge-enhanced vision-language pre-training on chest radiographs."""

__version__ = "0.1.0"
