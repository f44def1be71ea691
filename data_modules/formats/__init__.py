"""Reads data sets as their owners ship them; the mirror image of ``synthetic``."""
