"""``gkmvlp experiment``: several trainings, and the document of results."""
