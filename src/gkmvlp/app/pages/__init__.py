"""The result page: curves, pictures, sections and tables."""
