"""The arms of the tables on patients: where the weights of a run come from, stated once."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from gkmvlp.app.experiments.conditions import Conditions, merge_alike
from gkmvlp.app.experiments.real.arm_names import ARMS, WITH_BACKBONE
from gkmvlp.app.experiments.runs import Work, run_missing
from gkmvlp.app.running.configs import architecture_in, model_arguments_in
from gkmvlp.app.running.recipes import SHIPPED, start_from
from gkmvlp.app.running.run import Overrides, Run, merged, model_overrides
from gkmvlp.errors import UsageError
from gkmvlp.models.config import BERT_SIZES

HELD_STILL = ("freeze_image_branch", "cache_image_memory")  # arguments of tasks that need a backbone


def arms_of(
    names: Sequence[str], backbone: str | None, config: str, given: Overrides | None = None, learns: bool = True
) -> dict[str, Overrides]:
    """What each arm changes in a config.

    Args:
        names: Of ``ARMS``.
        backbone: Where ``pretrained`` starts.
        config: ``zoo://NAME`` or a file, whose architecture names public weights.
        given: What the user sets in every run.
        learns: Whether the config has an optimizer.

    Returns:
        Name of the arm -> its overrides, in the order of ``ARMS``; all train the same weights.

    Raises:
        UsageError: If an arm is unknown, ``pretrained`` has no backbone, or the user sets what not all arms can do.
    """
    if strange := sorted(set(names) - set(ARMS)):
        raise UsageError(f"--arms {strange[0]}: one of {', '.join(ARMS)} was expected")
    made: dict[str, Callable[[], Overrides]] = {
        "pretrained": lambda: _from_backbone(backbone),
        "phantom": lambda: start_from(SHIPPED),
        "public_weights": lambda: model_overrides(backbone=None),
        "random_weights": lambda: random_weights(config, learns),
    }
    alike = _not_held_still(names, config, given or {})
    return {name: merged(made[name](), alike) for name in ARMS if name in names}


def _not_held_still(names: Sequence[str], config: str, given: Overrides) -> Overrides:
    """What has all arms train the same weights where a config holds the image side of a backbone still.

    An arm without a backbone has none to hold still; beside it, the others would train fewer weights.

    Raises:
        UsageError: If the user holds it still all the same.
    """
    if set(names) <= set(WITH_BACKBONE) or set(names).isdisjoint(WITH_BACKBONE):
        return {}
    arguments = model_arguments_in(config)
    still = model_overrides(**{key: False for key in HELD_STILL if arguments.get(key)})
    for key in model_overrides(**dict.fromkeys(HELD_STILL)):
        if str(given.get(key, False)).lower() == "true":
            raise UsageError(f"--set {key}=true: arms without a backbone cannot do that: call those with one apart")
    return still


def _from_backbone(backbone: str | None) -> Overrides:
    """Overrides that start from a backbone, which has to be named."""
    if backbone is None:
        raise UsageError("the arm pretrained needs --backbone REF; --arms chooses others")
    return start_from(backbone)


def random_weights(config: str, learns: bool = True) -> Overrides:
    """Overrides that keep the architecture of a config, the sizes and words of its BERT too, without any weights.

    Every layer then learns at one rate: with weights of nobody none of them has to be held back.

    Args:
        config: ``zoo://NAME`` or a file.
        learns: Whether the config has an optimizer.
    """
    from gkmvlp.checkpoints.bert_weights import bert_sizes

    changed: dict[str, object] = {"backbone": None, "architecture.vision.weights": None}
    text = architecture_in(config).get("text", {})
    if reference := text.get("weights"):
        sizes = bert_sizes(reference)
        changed |= {"architecture.text.weights": None, "architecture.text.tokenizer": text.get("tokenizer", reference)}
        changed |= {f"architecture.text.{key}": getattr(sizes, key) for key in BERT_SIZES}
    if learns:
        changed |= {"optimizer.layer_decay": 1.0}
    return model_overrides(**changed)


def run_arms(
    work: Work, config: str, tasks: Sequence[str], out: Path, arms: Mapping[int, Conditions], overrides: Overrides
) -> list[Path]:
    """One run of each seed and arm; a run that is complete is not run again.

    Args:
        work: Makes a run: ``test`` for a look at what an arm knows, ``fit_and_test`` for what it learns.
        config: ``zoo://NAME`` or a file.
        tasks: Its predictions files.
        out: Folder of the runs.
        arms: Seed -> the arms of that seed.
        overrides: Of every run.

    Returns:
        The merged predictions files of each task below ``out/predictions``: see ``merge_alike``.
    """
    outputs = [f"predictions/{task}.parquet" for task in tasks]
    folders = dict[str, list[Path]]()
    for seed, of_seed in arms.items():
        for name, arm in of_seed.items():
            run = Run(config, out / f"{name}-{seed}", merged(arm, overrides), seed)
            run_missing(work, [run], outputs[0], 1)
            folders.setdefault(name, []).append(run.folder)
    out_files = []
    for output in outputs:
        parts = {name: [folder / output for folder in made] for name, made in folders.items()}
        out_files += merge_alike(parts, out / output)
    return out_files
