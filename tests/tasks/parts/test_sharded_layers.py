"""FSDP2 gathers a layer inside its ``forward`` and the methods that are named for it: models must call no other."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import fully_shard, register_fsdp_forward_method

from gkmvlp.models.config import TextConfig
from gkmvlp.models.memory import Memory
from gkmvlp.models.text import FusionBert
from gkmvlp.tasks.parts.sharding import LAYER_METHODS, layers

TOKENS = torch.tensor([[5, 17, 33, 9], [7, 8, 0, 0]])
MASK = TOKENS > 0


@pytest.fixture
def mesh(tmp_path: Path) -> Iterator[DeviceMesh]:
    """A group of one process."""
    dist.init_process_group("gloo", store=dist.FileStore(str(tmp_path / "store"), 1), rank=0, world_size=1)
    yield init_device_mesh("cpu", (1,))
    dist.destroy_process_group()


@pytest.mark.parametrize("fusion_layer", [0, 1, 2])
def test_every_way_through_a_sharded_text_model_gathers_its_layers(mesh, fusion_layer):
    def read(is_sharded):
        torch.manual_seed(0)
        sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
        model = FusionBert(TextConfig(**sizes, fusion_layer=fusion_layer, dropout=0.0), 60)
        for layer in layers(model) if is_sharded else ():
            fully_shard(layer, mesh=mesh)
            for method in LAYER_METHODS:
                register_fsdp_forward_method(layer, method)
        memory = Memory(torch.randn(2, 3, 16), torch.randn(2, 3, 16))
        projected, states = model.project(memory), model.unimodal(TOKENS, MASK)
        given = [
            model.multimodal(states), model.first_token(states), model.first_token(states, projected),
            model(TOKENS, MASK, "fusion", projected), model(TOKENS, MASK, "decoder", memory),
        ]  # fmt: skip
        torch.stack([one.square().mean() for one in given]).sum().backward()
        return [one.detach() for one in given], model.word.weight.grad

    torch.testing.assert_close(read(is_sharded=True), read(is_sharded=False))
