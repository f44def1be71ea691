"""Backbone folders at 32 px, of weights that nobody trained, and images to show them."""

import dataclasses
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from gkmvlp.checkpoints import backbone as backbones
from gkmvlp.checkpoints import heads
from gkmvlp.checkpoints.calibration_file import AnswerCalibration, Calibration, LabelCalibration, write_calibration
from gkmvlp.losses.detection import focal_loss, giou_loss
from gkmvlp.metrics.calibration.operating_point import OperatingPoint, Span
from gkmvlp.metrics.calibration.score_map import ScoreMap
from gkmvlp.models.config import Architecture, KnowledgeConfig, TextConfig, VisionConfig
from gkmvlp.models.generation import DecodingConfig
from gkmvlp.models.heads.answer_head import AnswerHead
from gkmvlp.models.heads.box_head import BoxHead
from gkmvlp.models.heads.detector import DetectorConfig
from gkmvlp.models.heads.label_head import label_head

ENTITIES = ["pleural effusion", "cardiomegaly", "pneumothorax", "fracture"]
SENTENCES = ["The heart is normal in size.", "There is a small left pleural effusion.", "No pneumothorax is seen."]
ANSWERS = ["left", "no", "right lower lung", "yes"]


def architecture() -> Architecture:
    return Architecture(
        image_size=32,
        projection_dim=8,
        vision=VisionConfig(
            "vit_tiny_patch16_224", timm_kwargs={"patch_size": 8, "embed_dim": 16, "depth": 1, "num_heads": 2}
        ),
        text=TextConfig(
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=24,
            vocab_size=200,
            max_length=48,
        ),
        knowledge=KnowledgeConfig(ENTITIES, num_hidden_layers=1, num_attention_heads=2, intermediate_size=24),
    )


def build(trained_on: str) -> backbones.Backbone:
    torch.manual_seed(0)
    backbone = backbones.build(architecture(), SENTENCES + ANSWERS)
    for parameter in backbone.model.parameters():  # fresh biases of 0 and gains of 1 would hide a dropped tensor
        nn.init.normal_(parameter, std=0.3)
    backbone.model.eval()
    return dataclasses.replace(backbone, info={"trained_on": trained_on})


def write_backbone(folder: Path, trained_on: str = "phantom-mimic-cxr") -> Path:
    backbones.save(build(trained_on), folder)
    return folder


def write_answering(folder: Path, kind: str, trained_on: str = "phantom-mimic-cxr, vqa-rad") -> Path:
    backbone = build(trained_on)
    backbone.info["task"] = "vqa"
    classifier = nn.Linear(16, len(ANSWERS)) if kind == "classify" else None
    heads.save(backbone, AnswerHead(kind, ANSWERS, 3, classifier), folder)
    return folder


def write_labelling(folder: Path, labels: tuple[str, ...]) -> Path:
    """A model for labels."""
    backbone = build("phantom-mimic-cxr, phantom-chestxray14")
    backbone.info["task"] = "classification"
    head = label_head(labels, backbone.model.architecture, "both")
    for parameter in head.parameters():
        nn.init.normal_(parameter, std=0.3)
    heads.save(backbone, head, folder)
    return folder


def write_detecting(folder: Path) -> Path:
    """A detector that calls every box likely above a score of one half."""
    backbone = build("phantom-mimic-cxr, phantom-rsna")
    backbone.info["task"] = "localization"
    config = DetectorConfig(pyramid_scales=[1.0, 0.5], channels=8)
    head = BoxHead(backbone.model, ("Opacity", "Nodule"), config, True, focal_loss, giou_loss)
    for parameter in head.parameters():
        nn.init.normal_(parameter, std=0.3)
    head.threshold_L.fill_(0.5)
    heads.save(backbone, head, folder)
    return folder


def write_reporting(folder: Path) -> Path:
    backbone = build("phantom-mimic-cxr")
    backbone.info["task"] = "report_generation"
    heads.save(backbone, DecodingConfig(max_new_tokens=8), folder)
    return folder


def calibrate(folder: Path, kind: str, names: list[str]) -> None:
    """A calibration in a model's folder with every kind of map in turn; names of ``answers`` get a temperature."""
    maps = (
        ScoreMap("platt", 0.5, -1.0),
        ScoreMap("isotonic", knots=(-2.0, 0.0, 3.0), values=(0.1, 0.3, 0.8)),
        ScoreMap(reason="not in these data"),
        ScoreMap("temperature", 0.7),
    )
    point = OperatingPoint(Span(0.5, 0.0, 1.0), Span(0.9, 0.8, 1.0), Span(0.7, 0.6, 0.8))
    labels = [
        LabelCalibration(name, 10, 5, score_map, {"sensitivity=0.90": point} if score_map.is_calibrated else {})
        for name, score_map in zip(names, maps, strict=False)
    ]
    scores, answers = ({}, AnswerCalibration(1.7, 10, 5)) if kind == "answers" else ({kind: labels}, None)
    when = "2026-01-01T00:00:00+00:00"
    write_calibration(folder, Calibration("phantom-tiny", "validate of official@0", 10, 5, when, scores, answers))


def write_images(folder: Path, count: int = 3) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(count):
        noise = np.random.default_rng(number).integers(0, 255, (40 + 8 * number, 48)).astype(np.uint8)
        paths.append(folder / f"{number}.{'png' if number % 2 else 'jpg'}")
        Image.fromarray(noise).save(paths[-1])
    return paths
