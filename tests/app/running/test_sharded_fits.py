"""What Lightning's strategy for FSDP2 is told, and what is refused in one line."""

from pathlib import Path

import pytest
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.strategies import ModelParallelStrategy

from gkmvlp.app.running.sharded_fits import check_same_kind, shard_over_all
from gkmvlp.app.running.trainer_checks import checked_checkpoint
from gkmvlp.app.running.whole_checkpoints import WholeCheckpoints, write_whole
from gkmvlp.errors import ConfigError
from gkmvlp.tasks import GkMvlpPretraining, VisualQuestionAnswering
from tests.app.toy import ToyTask
from tests.tiny import architecture


def trainer(**options):
    strategy = ModelParallelStrategy(**{"save_distributed_checkpoint": False, **options})
    return Trainer(accelerator="cpu", devices=2, strategy=strategy, logger=False)


def test_the_model_is_cut_by_all_processes_and_its_checkpoints_are_written_whole():
    made = trainer()
    shard_over_all(made, GkMvlpPretraining(architecture()))
    assert (made.strategy._data_parallel_size, made.strategy._tensor_parallel_size) == (2, 1)
    write_whole(made)
    assert isinstance(made.strategy.checkpoint_io, WholeCheckpoints)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"tensor_parallel_size": 2}, "data_parallel_size 2 (the processes) and tensor_parallel_size 1 were expected"),
        ({"data_parallel_size": 8}, "got 8 and auto"),
        ({"save_distributed_checkpoint": True}, "add --trainer.strategy.save_distributed_checkpoint=false"),
    ],
)
def test_other_parts_are_refused(options, told):
    with pytest.raises(ConfigError) as raised:
        shard_over_all(trainer(**options), GkMvlpPretraining(architecture()))
    assert told in str(raised.value)


def test_a_fine_tuning_is_refused():
    with pytest.raises(ConfigError, match="VisualQuestionAnswering cannot be sharded"):
        shard_over_all(trainer(), VisualQuestionAnswering(architecture(), None, answer_mode="generate"))


@pytest.mark.parametrize("was", [True, False])
def test_a_checkpoint_of_the_other_kind_is_refused(was):
    file, content = Path("last.ckpt"), {"sharded": True} if was else {}  # other tasks have no such key
    single = Trainer(accelerator="cpu", devices=1, logger=False)
    same, other = (trainer(), single) if was else (single, trainer())
    check_same_kind(same, file, content)
    with pytest.raises(ConfigError, match="is of a sharded fit" if was else "was not sharded"):
        check_same_kind(other, file, content)


def test_a_sharded_fit_is_not_compiled():
    with pytest.raises(ConfigError, match="compile_backend: null was expected in a sharded fit"):
        shard_over_all(trainer(), GkMvlpPretraining(architecture(), compile_backend="eager"))


@pytest.mark.parametrize("mmap", [True, False])
def test_the_checkpoint_of_a_sharded_fit_is_checked_where_it_lies(mmap, tmp_path, monkeypatch):
    """Each process would else hold all of it."""
    task, file, load, options = ToyTask(), tmp_path / "last.ckpt", torch.load, {}
    torch.save({"state_dict": task.state_dict(), "global_step": 1, "loops": {}}, file)
    monkeypatch.setattr(torch, "load", lambda file, **given: options.update(given) or load(file, **given))
    stored = checked_checkpoint(task, file, mmap)
    assert options["mmap"] is mmap
    assert torch.equal(stored["state_dict"]["layer.weight"], task.layer.weight)
