import sys
from pathlib import Path

import pytest
import torch

from gkmvlp.anatomy import REGION_INDEX
from gkmvlp.data_modules import ChestXray14, MimicCxr, OpenI, RsnaPneumonia, Slake, VqaMed2019, VqaRad
from gkmvlp.data_modules.synthetic import chest_xray14, mimic_cxr, openi, rsna_pneumonia, slake, vqa_med_2019, vqa_rad


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("phantoms")
    mimic_cxr.write(folder, 4, 1, size=32, workers=1)
    for writer in (vqa_rad, chest_xray14, rsna_pneumonia, openi, slake, vqa_med_2019):
        writer.write(folder, 12, 1, 32, 1)
    return folder


def test_no_datamodule_opens_the_truth(root: Path):
    opened: list[str] = []
    watching = True

    def watch(event: str, arguments: tuple) -> None:
        if watching and event in ("open", "os.scandir", "os.listdir"):
            opened.append(str(arguments[0]))

    sys.addaudithook(watch)
    for kind in (MimicCxr, VqaRad, ChestXray14, RsnaPneumonia, OpenI, Slake, VqaMed2019):
        data = kind(str(root), image_size=32, num_workers=0)
        data.setup()
        for loader in (data.train_dataloader(), data.val_dataloader(), data.test_dataloader()):
            list(loader)
        data.summary_lines()
    watching = False
    assert any("mimic-cxr-2.0.0-split" in path for path in opened)
    for suffix in (".jpg", ".png", ".dcm"):
        assert any(path.endswith(suffix) for path in opened)
    assert not [path for path in opened if "_truth" in path]
    assert (root / "_truth").is_dir()


def test_the_patients_right_lung_lies_on_the_left_of_the_image(root: Path):
    data = MimicCxr(str(root), image_size=64, num_workers=0, batch_size=8, region_boxes="dataset")
    data.setup()
    boxes = torch.cat([batch["region_box"] for epoch in range(5) for batch in loader(data, epoch)])
    right, left = (boxes[:, REGION_INDEX[f"{side} lung"]] for side in ("right", "left"))
    seen = right.any(1) & left.any(1)
    assert seen.any()
    assert (right[seen][:, [0, 2]].mean(1) < left[seen][:, [0, 2]].mean(1)).all()


def loader(data: MimicCxr, epoch: int):
    batches = data.train_dataloader()
    batches.sampler.set_epoch(epoch)
    return batches
