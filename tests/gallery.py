"""Makes the pictures of ``docs/gallery.md``: packaged models before phantoms. ``make gallery`` runs it.

Nothing is trained. Every picture is one that ``gkmvlp predict --pictures`` or a result page draws, made smaller.
"""

import base64
import re
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

from gkmvlp.app.cli import main

GALLERY = Path(__file__).resolve().parents[1] / "docs" / "gallery"
PATIENTS, SEED, SIZE = 120, 3, 256
IMAGE = "00000003_000.png"  # of the phantoms: one with several findings
WIDEST = 900  # pixels
# name of the picture -> model and words of the prediction that draws it
PREDICTIONS = {
    "grounding": ("gk-mvlp-phantom", ["--task", "grounding"]),
    "zero-shot": ("gk-mvlp-phantom", ["--task", "zero_shot"]),
    "classification": ("gk-mvlp-phantom-classification", ["--task", "classification"]),
    "localization": ("gk-mvlp-phantom-localization", ["--task", "localization"]),
    "report": ("gk-mvlp-phantom-report", ["--task", "report"]),
    "question": ("gk-mvlp-phantom-vqa", ["--task", "vqa", "--question", "Is there a pleural effusion?"]),
}


def run(*words: str | Path) -> None:
    """One command, in this process.

    Raises:
        SystemExit: If it fails; the command has said why.
    """
    if code := main([str(word) for word in words]):
        raise SystemExit(code)


def shrink(picture: Image.Image, name: str) -> None:
    """Writes one picture of the gallery: at most ``WIDEST`` wide, in 256 colours."""
    picture = picture.convert("RGB")
    picture.thumbnail((WIDEST, WIDEST), Image.Resampling.LANCZOS)
    picture.quantize(256, dither=Image.Dither.NONE).save(GALLERY / f"{name}.png", optimize=True)


def first_picture_of(page: Path) -> Image.Image:
    """The first plot of a result page.

    Raises:
        ValueError: If there is none.
    """
    plot = re.search(r'<figure><img [^>]*src="data:image/png;base64,([^"]+)"', page.read_text(encoding="utf-8"))
    if plot is None:
        raise ValueError(f"{page}: no picture on it")
    return Image.open(BytesIO(base64.b64decode(plot[1])))


def make(scratch: Path) -> None:
    """Draws the phantoms, lets the models read them, and writes the gallery."""
    GALLERY.mkdir(exist_ok=True)
    data = scratch / "data"
    run("data", "phantom", "--root", data, "--patients", str(PATIENTS), "--seed", str(SEED), "--layouts", "nih",
        "--image-size", str(SIZE))  # fmt: skip
    image = next(data.rglob(IMAGE))
    for name, (model, words) in PREDICTIONS.items():
        run("predict", "--model", f"zoo://{model}", *words, "--device", "cpu", "--pictures", scratch / name, image)
        shrink(Image.open(scratch / name / IMAGE), name)
    run("evaluate", "grounding", "--root", data, "--config", "grounding-phantom", "--out", scratch / "run",
        "--backbone", "zoo://gk-mvlp-phantom")  # fmt: skip
    shrink(first_picture_of(scratch / "run" / "report.html"), "page")


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        make(Path(folder))
