"""What a MONAI bundle runs: from picture files to a table. ``gkmvlp export`` copies these files there.

They stand alone: cv2, numpy, Pillow, torch, for questions tokenizers, for boxes torchvision, and nothing of gkmvlp; nor
do they import each other.
"""
