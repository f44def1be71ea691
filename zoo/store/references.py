"""References to models: ``zoo://NAME`` and ``hf://org/repo`` lead to a folder.

Importing this module lets ``gkmvlp.models.backbone`` read such references too.
"""

from pathlib import Path

from gkmvlp.models import locations
from gkmvlp.zoo.download import download
from gkmvlp.zoo.hub import hub_folder
from gkmvlp.zoo.registry import find


def zoo_folder(reference: str) -> Path:
    """The folder of the files of ``zoo://NAME``, fetched where they are not here.

    Raises:
        ZooError: If there is no such model, or it cannot be had.
    """
    return download(find(reference))


locations.SCHEMES |= {"zoo": zoo_folder, "hf": hub_folder}
