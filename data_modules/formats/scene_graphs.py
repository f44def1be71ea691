"""Chest ImaGenome scene graphs: region boxes and what the graph says of each region."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import numpy as np

from gkmvlp.anatomy import REGION_INDEX, REGIONS
from gkmvlp.data_modules.formats.files import is_file
from gkmvlp.data_modules.formats.plain_text import one_line
from gkmvlp.data_modules.pipeline.transforms import Float, Mask
from gkmvlp.entities import ENTITIES
from gkmvlp.errors import DataError
from gkmvlp.geometry import valid_boxes

_CORNERS = ("original_x1", "original_y1", "original_x2", "original_y2")
ENTITY_OF = {name: entity.name for entity in reversed(ENTITIES) for name in entity.imagenome}
OUTSIDE = "region box reaches out of the image (clipped)"
EMPTY = "region box has no area (masked)"
NOT_A_NUMBER = "region box is not four numbers (masked)"
TWICE = "region boxed twice (united)"
NO_GRAPH = "image without a scene graph"


@dataclass(frozen=True)
class Attribute:
    """What a scene graph says of one region in one phrase.

    Attributes:
        region: Name of the region.
        entity: Name of our entity.
        status: 1 present, 0 absent.
        phrase: The phrase of the report.
    """

    region: str
    entity: str
    status: int
    phrase: str


class SceneGraphs:
    """Scene graphs by dicom id, from ``scene_graph.zip`` or its unpacked folder.

    Args:
        path: The zip or the folder.

    Raises:
        DataError: If the zip is broken.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._zip: ZipFile | None = None
        if path.is_file():
            try:
                self._zip = ZipFile(path)
            except (BadZipFile, OSError) as error:
                raise DataError(f"cannot read {path}: {error}; fetch it again") from error
            self._names = {Path(name).name: name for name in self._zip.namelist()}

    def read(self, dicom_id: str) -> dict[str, Any] | None:
        """The graph of an image, or None where there is none.

        Raises:
            DataError: If the graph is no JSON, or another than a scene graph.
        """
        name = f"{dicom_id}_SceneGraph.json"
        try:
            if self._zip is not None:
                graph = json.loads(self._zip.read(self._names[name])) if name in self._names else None
            else:
                path = self.path / name
                graph = json.loads(path.read_bytes()) if is_file(path) else None
        # Broken members raise BadZipFile, zlib.error, EOFError, RuntimeError ...; broken JSON ValueError.
        except Exception as error:
            raise DataError(f"cannot read {name} of {self.path}: {one_line(error)}; fetch it again") from error
        if graph is not None and not _is_graph(graph):
            raise DataError(f"{name} of {self.path} is no scene graph; fetch it again")
        return graph


def region_boxes(graph: dict[str, Any], width: float, height: float) -> tuple[Float, Mask, list[str]]:
    """Boxes of the 29 regions; the seven other names of the files are passed over.

    Args:
        graph: A scene graph.
        width: Width of the original image in pixels; NaN where unknown (nothing is clipped).
        height: Its height.

    Returns:
        Boxes (29, 4) xyxy in original pixels, 0 where masked; mask (29,); and a reason for each box that was changed,
        united or masked.
    """
    items = [item for item in graph.get("objects", []) if item.get("bbox_name") in REGION_INDEX]
    region_N = np.array([REGION_INDEX[item["bbox_name"]] for item in items], int)
    raw_N4 = np.array([[_number(item.get(corner)) for corner in _CORNERS] for item in items], np.float32).reshape(-1, 4)
    clipped_N4, valid_N = valid_boxes(raw_N4, *(np.inf if np.isnan(limit) else limit for limit in (width, height)))
    finite_N = np.isfinite(raw_N4).all(1)
    count_R = np.bincount(region_N[valid_N], minlength=len(REGIONS))
    reasons = [NOT_A_NUMBER] * int((~finite_N).sum()) + [EMPTY] * int((finite_N & ~valid_N).sum())
    reasons += [OUTSIDE] * int((valid_N & (clipped_N4 != raw_N4).any(1)).sum()) + [TWICE] * int((count_R > 1).sum())
    mask_R = count_R > 0
    low_R2, high_R2 = np.full((len(REGIONS), 2), np.inf, np.float32), np.zeros((len(REGIONS), 2), np.float32)
    np.minimum.at(low_R2, region_N[valid_N], clipped_N4[valid_N, :2])
    np.maximum.at(high_R2, region_N[valid_N], clipped_N4[valid_N, 2:])
    box_R4 = np.where(mask_R[:, None], np.concatenate([low_R2, high_R2], axis=1), 0).astype(np.float32)
    return box_R4, mask_R, reasons


def attributes(graph: dict[str, Any]) -> list[Attribute]:
    """What the graph says of each region, as far as our entities and the 29 regions know it.

    Raises:
        DataError: If it says it in another form.
    """
    out: list[Attribute] = []
    for item in graph.get("attributes", []):
        region = item.get("bbox_name", "")
        # The publisher's reader keeps an element only where the key named like its region is true.
        if region not in REGION_INDEX or not item.get(region):
            continue
        try:
            out += _attributes_of(region, item)
        except (TypeError, ValueError, KeyError, IndexError, AttributeError) as error:
            where = f"scene graph of {graph.get('image_id', 'an image')}"
            raise DataError(f"{where}: cannot read the attributes of {region}; fetch it again") from error
    return out


def _attributes_of(region: str, item: dict[str, Any]) -> list[Attribute]:
    out = []
    for row, names in enumerate(item.get("attributes", [])):
        phrase = item["phrases"][row]
        for name in names:
            category, relation, label = name.split("|")
            entity = ENTITY_OF.get(f"{category}|{label}")
            if entity is not None:
                out.append(Attribute(region, entity, int(relation == "yes"), phrase))
    return out


def _is_graph(graph: Any) -> bool:
    """Whether the graph has the form that is read: lists of objects and attributes, each of a named region."""
    if not isinstance(graph, dict):
        return False
    parts: list[Any] = [graph.get(name, []) for name in ("objects", "attributes")]
    if not all(isinstance(part, list) for part in parts):
        return False
    return all(isinstance(item, dict) and isinstance(item.get("bbox_name", ""), str) for part in parts for item in part)


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return float("nan")
