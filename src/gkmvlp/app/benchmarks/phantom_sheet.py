"""Contact sheet of phantoms: ``python -m gkmvlp.app.benchmarks.phantom_sheet docs/phantoms.png --seed 5``."""

import argparse
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from gkmvlp.phantom.generate import draw_phantom
from gkmvlp.phantom.plan import Phantom

_TILE, _CAPTION, _COLUMNS = 192, 30, 8
_BOX, _TEXT = (0, 200, 255), (120, 255, 120)  # blue, green, red


def _caption(phantom: Phantom) -> list[str]:
    """Names of the findings with their sides, three a line."""
    names = [f"{f.entity} {f.side[0].upper()}" if f.side else f.entity for f in phantom.findings] or ["no finding"]
    return [", ".join(names[start : start + 2]) for start in range(0, len(names), 2)]


def _tile(phantom: Phantom) -> NDArray[np.uint8]:
    """One phantom with boxes and names in a square with a caption below."""
    tile = np.zeros((_TILE + _CAPTION, _TILE, 3), np.uint8)
    height, width = phantom.image_HW.shape
    scale = (_TILE - 4) / max(height, width)
    image = cv2.resize(phantom.image_HW, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
    top, left = (_TILE - image.shape[0]) // 2, (_TILE - image.shape[1]) // 2
    tile[top : top + image.shape[0], left : left + image.shape[1]] = (
        image[..., None] // 8 * 8
    )  # 32 greys: a smaller file
    for finding in phantom.findings:
        for x1, y1, x2, y2 in np.rint(finding.box_K4 * scale).astype(int).tolist():
            cv2.rectangle(tile, (left + x1 - 1, top + y1 - 1), (left + x2, top + y2), _BOX, 1)
    for row, line in enumerate(_caption(phantom)[:3]):
        place = (3, _TILE + 8 + 10 * row)
        cv2.putText(tile, line, place, cv2.FONT_HERSHEY_SIMPLEX, 0.3, _TEXT, 1, cv2.LINE_AA)
    return tile


def contact_sheet(path: Path, seed: int, count: int = 40) -> None:
    """Writes a picture of the first phantoms of a seed, eight a row, boxes and names drawn.

    Args:
        path: A .png or .jpg file; its folder exists.
        seed: Seed of the corpus.
        count: How many, a multiple of eight.
    """
    tiles = [_tile(draw_phantom(seed, index)) for index in range(count)]
    rows = [np.hstack(tiles[start : start + _COLUMNS]) for start in range(0, count, _COLUMNS)]
    cv2.imwrite(str(path), np.vstack(rows), [cv2.IMWRITE_PNG_COMPRESSION, 9])


def main(arguments: list[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        prog="gkmvlp.app.benchmarks.phantom_sheet", description=(__doc__ or "").split(":")[0]
    )
    parser.add_argument("path", type=Path, help="picture to write")
    parser.add_argument("--seed", type=int, default=5, help="seed of the corpus")
    parser.add_argument("--count", type=int, default=40, help="phantoms, a multiple of eight")
    chosen = parser.parse_args(arguments)
    contact_sheet(chosen.path, chosen.seed, chosen.count)


if __name__ == "__main__":
    main()
