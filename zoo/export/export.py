"""Programs that run without this package: written by torch.export or as ONNX, compared, and described.

Beside FILE stand ``FILE.json``, which says what goes in, what comes out and how an image is made ready, and for
questions the folder ``FILE.tokenizer``.
"""

import importlib.util
import json
import logging
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gkmvlp.errors import BackboneError, ConfigError
from gkmvlp.zoo.export.description import described
from gkmvlp.zoo.export.programs import BATCH, TOKENS, Program, TensorSpec, program_of
from gkmvlp.zoo.inference.predictor import Predictor

NEEDED = ("onnx", "onnxscript", "onnxruntime")  # the extra ``export``
TOLERANCE = 1e-4
TRACED, COMPARED = (2, 7), (3, 5)  # images and tokens while tracing (1 would stay 1), and in the comparison


def export(predictor: Predictor, task: str, form: str, out: Path) -> dict[str, Any]:
    """Writes a program whose batch is free; nothing stands under a final name before it agrees with PyTorch.

    Args:
        predictor: A model on the CPU; its prompts become constants.
        task: One of ``gkmvlp.zoo.export.programs.SOURCES``.
        form: ``torch-export`` or ``onnx``.
        out: Where it is written.

    Returns:
        What ``FILE.json`` holds.

    Raises:
        ConfigError: If packages for ONNX are missing, or the file exists or cannot be written.
        BackboneError: If the model is not one for the task, cannot be exported, or gives other values then.
    """
    require_packages(form)
    if out.exists():
        raise ConfigError(f"{out} exists: name another file by --out")
    program = program_of(predictor, task)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as folder:
            part = Path(folder) / out.name
            with _quiet():
                _write(program, predictor, form, part)
                difference = _difference(program, form, part)
            description = {"program": out.name, "format": form, "task": task, **described(program, predictor)}
            description |= {"largest_difference_from_pytorch": difference}
            beside = Path(f"{part}.json")
            beside.write_text(json.dumps(description, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
            if TOKENS in program.inputs[-1].shape:
                predictor.backbone.tokenizer.save_pretrained(f"{part}.tokenizer")
            _name(Path(folder), out)
    except OSError as error:
        raise ConfigError(f"{out} cannot be written ({error.strerror or error}): name another by --out") from error
    return description


def require_packages(form: str) -> None:
    """Stops where ONNX is asked for and its packages are absent.

    Raises:
        ConfigError: If one is absent.
    """
    absent = [name for name in NEEDED if form == "onnx" and importlib.util.find_spec(name) is None]
    if absent:
        raise ConfigError(f"--format onnx needs {', '.join(absent)}: pip install 'gkmvlp[export]'")


def _write(program: Program, predictor: Predictor, form: str, file: Path) -> None:
    """Traces the program and writes it.

    Raises:
        BackboneError: If some part of the model cannot be exported.
    """
    sizes = {
        BATCH: torch.export.Dim(BATCH),
        TOKENS: torch.export.Dim(TOKENS, max=predictor.architecture.text.max_length),
    }
    shapes = tuple(_free(spec, sizes) for spec in program.inputs)
    try:
        with torch.no_grad():
            exported = torch.export.export(program, program.example(*TRACED), dynamic_shapes=shapes)
        if form == "torch-export":
            torch.export.save(exported, file)
            return
        inputs, outputs = ([spec.name for spec in slots] for slots in (program.inputs, program.outputs))
        made = torch.onnx.export(
            exported, dynamo=True, verbose=False, input_names=inputs, output_names=outputs, dynamic_shapes=shapes
        )
        assert made is not None
        made.save(file, external_data=False)
    except RuntimeError as error:  # both exporters' own errors are kinds of it
        reason = " ".join(str(error).split())[:200]
        raise BackboneError(f"this architecture cannot be exported as {form}: {reason}") from error


def _free(spec: TensorSpec, sizes: dict[str, Any]) -> dict[int, Any]:
    """Axis -> free size, of an input."""
    return {axis: sizes[size] for axis, size in enumerate(spec.shape) if isinstance(size, str)}


def _difference(program: Program, form: str, file: Path) -> float:
    """The largest difference between what was written and PyTorch, at another batch than the traced one.

    Raises:
        BackboneError: If it exceeds ``TOLERANCE``.
    """
    example = program.example(*COMPARED)
    with torch.no_grad():
        wanted = program(*example)
    outputs = run(file, form, example)
    wanted = (wanted,) if isinstance(wanted, Tensor) else wanted
    gaps = [np.abs(a.numpy() - b).max() if a.shape == b.shape else np.inf for a, b in zip(wanted, outputs, strict=True)]
    largest = float(np.max(gaps))  # unlike max, it does not pass over a NaN
    if not largest <= TOLERANCE:
        raise BackboneError(
            f"{form} gives other values than PyTorch (by {largest:.1e}, at most {TOLERANCE} was expected): nothing "
            "is written; try the other --format"
        )
    return largest


def run(file: Path, form: str, inputs: tuple[Tensor, ...]) -> list[NDArray[np.float32]]:
    """What a written program makes of its inputs."""
    if form == "onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
        names = [spec.name for spec in session.get_inputs()]
        return list(session.run(None, {name: x.numpy() for name, x in zip(names, inputs, strict=True)}))
    with torch.no_grad():
        outputs = torch.export.load(file).module()(*inputs)
    return [x.numpy() for x in ((outputs,) if isinstance(outputs, Tensor) else outputs)]


def _name(folder: Path, out: Path) -> None:
    """Moves what a folder holds to its final names, the program last; leftovers of an interrupted call go."""
    for part in sorted(folder.iterdir(), key=lambda part: part.name == out.name):
        target = out.with_name(part.name)
        if target.is_dir():
            shutil.rmtree(target)
        os.replace(part, target)


@contextmanager
def _quiet() -> Iterator[None]:
    """Exporters tell of each constant that they fold or keep."""
    logger = logging.getLogger("onnxscript")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
