"""Read radiographs (JPG, PNG, DICOM, or folders of them) with a trained model.

classification  probability of each entity, by the head that pre-training left, or of each label, by a model that
                `make finetune-classification` left
zero_shot       similarity to each line of --prompts ("a | b" is a minus b); absent: present against absent sentences
grounding       the point that each entity's prompt attends to most, and the region that this point lies in; --out
                also has the region that the prompt attends to most (attended_region)
localization    boxes of findings, by a model that `make finetune-localization` left; all of them in --out, those above
                the threshold that validation chose on stdout and in pictures
report          the report, by a model that `make finetune-report` left
vqa             the answer to --question, by a model that `make finetune-vqa` left; in_scope says whether the model
                was trained on the findings that the question names
embed           unit vectors of the images, and of the lines of --prompts, in one space

Research software, not for clinical use.
"""

import argparse
from pathlib import Path

from gkmvlp.app.running.outputs import file_of

TASKS = ("classification", "zero_shot", "grounding", "localization", "report", "vqa", "embed")
ACCEPT = ("lateral", "modality", "blank")
SUFFIXES = (".png", ".jpg", ".jpeg", ".dcm", ".dicom")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare model, images, task and outputs."""
    parser.add_argument("images", metavar="IMAGE", nargs="+", type=Path, help="file, or folder that is searched")
    described = "zoo://NAME, or folder of a backbone, a model or their run"
    parser.add_argument("--model", metavar="REF", required=True, help=described)
    parser.add_argument("--task", metavar="TASK", required=True, help=", ".join(TASKS))
    parser.add_argument("--question", metavar="TEXT", help="what vqa is asked about every image")
    parser.add_argument("--prompts", metavar="FILE", type=Path, help="text file, one prompt a line")
    told = "where the rows are written: .parquet (with where they come from), .csv or .json"
    parser.add_argument("--out", metavar="FILE", type=file_of(".parquet", ".csv", ".json"), help=told)
    parser.add_argument("--pictures", metavar="DIR", type=Path, help="where a picture of each image is written")
    told = "read what is no frontal radiograph too: lateral, modality (CT, MG ...), blank"
    parser.add_argument("--accept", metavar="WHAT", nargs="+", default=(), help=told)
    parser.add_argument("--device", metavar="NAME", help="cpu, cuda or cuda:N (absent: a GPU where there is one)")


def run(arguments: argparse.Namespace) -> int:
    """Predict what can be read; name what cannot."""
    _check(arguments)
    images = find_images(arguments.images)
    from gkmvlp.app.prediction.rows import predict_rows
    from gkmvlp.app.prediction.table import read_prompts, show, write_rows
    from gkmvlp.errors import DataError
    from gkmvlp.zoo.inference.loading import open_reader

    prompts = read_prompts(arguments.prompts) if arguments.prompts else []
    reader = open_reader(arguments.model, arguments.device)
    if reader.notice:
        print(reader.notice)
    for folder in (arguments.out and arguments.out.parent, arguments.pictures):
        if folder:
            _make(folder)
    done = predict_rows(
        reader, arguments.task, images, arguments.question, prompts, arguments.pictures, arguments.accept
    )
    if done.rows:
        show(arguments.task, done.rows)
    if arguments.question and (told := reader.out_of_scope(arguments.question)):
        print(told)
    if done.rows and arguments.out:
        write_rows(arguments.out, done.rows, arguments.task, arguments.model, reader)
    if done.bad:
        told = f"{len(done.bad)} of {len(images)} images: " if len(images) > 1 else ""
        raise DataError(told + "; ".join(done.bad))
    return 0


def _check(arguments: argparse.Namespace) -> None:
    """Refuse what cannot work before anything is loaded."""
    from gkmvlp.app.running.cli_errors import hint
    from gkmvlp.errors import UsageError

    task = arguments.task
    if task not in TASKS:
        raise UsageError(f"no task {task!r}{hint(task, TASKS)} ({', '.join(TASKS)})")
    if (task == "vqa") != (arguments.question is not None):
        raise UsageError("--task vqa needs --question TEXT, and only that task takes one")
    if arguments.prompts and task not in ("zero_shot", "embed"):
        raise UsageError(f"--task {task} takes no --prompts; zero_shot and embed do")
    for word in arguments.accept:
        if word not in ACCEPT:
            raise UsageError(f"--accept {word}{hint(word, ACCEPT)} ({', '.join(ACCEPT)})")
    if arguments.pictures and task == "embed":
        raise UsageError("--task embed has nothing to draw: leave --pictures out")


def find_images(paths: list[Path]) -> list[Path]:
    """The files named, and those with the suffix of an image in the folders named, hidden ones left out.

    Raises:
        UsageError: If one does not exist, or a folder holds no image.
    """
    from gkmvlp.app.running.cli_errors import hint
    from gkmvlp.errors import UsageError

    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            inside = [file for file in sorted(path.rglob("*")) if _is_image(file, path)]
            if not inside:
                raise UsageError(f"no image in {path}: files {', '.join(SUFFIXES)} were looked for")
            found |= dict.fromkeys(inside)
        elif path.is_file():
            found[path] = None
        else:
            beside = [str(file) for file in path.parent.iterdir()] if path.parent.is_dir() else []
            raise UsageError(f"no image {path}{hint(str(path), beside)}")
    return list(found)


def _is_image(file: Path, folder: Path) -> bool:
    """Whether a file has the suffix of an image and is not hidden, as macOS hides ``._x.jpg`` beside ``x.jpg``."""
    is_hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
    return file.suffix.lower() in SUFFIXES and not is_hidden and file.is_file()


def _make(folder: Path) -> None:
    """Make an output folder.

    Raises:
        ConfigError: If that fails.
    """
    from gkmvlp.errors import ConfigError

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"output folder {folder} cannot be made ({error.strerror}): name another") from error
