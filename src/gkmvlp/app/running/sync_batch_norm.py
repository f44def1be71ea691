"""Batch norms whose statistics are those of all GPUs, for any timm model."""

from lightning.pytorch.plugins import TorchSyncBatchNorm
from timm.layers.norm_act import BatchNormAct2d, SyncBatchNormAct, convert_sync_batchnorm
from torch import nn


class SyncNorms(TorchSyncBatchNorm):
    """What ``sync_batchnorm`` puts into a model; norms of timm keep the activation that they hold.

    Lightning's own takes such a norm for a plain one: a DenseNet or EfficientNet would train without nonlinearities,
    and be opened with them later.
    """

    def apply(self, model: nn.Module) -> nn.Module:
        """The model with synchronised norms."""
        synchronised: nn.Module = convert_sync_batchnorm(model)
        return synchronised

    def revert(self, model: nn.Module) -> nn.Module:
        """The model with the norms of one process."""
        for parent in list(model.modules()):
            for name, child in parent.named_children():
                if isinstance(child, SyncBatchNormAct):
                    parent.add_module(name, _of_one_process(child))
        return super().revert(model)


def _of_one_process(norm: SyncBatchNormAct) -> BatchNormAct2d:
    """The same norm with the same tensors, not synchronised."""
    plain = BatchNormAct2d(
        norm.num_features, norm.eps, affine=norm.affine, track_running_stats=norm.track_running_stats
    )
    plain.momentum = norm.momentum
    plain._parameters, plain._buffers, plain._modules = norm._parameters, norm._buffers, norm._modules
    return plain.train(norm.training)
