"""Sizes of the demo; they stand on its page.

Corpora of one seed share patients, whatever their size, and not their splits: the backbone of the package, of seed 0,
has seen none of these.
"""

PATIENTS = 4500
VQA_IMAGES = 2000
NIH_PATIENTS = 3000
RSNA_IMAGES = 1200
SEED = 3
