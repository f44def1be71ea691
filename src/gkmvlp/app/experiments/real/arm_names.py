"""Names of the arms of the tables on patients, for those that run them and for a command that imports nothing slow.

What each starts from stands at the head of ``gkmvlp experiment real --help``.
"""

ARMS = ("pretrained", "phantom", "public_weights", "random_weights")
WITH_BACKBONE = ("pretrained", "phantom")  # arms that know entities, sentences and places before any fine-tuning
