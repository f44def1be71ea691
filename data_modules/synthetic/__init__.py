"""Writers that put phantoms into the official layout of a data set."""
