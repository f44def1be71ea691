"""Synchronised batch norms: what they compute, and that a run which asks for them gets ours."""

import copy

import pytest
import timm
import torch
from lightning import LightningModule, Trainer
from timm.layers import BatchNormAct2d
from torch import nn

from gkmvlp.app.running.sync_batch_norm import SyncNorms
from gkmvlp.app.running.trainer_defaults import trainer_arguments


def kinds(model):
    return {type(module) for module in model.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)}


@pytest.mark.parametrize("name", ["resnet10t", "densenet121", "efficientnet_b0"])
def test_a_model_computes_the_same_synchronised_and_reverted(name):
    torch.manual_seed(0)
    options = {"growth_rate": 8, "block_config": (2, 2)} if name == "densenet121" else {}
    model = timm.create_model(name, in_chans=1, num_classes=0, **options).eval()
    before, x, state = kinds(model), torch.randn(2, 1, 32, 32), copy.deepcopy(model.state_dict())
    with torch.no_grad():
        wanted = model(x)
        synchronised = SyncNorms().apply(model)
        assert all(issubclass(kind, nn.SyncBatchNorm) for kind in kinds(synchronised))
        assert torch.equal(synchronised(x), wanted)
        reverted = SyncNorms().revert(synchronised).eval()  # Lightning leaves norms in training
        assert not any(issubclass(kind, nn.SyncBatchNorm) for kind in kinds(reverted))
        assert (BatchNormAct2d in kinds(reverted)) == (BatchNormAct2d in before)
        assert torch.equal(reverted(x), wanted)
    assert reverted.state_dict().keys() == state.keys()
    assert all(torch.equal(tensor, state[name]) for name, tensor in reverted.state_dict().items())


@pytest.mark.parametrize(("asked", "given", "kind"), [(True, None, SyncNorms), (False, None, None)])
def test_a_run_gets_them_where_it_asks(asked, given, kind, tmp_path):
    config = {
        "default_root_dir": tmp_path, "callbacks": None, "logger": False, "enable_checkpointing": False,
        "fast_dev_run": False, "enable_progress_bar": False, "enable_model_summary": False, "max_epochs": 1,
        "val_check_interval": None,
        "check_val_every_n_epoch": 1, "accelerator": "cpu", "precision": "32-true", "devices": 1,
        "sync_batchnorm": asked, "plugins": given,
    }  # fmt: skip
    trainer = Trainer(**{**config, **trainer_arguments(config, LightningModule(), "fit")})
    found = trainer._accelerator_connector._layer_sync
    assert found is None if kind is None else type(found) is kind
