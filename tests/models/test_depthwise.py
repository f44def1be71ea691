"""Depthwise convolutions in float32 under autocast: same numbers, names and weights."""

import copy
import pickle

import timm
import torch
from torch import nn

from gkmvlp.models.depthwise import depthwise_in_float32


def network():
    torch.manual_seed(0)
    return timm.create_model("tf_efficientnet_lite0", in_chans=1, num_classes=0, output_stride=16).eval()


def test_without_autocast_nothing_changes():
    plain, changed = network(), network()
    depthwise_in_float32(changed)
    image = torch.rand(1, 1, 64, 64)
    assert torch.equal(plain(image), changed(image))
    assert list(plain.state_dict()) == list(changed.state_dict())


def test_under_autocast_only_depthwise_convolutions_stay_in_float32():
    model = network()
    depthwise_in_float32(model)
    dtype = {}
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(lambda m, _, out, name=name: dtype.__setitem__(name, (m.groups, out.dtype)))
    with torch.autocast("cpu", torch.bfloat16):
        model(torch.rand(1, 1, 64, 64))
    assert {groups > 1 for groups, _ in dtype.values()} == {True, False}
    assert all(kind == (torch.float32 if groups > 1 else torch.bfloat16) for groups, kind in dtype.values())


def test_a_changed_network_can_be_copied_and_pickled():
    model = network()
    depthwise_in_float32(model)
    image = torch.rand(1, 1, 64, 64)
    expected = model(image)
    assert torch.equal(copy.deepcopy(model)(image), expected)
    assert torch.equal(pickle.loads(pickle.dumps(model))(image), expected)
