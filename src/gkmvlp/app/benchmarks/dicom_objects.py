"""What the validators of dicom3tools find wrong with the DICOM objects of readings."""

import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import NamedTuple

from gkmvlp.errors import ConfigError
from gkmvlp.metrics.results.metric_result import VERSION, MetricResult, signature

VALIDATOR, AMONG = "dciodvfy", "dcentvfy"  # of an object by itself; of objects of a study with one another
MODELS = ("gk-mvlp-phantom", "gk-mvlp-phantom-classification", "gk-mvlp-phantom-localization")  # give findings
KINDS = {"report": "SR", "regions": "SEG", "heat-maps": "SEG", "capture": "SC"}  # by the name of the file
PHANTOM_SEED, PHANTOM_SIZE, PHANTOMS = 4000, 256, 4
BETWEEN = "study"  # of what is wrong between objects


class Validated(NamedTuple):
    """What was written and what is wrong with it.

    Attributes:
        objects: How many there are, by kind; under ``BETWEEN`` the studies.
        errors: Lines that begin with ``Error``, by kind.
    """

    objects: Counter[str]
    errors: Counter[str]


def require_validator() -> None:
    """Says what to install where a validator is missing.

    Raises:
        ConfigError: If it is.
    """
    if not (shutil.which(VALIDATOR) and shutil.which(AMONG)):
        raise ConfigError(f"no {VALIDATOR} and {AMONG}: install dicom3tools (Debian: dicom3tools)")


def errors_of(file: Path) -> list[str]:
    """What is wrong with an object."""
    return _errors([VALIDATOR, "-new", str(file)])


def errors_among(files: Iterable[Path]) -> list[str]:
    """What is wrong between objects of one study."""
    return _errors([AMONG, *map(str, files)])


def _errors(words: Sequence[str]) -> list[str]:
    """Lines of errors.

    Raises:
        ConfigError: If a validator says nothing, not even which kind of object it looked at.
    """
    done = subprocess.run(words, capture_output=True, text=True, errors="replace")
    told = (done.stdout + done.stderr).splitlines()
    if words[0] == VALIDATOR and not told:
        raise ConfigError(f"{VALIDATOR} says nothing of {words[-1]}: it is broken, install dicom3tools anew")
    return [line for line in told if line.startswith("Error")]


def measure_objects(models: Sequence[str] = MODELS) -> Validated:
    """Has each model read phantoms as DICOMs, writes its objects and asks the validators.

    Args:
        models: References of models that give findings.

    Raises:
        ConfigError: If a validator or highdicom is missing.
    """
    require_validator()
    measured = Validated(Counter(), Counter())
    with tempfile.TemporaryDirectory() as folder:
        radiographs = _radiographs(Path(folder))
        for number, model in enumerate(models):
            _validate(_written(model, radiographs, Path(folder, str(number))), radiographs, measured)
    return measured


def _radiographs(folder: Path) -> list[Path]:
    """Phantoms as DICOMs of one study."""
    from gkmvlp.app.benchmarks.radiograph import radiograph_dicom
    from gkmvlp.phantom.generate import draw_phantom

    files = []
    for number in range(PHANTOMS):
        files.append(folder / f"phantom-{number}.dcm")
        image_HW = draw_phantom(PHANTOM_SEED, number, PHANTOM_SIZE).image_HW
        files[-1].write_bytes(radiograph_dicom(image_HW, str(number), InstanceNumber=number + 1))
    return files


def _written(model: str, radiographs: Sequence[Path], out: Path) -> list[Path]:
    """The objects that ``gkmvlp predict --dicom-out`` writes."""
    from gkmvlp.app.cli import main
    from gkmvlp.errors import GkmvlpError

    words = ["predict", "--model", model, "--device", "cpu", "--dicom-out", str(out), *map(str, radiographs)]
    with redirect_stdout(StringIO()):
        code = main(words)
    if code != 0:
        raise GkmvlpError(f"gkmvlp predict --model {model} --dicom-out ended with {code}: its own line says why")
    return sorted(out.rglob("*.dcm"))


def _validate(files: Sequence[Path], radiographs: Sequence[Path], measured: Validated) -> None:
    """Counts objects and what is wrong with them."""
    for file in files:
        kind = KINDS[file.stem]
        measured.objects[kind] += 1
        measured.errors[kind] += len(errors_of(file))
    measured.objects[BETWEEN] += 1
    measured.errors[BETWEEN] += len(errors_among([*files, *radiographs]))


def object_figures(measured: Validated, models: Sequence[str] = MODELS) -> list[MetricResult]:
    """Errors by kind of object, and between the objects of a study."""
    how = signature(metric="validator_errors", version=VERSION, unit="object", models="+".join(models),
                    validator=f"{VALIDATOR}+{AMONG}")  # fmt: skip
    notes = {BETWEEN: f"count; {AMONG} on the objects of a model and their radiographs"}
    return [
        MetricResult("bench", "validator_errors", measured.errors[kind], how, label=kind, n=measured.objects[kind],
                     higher_is_better=False, note=notes.get(kind, f"count; {VALIDATOR} -new"))
        for kind in (*dict.fromkeys(KINDS.values()), BETWEEN)
    ]  # fmt: skip
