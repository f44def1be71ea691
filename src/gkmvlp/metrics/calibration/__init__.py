"""From scores to probabilities that mean something, and to thresholds with a name."""
