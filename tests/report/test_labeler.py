"""Statuses of sentences, written from how reports speak, not from what the rules give."""

import random

import numpy as np
import pytest

from gkmvlp.anatomy import REGION_INDEX
from gkmvlp.entities import ENTITIES, ENTITY_INDEX
from gkmvlp.report.labeler import label_report, statuses
from tests.report.scoring import status_f1

P, A, U = 1, 0, -1
SENTENCES: list[tuple[str, dict[str, int]]] = [
    ("No pneumothorax or effusion.", {"pneumothorax": A, "pleural effusion": A}),
    ("Cannot exclude pneumonia.", {"pneumonia": U}),
    ("Left lower lobe opacity has resolved.", {"lung opacity": A}),
    ("No pneumothorax, pleural effusion, or focal consolidation.",
     {"pneumothorax": A, "pleural effusion": A, "consolidation": A}),
    ("The heart size is normal and the lungs are clear.", {"cardiomegaly": A, "consolidation": A, "lung opacity": A}),
    ("Heart size and mediastinal contours are within normal limits.", {"cardiomegaly": A, "enlarged mediastinum": A}),
    ("Mild cardiac enlargement is unchanged.", {"cardiomegaly": P}),
    ("The cardiac silhouette is mildly enlarged.", {"cardiomegaly": P}),
    ("The heart is not enlarged.", {"cardiomegaly": A}),
    ("Heart size is at the upper limits of normal.", {"cardiomegaly": U}),
    ("Low lung volumes accentuate the heart size.", {"low lung volumes": P}),
    ("There is no change in the right effusion.", {"pleural effusion": P}),
    ("No pneumothorax, stable small right effusion.", {"pneumothorax": A, "pleural effusion": P}),
    ("No effusion, but there is edema.", {"pleural effusion": A, "edema": P}),
    ("Aside from minimal atelectasis, there is no abnormality of the pleura and no pneumothorax.",
     {"atelectasis": P, "pneumothorax": A}),
    ("The previously seen pneumothorax is no longer visualized.", {"pneumothorax": A}),
    ("The effusion has not resolved.", {"pleural effusion": P}),
    ("Near complete resolution of the pneumothorax.", {"pneumothorax": P}),
    ("Interval resolution of the right pneumothorax.", {"pneumothorax": A}),
    ("There is no mass effect.", {}),
    ("A small pericardial effusion is known.", {}),
    ("Bibasilar opacities may represent atelectasis or pneumonia.",
     {"lung opacity": P, "atelectasis": U, "pneumonia": U}),
    ("Atelectasis versus pneumonia at the left base.", {"atelectasis": U, "pneumonia": U}),
    ("No opacity concerning for pneumonia.", {"lung opacity": A, "pneumonia": A}),
    ("Pneumothorax cannot be excluded.", {"pneumothorax": U}),
    ("Blunting of the left costophrenic angle.", {"pleural effusion": P}),
    ("Blunting of the left costophrenic angle may reflect a small effusion.", {"pleural effusion": U}),
    ("Costophrenic angles are sharp.", {"pleural effusion": A}),
    ("The hila are prominent.", {"hilar enlargement": P}),
    ("Widening of the mediastinum.", {"enlarged mediastinum": P}),
    ("The aorta is tortuous and calcified.", {"tortuous aorta": P, "aortic calcification": P}),
    ("Elevation of the right hemidiaphragm.", {"elevated hemidiaphragm": P}),
    ("No elevation of either hemidiaphragm.", {"elevated hemidiaphragm": A}),
    ("There is thickening of the pleura on the left.", {"pleural thickening": P}),
    ("The pleura is not thickened.", {"pleural thickening": A}),
    ("Cardiac and mediastinal silhouettes are normal.", {"cardiomegaly": A, "enlarged mediastinum": A}),
    ("A rim without vascular markings is consistent with pneumothorax.", {"pneumothorax": P}),
    ("A small nodule might be present.", {"nodule": U}),
    ("It is uncertain whether there is an effusion.", {"pleural effusion": U}),
    ("Flattened diaphragms suggest emphysema.", {"hyperinflation": P, "emphysema": U}),
    ("Subcutaneous emphysema is decreased.", {"subcutaneous emphysema": P}),
    ("No free air under the diaphragm.", {"free air": A}),
    ("Hydropneumothorax on the left.", {"pneumothorax": P, "pleural effusion": P}),
    ("A calcified nodule in the left apex.", {"calcified granuloma": P}),
    ("Old healed left rib fractures.", {"fracture": P}),
    ("Dextroscoliosis and degenerative changes of the spine.", {"scoliosis": P, "degenerative spine": P}),
    ("Degenerative changes of the left shoulder.", {}),
    ("Moderate hiatal hernia.", {"hernia": P}),
    ("The tip of the right PICC terminates in the SVC.", {"central line": P, "support device": P}),
    ("The ET tube is 4 cm above the carina.", {"endotracheal tube": P, "support device": P}),
    ("The ET tube has been removed.", {"endotracheal tube": A}),
    ("The patient has been extubated.", {"endotracheal tube": A}),
    ("Interval removal of the ET tube with the NG tube in place.",
     {"endotracheal tube": A, "enteric tube": P, "support device": P}),
    ("Endotracheal and nasogastric tubes are unchanged.",
     {"endotracheal tube": P, "enteric tube": P, "support device": P}),
    ("No pneumothorax following chest tube removal.", {"pneumothorax": A, "chest tube": A}),
    ("Median sternotomy wires are intact.", {"sternotomy wires": P, "support device": P}),
    ("Left dual-chamber pacemaker in place.", {"pacemaker": P, "support device": P}),
    ("Pulmonary vasculature is engorged without overt edema.", {"vascular congestion": P, "edema": A}),
    ("History of pneumonia.", {}),
    ("Evaluate for pneumothorax.", {}),
    ("Lungs are free of consolidation.", {"consolidation": A}),
    ("Neither effusion nor pneumothorax is seen.", {"pleural effusion": A, "pneumothorax": A}),
    ("Improving edema; the effusions persist.", {"edema": P, "pleural effusion": P}),
    ("Lung volumes are low.", {"low lung volumes": P}),
    ("Poor inspiratory effort.", {"low lung volumes": P}),
    ("Plate-like atelectasis, and no other abnormality.", {"atelectasis": P}),
    ("Persistent cavitary lesion in the right upper lobe.", {"cavity": P}),
    ("Scattered granulomata and bronchiectasis.", {"calcified granuloma": P, "bronchiectasis": P}),
    ("", {}),
]  # fmt: skip


def _said(text: str) -> dict[str, int]:
    status_E = statuses(label_report(text))
    return {entity.name: int(status) for entity, status in zip(ENTITIES, status_E, strict=True) if status != -2}


@pytest.mark.parametrize(("text", "expected"), SENTENCES)
def test_status(text: str, expected: dict[str, int]) -> None:
    assert _said(text) == expected


@pytest.mark.parametrize(
    ("text", "entity", "side", "zone", "regions"),
    [
        ("Left lower lobe pneumonia.", "pneumonia", "left", "lower", {"left lower lung zone"}),
        ("Left upper lobe mass.", "mass", "left", "upper", {"left upper lung zone", "left mid lung zone"}),
        ("Consolidation in the right middle lobe.", "consolidation", "right", "mid", {"right mid lung zone"}),
        ("Lingular opacity.", "lung opacity", "left", "mid/lower", {"left mid lung zone", "left lower lung zone"}),
        ("Bibasilar atelectasis.", "atelectasis", "bilateral", "lower",
         {"right lower lung zone", "left lower lung zone"}),
        ("Small left-sided effusion.", "pleural effusion", "left", "", {"left lung", "left costophrenic angle"}),
        ("A nodule at the right apex.", "nodule", "right", "apical", {"right apical zone"}),
        ("Retrocardiac opacity.", "lung opacity", "left", "retrocardiac",
         {"left lower lung zone", "cardiac silhouette"}),
        ("Right upper and left lower lobe opacities.", "lung opacity", "bilateral", "upper/lower",
         {"right upper lung zone", "left lower lung zone"}),
        ("The heart is enlarged.", "cardiomegaly", "", "", {"cardiac silhouette"}),
        ("The left hemidiaphragm is elevated.", "elevated hemidiaphragm", "left", "", {"left hemidiaphragm"}),
        ("Opacity at the left base, likely atelectasis.", "atelectasis", "left", "lower", {"left lower lung zone"}),
        ("Left pleural effusion with adjacent atelectasis.", "atelectasis", "left", "", {"left lung"}),
        ("In the right lower lobe, there is a consolidation.", "consolidation", "right", "lower",
         {"right lower lung zone"}),
        ("Support devices are unchanged.", "support device", "", "", set()),
    ],
)  # fmt: skip
def test_place(text: str, entity: str, side: str, zone: str, regions: set[str]) -> None:
    (mention,) = [mention for mention in label_report(text) if mention.entity == entity]
    assert (mention.side, mention.zone, set(mention.regions)) == (side, zone, regions)


def test_sides_are_kept_apart() -> None:
    mentions = label_report("Right effusion has resolved, but a left effusion persists.")
    assert [(mention.side, mention.status) for mention in mentions] == [("right", A), ("left", P)]


TEXT = " ".join(text for text, _ in SENTENCES)


def test_statuses_do_not_depend_on_order() -> None:
    mentions = label_report(TEXT)
    shuffled = random.Random(0).sample(mentions, len(mentions))
    assert np.array_equal(statuses(mentions), statuses(shuffled))
    assert statuses([]).tolist() == [-2] * len(ENTITIES)


def test_present_wins_over_uncertain_over_absent() -> None:
    assert _said("No effusion. Possible effusion.")["pleural effusion"] == U
    assert _said("Effusion. No effusion. Possible effusion.")["pleural effusion"] == P


def test_spans_and_regions_are_valid() -> None:
    mentions = label_report(TEXT)
    assert {mention.entity for mention in mentions} <= set(ENTITY_INDEX)
    assert all(region in REGION_INDEX for mention in mentions for region in mention.regions)
    for mention in mentions:
        alone = label_report(TEXT[mention.start : mention.end])
        assert (mention.entity, mention.status, mention.side) in {(one.entity, one.status, one.side) for one in alone}


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.name)
def test_every_entity_is_recognised_by_name(entity) -> None:
    for wording in (entity.name, *entity.synonyms):
        assert _said(f"There is {wording}.").get(entity.name) == P
        assert _said(f"No evidence of {wording}.").get(entity.name) == A


def test_score() -> None:
    truth = [{"edema": P, "mass": A}, {"nodule": U}]
    assert status_f1(truth, truth) == 1
    assert status_f1([{"edema": P, "mass": P}, {}], truth) == pytest.approx(2 * 1 / (2 + 3))
    assert status_f1([{}], [{}]) == 1
