"""What a MONAI bundle runs: from picture files to a table of findings or answers. ``gkmvlp export`` copies it there.

It stands alone: cv2, numpy, Pillow, torch, for questions tokenizers, and nothing of gkmvlp.
B images, S side, R regions, L labels, K answers, T tokens.
"""

import csv
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor, nn

SUFFIXES = (".png", ".jpg", ".jpeg")
YES_AND_NO = ("yes", "no")
# an auxiliary verb first, and no choice between two things: such a question is answered by yes or no
_ASKS_YES_OR_NO = re.compile(
    r"\s*(?:and |so |then |also )?(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should|may|might)\b"
    r"(?!.*\bor\b)",
    re.IGNORECASE | re.DOTALL,
)


class Network(nn.Module):
    """The exported program, with the mean boxes of the regions in a frontal view beside each image.

    Args:
        program: The file that torch.export wrote; ``PROGRAM.json`` lies beside it.
    """

    box_R4: Tensor

    def __init__(self, program: str) -> None:
        super().__init__()
        self.told = told = json.loads(Path(f"{program}.json").read_text(encoding="utf-8"))
        boxes = [told["region_boxes"]["PA"][name] for name in told["regions"]]
        self.register_buffer("box_R4", torch.tensor(boxes, dtype=torch.float32).clamp(0, 1))
        self.run = torch.export.load(program).module()

    def train(self, mode: bool = True) -> "Network":
        """Stays as it is: a program has no training mode."""
        return self

    def forward(self, image_B1SS: Tensor) -> Tensor:
        """Log odds of each label, (B, L)."""
        score_BL: Tensor = self.run(image_B1SS, self.box_R4.expand(len(image_B1SS), -1, -1))
        return score_BL


class AskingNetwork(Network):
    """The exported program for questions: one question is asked about every image.

    Args:
        program: As of ``Network``; the folder ``PROGRAM.tokenizer`` lies beside it.
        question: The question.
    """

    def __init__(self, program: str, question: str) -> None:
        super().__init__(program)
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(f"{program}.tokenizer/tokenizer.json")
        tokenizer.enable_truncation(self.told["max_length"])
        tokenizer.no_padding()
        self.question, self.ids_T = question, torch.tensor(tokenizer.encode(question).ids)
        fits = [answer in YES_AND_NO for answer in self.told["answers"]]
        is_limited = sum(fits) == len(YES_AND_NO) and _ASKS_YES_OR_NO.match(question) is not None
        self.fits_K = torch.tensor(fits) if is_limited else torch.ones(len(fits), dtype=torch.bool)

    def forward(self, image_B1SS: Tensor) -> Tensor:
        """Log-probability of each answer, (B, K); minus infinity of what no question for yes or no is answered by.

        Raises:
            ValueError: If there is no question.
        """
        if not self.question.strip():
            raise ValueError("what is asked about every image is missing: name it by --question TEXT")
        ids_BT = self.ids_T.expand(len(image_B1SS), -1)
        box_BR4 = self.box_R4.expand(len(image_B1SS), -1, -1)
        score_BK: Tensor = self.run(image_B1SS, box_BR4, ids_BT, torch.ones_like(ids_BT, dtype=torch.bool))
        return score_BK.masked_fill(~self.fits_K, -torch.inf)


class ReadRadiographd:
    """A transform: the path under ``image`` becomes what the network reads, and ``file`` keeps the path.

    Args:
        side: Side S of the square in pixels.
        resize_mode: ``pad``, ``crop`` or ``squash``.
        intensity: ``equalized``, ``minmax`` or ``voi``.
    """

    def __init__(self, side: int, resize_mode: str, intensity: str) -> None:
        self.side, self.resize_mode, self.intensity = side, resize_mode, intensity

    def __call__(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """One row; ``image`` is then (1, S, S) float32 in [0, 1].

        Raises:
            ValueError: If the file is no picture of eight bits.
        """
        file = str(item["image"])
        shown_HW = shown_as(read_picture(file), self.intensity)
        square_SS = fitted(shown_HW, self.side, self.resize_mode)
        return {**item, "image": torch.from_numpy(square_SS)[None].float().div_(255), "file": file}


def read_picture(file: str) -> np.ndarray[Any, Any]:
    """Grey levels (H, W) uint8 of a PNG or JPG, upright; transparency is dropped.

    Raises:
        ValueError: If it is something else.
    """
    with Image.open(file) as picture:
        if picture.mode not in ("1", "L", "LA", "P", "RGB", "RGBA"):
            raise ValueError(f"{file}: a PNG or JPG of eight bits was expected, got mode {picture.mode}: convert it")
        upright = ImageOps.exif_transpose(picture)
        return np.asarray(upright.convert("RGB").convert("L") if picture.mode == "P" else upright.convert("L"))


def shown_as(image_HW: np.ndarray[Any, Any], intensity: str) -> np.ndarray[Any, Any]:
    """Grey levels as the model reads them."""
    if intensity == "equalized":
        return cv2.equalizeHist(image_HW)
    if intensity == "minmax":
        low, high = int(image_HW.min()), int(image_HW.max())
        return np.rint((image_HW.astype(np.float64) - low) * 255 / max(high - low, 1)).astype(np.uint8)
    return image_HW


def fitted(image_HW: np.ndarray[Any, Any], side: int, resize_mode: str) -> np.ndarray[Any, Any]:
    """The picture in a square (S, S); what it does not fill is 0."""
    height, width = image_HW.shape
    scales = side / width, side / height
    if resize_mode != "squash":
        scales = (min(scales) if resize_mode == "pad" else max(scales),) * 2
    how = cv2.INTER_AREA if min(scales) < 1 else cv2.INTER_LINEAR
    size = max(round(width * scales[0]), 1), max(round(height * scales[1]), 1)
    small = cv2.resize(image_HW, size, interpolation=how)
    left, top = round((side - width * scales[0]) / 2), round((side - height * scales[1]) / 2)
    small = small[max(-top, 0) : max(-top, 0) + side, max(-left, 0) : max(-left, 0) + side]
    top, left = min(max(top, 0), side - small.shape[0]), min(max(left, 0), side - small.shape[1])
    square_SS = np.zeros((side, side), np.uint8)
    square_SS[top : top + small.shape[0], left : left + small.shape[1]] = small
    return square_SS


def images_in(folder: str) -> list[dict[str, str]]:
    """A row for each picture below a folder.

    Raises:
        ValueError: If there is none.
    """
    files = sorted(str(file) for file in Path(folder).rglob("*") if file.suffix.lower() in SUFFIXES)
    if not files:
        raise ValueError(f"{folder}: no picture ({', '.join(SUFFIXES)}): name a folder by --dataset_dir")
    return [{"image": file} for file in files]


class Evaluator:
    """Runs a network over batches and writes a table: a row an image, a column a label.

    Args:
        val_data_loader: Batches with ``image`` and ``file``.
        network: What scores them.
        inferer: How it is called; one of MONAI's.
        postprocessing: From a row with ``pred`` (L,), log odds, to one with probabilities.
        labels: Names of the columns.
        notice: First line of the table.
        output: The file.
    """

    def __init__(
        self,
        val_data_loader: Iterable[Mapping[str, Any]],
        network: nn.Module,
        inferer: Callable[[Tensor, nn.Module], Tensor],
        postprocessing: Callable[[dict[str, Any]], Mapping[str, Any]],
        labels: Sequence[str],
        notice: str,
        output: str,
    ) -> None:
        self.loader, self.network, self.inferer = val_data_loader, network, inferer
        self.postprocessing, self.labels, self.notice, self.output = postprocessing, labels, notice, Path(output)

    def run(self) -> Path:
        """Writes the table, and says where."""
        self.output.parent.mkdir(parents=True, exist_ok=True)
        with self.output.open("w", newline="", encoding="utf-8") as stream, torch.inference_mode():
            stream.write(f"# {self.notice}\n")
            table = csv.writer(stream)
            table.writerow(["file", *self.columns()])
            for batch in self.loader:
                score_BL = self.inferer(batch["image"], self.network)
                for file, score_L in zip(batch["file"], score_BL, strict=True):
                    table.writerow([file, *self.cells(self.postprocessing({"pred": score_L})["pred"].tolist())])
        print(f"{self.output} ({self.notice})")
        return self.output

    def columns(self) -> list[str]:
        """What stands above the cells."""
        return list(self.labels)

    def cells(self, probability_L: list[float]) -> list[str]:
        """What is said of an image."""
        return [f"{value:.6f}" for value in probability_L]


class AnswerEvaluator(Evaluator):
    """``Evaluator`` for questions: a row has the likeliest of the labels, which are answers, and its probability."""

    def columns(self) -> list[str]:
        """What stands above the cells."""
        return ["answer", "probability"]

    def cells(self, probability_L: list[float]) -> list[str]:
        """What is said of an image."""
        best = max(range(len(probability_L)), key=probability_L.__getitem__)
        return [self.labels[best], f"{probability_L[best]:.6f}"]
