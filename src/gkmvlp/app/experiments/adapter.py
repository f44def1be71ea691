"""A task by an adapter and by full fine-tuning, compared: same backbone, steps and seeds."""

from collections.abc import Mapping, Sequence

from gkmvlp.app.experiments.conditions import run_conditions
from gkmvlp.app.running.recipes import start_from
from gkmvlp.app.running.run import Overrides, Run, merged, model_overrides
from gkmvlp.hardware import runs_at_once
from gkmvlp.task_ids import BY_WORD

ARMS = ("full", "lora")


def compare_adapter(
    task: str, recipe: Run, backbone: str, rank: int, seeds: Sequence[int], overrides: Mapping[str, Overrides]
) -> None:
    """Runs what is not there yet: the config as it is, and the same with an adapter in its layers' place.

    Args:
        task: Its word, such as ``vqa``.
        recipe: Config, data and folder of all runs.
        backbone: Where all runs start.
        rank: That of the adapter; alpha is twice as much.
        seeds: Seeds of each.
        overrides: Arm of ``ARMS`` -> what its runs change.
    """
    adapter = {"adapter": "lora", "adapter.rank": rank, "adapter.alpha": 2 * rank}
    arms: dict[str, Overrides] = {"full": {}, "lora": model_overrides(**adapter)}
    start = start_from(backbone)
    conditions = {name: merged(start, arms[name], overrides[name]) for name in ARMS}
    run_conditions(BY_WORD[task], recipe.config, recipe.folder, conditions, seeds, recipe.overrides, runs_at_once())
