"""Curves of a run: from the tables that each fit leaves, whatever its logger was; without them from TensorBoard's."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Plot

from gkmvlp.app.running.trainer_defaults import CURVES
from gkmvlp.tasks.parts.objectives import OBJECTIVES

STYLES = {"train": ("tab:blue", "-"), "val": ("tab:orange", "o-")}


def curves_of(run: Path) -> dict[str, pd.DataFrame]:
    """Tag -> step and value of what the fits in a run's folder logged, first to last (see ``newest``)."""
    files = sorted((run / CURVES).glob("version_*/metrics.csv"), key=lambda file: int(file.parent.name.split("_")[1]))
    if not files:
        return read_scalars(run / "tensorboard") if (run / "tensorboard").is_dir() else {}
    logged = pd.concat([pd.read_csv(file) for file in files], ignore_index=True)
    tags = [tag for tag in logged if tag not in ("step", "epoch")]
    columns = {tag: logged[["step", tag]].dropna().set_axis(["step", "value"], axis=1) for tag in tags}
    return {tag: newest(values) for tag, values in columns.items()}


def read_scalars(folder: Path) -> dict[str, pd.DataFrame]:
    """Tag -> step and value of the TensorBoard files of a run (see ``newest``)."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    events.Reload()
    tags: list[str] = events.Tags()["scalars"]
    return {tag: newest(pd.DataFrame(events.Scalars(tag))[["step", "value"]]) for tag in tags}


def newest(values: pd.DataFrame) -> pd.DataFrame:
    """Rows without those that a later row goes back to or behind: a folder may hold a run that was begun anew."""
    step_N = values["step"].to_numpy(float)
    lowest_later_N = np.append(np.minimum.accumulate(step_N[::-1])[::-1][1:], np.inf)
    return values[step_N < lowest_later_N].reset_index(drop=True)


def curve_names(scalars: Mapping[str, pd.DataFrame]) -> list[str]:
    """The objectives of pre-training; of another run whatever it logged of training and validation."""
    logged = {tag.partition("/")[2] for tag in scalars if tag.startswith(("train/", "val/"))}
    return [name for name in OBJECTIVES if name in logged] or sorted(logged)


def plot_curves(scalars: Mapping[str, pd.DataFrame]) -> Plot:
    """One panel for each of ``curve_names``, of which there is at least one."""
    names = curve_names(scalars)
    plot = Plot(figsize=(2.9 * len(names), 2.4), layout="constrained")
    for axis, name in zip(np.atleast_1d(plot.subplots(1, len(names))), names, strict=True):
        for split, (colour, line) in STYLES.items():
            if (values := scalars.get(f"{split}/{name}")) is not None:
                shown = line if len(values) > 1 else "o"  # a line of one point is none
                axis.plot(values["step"], values["value"], shown, color=colour, linewidth=0.8, markersize=3)
        axis.set_title(name.upper() if name in OBJECTIVES else name, fontsize=9)
        axis.tick_params(labelsize=7)
        axis.set_xlabel("step", fontsize=7)
    return plot
