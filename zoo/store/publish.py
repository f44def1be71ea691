"""From a run's folder to what ``download`` reads: ``DIR/NAME.yaml``, its card ``DIR/NAME.md`` and ``DIR/NAME/``."""

import dataclasses
import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from gkmvlp.checkpoints import backbone as backbones
from gkmvlp.checkpoints.backbone import Backbone
from gkmvlp.checkpoints.calibration_file import read_calibration
from gkmvlp.checkpoints.systems import system_name
from gkmvlp.errors import ZooError
from gkmvlp.local_paths import leftover_path, without_paths
from gkmvlp.metrics.results.group_result import GroupedResult
from gkmvlp.metrics.results.metric_result import MetricResult, Results, read_json
from gkmvlp.metrics.results.tables import is_headline
from gkmvlp.notices import NO_PATIENT, NOT_CLINICAL, trained_on_patients
from gkmvlp.zoo.entry import FORMAT, NAME, SCHEME, Entry, File, Licences, Result, dump, fits, parse
from gkmvlp.zoo.registry import find
from gkmvlp.zoo.store.cards import card
from gkmvlp.zoo.store.model_files import copy_model
from gkmvlp.zoo.store.privacy import refuse_credentialed

MODEL_FOLDERS = ("model", "backbone")  # what a run leaves
CONFIG = "training.yaml"
CODE = "Apache-2.0"
# task: whose figures are its model's; without an entry the task's own
FIGURES = {"pretraining": {"entity_classification", "zero_shot", "grounding"}}
FROZEN = "Its image encoder is that of its backbone, held still while it learned."
PROBABILITIES = "Its probabilities are"  # start of what is said of a calibration
Measured = tuple[list[MetricResult], list[GroupedResult]]
PHANTOMS = "synthetic phantoms of this package; no patient data"


@dataclass(frozen=True)
class ReleaseInfo:
    """What a run's folder does not say.

    Attributes:
        name: Name of the model.
        summary: One line; None makes one of task and data.
        weights: Licence of the weights; None, where phantoms alone were seen, means that of the code.
        data: Terms of the data; None, where phantoms alone were seen, says so.
        limits: What it cannot do, beside what is known of every model.
        sources: Addresses where the files will lie too.
    """

    name: str
    summary: str | None = None
    weights: str | None = None
    data: str | None = None
    limits: Sequence[str] = ()
    sources: Sequence[str] = ()


def publish(folder: Path, out: Path, about: ReleaseInfo) -> Entry:
    """Write entry, card and files of a run's model; nothing of it carries a local path.

    Args:
        folder: ``outputs/<target>`` of a run.
        out: Where; the same layout as ``zoo/models``, so that any host, mirror or repository can serve it.
        about: Name, licences, limits.

    Raises:
        ZooError: If something is missing, may not be shared, or is there already.
        ResultsError: If ``results.json`` cannot be read.
        BackboneError: If the model is not whole.
    """
    if not fits(NAME, about.name):
        raise ZooError(f"--name {about.name}: lower-case letters, digits, . _ - expected")
    inner = next((folder / name for name in MODEL_FOLDERS if (folder / name / "config.json").is_file()), None)
    if inner is None:
        raise ZooError(f"{folder}: neither model/ nor backbone/ with a config.json; name the folder of a run")
    config = _config(folder)
    refuse_credentialed(folder, config)
    model = backbones.load(inner)
    figures, groups = measured_figures(folder, _task(model))
    manifest = _manifest(folder, model)
    for path in (out / about.name, out / f"{about.name}.yaml"):
        if path.exists():
            raise ZooError(f"{path} exists: remove it or choose another --name")
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".", dir=out) as scratch:
            made = Path(scratch) / about.name
            made.mkdir()
            entry = _write(inner, made, model, config, manifest, (figures, groups), about)
            made.rename(out / about.name)
        (out / f"{about.name}.md").write_text(card(entry), encoding="utf-8")
        (out / f"{about.name}.yaml").write_text(dump(entry), encoding="utf-8")
    except OSError as error:
        raise ZooError(f"{out} cannot be written ({error.strerror or error}): name another by --out") from error
    return entry


def renew(entry: Entry, models: Path, limits: Sequence[str]) -> Entry:
    """Writes entry and card of a published model anew, whose files changed but for the weights.

    Args:
        entry: As it was, by its name, with the reference of its backbone of today.
        models: Folder of entry, card and files.
        limits: What it cannot do, beside what is known of every model.
    """
    folder = models / entry.name
    known = [limit for limit in entry.limits if limit not in limits and not limit.startswith(PROBABILITIES)]
    made = dataclasses.replace(
        entry,
        files=[_file(path) for path in sorted(folder.iterdir())],
        limits=[*known, *_probabilities(folder), *limits],
    )
    (models / f"{entry.name}.md").write_text(card(made), encoding="utf-8")
    (models / f"{entry.name}.yaml").write_text(dump(made), encoding="utf-8")
    return made


def _write(
    inner: Path,
    made: Path,
    model: Backbone,
    config: dict[str, Any],
    manifest: dict[str, str],
    measured: Measured,
    about: ReleaseInfo,
) -> Entry:
    """Write the files of a model into an empty folder; their entry."""
    backbone = _backbone(model.info.get("backbone"))
    copy_model(inner, made, backbone)
    (made / CONFIG).write_text(yaml.safe_dump(without_paths(config), sort_keys=False), encoding="utf-8")
    entry = _entry(model, backbone, config, manifest, measured, about, made)
    parse(dump(entry), f"entry {about.name}")
    for source, content in {"entry": dump(entry), **_texts(made)}.items():
        if path := leftover_path(content):
            raise ZooError(f"{inner}: {source} still holds the local path {path}; take it out of the run's files")
    return entry


def _config(folder: Path) -> dict[str, Any]:
    """The training config of a run."""
    path = folder / "config.yaml"
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise ZooError(
            f"{path}: the training config is expected ({type(error).__name__}); publish a whole run"
        ) from error
    if not isinstance(content, dict):
        raise ZooError(f"{path}: a training config is expected, got {type(content).__name__}")
    return content


def _manifest(folder: Path, model: Backbone) -> dict[str, str]:
    """Data set -> hash of who was in which split; it must be what the model was trained on."""
    path = folder / "manifest.json"
    if not path.is_file():
        raise ZooError(f"{path} is missing: without it nobody knows who was trained on; publish a whole run")
    manifest = read_json(path)
    if manifest.get("hash") != model.info.get("manifest"):
        raise ZooError(f"{path}: of other data than the model was trained on ({model.info.get('manifest')})")
    return {str(manifest["data"]): str(manifest["hash"])}


def _task(model: Backbone) -> str:
    """The task that the model was trained for."""
    return str(model.info.get("task") or "pretraining")


def measured_figures(folder: Path, task: str) -> Measured:
    """The figures of the model itself: main ones of its task, each with its signature, and those by group.

    A folder may hold more: what its backbone does zero-shot, other tasks' runs, other starts.
    """
    path = folder / "results.json"
    if not path.is_file():
        raise ZooError(f"{path} is missing: measure the model first; gkmvlp test and gkmvlp evaluate {folder} do it")
    results = Results.read(path)
    figures = results.figures
    if bare := [f"{f.task}/{f.name}" for f in figures if "metric:" not in (f.signature or "")]:
        raise ZooError(f"{path}: {', '.join(bare)} without signature: nobody can tell how they were computed")
    figures = [figure for figure in figures if figure.task in FIGURES.get(task, {task})]
    if not figures:
        raise ZooError(f"{path}: no figure of {task}; measure the model first")
    own = min({str(figure.model) for figure in figures}, key=lambda name: (name.startswith("variant:"), name))
    chosen = [f for f in figures if f.model == own and is_headline(f) and f.value is not None]
    keys = {(f.task, f.name, f.label, f.data) for f in chosen}
    return chosen, [g for g in results.groups if g.model == own and (g.task, g.name, g.label, g.data) in keys]


def _texts(folder: Path) -> dict[str, str]:
    return {f.name: f.read_text(encoding="utf-8") for f in sorted(folder.iterdir()) if f.suffix != ".safetensors"}


def _entry(
    model: Backbone,
    backbone: Entry | None,
    config: Mapping[str, Any],
    manifest: dict[str, str],
    measured: Measured,
    about: ReleaseInfo,
    folder: Path,
) -> Entry:
    """The entry of the files in a folder."""
    info, architecture = model.info, model.model.architecture
    task, data = _task(model), str(info["trained_on"])
    patients = trained_on_patients(info)
    if patients and not (about.weights and about.data):
        raise ZooError(f"trained on {data}: say by --weights-licence and --data-terms what may be done with it")
    return Entry(
        name=about.name,
        task=task,
        summary=about.summary or f"GK-MVLP, {task.replace('_', ' ')}, trained on {data}.",
        architecture=(
            f"{architecture.vision.name} at {architecture.image_size} px, "
            f"text of {architecture.text.num_hidden_layers} layers and width {architecture.text.hidden_size}, "
            f"{len(architecture.knowledge.entities)} entities"
        ),
        system=system_name(architecture),
        backbone=backbone.reference if backbone else None,
        files=[_file(path) for path in sorted(folder.iterdir())],
        sources=[about.name, *about.sources],
        licences=Licences(CODE, about.weights or CODE, about.data or PHANTOMS),
        config=CONFIG,
        seed=int(config.get("seed_everything") or 0),
        manifests={**(backbone.manifests if backbone else {}), **manifest},
        trained_on=data.split(", "),
        results=[result_of(figure) for figure in measured[0]],
        groups=measured[1],
        limits=[
            NOT_CLINICAL,
            *([] if patients else [NO_PATIENT]),
            *([FROZEN] if _frozen(config) else []),
            *_probabilities(folder),
            *about.limits,
        ],
        format=FORMAT,
    )


def _probabilities(folder: Path) -> list[str]:
    """What the card says of probabilities, where somebody has measured what they mean."""
    if (calibration := read_calibration(folder)) is None:
        return []
    return [f"{PROBABILITIES} {calibration.summary}: at another site calibrate anew (gkmvlp calibrate)."]


def _frozen(config: Mapping[str, Any]) -> bool:
    """Whether the config holds the image side of the backbone still."""
    options = (config.get("model") or {}).get("init_args") or {}
    keys = ("freeze_image_branch", "linear_probe", "freeze", "freeze_image", "probe")  # of today, of earlier runs
    return bool(options.get("backbone")) and any(options.get(key) for key in keys)


def _backbone(reference: object) -> Entry | None:
    """The model of the zoo that a fine-tuned one started from; None for a folder of this machine."""
    return find(str(reference)) if str(reference).startswith(SCHEME) else None


def _file(path: Path) -> File:
    with path.open("rb") as stream:
        return File(path.name, path.stat().st_size, hashlib.file_digest(stream, "sha256").hexdigest())


def result_of(figure: MetricResult) -> Result:
    """What an entry keeps of a figure."""
    return Result(**{field.name: getattr(figure, field.name) for field in dataclasses.fields(Result)})
