"""Several runs compared: conditions, folds, ablations, real data, the packaged models."""
