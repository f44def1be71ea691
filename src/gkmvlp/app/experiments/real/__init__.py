"""Measurements on real data sets: a table each, its arms, and what stands beside them."""
