"""How the predictions of each task are scored, one task a file."""
