"""ImaGenomeGold: labels and boxes of the gold tables, columns by name, and what is left out."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gkmvlp.app.cli import main
from gkmvlp.data_modules import ImaGenomeGold
from gkmvlp.errors import DataError
from gkmvlp.geometry import Letterbox
from gkmvlp.metrics.results.evaluate import figures_of
from gkmvlp.metrics.results.predictions import read_predictions
from tests.data_modules.conftest import MimicTree

BOXES = "gold_bbox_coordinate_annotations_1000images.csv"
ATTRIBUTES = "gold_object_attribute_with_coordinates.txt"


@pytest.fixture
def gold(mimic: MimicTree) -> Path:
    """The gold tables of the tree's first three images."""
    mimic.write()
    folder = mimic.root / "chest-imagenome/1.0.0/gold_dataset"
    folder.mkdir(parents=True)
    names = list(mimic.split)[:3]
    # As in the release: x2 before y1.
    boxes = ["image_id,x1,y1,x2,y2,bbox_name,original_x1,original_x2,original_y1,original_y2,annotator"]
    for name in names:
        boxes += [f"{name}.dcm,0,0,1,1,left lung,32,60,4,40,a", f"{name}.dcm,0,0,1,1,right lung,4,30,6,44,a"]
        boxes += [f"{name}.dcm,0,0,1,1,left costophrenic angle,50,50,36,40,a"]
    told = ["row_id\tpatient_id\tstudy_id\timage_id\tbbox\trelation\tlabel_name\tcategoryID\tcontext\tsentence"]
    for name, rows in zip(
        names,
        (
            [
                ("left lung", 1, "pleural effusion", "anatomicalfinding", "yes"),
                ("left costophrenic angle", 1, "pleural effusion", "anatomicalfinding", "yes"),
                ("left costophrenic angle", 1, "costophrenic angle blunting", "anatomicalfinding", "yes"),
                ("neck", 1, "pleural effusion", "anatomicalfinding", "yes"),
                ("right lung", 1, "pleural effusion", "anatomicalfinding", "no"),
                ("right lung", 0, "atelectasis", "anatomicalfinding", "yes"),
                ("left lung", 1, "abnormal", "nlp", "yes"),
            ],
            [
                ("right lung", 1, "pneumothorax", "anatomicalfinding", "no"),
                ("right lung", 1, "pneumonia", "disease", "yes"),
                ("right lung", 1, "consolidation", "anatomicalfinding", "yes"),
            ],
            [("left lung", 1, "consolidation", "anatomicalfinding", "no")],
        ),
        strict=True,
    ):
        study, subject, _ = mimic.split[name]
        told += ["\t".join(map(str, ("1|2", subject, study, f"{name}.dcm", *row, 'A "quote".'))) for row in rows]
    (folder / BOXES).write_text("\n".join(boxes) + "\n")
    (folder / ATTRIBUTES).write_text("\n".join(told) + "\n")
    return mimic.root


def ready(root: Path) -> ImaGenomeGold:
    data = ImaGenomeGold(str(root), image_size=32, num_workers=0, batch_size=3)
    data.setup("test")
    return data


def known(data: ImaGenomeGold, row: int) -> dict[str, float]:
    label_L = data.rows("test")[row].fields["label"]
    return {name: float(value) for name, value in zip(data.labels, label_L, strict=True) if not np.isnan(value)}


def test_labels_and_boxes_of_regions_that_have_a_finding(gold: Path):
    data = ready(gold)
    assert known(data, 0) == {"pleural effusion": 1}
    assert known(data, 1) == {"pneumothorax": 0, "pneumonia": 1, "consolidation": 1}
    assert known(data, 2) == {"consolidation": 0}
    batch = next(iter(data.test_dataloader()))
    # The costophrenic angle's box has no area, the neck has none at all.
    assert batch["finding_mask"].sum(1).tolist() == [1, 2, 0]
    for row, expected in enumerate(([("pleural effusion", [32, 4, 60, 40])],
                                    [("consolidation", [4, 6, 30, 44]), ("pneumonia", [4, 6, 30, 44])])):  # fmt: skip
        mask_K = batch["finding_mask"][row].numpy()
        boxes = Letterbox(*batch["letterbox"][row].tolist()).to_original(batch["finding_box"][row].numpy()[mask_K] * 32)
        names = [data.labels[index] for index in batch["finding"][row][mask_K]]
        told = sorted(zip(names, boxes.round().astype(int).tolist(), strict=True))
        assert told == expected
    assert data.ledger.masked == {"region without a box": 1, "box without area in the image": 1}


def test_the_config_scores_every_finding_with_a_box(gold: Path, tmp_path: Path):
    out = tmp_path / "run"
    places = [f"--data.init_args.root={gold}", f"--trainer.default_root_dir={out}", "--data.init_args.num_workers=0"]
    places += ["--model.init_args.architecture=null", "--data.init_args.image_size=128"]  # those of the backbone
    backbone = "--model.init_args.backbone=zoo://gk-mvlp-phantom"
    assert main(["test", "--config=zoo://grounding-gold", *places, backbone]) == 0
    folder = gold / "chest-imagenome/1.0.0/gold_dataset"
    box, told = pd.read_csv(folder / BOXES), pd.read_csv(folder / ATTRIBUTES, sep="\t")
    box = box[(box["original_x2"] > box["original_x1"]) & (box["original_y2"] > box["original_y1"])]
    told = told[told["relation"].eq(1) & told["context"].eq("yes") & told["categoryID"].ne("nlp")]
    trials = told.merge(box, left_on=["image_id", "bbox"], right_on=["image_id", "bbox_name"])
    entity = trials.drop_duplicates(["image_id", "label_name"])["label_name"]
    assert len(entity) == 3
    found = figures_of(out / "predictions" / "grounding.parquet")
    told_by = {("grounding", "chest-imagenome-gold", "pretrained", "atlas")}
    assert {(f.task, f.data, f.model, f.boxes) for f in found} == told_by
    pointing = {f.label: f for f in found if f.name == "pointing_game"}
    wanted = {None: len(entity), "all": len(entity), **entity.value_counts()}
    assert {label: figure.n for label, figure in pointing.items()} == wanted
    assert all(0 <= figure.value <= 1 and set(figure.baselines) == {"prior_box"} for figure in pointing.values())
    # the backbone has no prompt for pneumonia: it reads the one of consolidation, so both look at the same place
    table, meta = read_predictions(out / "predictions" / "grounding.parquet")
    own = table[table["model"] == "pretrained"].set_index("entity")
    assert own.loc["pneumonia", ["x", "y"]].tolist() == own.loc["consolidation", ["x", "y"]].tolist()
    assert "pneumonia as consolidation" in meta["signature"]["prompts"]


def test_images_without_a_file_are_counted(gold: Path, mimic: MimicTree):
    mimic.image(next(iter(mimic.split))).unlink()
    data = ready(gold)
    assert len(data.rows("test")) == 2 == len(data.samples)
    assert data.ledger.dropped == {"image file is missing": 1}


def test_the_remedy_where_tables_are_missing_or_broken(gold: Path):
    folder = gold / "chest-imagenome/1.0.0/gold_dataset"
    (folder / BOXES).write_text((folder / BOXES).read_text().replace("original_y1", "y"))
    with pytest.raises(DataError, match="no column 'original_y1'"):
        ready(gold)
    (folder / ATTRIBUTES).unlink()
    with pytest.raises(DataError, match=r"no gold_object_attribute.*physionet\.org"):
        ready(gold)
