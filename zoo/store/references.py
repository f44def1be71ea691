"""References to models: ``zoo://NAME`` and ``hf://org/repo`` lead to a folder.

Importing this module lets ``gkmvlp.checkpoints.backbone`` read such references too.
"""

from pathlib import Path

from gkmvlp.checkpoints import references
from gkmvlp.zoo.registry import find
from gkmvlp.zoo.store.download import download
from gkmvlp.zoo.store.hub import hub_folder


def zoo_folder(reference: str) -> Path:
    """The folder of the files of ``zoo://NAME``, fetched where they are not here.

    Raises:
        ZooError: If there is no such model, or it cannot be had.
    """
    return download(find(reference))


references.SCHEMES |= {"zoo": zoo_folder, "hf": hub_folder}
