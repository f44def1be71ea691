"""``gkmvlp evaluate``: predictions files, a backbone, the page of a run."""
