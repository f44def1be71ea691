"""``gkmvlp serve`` and ``gkmvlp index``: a local page that reads radiographs, and the nearest of one's own images."""
