"""LightningDataModules: files on disk to batches."""
