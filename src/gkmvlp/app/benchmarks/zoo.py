"""How fast models are listed and fetched."""

import hashlib
import json
import subprocess
import sys
import tempfile
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gkmvlp.environment import environment
from gkmvlp.zoo.entry import FORMAT, Entry, File, Licences

BYTES = 512_000_000
REPEATS = 3
HEADER = 128  # bytes of a safetensors header with its length


class Fetched(NamedTuple):
    """Seconds, the least of ``REPEATS`` each."""

    list_seconds: float  # of `gkmvlp zoo list` in a process of its own
    download_seconds: float  # from a server of this machine into the cache, checked
    copy_seconds: float  # of cp and sha256sum of the same file
    size_bytes: int


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def measure_zoo(size: int = BYTES) -> Fetched:
    """Lists the models, and fetches one of ``size`` bytes of noise that a server of this machine holds."""
    listed = min(_seconds([sys.executable, "-m", "gkmvlp", "zoo", "list"]) for _ in range(REPEATS))
    with tempfile.TemporaryDirectory() as folder:
        host = Path(folder, "host")
        (host / "noise").mkdir(parents=True)
        file = _noise(host / "noise" / "model.safetensors", size)
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(host)))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            source = f"http://127.0.0.1:{server.server_address[1]}/noise"
            fetched = min(_download(_entry(file, source), Path(folder)) for _ in range(REPEATS))
        finally:
            server.shutdown()
            server.server_close()
        target = Path(folder, "copy")
        line = f"cp '{host / 'noise' / file.name}' '{target}' && sha256sum '{target}'"
        copied = min(_seconds(["sh", "-c", line]) for _ in range(REPEATS))
    return Fetched(listed, fetched, copied, size)


def _noise(path: Path, size: int) -> File:
    """A safetensors file of ``size`` bytes: a header, padded as the format allows, and one random tensor."""
    length = size - HEADER
    header = json.dumps({"noise": {"dtype": "U8", "shape": [length], "data_offsets": [0, length]}}).encode()
    before = (HEADER - 8).to_bytes(8, "little") + header.ljust(HEADER - 8)
    content = before + np.random.default_rng(0).bytes(length)
    path.write_bytes(content)
    return File(path.name, size, hashlib.sha256(content).hexdigest())


def _seconds(words: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def _download(entry: Entry, folder: Path) -> float:
    """Seconds of a download into an empty cache."""
    from gkmvlp.zoo.store.download import download, remove

    with environment(GKMVLP_CACHE=str(folder / "cache")):
        start = time.perf_counter()
        download(entry)
        seconds = time.perf_counter() - start
        remove(entry.name)
    return seconds


def _entry(file: File, source: str) -> Entry:
    """A model of one file."""
    licences = Licences("none", "none", "none")
    return Entry("noise", "pretraining", "Noise.", "none", None, [file], [source], licences, file.name, 0, {}, [], [],
                 [], FORMAT)  # fmt: skip
