"""The image and the composition: what they name exists, images are pinned, and only this machine reaches the ports.

Where hadolint or Docker's compose is installed, they judge too.
"""

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from gkmvlp import __version__
from gkmvlp.app.command_line.command_table import COMMANDS
from gkmvlp.app.command_line.plain_commands import parser_of

ROOT = Path(__file__).resolve().parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
SERVICES = COMPOSE["services"]
PINNED = re.compile(r"[\w./-]+:\d[\w.-]*")
# of the compose specification, https://github.com/compose-spec/compose-spec/blob/main/spec.md
KEYS = {
    *("build", "cap_drop", "command", "depends_on", "environment", "image", "ports"),
    *("read_only", "restart", "security_opt", "tmpfs", "volumes"),
}


def instructions():
    """Words of each instruction, lines that go on joined."""
    text = re.sub(r"^\s*#.*\n", "", DOCKERFILE, flags=re.MULTILINE).replace("\\\n", " ")
    return [line.split(maxsplit=1) for line in text.splitlines() if line.strip()]


def setup(section, option):
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    return config[section][option]


def test_the_image_is_pinned_and_runs_the_program_without_being_root():
    steps = instructions()
    [base] = [rest for name, rest in steps if name == "FROM"]
    assert PINNED.fullmatch(base)
    *_, user = [rest for name, rest in steps if name == "USER"]
    assert int(user) > 0
    assert any(name == "RUN" and f"useradd --create-home --uid {user} gkmvlp" in rest for name, rest in steps)
    [entry] = [yaml.safe_load(rest) for name, rest in steps if name == "ENTRYPOINT"]
    scripts = dict(line.split(" = ") for line in setup("options.entry_points", "console_scripts").strip().splitlines())
    assert entry == ["gkmvlp"]
    assert scripts[entry[0]] == "gkmvlp.app.cli:main"


def test_python_is_one_that_the_package_supports():
    version = re.search(r"^FROM python:(\d+)\.(\d+)", DOCKERFILE, re.MULTILINE)
    assert f"Programming Language :: Python :: {version[1]}.{version[2]}" in setup("metadata", "classifiers")


def test_what_is_copied_is_there_and_not_left_out():
    kept = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    copied = [word for name, rest in instructions() if name == "COPY" for word in rest.split()[:-1]]
    assert sorted(copied) == sorted(kept)
    assert all((ROOT / name).exists() for name in copied)
    folders = dict(line.split(" = ") for line in setup("options", "package_dir").strip().splitlines()).values()
    assert {folder.split("/")[0] for folder in folders} <= set(copied)


def test_torch_is_installed_as_the_package_asks():
    wanted = [line for line in setup("options", "install_requires").split() if line.startswith(("torch>", "torchvis"))]
    assert all(f'"{requirement}"' in DOCKERFILE for requirement in wanted)


@pytest.mark.skipif("serve" not in COMMANDS, reason="this version has no gkmvlp serve")
def test_extras_and_the_served_command_exist():
    extras = re.search(r"^ARG EXTRAS=(\S+)", DOCKERFILE, re.MULTILINE)[1].split(",")
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    assert set(extras) <= set(config["options.extras_require"])
    words = [re.sub(r"\$\{[^}]*\}", "x", word) for word in SERVICES["gkmvlp"]["command"]]
    parser, _ = parser_of(words[0])
    arguments = parser.parse_args(words[1:])
    assert (arguments.host, arguments.port) == ("0.0.0.0", 7860)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_pinned_and_bound_to_loopback(name):
    service = SERVICES[name]
    assert set(service) <= KEYS
    assert PINNED.fullmatch(service["image"])
    assert "latest" not in service["image"]
    assert service["ports"]
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in service["ports"])
    assert set(service.get("depends_on", [])) <= set(SERVICES)
    named = {volume.partition(":")[0] for volume in service["volumes"]}
    assert named <= set(COMPOSE["volumes"])


def test_secrets_come_from_the_environment_and_are_asked_for():
    text = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    secrets = [line for line in text.splitlines() if re.search(r"token=|REGISTERED_USERS", line)]
    assert len(secrets) == 2
    assert all(re.search(r"\$\{\w+:\?[^}]+\}", line) for line in secrets)
    assert SERVICES["gkmvlp"]["image"] == f"gkmvlp:{__version__}"


def test_hadolint_finds_nothing():
    if (program := shutil.which("hadolint")) is None:
        pytest.skip("hadolint is not installed")
    told = subprocess.run([program, ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (told.returncode, told.stdout) == (0, "")


def test_docker_reads_the_composition():
    if (
        shutil.which("docker") is None
        or subprocess.run(["docker", "compose", "version"], capture_output=True).returncode
    ):
        pytest.skip("docker compose is not installed")
    secrets = {"GKMVLP_TOKEN": "a", "ORTHANC_PASSWORD": "b", "PATH": "/usr/bin:/usr/local/bin:/bin"}
    words = ["docker", "compose", "--file", str(ROOT / "compose.yaml"), "config", "--quiet"]
    told = subprocess.run(words, env=secrets, capture_output=True, text=True, check=False)
    assert (told.returncode, told.stderr) == (0, "")
    without = subprocess.run(words, env={"PATH": secrets["PATH"]}, capture_output=True, text=True, check=False)
    assert without.returncode != 0
    assert "set " in without.stderr
