from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from gkmvlp.anatomy import REGION_INDEX, REGIONS, atlas
from gkmvlp.data_modules import MimicCxr
from gkmvlp.data_modules.formats.scene_graphs import SceneGraphs
from gkmvlp.data_modules.inspection import explain
from gkmvlp.data_modules.inspection.atlas import mean_atlas
from gkmvlp.data_modules.inspection.knowledge_table import SCHEMA, write_knowledge
from gkmvlp.data_modules.pipeline.samples import Sample, read_atlas
from gkmvlp.errors import DataError


@pytest.fixture
def data(mimic) -> MimicCxr:
    mimic.write()
    module = MimicCxr(str(mimic.root), image_size=32, num_workers=0)
    module.setup()
    return module


def test_table_points_into_text_and_image(data, tmp_path: Path):
    graphs = SceneGraphs(data.files().scene_graphs)
    count = write_knowledge(tmp_path / "knowledge.parquet", data.samples, graphs)
    table = pq.read_table(tmp_path / "knowledge.parquet")
    assert table.schema.equals(SCHEMA)
    rows = table.to_pylist()
    assert len(rows) == count
    texts = {sample.fields["study_id"]: sample.fields["text"] for sample in data.samples}
    assert {row["study_id"] for row in rows} == set(texts)
    for row in rows:
        assert texts[row["study_id"]][row["start"] : row["end"]] == row["sentence"]
    effusions = [row for row in rows if row["entity"] == "pleural effusion"]
    assert {row["source"] for row in effusions} == {"report", "scene_graph"}
    assert all(row["status"] == 1 and row["side"] == "left" for row in effusions)
    # The region lies on the patient's left: the right half of an image 64 pixels wide.
    assert all((row["x1"] + row["x2"]) / 2 > 32 for row in effusions)
    assert {row["status"] for row in rows if row["entity"] == "pneumothorax"} == {0}
    # The element whose own key is false is not read.
    assert len([row for row in rows if row["source"] == "scene_graph"]) == 2 * len(texts)


def test_explain_shows_each_sentence_with_its_statements(data, tmp_path: Path):
    images, rows = explain.explain(data, "s50000001")
    text = "\n".join(explain.lines(images, rows))
    assert "  0 Small left pleural effusion." in text
    assert "present   pleural effusion (left) by report: left lung [34 6 56 38]" in text
    explain.draw(images, rows, tmp_path / "study.png")
    assert (tmp_path / "study.png").stat().st_size > 5000
    with pytest.raises(DataError, match=r"no study s7 in .*split\.csv\.gz: an id like 50000000"):
        explain.explain(data, "s7")


def test_atlas_is_the_mean_over_patients():
    def row(patient: str, view: str, box: list[float], seen: bool = True) -> Sample:
        boxes, mask = np.zeros((len(REGIONS), 4), np.float32), np.zeros(len(REGIONS), bool)
        boxes[4], mask[4] = (box, True) if seen else (boxes[4], False)
        return Sample(f"{patient}{box}", patient, "", view, "train", boxes, mask, (100, 50))

    told = mean_atlas(
        [
            row("a", "PA", [0, 0, 40, 20]),
            row("a", "PA", [20, 0, 60, 20]),
            row("b", "PA", [30, 10, 70, 30]),
            row("c", "PA", [0, 0, 0, 0], seen=False),
        ],
        read_atlas(None),
    )
    # Patient a: mean 10, 0, 50, 20; b: 30, 10, 70, 30; both in a square of 100 with 25 above.
    assert told["boxes"]["PA"][REGIONS[4]] == [0.2, 0.3, 0.6, 0.5]
    assert told["patients"]["PA"][REGIONS[4]] == 2
    assert told["boxes"]["AP"][REGIONS[4]] == pytest.approx(atlas("AP")[4].tolist(), abs=1e-4)
    assert told["boxes"]["PA"]["spine"] == pytest.approx(atlas("PA")[REGION_INDEX["spine"]].tolist(), abs=1e-4)
