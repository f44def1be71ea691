"""``gkmvlp zoo``: models and configs."""
