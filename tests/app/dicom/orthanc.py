"""An Orthanc of our own: a free port of the loopback address, a folder of its own, killed at the end."""

import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

PROGRAM = shutil.which("Orthanc") or shutil.which("Orthanc", path="/usr/sbin:/usr/local/sbin")
PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
USER, PASSWORD = "reader", "in and out"


def is_there():
    return PROGRAM is not None and PLUGIN.is_file()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def running(folder, is_closed=False):
    """The address of its DICOMweb root; ``is_closed`` asks for a password."""
    port = free_port()
    settings = {
        "Name": "test", "StorageDirectory": str(folder / "storage"), "IndexDirectory": str(folder / "index"),
        "HttpPort": port, "RemoteAccessAllowed": False, "DicomServerEnabled": False, "HttpThreadsCount": 4,
        "AuthenticationEnabled": is_closed, "RegisteredUsers": {USER: PASSWORD} if is_closed else {},
        "Plugins": [str(PLUGIN)], "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "orthanc.json"
    config.write_text(json.dumps(settings))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([PROGRAM, config], stdout=log, stderr=subprocess.STDOUT, cwd=folder)
    try:
        _wait(f"http://127.0.0.1:{port}/dicom-web/studies", process, folder / "log")
        yield f"http://127.0.0.1:{port}/dicom-web"
    finally:
        process.kill()  # asked to stop it takes seconds; its folder goes anyway
        process.wait(30)


def _wait(url, process, log, seconds=60):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for _ in range(seconds * 10):
        if process.poll() is not None:
            break
        try:
            opener.open(url, timeout=5).close()
            return
        except urllib.error.HTTPError:
            return  # it answers, and asks for a password
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"Orthanc did not start: {log.read_text()[-2000:]}")
