"""LightningModules: batches to loss and figures."""
