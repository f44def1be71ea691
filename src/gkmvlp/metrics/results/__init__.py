"""Figures, predictions files, results files, and how they are compared."""
