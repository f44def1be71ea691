"""Opening a model and reading images with it."""
