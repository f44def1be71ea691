"""``gkmvlp data``: what is done with a data set, and phantoms."""
