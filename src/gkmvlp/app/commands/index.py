"""Make an index of one's own radiographs, in which gkmvlp serve looks for the nearest ones.

A vector of a backbone, the name and a thumbnail of each image (JPG, PNG, DICOM, or folders of them) in one file. It
holds pictures of patients where the images do: keep it where they may be kept.

Research software, not for clinical use.
"""

import argparse
from collections import Counter
from pathlib import Path

from gkmvlp.app.command_line.outputs import file_of, require_writable_file
from gkmvlp.app.commands.options import add_accept_argument, add_device_argument


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare images, model and file."""
    parser.add_argument("folders", metavar="FOLDER", nargs="+", type=Path, help="folder that is searched, or file")
    parser.add_argument("--model", metavar="REF", required=True, help="zoo://NAME, or folder of a backbone or its run")
    parser.add_argument("--out", metavar="FILE", type=file_of(".parquet"), required=True, help="the index: .parquet")
    add_accept_argument(parser)
    add_device_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Embed what can be read; name what cannot."""
    from gkmvlp.app.prediction.images import find_images
    from gkmvlp.app.prediction.quick_imports import quick_imports
    from gkmvlp.app.prediction.request import require_accepted
    from gkmvlp.errors import DataError

    require_accepted(arguments.accept)
    require_writable_file(arguments.out, "--out")
    found = find_images(arguments.folders)
    names = [_name(file, arguments.folders) for file in found]
    times = Counter(names)  # two folders may hold files of one name
    files = [(name if times[name] == 1 else file.as_posix(), file) for name, file in zip(names, found, strict=True)]
    with quick_imports():
        from gkmvlp.app.serving.neighbours import build_index, write_index
        from gkmvlp.zoo.inference.loading import open_predictor
    predictor = open_predictor(arguments.model, arguments.device)
    index, bad = build_index(predictor, files, arguments.accept)
    write_index(arguments.out, index, predictor, arguments.model)
    print(f"{arguments.out}: {len(index.names):,} images")
    if bad:
        raise DataError(f"{len(bad)} of {len(files)} images: " + "; ".join(bad))
    return 0


def _name(file: Path, folders: list[Path]) -> str:
    """The path below the folder that was named."""
    inside = (folder for folder in folders if folder in file.parents)
    return next((file.relative_to(folder).as_posix() for folder in inside), file.name)
