"""From a planned patient to a radiograph."""
