"""A data set of fourteen noise images of fourteen patients, and its batches."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from gkmvlp.anatomy import REGIONS
from gkmvlp.data_modules.base import DataModule
from gkmvlp.data_modules.pipeline.samples import Sample

R = len(REGIONS)

OWN_BOX = np.tile(np.array([[0, 0, 10, 10]], np.float32), (R, 1))

SPLITS = ["train"] * 10 + ["validate"] * 2 + ["test"] * 2


class Toy(DataModule):
    """Fourteen noise images of fourteen patients."""

    data_name = "toy"
    split_label = "official"

    def __init__(self, root: Path, patients=None, with_boxes=True, **kwargs):
        options = {"batch_size": 4, "num_workers": 0, "image_size": 32} | kwargs
        super().__init__(**options)
        self.root, self.patients, self.with_boxes = root, patients or [f"p{i}" for i in range(14)], with_boxes
        for index in range(14):
            path = root / f"{index}.png"
            if not path.exists():
                noise = np.random.default_rng(index).integers(0, 255, (40, 60)).astype(np.uint8)
                Image.fromarray(noise).save(path)

    def read_samples(self):
        boxes = {"box_R4": OWN_BOX, "mask_R": np.ones(R, bool), "size": (60, 40)} if self.with_boxes else {}
        return [
            Sample(f"s{i}", self.patients[i], str(self.root / f"{i}.png"), "PA", split, **boxes)
            for i, split in enumerate(SPLITS)
        ]

    def texts(self):
        return []


def batches(loader, epoch=0):
    loader.sampler.set_epoch(epoch)
    return list(loader)


def equal(first, second):
    return all(
        torch.equal(a[key], b[key]) if isinstance(a[key], torch.Tensor) else a[key] == b[key]
        for a, b in zip(first, second, strict=True)
        for key in a
    )
