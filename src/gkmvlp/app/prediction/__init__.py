"""``gkmvlp predict``: the request, its images, the rows, and what is printed, written and drawn."""
