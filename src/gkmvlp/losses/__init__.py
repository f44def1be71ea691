"""Objectives, one a file, pure functions."""
