"""Phantoms are scored on what was planted, not on what their reports say: predictions meet ``_truth`` here only."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gkmvlp.app.running.configs import class_name
from gkmvlp.app.running.run_config import read_run_config
from gkmvlp.data_modules.synthetic.lookalikes import layout_of
from gkmvlp.errors import ResultsError
from gkmvlp.geometry import Letterbox
from gkmvlp.metrics.results.predictions import read_predictions, write_predictions

CELLS = 16  # cells a side of the grid from which the baseline of the pointing game chooses


def read_truth(root: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Planted findings, one row a box, and images, one row each, of a phantom corpus."""
    return tuple(pd.read_parquet(root / "_truth" / f"{name}.parquet") for name in ("findings", "images"))  # type: ignore[return-value]


def phantom_root(out: Path) -> Path | None:
    """Root of the corpus of phantoms with reports that a run read; None where its config names other data.

    Another look-alike may share a root with that of MIMIC-CXR, whose truth lies in ``findings.parquet``.

    Raises:
        UsageError: If the run has no config.
    """
    name, arguments = read_run_config(out).data
    root = arguments.get("root") if layout_of(class_name(name)) in (None, "mimic") else None
    return Path(root) if root and (Path(root) / "_truth" / "findings.parquet").is_file() else None


def score_run_on_truth(out: Path) -> None:
    """Scores what a run predicted for phantoms on what was planted: entities, and reports that are retrieved.

    Args:
        out: The run's folder; one of other data, or without such predictions, is left as it is.
    """
    entities, retrieval = (out / "predictions" / f"{task}.parquet" for task in ("entity_classification", "retrieval"))
    if not (entities.is_file() or retrieval.is_file()) or (root := phantom_root(out)) is None:
        return
    if entities.is_file():
        score_on_truth(out / "predictions", root)
    if retrieval.is_file():
        match_findings(retrieval, root)


def score_on_truth(predictions: Path, root: Path) -> None:
    """Rewrites the entity predictions of a run with planted findings as targets.

    Args:
        predictions: Folder with an ``entity_classification`` file, and ``zero_shot`` and ``grounding`` files of a
            system that compares with sentences and points.
        root: Root of the phantom corpus.
    """
    findings, images = read_truth(root)
    planted = findings.groupby(["sample_id", "entity"])[["x1", "y1", "x2", "y2"]].agg(list)
    scored = (predictions / f"{task}.parquet" for task in ("entity_classification", "zero_shot"))
    for file in filter(Path.is_file, scored):
        table, meta = read_predictions(file)
        keys = pd.MultiIndex.from_frame(table[["sample_id", "entity"]])
        table["target"] = keys.isin(planted.index) * 1.0
        write_predictions(file, table, _on(meta))
    if not (predictions / "grounding.parquet").is_file():
        return
    table, meta = read_predictions(predictions / "grounding.parquet")
    table = table[table["model"].eq("pretrained")].set_index(["sample_id", "entity"], drop=False)
    table = table.loc[table.index.isin(planted.index)].reset_index(drop=True)
    corners = planted.loc[pd.MultiIndex.from_frame(table[["sample_id", "entity"]])]
    boxes = [np.array(row.tolist(), float).T.ravel().tolist() for row in corners.to_numpy()]
    table = table.assign(boxes=boxes, target=1.0)
    cells = best_cells(findings[findings["split"].eq("train")], images)
    both = pd.concat([table, prior_box(table, cells, images)], ignore_index=True)
    write_predictions(predictions / "grounding.parquet", both, _on(meta))


def match_findings(predictions: Path, root: Path) -> None:
    """Adds to retrieval predictions what is right by ``match:findings``: reports of the same planted findings.

    Args:
        predictions: The ``retrieval`` file.
        root: Root of the phantom corpus.

    Raises:
        ResultsError: If the file keeps only the first places of its rankings.
    """
    findings, _ = read_truth(root)
    planted = {key: frozenset(zip(rows["entity"], rows["side"], strict=True)) for key, rows in
               findings.groupby("sample_id")}  # fmt: skip
    table, meta = read_predictions(predictions)
    by_item = table.drop_duplicates("item").set_index("item")["sample_id"].sort_index()
    number = {found: code for code, found in enumerate(set(planted.values()) | {frozenset()})}
    code_N = np.array([number[planted.get(key, frozenset())] for key in by_item])
    ranks, rights = [], []
    for item, ranking, candidates in table[["item", "ranking", "candidates"]].itertuples(index=False):
        right_K = code_N[np.asarray(ranking, int)] == code_N[item]
        if 0 < len(right_K) < candidates:
            raise ResultsError(f"{predictions}: {len(right_K)} of {candidates} places are kept; test fewer phantoms")
        ranks.append(right_K.argmax() + 1.0 if len(right_K) else np.nan)
        rights.append((code_N == code_N[item]).sum())
    write_predictions(predictions, table.assign(rank_findings=ranks, right_findings=rights), meta)


def _on(meta: dict[str, Any]) -> dict[str, Any]:
    """Metadata of predictions whose targets are now what was planted."""
    return meta | {"note": "; ".join(filter(None, (meta.get("note"), "scored on planted findings")))}


def best_cells(findings: pd.DataFrame, images: pd.DataFrame) -> dict[str, NDArray[np.float32]]:
    """The cell of the letterboxed frame that lies in most boxes of an entity, its centre as fractions (2,).

    Args:
        findings: Planted findings of training patients.
        images: Sizes of the images.
    """
    sizes = images.set_index("sample_id")[["width", "height"]]
    frames = {key: Letterbox.fit(int(w), int(h), CELLS) for key, w, h in sizes.itertuples()}
    centre = np.arange(CELLS) + 0.5
    votes: dict[str, NDArray[np.float32]] = {}
    for (sample_id, name), rows in findings.groupby(["sample_id", "entity"]):  # type: ignore[misc]
        hit = np.zeros((CELLS, CELLS), bool)
        box_K4 = rows[["x1", "y1", "x2", "y2"]].to_numpy(np.float32)
        for x1, y1, x2, y2 in frames[sample_id].to_square(box_K4):
            hit |= ((centre >= y1) & (centre <= y2))[:, None] & ((centre >= x1) & (centre <= x2))
        votes[name] = votes.get(name, np.zeros((CELLS, CELLS), np.float32)) + hit
    best = {name: np.unravel_index(vote.argmax(), vote.shape) for name, vote in votes.items()}
    return {name: (np.array([x + 0.5, y + 0.5]) / CELLS).astype(np.float32) for name, (y, x) in best.items()}


def prior_box(table: pd.DataFrame, cells: dict[str, NDArray[np.float32]], images: pd.DataFrame) -> pd.DataFrame:
    """The baseline of the pointing game: the same rows, answered with the entity's fixed cell, no image read."""
    sizes = images.set_index("sample_id")[["width", "height"]].loc[table["sample_id"]].to_numpy()
    points = []
    for name, (width, height) in zip(table["entity"], sizes, strict=True):
        fraction = cells.get(name, np.array([0.5, 0.5], np.float32))
        points.append(Letterbox.fit(int(width), int(height), 1).to_original(np.tile(fraction, 2)[None])[0, :2])
    point_N2 = np.array(points, float).reshape(-1, 2)
    return table.assign(model="baseline:prior_box", x=point_N2[:, 0], y=point_N2[:, 1])
