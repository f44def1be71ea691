"""The package as users get it: built, installed, and used outside the repository as the README says."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DICOM = ROOT.parent / "shared" / "data" / "dicom" / "RG1_J2KI.dcm"
README = (ROOT / "README.md").read_text()
SECTION = README.partition("## Read my image")[2].partition("\n## ")[0]
COMMANDS = [line for block in re.findall(r"```bash\n(.*?)```", SECTION, re.DOTALL) for line in block.splitlines()]
PYTHON = re.findall(r"```python\n(.*?)```", SECTION, re.DOTALL)
CONFIGS = re.findall(r"^gkmvlp fit --config zoo://.*[^\\]$", README, re.MULTILINE)


def call(*words: object, **options: object) -> str:
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from a copy: what an earlier build left in the repository would come along."""
    folder = tmp_path_factory.mktemp("wheel")
    listed = call(
        "git",
        "-C",
        ROOT,
        "ls-files",
        "-z",
        "src",
        "zoo",
        "tasks",
        "data_modules",
        "*.cfg",
        "*.toml",
        "*.md",
        "setup.py",
    )
    for name in filter(None, listed.split("\0")):
        (folder / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / "source" / name)
    shutil.copyfile(ROOT / "LICENSE", folder / "source" / "LICENSE")
    build = ("wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, folder / "source")
    call(sys.executable, "-m", "pip", *build)
    return next(folder.glob("*.whl"))


def use(program, python, folder, environment):
    """What the README says, to the letter, with the PNG that it draws; then each prediction with a DICOM."""
    environment = {**environment, "GKMVLP_CACHE": str(folder / "cache"), "GKMVLP_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    expected = {"zoo": "gk-mvlp-phantom", "predict": "never saw a patient", "data": "2 patients"}

    def check(line):
        name, *words = shlex.split(line)
        assert name == "gkmvlp"
        assert expected.get(words[0], "class_path") in call(*program, *words, cwd=folder, env=environment)

    for line in COMMANDS:
        if line.startswith("cp "):
            call(*shlex.split(line), cwd=folder)
        else:
            check(line)
    assert (folder / "image.png").read_bytes().startswith(b"\x89PNG")
    assert [picture.stat().st_size > 10_000 for picture in (folder / "pictures").iterdir()] == [True]
    if DICOM.is_file():
        lines = [line.replace("image.png", shlex.quote(str(DICOM))) for line in COMMANDS]
        words = [shlex.split(line)[1:] for line in lines if line.startswith("gkmvlp predict")]
        # one import
        code = f"import sys\nfrom gkmvlp.app.cli import main\nsys.exit(any([main(each) for each in {words}]))"
        assert call(python, "-c", code, cwd=folder, env=environment).count("never saw a patient") == len(words) == 5
        assert len(list((folder / "pictures").iterdir())) == 2
    code = "\n".join(PYTHON) + "\nprint(gkmvlp.__file__, vectors.images.shape)"
    lines = call(python, "-W", "ignore", "-c", code, cwd=folder, env=environment).splitlines()
    assert "cardiomegaly" in lines[0]
    assert lines[-1].endswith("(1, 128)")
    assert str(ROOT) not in lines[-1]
    assert CONFIGS
    for line in CONFIGS:
        check(f"{line} --print_config")


@pytest.mark.slow
def test_the_wheel_beside_the_packages_that_are_here(wheel, tmp_path):
    site = tmp_path / "site"
    call(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--target", site, wheel)
    (tmp_path / "work").mkdir()
    program = (sys.executable, "-m", "gkmvlp")
    use(program, sys.executable, tmp_path / "work", {**os.environ, "PYTHONPATH": str(site)})


@pytest.mark.slow
def test_the_wheel_in_an_empty_environment(wheel, tmp_path):
    call(sys.executable, "-m", "venv", tmp_path / "venv")
    python = tmp_path / "venv" / "bin" / "python"
    call(python, "-m", "pip", "install", "--quiet", "--no-compile", wheel)
    (tmp_path / "work").mkdir()
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    use([python.with_name("gkmvlp")], python, tmp_path / "work", environment)
