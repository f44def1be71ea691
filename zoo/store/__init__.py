"""Released models: download, publish, register, convert."""
