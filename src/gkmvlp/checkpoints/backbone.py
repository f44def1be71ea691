"""The backbone folder: what pre-training leaves and every task starts from.

``config.json, model.safetensors, entities.json, grounding.json`` and the tokenizer's files. A model that was trained as
an adapter has the files of ``gkmvlp.checkpoints.adapters`` instead of tensors and tokenizer; those lie with its base.
"""

import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, Generic

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedTokenizerFast
from typing_extensions import TypeVar

import gkmvlp
from gkmvlp.anatomy import REGIONS, atlas_from_names, atlas_to_names, shipped_atlas
from gkmvlp.checkpoints import adapters
from gkmvlp.checkpoints.adapters import Adapter
from gkmvlp.checkpoints.bert_weights import load_bert, take_bert_sizes
from gkmvlp.checkpoints.checksums import require_undamaged, write_checksums
from gkmvlp.checkpoints.hub import HubModel
from gkmvlp.checkpoints.references import base_of, folder_of
from gkmvlp.checkpoints.renamed_keys import ARCHITECTURE, INFO, with_new_keys
from gkmvlp.checkpoints.systems import TextReader, named_system, system_name, system_of
from gkmvlp.checkpoints.tokenizer_files import load_tokenizer
from gkmvlp.checkpoints.vision_weights import load_vision
from gkmvlp.checkpoints.weights import SkipInit, cpu_state_dict, load_exact, read_tensors, write_tensors
from gkmvlp.entities import entity, list_hash
from gkmvlp.errors import BackboneError
from gkmvlp.models.config import BaseArchitecture
from gkmvlp.models.gk_mvlp import GkMvlp
from gkmvlp.models.protocol import VisionLanguageModel
from gkmvlp.models.tokenizer import train_tokenizer
from gkmvlp.notices import is_phantom, trained_on_patients

FORMAT = 1
# of config.json; further ones are the task's, as ``info``
OWN_KEYS = {
    *("format", "gkmvlp", "system", "architecture", "entities_sha256", "vocab_size", "vocabulary", "base"),
    adapters.KEY,
}
FIRST_SYSTEM = "gk_mvlp"  # of folders that name none
# arguments by which timm would read a file or an address
FETCHING = {"pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "checkpoint_path", "cache_dir"}


Model = TypeVar("Model", bound=VisionLanguageModel, default=GkMvlp)


@dataclass
class Backbone(HubModel, Generic[Model]):
    """A model with its tokenizer and where it comes from.

    Attributes:
        model: The network.
        tokenizer: Its tokenizer.
        info: Further keys of ``config.json``: what it was trained on, hashes of training patients, data kind.
        atlas: View -> mean region boxes (R, 4) it was trained with, as fractions of the letterboxed square.
        weights: Of a fresh one, what public weights filled and what is new, in a line; "" where nothing did.
        adapter: What is trained in place of the model's own layers; None where those are. A model that is read has
            none: its adapter is merged.
    """

    model: Model
    tokenizer: PreTrainedTokenizerFast
    info: dict[str, Any] = field(default_factory=dict)
    atlas: Mapping[str, NDArray[np.float32]] = field(default_factory=shipped_atlas)
    weights: str = ""
    adapter: Adapter | None = None

    @property
    def system(self) -> str:  # noqa: D102
        return system_name(self.model.architecture)

    @cached_property
    def _reader(self) -> TextReader:
        return system_of(self.model.architecture).reader(self.model.architecture, self.tokenizer)

    def read_texts(self, texts: list[str], device: torch.device | None = None) -> Any:
        """Texts as the model's ``begin`` takes them.

        Args:
            texts: B texts.
            device: Where the tensors go; None leaves them in main memory.
        """
        text = self._reader(texts)
        return text if device is None else type(text)(*(tensor.to(device) for tensor in text))

    def write_folder(self, folder: Path) -> None:
        """Writes the whole folder anew."""
        save(self, folder)

    @classmethod
    def open_folder(cls, folder: Path) -> "Backbone":  # type: ignore[override]
        """What lies in a folder."""
        return load(folder)


def build(architecture: BaseArchitecture, texts: Iterable[str]) -> Backbone[Any]:
    """A fresh backbone; encoders named by ``weights`` are filled, nothing falls back silently.

    Args:
        architecture: What to build; with ``text.weights`` the sizes of that BERT replace the ones given.
        texts: Training texts, read only where a tokenizer has to be trained.
    """
    text = architecture.text
    take_bert_sizes(text)
    reference = text.tokenizer or text.weights
    tokenizer = load_tokenizer(reference) if reference else train_tokenizer(texts, text.vocab_size)
    model = system_of(architecture).build(architecture, tokenizer)
    load_vision(model.vision, architecture.vision, architecture.image_size)
    fresh = load_bert(model.text, text.weights) if text.weights else []
    return Backbone(model, tokenizer, weights=_weights_line(model, fresh))


def _weights_line(model: Any, fresh: list[str]) -> str:
    """What public weights filled, and what is new: of the text model ``fresh``."""
    vision, text = model.architecture.vision, model.architecture.text
    taken = []
    if vision.weights:
        taken.append(f"{len(model.vision.model.state_dict())} tensors of {vision.weights} ({vision.name})")
    if text.weights:
        kept = [name for name in model.text.state_dict() if ".decoder_attention." not in name]
        new = [name for name in kept if "cross_attention" in name or ("prediction head" in fresh and "head" in name)]
        taken.append(f"{len(kept) - len(new)} tensors of {text.weights}")
    new_parts = [*([] if vision.weights else ["image encoder"]), *(fresh if text.weights else ["text model"])]
    return f"weights: {', '.join(taken)}; new: {', '.join([*new_parts, 'knowledge', 'heads'])}" if taken else ""


def patient_hash(patient_id: str) -> str:
    """16 hex digits that stand for a patient in ``config.json``, for audits; short ids could be found by trying all."""
    return sha256(f"gkmvlp:{patient_id}".encode()).hexdigest()[:16]


def seen_patients(info: Mapping[str, Any], data: str, patients: Iterable[str]) -> set[str]:
    """Those of a data set's patients that a model was trained on.

    Phantoms carry numbers like the owners' patients and are none of them: who saw phantoms alone has seen no patient.

    Args:
        info: The model's.
        data: Name of the data set.
        patients: Their ids.
    """
    if is_phantom(data) is trained_on_patients(info):
        return set()
    hashes = set(info.get("patients", []))
    return {patient for patient in patients if patient_hash(patient) in hashes}


def with_patients(info: Mapping[str, Any], data: str, patients: Iterable[str]) -> list[str]:
    """Hashes of what a model has seen once it is trained on a data set too: of patients, or of phantoms where no other.

    Args:
        info: The model's before.
        data: Name of the data set.
        patients: Ids of its training patients.
    """
    before, now = set(info.get("patients", [])), {patient_hash(patient) for patient in patients}
    if info.get("trained_on") and is_phantom(data) is trained_on_patients(info):
        return sorted(before if is_phantom(data) else now)
    return sorted(before | now)


def lineage(info: Mapping[str, Any], data: str) -> str:
    """What a model was trained on, first to last, joined by commas: the backbone's data sets, then this one."""
    names = [name for name in str(info.get("trained_on", "")).split(", ") if name]
    return ", ".join(dict.fromkeys([*names, data]))


def save(backbone: Backbone[Any], folder: Path, files: Mapping[str, bytes] | None = None) -> None:
    """Writes the backbone folder; it gets its name when it is complete.

    Args:
        backbone: What to write.
        folder: Where.
        files: What a task puts beside it: name -> content.
    """
    architecture = backbone.model.architecture
    system, names = system_of(architecture), architecture.knowledge.entities
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    if backbone.adapter is None:
        write_tensors(cpu_state_dict(backbone.model), partial / "model.safetensors")
        backbone.tokenizer.save_pretrained(str(partial))
    else:
        base = tensors_of(backbone.adapter.base)
        adapters.write_adapter(partial, backbone.adapter, cpu_state_dict(backbone.model), base)
    config = {
        "format": FORMAT,
        "gkmvlp": gkmvlp.__version__,
        "system": system_name(architecture),
        "architecture": system.in_folder(architecture, "").to_dict(),
        "entities_sha256": list_hash(names),
        "vocab_size": len(backbone.tokenizer),
        **backbone.info,
        **({adapters.KEY: backbone.adapter.described} if backbone.adapter else {}),
    }
    entities = [{"name": name, "prompt": entity(name).prompt} for name in names]
    prior = backbone.model.region_prior().int().tolist()
    grounding = {"regions": REGIONS, "prior": prior, "boxes": atlas_to_names(backbone.atlas)}
    for name, content in (("config.json", config), ("entities.json", entities), ("grounding.json", grounding)):
        (partial / name).write_text(json.dumps(content, indent=1))
    for name, data in {**system.files(architecture), **(files or {})}.items():
        (partial / name).write_bytes(data)
    write_checksums(partial)
    if folder.exists():
        shutil.rmtree(folder)
    partial.rename(folder)


def load(folder: str | Path) -> Backbone[Any]:
    """Reads a backbone strictly: a folder, or a reference that ``references.folder_of`` explains.

    Raises:
        BackboneError: If the folder is missing, newer, of another entity list, or its tensors do not fit.
    """
    folder = folder_of(folder)
    path = folder / "config.json"
    config, architecture = _described(path)
    if list_hash(architecture.knowledge.entities) != config.get("entities_sha256"):
        raise BackboneError(f"{path}: made with another entity list; install gkmvlp {config.get('gkmvlp')}")
    tokenizer = load_tokenizer(_tokenizer_folder(folder, config))
    model = filled(architecture, tokenizer, _tensors(folder, config), folder / "model.safetensors")
    known = (
        "format",
        "gkmvlp",
        "system",
        "architecture",
        "entities_sha256",
        "vocab_size",
        "vocabulary",
        "base",
        adapters.KEY,
    )
    info = with_new_keys({key: value for key, value in config.items() if key not in known}, INFO)
    return Backbone(model, tokenizer, info, _atlas(folder / "grounding.json"))


def filled(
    architecture: BaseArchitecture, tokenizer: PreTrainedTokenizerFast, state: Mapping[str, Tensor], source: Path
) -> Any:
    """A model that holds given tensors.

    Args:
        architecture: What to build.
        tokenizer: Of the words that it knows.
        state: Exactly its tensors, by name.
        source: Where they are from, for an error.

    Raises:
        BackboneError: If they do not fit.
    """
    with SkipInit():
        model = system_of(architecture).build(architecture, tokenizer)
    if "fixed_prompt_ED" in state:
        built = model.architecture
        model.fixed_prompt_ED = torch.empty(len(built.knowledge.entities), built.text.hidden_size)
        model.freeze_image_side()
    load_exact(model, state, source)
    return model


def tensors_of(folder: str | Path) -> dict[str, Tensor]:
    """The tensors of a backbone by name.

    Raises:
        BackboneError: If the folder is missing, newer, or holds no tensors.
    """
    folder = folder_of(folder)
    return _tensors(folder, _described(folder / "config.json")[0])


def _tensors(folder: Path, config: Mapping[str, Any]) -> dict[str, Tensor]:
    """The tensors in a folder; those that a released model shares with its backbone lie with that one.

    An adapter is merged into the tensors of its base.
    """
    if (described := adapters.described(folder / "config.json", config)) is not None:
        below = tensors_of(described["base"])
        adapters.check_base(folder, described, below)
        return adapters.merged(folder, below)
    own = read_tensors(folder / "model.safetensors")
    base = base_of(config)
    return {**tensors_of(base), **own} if base else own


def _tokenizer_folder(folder: Path, config: Mapping[str, Any]) -> Path:
    """Where the tokenizer of a model lies: beside it, or with the base of its adapter."""
    if (described := adapters.described(folder / "config.json", config)) is not None:
        base = folder_of(described["base"])
        return _tokenizer_folder(base, _described(base / "config.json")[0])
    return folder


def architecture_of(folder: str | Path) -> Any:
    """The architecture of a backbone folder, without its tensors.

    Raises:
        BackboneError: If the folder is missing or newer.
    """
    return _described(folder_of(folder) / "config.json")[1]


def _described(path: Path) -> tuple[dict[str, Any], Any]:
    """The content of a backbone's ``config.json``, and the architecture in it."""
    if path.parent.is_file():
        raise BackboneError(f"{path.parent} is a file: name the folder that it lies in, {path.parent.parent}")
    if not path.is_file():
        raise BackboneError(
            f"no backbone at {path.parent}: {path.name} was looked for; pre-train one with `make pretrain`"
        )
    require_undamaged(path.parent)
    try:
        config = json.loads(path.read_text())
    except ValueError as error:
        raise BackboneError(f"{path} is no JSON ({error}): fetch the backbone anew") from error
    if not isinstance(config, dict):
        raise BackboneError(f"{path} holds no keys with values: fetch the backbone anew")
    if config.get("format", 0) > FORMAT or "architecture" not in config:
        raise BackboneError(f"{path}: format {config.get('format')} is not known here (up to {FORMAT}); update gkmvlp")
    try:
        system = named_system(config.get("system", FIRST_SYSTEM))
        architecture = system.architecture.from_dict(with_new_keys(config["architecture"], ARCHITECTURE))
    except BackboneError as error:
        raise BackboneError(f"{path}: {error}") from error
    # the tensors are here: nothing may be fetched by name, and nobody else's file may choose what is read
    architecture.vision.weights = architecture.text.weights = None
    if ":" in architecture.vision.name or FETCHING & set(architecture.vision.timm_kwargs or {}):
        raise BackboneError(f"{path}: vision {architecture.vision.name!r} with options that read files is not taken")
    return config, system.in_folder(architecture, str(path.parent))


def _atlas(path: Path) -> dict[str, NDArray[np.float32]]:
    """The region boxes in a backbone's ``grounding.json``."""
    try:
        return atlas_from_names(json.loads(path.read_text())["boxes"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BackboneError(f"{path} holds no region boxes ({error}): pre-train or fetch the backbone anew") from error
