"""The package as users get it: built, installed, and used outside the repository as the README says."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands.small_models import write_images

ROOT = Path(__file__).resolve().parents[1]
DICOM = ROOT.parent / "shared" / "data" / "dicom" / "RG1_J2KI.dcm"
SECTION = (ROOT / "README.md").read_text().partition("## Read my image")[2].partition("\n## ")[0]
COMMANDS = [line for block in re.findall(r"```bash\n(.*?)```", SECTION, re.DOTALL) for line in block.splitlines()]
PYTHON = re.findall(r"```python\n(.*?)```", SECTION, re.DOTALL)


def call(*words: object, **options: object) -> str:
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from a copy: what an earlier build left in the repository would come along."""
    folder = tmp_path_factory.mktemp("wheel")
    listed = call("git", "-C", ROOT, "ls-files", "-z", "src", "zoo", "tasks", "data_modules", "*.cfg", "*.toml", "*.md")
    for name in filter(None, listed.split("\0")):
        (folder / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / "source" / name)
    shutil.copyfile(ROOT / "LICENSE", folder / "source" / "LICENSE")
    build = ("wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, folder / "source")
    call(sys.executable, "-m", "pip", *build)
    return next(folder.glob("*.whl"))


def use(python, folder, environment):
    """What the README says, with another image; the answers are those of a model that says what it is."""
    image = DICOM if DICOM.is_file() else write_images(folder, 1)[0]
    environment = {**environment, "GKMVLP_CACHE": str(folder / "cache"), "GKMVLP_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    for line in COMMANDS:
        program, *words = shlex.split(line.replace("image.png", str(image)))
        assert program == "gkmvlp"
        told = call(python, "-m", program, *words, cwd=folder, env=environment)
        assert "never saw a patient" in told if words[0] == "predict" else "gk-mvlp-phantom" in told
    assert next((folder / "pictures").iterdir()).stat().st_size > 10_000
    code = "\n".join(PYTHON).replace("image.png", str(image)) + "\nprint(gkmvlp.__file__, vectors.images.shape)"
    told = call(python, "-W", "ignore", "-c", code, cwd=folder, env=environment).splitlines()
    assert "cardiomegaly" in told[0]
    assert told[-1].endswith("(1, 128)")
    assert str(ROOT) not in told[-1]
    assert "VisualQuestionAnswering" in call(
        python, "-m", "gkmvlp", "fit", "--config", "zoo://vqa-phantom", "--print_config", cwd=folder, env=environment
    )


def test_the_wheel_beside_the_packages_that_are_here(wheel, tmp_path):
    site = tmp_path / "site"
    call(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--target", site, wheel)
    (tmp_path / "work").mkdir()
    use(sys.executable, tmp_path / "work", {**os.environ, "PYTHONPATH": str(site)})


@pytest.mark.slow
def test_the_wheel_in_an_empty_environment(wheel, tmp_path):
    call(sys.executable, "-m", "venv", tmp_path / "venv")
    python = tmp_path / "venv" / "bin" / "python"
    call(python, "-m", "pip", "install", "--quiet", "--no-compile", wheel)
    (tmp_path / "work").mkdir()
    use(python, tmp_path / "work", {key: value for key, value in os.environ.items() if key != "PYTHONPATH"})
