"""The knowledge table: which sentence says what of which entity, and where that lies in which image.

One row a statement and region. Rows of source ``report`` come from the package's labeler, rows of source
``scene_graph`` from Chest ImaGenome. A target and a picture for people; no model reads it.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from gkmvlp.anatomy import REGION_INDEX, side_of
from gkmvlp.data_modules.formats.scene_graphs import Attribute, SceneGraphs, attributes
from gkmvlp.data_modules.pipeline.ledger import write_bytes
from gkmvlp.data_modules.pipeline.samples import Sample
from gkmvlp.report.labeler import label_report
from gkmvlp.report.sentences import split_sentences

SCHEMA = pa.schema(
    [
        ("study_id", pa.string()),
        ("image_id", pa.string()),  # the image whose box stands in the row
        ("sentence_index", pa.int32()),  # in the text that training reads; -1 where the source gives none
        ("start", pa.int32()),  # first character of the sentence in that text; -1 where it is not found there
        ("end", pa.int32()),
        ("sentence", pa.string()),
        ("entity", pa.string()),
        ("status", pa.int8()),  # 1 present, 0 absent, -1 uncertain
        ("side", pa.string()),  # the patient's: right, left, bilateral or ""
        ("zone", pa.string()),
        ("region", pa.string()),  # "" where the statement names no place
        ("x1", pa.float32()),  # box of the region in pixels of the original image; null where it has none
        ("y1", pa.float32()),
        ("x2", pa.float32()),
        ("y2", pa.float32()),
        ("source", pa.string()),
        ("version", pa.string()),  # of this package, whose labeler wrote the row
    ]
)


def study_rows(images: list[Sample], graphs: SceneGraphs | None = None) -> Iterator[dict[str, Any]]:
    """Rows of one study.

    Args:
        images: Its images, at least one; boxes come from each image that has any, else one row without a box is given.
        graphs: Scene graphs, whose statements are added.
    """
    text = images[0].fields["text"]
    boxed = [sample for sample in images if sample.box_R4 is not None] or images[:1]
    for mention in label_report(text):
        statements = {
            "sentence_index": mention.sentence,
            "start": mention.start,
            "end": mention.end,
            "sentence": text[mention.start : mention.end],
            "entity": mention.entity,
            "status": mention.status,
            "side": mention.side,
            "zone": mention.zone,
            "source": "report",
        }
        for sample in boxed:
            for region in mention.regions or ("",):
                yield statements | _place(sample, region)
    spans = split_sentences(text)
    for sample in boxed if graphs is not None else []:
        graph = graphs.read(sample.sample_id) if graphs is not None else None
        for attribute in attributes(graph) if graph is not None else []:
            start = text.find(" ".join(attribute.phrase.split()))
            index = next((row for row, span in enumerate(spans) if span.start <= start < span.end), -1)
            yield _graph_row(attribute, index, start) | _place(sample, attribute.region)


def _graph_row(attribute: Attribute, index: int, start: int) -> dict[str, Any]:
    phrase = " ".join(attribute.phrase.split())
    return {
        "sentence_index": index,
        "start": start,
        "end": start + len(phrase) if start >= 0 else -1,
        "sentence": phrase,
        "entity": attribute.entity,
        "status": attribute.status,
        "side": side_of(attribute.region) or "",
        "zone": "",
        "source": "scene_graph",
    }


def _place(sample: Sample, region: str) -> dict[str, Any]:
    row = REGION_INDEX.get(region)
    known = row is not None and sample.box_R4 is not None and sample.mask_R is not None and sample.mask_R[row]
    corners = sample.box_R4[row].tolist() if known and sample.box_R4 is not None else [None] * 4
    box = dict(zip(("x1", "y1", "x2", "y2"), corners, strict=True))
    fields = {"study_id": sample.fields["study_id"], "image_id": sample.sample_id, "region": region}
    return fields | box | {"version": version("gkmvlp")}


def write_knowledge(path: str | Path, samples: Iterable[Sample], graphs: SceneGraphs | None = None) -> int:
    """Writes the knowledge table of some rows as Parquet, whole or not at all.

    Args:
        path: The file.
        samples: Rows of a ``StudyBatch`` DataModule.
        graphs: Scene graphs, or None.

    Returns:
        Number of rows written.
    """
    studies: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        studies[sample.fields["study_id"]].append(sample)
    rows = [row for images in studies.values() for row in study_rows(images, graphs)]
    buffer = BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, SCHEMA), buffer)
    write_bytes(path, buffer.getvalue())
    return len(rows)
