"""Loaders: contract, chance that repeats, resumed epochs, boxes, and batches that devices share."""

import signal
from pathlib import Path
from types import SimpleNamespace

import lightning as L
import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.utilities.exceptions import SIGTERMException

from gkmvlp.errors import ConfigError, DataError
from tests.data_modules.toy import R, Toy, batches, equal


def test_batches_have_the_contracts_shapes(tmp_path: Path):
    data = Toy(tmp_path)
    data.setup("fit")
    batch = next(iter(data.train_dataloader()))
    assert batch["image"].shape == (4, 1, 32, 32)
    assert batch["image"].dtype == torch.float32
    assert 0 <= batch["image"].min() < batch["image"].max() <= 1
    assert batch["letterbox"].shape == (4, 6)
    assert batch["letterbox"][0].tolist() == pytest.approx([32 / 60, 32 / 60, 0, (32 - 40 * 32 / 60) / 2, 60, 40])
    assert batch["region_box"].shape == (4, R, 4)
    assert batch["region_mask"].dtype == torch.bool
    assert (batch["region_box"][~batch["region_mask"]] == 0).all()
    assert len(batch["sample_id"]) == len(batch["patient_id"]) == 4


def test_epochs_differ_and_workers_change_nothing(tmp_path: Path):
    alone, helped = Toy(tmp_path), Toy(tmp_path, num_workers=2)
    for data in (alone, helped):
        data.setup("fit")
    one, two = alone.train_dataloader(), helped.train_dataloader()
    first, second = batches(one, 0), batches(one, 1)
    assert not equal(first, second)
    # The same persistent workers serve both epochs.
    assert equal(batches(two, 0), first)
    assert equal(batches(two, 1), second)


class Recorder(L.LightningModule):
    """Takes steps that depend on what it is shown and when."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(3))

    def training_step(self, batch, index):
        value = batch["image"].mean() + batch["region_box"].sum()
        return (self.weight - value * torch.tensor([1.0, index + 1, len(batch["sample_id"])])).square().sum()

    def validation_step(self, batch, index):
        self.log("loss", batch["image"].mean())

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)


class Stop(L.Callback):
    """What a signal inside the second epoch does: a checkpoint between two steps."""

    def on_train_batch_end(self, trainer, module, outputs, batch, index):
        if (trainer.current_epoch, index) == (1, 0):
            signal.raise_signal(signal.SIGTERM)

    def on_exception(self, trainer, module, exception):
        trainer.save_checkpoint(Path(trainer.default_root_dir) / "inside.ckpt")


def fit(
    root: Path, folder: str, epochs: int, at_end: bool, resume: Path | None = None, stop: bool = False
) -> torch.Tensor:
    model = Recorder()
    keep = ModelCheckpoint(root / folder, "{epoch}", save_top_k=-1, save_on_train_epoch_end=at_end)
    trainer = L.Trainer(
        max_epochs=epochs, accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False,
        callbacks=[keep, *([Stop()] if stop else [])], num_sanity_val_steps=0, default_root_dir=root,
    )  # fmt: skip
    trainer.fit(model, Toy(root, num_workers=2), ckpt_path=resume)
    return model.weight.detach()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("at_end", [True, False])
def test_resume_from_an_epochs_end_equals_an_uninterrupted_run(tmp_path: Path, at_end: bool):
    whole = fit(tmp_path, "whole", 3, at_end)
    fit(tmp_path, "part", 1, at_end)
    assert torch.equal(fit(tmp_path, "rest", 3, at_end, tmp_path / "part" / "epoch=0.ckpt"), whole)


@pytest.mark.filterwarnings("ignore")
def test_resume_from_inside_an_epoch_equals_an_uninterrupted_run(tmp_path: Path):
    whole = fit(tmp_path, "whole", 3, True)
    with pytest.raises(SIGTERMException):
        fit(tmp_path, "part", 3, True, stop=True)
    content = torch.load(tmp_path / "inside.ckpt", weights_only=True)
    assert (content["epoch"], content["global_step"]) == (1, 3)  # one of the two steps of the second epoch
    assert torch.equal(fit(tmp_path, "rest", 3, True, tmp_path / "inside.ckpt"), whole)


def test_box_sources(tmp_path: Path):
    def first_box(**kwargs):
        data = Toy(tmp_path, augmentation_strength=0.0, region_dropout=0.0, **kwargs)
        data.setup("fit")
        return torch.cat(
            [batch["region_box"][:, 0] for epoch in range(6) for batch in batches(data.train_dataloader(), epoch)]
        )

    own = torch.tensor([0, 16 / 3 / 32 + 0.0, 1 / 6, 1 / 3])
    own[1], own[3] = (32 - 40 * 32 / 60) / 2 / 32, (32 - 40 * 32 / 60) / 2 / 32 + 1 / 6
    assert torch.allclose(first_box(region_boxes="dataset"), own, atol=1e-5)
    is_own = torch.isclose(first_box(region_boxes="mixed"), own, atol=1e-5).all(-1)
    assert 0.25 < is_own.float().mean() < 0.75
    assert not torch.isclose(first_box(region_boxes="atlas"), own, atol=1e-5).all(-1).any()


def test_evaluation_has_no_chance_in_it(tmp_path: Path):
    data = Toy(tmp_path)
    data.setup("test")
    first, again = list(data.test_dataloader()), list(data.test_dataloader())
    assert equal(first, again)
    assert first[0]["sample_id"] == ["s12", "s13"]
    # Mixed means the atlas in evaluation; parts of it lie beside this wide image and are clipped, not dropped.
    assert first[0]["region_mask"].float().mean() > 0.9


def test_region_dropout_is_of_training_only(tmp_path: Path):
    data = Toy(tmp_path, region_dropout=0.5)
    data.setup("fit")
    seen = torch.cat([batch["region_mask"] for epoch in range(4) for batch in batches(data.train_dataloader(), epoch)])
    assert 0.35 < seen.float().mean() < 0.65
    assert next(iter(data.val_dataloader()))["region_mask"].float().mean() > 0.9


def test_impossible_configs_are_refused(tmp_path: Path):
    with pytest.raises(ConfigError, match="labels"):
        Toy(tmp_path, flip=True)
    with pytest.raises(ConfigError, match="use region_boxes: atlas"):
        Toy(tmp_path, with_boxes=False, region_boxes="dataset").setup("fit")
    with pytest.raises(DataError, match="gkmvlp data atlas"):
        Toy(tmp_path, atlas_file=str(tmp_path / "absent.json"))


class World:
    """A Trainer of so many devices, as far as loaders look at it."""

    def __init__(self, world_size, global_rank=0):
        self.world_size, self.global_rank = world_size, global_rank
        progress = SimpleNamespace(processed=0, ready=0)
        batches = SimpleNamespace(is_last_batch=False, current=progress)
        self.fit_loop = SimpleNamespace(
            epoch_progress=SimpleNamespace(current=progress), epoch_loop=SimpleNamespace(batch_progress=batches)
        )


def test_devices_share_a_global_batch(tmp_path: Path):
    """The rows of a step are those of one device, whatever their number."""
    steps = []
    for count in (1, 2, 4):
        ranks = []
        for rank in range(count):
            data = Toy(tmp_path, global_batch_size=4)
            data.trainer = World(count, rank)
            data.setup("fit")
            assert data.device_batch_size == 4 // count
            ranks.append([batch["sample_id"] for batch in data.train_dataloader()])
        steps.append([{name for names in batch for name in names} for batch in zip(*ranks, strict=True)])
    assert steps[0] == steps[1] == steps[2]
    assert [len(names) for names in steps[0]] == [4, 4]


@pytest.mark.parametrize(
    ("rows", "devices", "nearest", "share"), [(100, 8, 96, 5), (103, 8, 104, 1), (4, 6, 6, 4), (9, 6, 6, 3)]
)
def test_devices_that_cannot_share_a_batch_are_told_before_anything_is_read(tmp_path, rows, devices, nearest, share):
    data = Toy(tmp_path, global_batch_size=rows)
    data.read_samples = lambda: pytest.fail("rows were read")
    data.trainer = World(devices)
    told = rf"global_batch_size: {rows} rows .* {devices} devices .*the nearest that can is {nearest}, or take {share} "
    with pytest.raises(ConfigError, match=told):
        data.prepare_data()
