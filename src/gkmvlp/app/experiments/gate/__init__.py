"""The gate: what it is trained and measured on, its training, its figures."""
