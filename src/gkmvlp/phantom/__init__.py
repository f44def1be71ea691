"""Draws synthetic patients, images and sentences; knows no data set."""
