"""Figures with signature and interval."""
