"""A local server of static files that misbehaves as it is told, and entries for it to serve."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
from safetensors.numpy import save

from gkmvlp.zoo.entry import Entry, File, Licences, dump, parse

Fault = Callable[["Handler", bytes], None]
HEADER = 80  # bytes that safetensors puts before one tensor of that name and size: 300,000 in all
WEIGHTS = save({"noise": np.frombuffer(np.random.default_rng(0).bytes(300_000 - HEADER), dtype=np.uint8)})
CONTENT = {"model.safetensors": WEIGHTS, "training.yaml": b"seed_everything: 0\n", "config.json": b"{}"}


class Handler(BaseHTTPRequestHandler):
    """Serves the files below ``server.root``, with ranges, unless a fault is waiting for the file."""

    server: "Server"

    def do_GET(self) -> None:
        name = self.path.rpartition("/")[2]
        self.server.asked.append((name, self.headers.get("Range"), self.headers.get("Authorization")))
        file = self.server.root / self.path.lstrip("/")
        waiting = self.server.faults.get(name, [])
        content = file.read_bytes() if file.is_file() else b""
        if waiting:
            waiting.pop(0)(self, content)
        elif not file.is_file():
            self.send_error(404)
        else:
            self.give(content)

    @property
    def start(self) -> int:
        """First byte asked for."""
        return int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").rstrip("-"))

    def head(self, length: int, of: int, ranged: bool = True) -> None:
        start = self.start if ranged else 0
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(length))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{of - 1}/{of}")
        self.end_headers()

    def give(self, content: bytes, upto: int | None = None) -> None:
        """The rest of a file from the byte asked for; with ``upto`` the connection is cut there."""
        self.head(len(content) - self.start, len(content))
        self.wfile.write(content[self.start : upto])
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    """``faults``: file name -> what happens to the next requests for it. ``asked``: name, range, authorization."""

    daemon_threads = True

    def __init__(self, root: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.root, self.faults = root, dict[str, list[Fault]]()
        self.asked: list[tuple[str, str | None, str | None]] = []
        self.over = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def serving(root: Path) -> Iterator[Server]:
    server = Server(root)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        server.shutdown()
        thread.join()
        server.server_close()


def status(code: int) -> Fault:
    return lambda handler, _: handler.send_error(code)


def cut(at: int) -> Fault:
    return lambda handler, content: handler.give(content, at)


def stall(at: int) -> Fault:
    def fault(handler: Handler, content: bytes) -> None:
        handler.give(content, at)
        handler.wfile.flush()
        handler.server.over.wait(30)

    return fault


def instead(content: bytes) -> Fault:
    """Other bytes under the file's name."""
    return lambda handler, _: handler.give(content)


def without_ranges(handler: Handler, content: bytes) -> None:
    handler.head(len(content), len(content), ranged=False)
    handler.wfile.write(content)


def unsized(content: bytes) -> Fault:
    """No length is told; the end of the connection ends the file."""

    def fault(handler: Handler, _: bytes) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(content)
        handler.close_connection = True

    return fault


def redirect(address: str) -> Fault:
    def fault(handler: Handler, _: bytes) -> None:
        handler.send_response(302)
        handler.send_header("Location", address)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return fault


def write_entry(folder: Path, name: str = "small", files: dict[str, bytes] = CONTENT, **changes: object) -> Entry:
    """``folder/NAME.yaml`` and ``folder/NAME/`` as ``publish`` leaves them."""
    (folder / name).mkdir(parents=True, exist_ok=True)
    for file, content in files.items():
        (folder / name / file).write_bytes(content)
    fields = {
        "name": name,
        "task": "pretraining",
        "summary": "A small one.",
        "architecture": "none",
        "backbone": None,
        "files": [File(file, len(data), hashlib.sha256(data).hexdigest()) for file, data in files.items()],
        "sources": [name],
        "licences": Licences("Apache-2.0", "Apache-2.0", "no patient data"),
        "config": "training.yaml",
        "seed": 0,
        "manifests": {"phantom-mimic-cxr": "0" * 64},
        "trained_on": ["phantom-mimic-cxr"],
        "results": [],
        "limits": ["Reads nothing."],
        "format": 1,
    }
    path = folder / f"{name}.yaml"
    path.write_text(dump(Entry(**{**fields, **changes})))  # type: ignore[arg-type]
    return parse(path.read_text(), str(path))
