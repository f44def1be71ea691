"""From a row to a batch: images, transforms, cache, splits, ledger."""
