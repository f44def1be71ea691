"""The page of ``gkmvlp serve`` in a process of its own, and what a browser's script sends to it."""

import json
import os
import re
import subprocess
import sys
import tempfile
import urllib.request
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from gkmvlp.app.serving.server import require_gradio
from gkmvlp.errors import ConfigError
from gkmvlp.metrics.results.provenance import tree_rss_bytes

UNCOUNTED = "1000000"  # readings of a client in a minute: all that are asked for
PATIENCE = 600.0  # seconds that a request waits; machines that test are busy


class ServedPage(NamedTuple):
    """A page that listens.

    Attributes:
        address: ``http://127.0.0.1:PORT/``.
        process: That serves.
        folder: Where it keeps uploads; empty again when it has ended.
    """

    address: str
    process: subprocess.Popen[str]
    folder: Path

    def resident_bytes(self) -> int:
        """Memory that the server holds now."""
        return tree_rss_bytes(self.process.pid)

    def stop(self) -> None:
        """Ends the server as Ctrl+C does."""
        self.process.terminate()
        self.process.communicate(timeout=PATIENCE)


@contextmanager
def served_page(models: Sequence[str], *options: str) -> Iterator[ServedPage]:
    """The real command on a free port of this computer, on the processor, until the block ends.

    Args:
        models: References of the models.
        options: Further words of the command.

    Raises:
        ConfigError: If Gradio is absent, or the command ends before it listens.
    """
    require_gradio()
    words = ["serve", "--model", *models, "--device", "cpu", "--port", "0", "--per-minute", UNCOUNTED, *options]
    with tempfile.TemporaryDirectory(prefix="gkmvlp-bench-") as folder:
        server = subprocess.Popen(
            [sys.executable, "-m", "gkmvlp", *words], stdout=subprocess.PIPE, text=True,
            env={**os.environ, "TMPDIR": folder},
        )  # fmt: skip
        try:
            assert server.stdout is not None
            listening = re.search(r"http://127\.0\.0\.1:\d+/", server.stdout.readline())
            if listening is None:
                raise ConfigError(f"gkmvlp {' '.join(words)} ended before it listened: its own line says why")
            yield ServedPage(listening[0], server, Path(folder))
        finally:
            if server.poll() is None:
                server.terminate()
            server.wait(PATIENCE)


class PageClient:
    """One tab of a browser, as the server knows it.

    Args:
        address: Of the page.
        session: Name of the tab.
    """

    def __init__(self, address: str, session: str) -> None:
        self.address, self.session = address, session
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # never by way of a proxy

    def read(self, data: bytes, name: str) -> str:
        """Uploads a file and has it read; the HTML of the reading, or of a notice."""
        border = uuid.uuid4().hex
        head = f'--{border}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
        body = head.encode() + data + f"\r\n--{border}--\r\n".encode()
        (path,) = json.loads(self._ask("upload", body, f"multipart/form-data; boundary={border}"))
        return str(self._call("read", [{"path": path, "meta": {"_type": "gradio.FileData"}}]))

    def ask(self, question: str) -> str:
        """The HTML of all answers so far on what was read last."""
        return str(self._call("ask", [question]))

    def _call(self, name: str, data: Sequence[Any]) -> Any:
        """Joins the queue and waits for the end; the first output.

        Raises:
            OSError: If the server says no.
        """
        joined = {"data": data, "session_hash": self.session}
        event = json.loads(self._ask(f"call/{name}", json.dumps(joined).encode(), "application/json"))["event_id"]
        told = self._ask(f"call/{name}/{event}")
        done = re.search(r"^event: complete\ndata: (.*)$", told, re.MULTILINE)
        if done is None:
            raise OSError(f"no end of {name}: {told[-200:]!r}")
        return json.loads(done[1])[0]

    def _ask(self, path: str, body: bytes | None = None, kind: str = "") -> str:
        headers = {"Content-Type": kind} if kind else {}
        request = urllib.request.Request(f"{self.address}gradio_api/{path}", body, headers)
        with self._opener.open(request, timeout=PATIENCE) as answer:
            return str(answer.read().decode())
