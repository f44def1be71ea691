"""What ``zoo://NAME`` leads to. ``gkmvlp/__init__`` registers it, and ``hf://``, for all that reads a model."""

from pathlib import Path

from gkmvlp.zoo.registry import find
from gkmvlp.zoo.store.download import download


def zoo_folder(reference: str) -> Path:
    """The folder of the files of ``zoo://NAME``, fetched where they are not here.

    Raises:
        ZooError: If there is no such model, or it cannot be had.
    """
    return download(find(reference))
