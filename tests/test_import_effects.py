"""An import leaves the user's process as it was, and needs no other import beside it.

Both hold in a process of their own: this one has imported everything already.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_layout import ROOT, at_module_level, imported, modules, parse

# it runs in an environment of its own, with the package that it imports
APART = {"gkmvlp.app.running.radeval_program"}
OURS = sorted(set(modules(ROOT)) - APART)
# Written as a program of its own; the last line of its output is what differs.
CODE = """
import contextlib, importlib, json, logging, os, sys, warnings

third, ours = json.loads(sys.argv[1])
# what other packages do on import is theirs: they come first; albumentations asks a server unless told not to
os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
for name in third:
    with contextlib.suppress(ImportError):
        importlib.import_module(name)
del os.environ["NO_ALBUMENTATIONS_UPDATE"]
import cv2, matplotlib, numpy, torch
from PIL import Image, PngImagePlugin
import pydicom.config

cv2.setNumThreads(2)
torch.set_num_threads(2)
matplotlib.use("svg")
torch.manual_seed(5)


def state():
    return {
        "environment": dict(os.environ),
        "filters": [repr(one) for one in warnings.filters],
        "matplotlib": [matplotlib.get_backend(), sorted(map(repr, matplotlib.rcParams.items()))],
        "threads": [cv2.getNumThreads(), torch.get_num_threads(), torch.get_num_interop_threads()],
        "pillow": [Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK, PngImagePlugin.MAX_TEXT_MEMORY],
        "pydicom": repr(sorted(vars(pydicom.config.settings).items())),
        "chance": [repr(numpy.random.get_state()), torch.initial_seed(), torch.get_rng_state().tolist()],
        "torch": [str(torch.get_default_dtype()), torch.are_deterministic_algorithms_enabled()],
        "log": [logging.root.level, list(map(repr, logging.root.handlers))],
    }


changed, before = [], state()
for name in ours:
    importlib.import_module(name)
    after = state()
    changed += [f"{name}: {key}" for key in before if before[key] != after[key]]
    before = after
print(json.dumps(changed))
"""


def third_parties():
    """Names that our modules import at module level from elsewhere, submodules included."""
    names = {name for path in modules(ROOT).values() for name in imported(at_module_level(parse(path)))}
    modules_or_names = {part for name in names for part in (name, name.rpartition(".")[0])}
    return sorted(name for name in modules_or_names - {""} if name.partition(".")[0] != "gkmvlp")


def in_a_process(code, *words):
    """What a program prints last, as JSON."""
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def changes(tmp_path_factory) -> list[str]:
    """What the imports of our modules change, and of a rude one after them: loading the libraries takes seconds."""
    folder = tmp_path_factory.mktemp("rude")
    (folder / "rude.py").write_text(
        "import os, cv2, matplotlib, warnings\n"
        "os.environ['RUDE'] = '1'\ncv2.setNumThreads(0)\nmatplotlib.use('agg')\nwarnings.simplefilter('ignore')\n"
    )
    code = f"import sys; sys.path.insert(0, {str(folder)!r})\n{CODE}"
    return in_a_process(code, json.dumps([third_parties(), [*OURS, "rude"]]))


def test_no_import_changes_the_process(changes):
    assert len(OURS) > 150
    assert [change for change in changes if not change.startswith("rude: ")] == []


def test_a_change_would_be_seen(changes):
    found = [change for change in changes if change.startswith("rude: ")]
    assert found == ["rude: environment", "rude: filters", "rude: matplotlib", "rude: threads"]


@pytest.mark.parametrize("reference", ["hf://org", "zoo://no-such-model"])
def test_both_schemes_are_known_from_the_start(reference):
    code = (
        "import json, sys\nfrom gkmvlp.checkpoints.references import folder_of\nfrom gkmvlp.errors import ZooError\n"
        "loaded = [name for name in sys.modules if name.startswith('gkmvlp.zoo')]\n"
        "try:\n    folder_of(sys.argv[1])\nexcept ZooError as error:\n    print(json.dumps([loaded, str(error)]))"
    )
    loaded, message = in_a_process(code, reference)
    assert loaded == []
    assert message.startswith((f"{reference}: hf://org/repo", f"no model {reference}"))


@pytest.mark.slow
def test_task_data_and_a_model_of_the_zoo_in_plain_python(phantoms: Path, tmp_path: Path):
    code = (
        "import json, sys\nfrom lightning import Trainer\nfrom gkmvlp.data_modules import VqaRad\n"
        "from gkmvlp.tasks import VisualQuestionAnswering\n"
        "data = VqaRad(sys.argv[1], split='image-disjoint', image_size=128, batch_size=8, num_workers=0)\n"
        "task = VisualQuestionAnswering(backbone='zoo://gk-mvlp-phantom')\n"
        "trainer = Trainer(accelerator='cpu', max_steps=1, default_root_dir=sys.argv[2], logger=False,\n"
        "    enable_checkpointing=False, enable_progress_bar=False, limit_val_batches=0)\n"
        "trainer.fit(task, datamodule=data)\n"
        "import gkmvlp\nreader = gkmvlp.load('zoo://gk-mvlp-phantom')\n"
        "print(json.dumps([trainer.global_step, task.architecture == reader.model.architecture]))"
    )
    assert in_a_process(code, str(phantoms), str(tmp_path)) == [1, True]
