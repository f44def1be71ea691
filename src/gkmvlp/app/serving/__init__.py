"""``gkmvlp serve`` and ``gkmvlp index``: a local page that reads radiographs, and the nearest images among one's own."""
