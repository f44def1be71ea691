import torch

from gkmvlp.models.gate import FRONTAL, KINDS, SIDE, GateNet, both_ways

MOST_BYTES = 300e3  # of the weights in half precision


def test_the_network_is_small():
    assert sum(2 * parameter.numel() for parameter in GateNet().parameters()) < MOST_BYTES


def test_a_mirror_image_exchanges_frontal_and_mirrored_and_nothing_else():
    torch.manual_seed(0)
    net, image_B1SS = GateNet().eval(), torch.rand(3, 1, SIDE, SIDE)
    logit_BK, mirrored_BK = both_ways(net, image_B1SS), both_ways(net, image_B1SS.flip(-1))
    frontal, mirrored = KINDS.index(FRONTAL), KINDS.index("mirrored")
    torch.testing.assert_close(logit_BK[:, frontal], mirrored_BK[:, mirrored])
    torch.testing.assert_close(logit_BK[:, mirrored], mirrored_BK[:, frontal])
    others = [k for k in range(len(KINDS)) if k not in (frontal, mirrored)]
    torch.testing.assert_close(logit_BK[:, others], mirrored_BK[:, others])


def test_brightness_and_contrast_say_nothing():
    torch.manual_seed(0)
    net, image_B1SS = GateNet().eval(), torch.rand(2, 1, SIDE, SIDE)
    with torch.inference_mode():
        torch.testing.assert_close(net(image_B1SS), net(0.8 * image_B1SS + 0.1), rtol=0.05, atol=0.05)
