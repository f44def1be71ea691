"""Reports and questions of a planned patient."""
