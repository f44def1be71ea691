"""What CI installs beside Python's packages: it never stops a run, and leaves no service and no policy behind."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[1] / ".ci" / "debian-packages"
TOOLS = ("bash", "chmod", "env", "grep", "mktemp", "rm", "tail", "timeout")
FAKES = {
    "id": "echo ${FAKE_ID:-0}",
    "apt-get": '"$POLICY"; echo "$? $*" >>"$CALLS"; echo; echo "E: no such luck"; exit ${FAKE_FAILURE:-0}',
    "service": 'echo "service $*" >>"$CALLS"',
    "update-rc.d": 'echo "update-rc.d $*" >>"$CALLS"',
}

pytestmark = pytest.mark.skipif(not all(map(shutil.which, TOOLS)), reason=f"one of {', '.join(TOOLS)} is absent")


@pytest.fixture
def installed(tmp_path):
    """Runs the script among programs that only say how they were called: its lines, and those of the calls."""
    programs, calls = tmp_path / "bin", tmp_path / "calls"
    programs.mkdir()
    for name in TOOLS:
        (programs / name).symlink_to(shutil.which(name))

    def run(*present, without=(), **said):
        for name, body in {**FAKES, **dict.fromkeys(present, ":")}.items():
            if name not in without:
                (programs / name).write_text(f"#!{programs / 'bash'}\n{body}\n")
                (programs / name).chmod(0o755)
        place = {"PATH": str(programs), "POLICY": str(tmp_path / "policy"), "CALLS": str(calls)}
        done = subprocess.run([SCRIPT], env=place | said, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.splitlines(), calls.read_text().splitlines() if calls.is_file() else []

    return run


def test_nothing_is_started_while_or_after_it_is_installed(installed, tmp_path):
    told, calls = installed()
    assert told == []
    assert all(line.startswith("101 ") for line in calls[:2])  # the policy denies while apt-get runs
    assert calls[1].endswith("install -y --no-install-recommends orthanc orthanc-dicomweb dicom3tools")
    assert calls[2:] == ["service orthanc stop", "update-rc.d orthanc disable"]
    assert not (tmp_path / "policy").exists()


def test_what_is_there_is_left_alone(installed):
    assert installed("Orthanc", "dciodvfy") == ([], [])


def test_an_archive_of_somebody_is_not_stopped(installed):
    told, calls = installed("Orthanc")
    assert calls[-1].endswith("--no-install-recommends dicom3tools")
    assert told == []


def test_a_policy_of_somebody_stays(installed, tmp_path):
    (tmp_path / "policy").write_text("#!/bin/sh\nexit 0\n")
    (tmp_path / "policy").chmod(0o755)
    _, calls = installed()
    assert calls[-2:] == ["service orthanc stop", "update-rc.d orthanc disable"]
    assert (tmp_path / "policy").is_file()


@pytest.mark.parametrize(
    ("without", "said", "reason"),
    [
        ((), {"FAKE_FAILURE": "100"}, "apt-get: E: no such luck"),
        ((), {"FAKE_ID": "1000"}, "not root"),
        (("apt-get",), {}, "no apt-get"),
    ],
)
def test_a_failure_is_one_line(without, said, reason, installed, tmp_path):
    told, _ = installed(without=without, **said)
    expected = f"ci: without orthanc orthanc-dicomweb dicom3tools ({reason}): tests that need them are skipped"
    assert told == [expected]
    assert not (tmp_path / "policy").exists()


def test_ci_calls_it():
    assert SCRIPT.name in (SCRIPT.parent / "run").read_text()
    assert os.access(SCRIPT, os.X_OK)
