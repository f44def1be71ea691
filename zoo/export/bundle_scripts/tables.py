"""From what the network gives to a table.

B images, S side, L labels, E entities, P patches, R regions, A anchors, N boxes.
"""

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

Frame = Sequence[float]  # scales, shifts, width and height (see ``radiographs.Frame``)
Row = list[str]


class Evaluator:
    """Runs a network over batches and writes a table: a row an image, a column a label, then a decision a label.

    Args:
        val_data_loader: Batches with ``image``, ``file`` and ``frame``.
        network: What scores them.
        inferer: How it is called; one of MONAI's.
        postprocessing: From a row with ``pred``, scores of an image, to one with probabilities and ``is_likely``.
        labels: Names of what is scored.
        notices: First lines of the table.
        output: The file.
    """

    def __init__(
        self,
        val_data_loader: Iterable[Mapping[str, Any]],
        network: Any,
        inferer: Callable[[Tensor, Any], Tensor | tuple[Tensor, ...]],
        postprocessing: Callable[[dict[str, Any]], Mapping[str, Any]],
        labels: Sequence[str],
        notices: Sequence[str],
        output: str,
    ) -> None:
        self.loader, self.network, self.inferer = val_data_loader, network, inferer
        self.postprocessing, self.labels, self.notices, self.output = postprocessing, labels, notices, Path(output)

    def run(self) -> Path:
        """Writes the table, and says where."""
        self.output.parent.mkdir(parents=True, exist_ok=True)
        with self.output.open("w", newline="", encoding="utf-8") as stream, torch.inference_mode():
            stream.writelines(f"# {notice}\n" for notice in self.notices)
            table = csv.writer(stream)
            table.writerow(["file", *self.columns()])
            for batch in self.loader:
                given = self.inferer(batch["image"], self.network)
                parts = given if isinstance(given, tuple) else (given,)
                for file, frame, *of_image in zip(batch["file"], batch["frame"].tolist(), *parts, strict=True):
                    said = self.postprocessing({"pred": of_image[0]})
                    table.writerows([file, *row] for row in self.rows(said, of_image[1:], frame))
        print(f"{self.output} ({self.notices[0]})")
        return self.output

    def columns(self) -> list[str]:
        """What stands above the cells."""
        return [*self.labels, *(f"{label} is_likely" for label in self.labels)]

    def rows(self, said: Mapping[str, Any], others: Sequence[Tensor], frame: Frame) -> Iterable[Row]:
        """The rows of an image.

        Args:
            said: ``pred``, its probabilities (L,) or of each anchor (A, L), and ``is_likely``, a decision a label.
            others: What else the network gave of it.
            frame: How it was fitted.
        """
        return [[*_numbers(said["pred"]), *_decisions(said, len(self.labels))]]


class AnswerEvaluator(Evaluator):
    """``Evaluator`` for questions: a row has the likeliest of the labels, which are answers, and its probability."""

    def columns(self) -> list[str]:
        """What stands above the cells."""
        return ["answer", "probability"]

    def rows(self, said: Mapping[str, Any], others: Sequence[Tensor], frame: Frame) -> Iterable[Row]:
        """The row of an image."""
        pred_L: Tensor = said["pred"]
        best = int(pred_L.argmax())
        return [[self.labels[best], *_numbers(pred_L[best : best + 1])]]


class PlaceEvaluator(Evaluator):
    """``Evaluator`` for grounding: a row an image and entity, likeliest first.

    A row has the point that the entity's prompt attends to most, in pixels of the picture, the region under it, and the
    region that is attended to most.
    """

    def columns(self) -> list[str]:
        """What stands above the cells."""
        return ["entity", "probability", "is_likely", "x", "y", "region", "attended_region"]

    def rows(self, said: Mapping[str, Any], others: Sequence[Tensor], frame: Frame) -> Iterator[Row]:
        """The rows of an image."""
        pred_E: Tensor = said["pred"]
        patch_EP, region_ER = others
        told, box_R4 = self.network.told, self.network.box_R4
        point_E2 = highest(patch_EP.unflatten(-1, told["grid"]), told["image"]["size"], frame)
        under_E = regions_at(point_E2 / told["image"]["size"], box_R4, region_ER)
        picture_E2 = on_picture(point_E2.repeat(1, 2), frame)[:, :2]
        names, likely = [*told["regions"], ""], _decisions(said, len(self.labels))  # -1 is none
        for e in pred_E.argsort(descending=True).tolist():
            where = names[int(under_E[e])], names[int(region_ER[e].argmax())]
            yield [self.labels[e], *_numbers(pred_E[e : e + 1]), likely[e], *_numbers(picture_E2[e], 2), *where]


class BoxEvaluator(Evaluator):
    """``Evaluator`` for boxes: a row a box, best first, in pixels of the picture; none of an image without any."""

    def columns(self) -> list[str]:
        """What stands above the cells."""
        return ["label", "score", "x1", "y1", "x2", "y2", "is_likely"]

    def rows(self, said: Mapping[str, Any], others: Sequence[Tensor], frame: Frame) -> Iterator[Row]:
        """The rows of an image."""
        from torchvision.ops import batched_nms

        pred_AL: Tensor = said["pred"]
        told, side = self.network.told["boxes"], self.network.told["image"]["size"]
        score_N, index_N = pred_AL.flatten().topk(min(told["candidates"], pred_AL.numel()))
        box_N4, label_N = others[0][index_N // pred_AL.shape[1]] * side, index_N % pred_AL.shape[1]
        is_wide_N = (box_N4[:, 2:] - box_N4[:, :2] >= told["min_side"]).all(1)
        kept = is_wide_N & (score_N > told["score_thresh"])
        score_N, box_N4, label_N = score_N[kept], box_N4[kept], label_N[kept]
        best = batched_nms(box_N4, score_N, label_N, told["nms_thresh"])[: told["most"]]
        for label, score, box_4 in zip(
            label_N[best].tolist(), score_N[best], on_picture(box_N4[best], frame), strict=True
        ):
            if (box_4[2:] > box_4[:2]).all():  # something is left of it outside the padding
                likely = bool(score >= told["thresholds"][label])
                yield [self.labels[label], *_numbers(score[None]), *_numbers(box_4, 2), str(likely)]


def highest(map_Ehw: Tensor, side: int, frame: Frame) -> Tensor:
    """Where maps, bicubically enlarged to the square, are highest inside the picture, (E, 2) in its pixels."""
    large_ESS = F.interpolate(map_Ehw[None], (side, side), mode="bicubic", align_corners=False)[0]
    scale_x, scale_y, left, top, width, height = frame
    inside_SS = _covered(top, height * scale_y, side)[:, None] & _covered(left, width * scale_x, side)
    flat_E = large_ESS.masked_fill(~inside_SS, -torch.inf).flatten(1).argmax(1)
    return torch.stack([flat_E % side, flat_E // side], -1) + 0.5


def _covered(start: float, length: float, side: int) -> Tensor:
    """Pixels (S,) whose centre lies in an interval; of a narrow one at least one."""
    middle, half = start + length / 2, max(length / 2, 0.5)
    centre_S = torch.arange(side) + 0.5
    return (centre_S >= middle - half) & (centre_S <= middle + half)


def regions_at(point_E2: Tensor, box_R4: Tensor, region_ER: Tensor) -> Tensor:
    """The region under each point: of several the one that is attended to most, else the smallest; -1 is none.

    Args:
        point_E2: Points as fractions of the square.
        box_R4: Boxes xyxy of the regions, likewise.
        region_ER: Attention to the regions.
    """
    x1_R, y1_R, x2_R, y2_R = box_R4.unbind(-1)
    x_E1, y_E1 = point_E2[:, :1], point_E2[:, 1:]
    inside_ER = (x_E1 >= x1_R) & (x_E1 <= x2_R) & (y_E1 >= y1_R) & (y_E1 <= y2_R) & (x2_R > x1_R) & (y2_R > y1_R)
    rank_ER = torch.where(region_ER > 0, region_ER, -(x2_R - x1_R) * (y2_R - y1_R))
    best = rank_ER.masked_fill(~inside_ER, -torch.inf).max(-1)
    return best.indices.where(best.values > -torch.inf, -1)


def on_picture(box_N4: Tensor, frame: Frame) -> Tensor:
    """Boxes (N, 4) xyxy in pixels of the square as boxes in pixels of the picture, clipped to it."""
    scale_x, scale_y, left, top, width, height = frame
    shift_4, scale_4 = torch.tensor([left, top] * 2), torch.tensor([scale_x, scale_y] * 2)
    return ((box_N4 - shift_4) / scale_4).clamp(torch.zeros(4), torch.tensor([width, height] * 2))


def _numbers(value_N: Tensor, places: int = 6) -> list[str]:
    return [f"{value:.{places}f}" for value in value_N.tolist()]


def _decisions(said: Mapping[str, Any], count: int) -> list[str]:
    """Cells of ``count`` labels: True, False, or empty where a label has no threshold."""
    return ["" if likely is None else str(likely) for likely in said["is_likely"] or [None] * count]
