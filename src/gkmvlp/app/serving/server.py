"""``gkmvlp serve``: models, page and guard together, on one address of this computer."""

import ipaddress
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from gkmvlp.app.dicom.returning import require_highdicom
from gkmvlp.app.prediction.request import require_gate
from gkmvlp.errors import ConfigError, UsageError

if TYPE_CHECKING:  # they are slow to import
    from gkmvlp.app.dicom.dicomweb import DicomWeb
    from gkmvlp.zoo.inference.gate import GateMode

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
SHORTEST_TOKEN = 12


@dataclass(frozen=True)
class Options:
    """How a page is served.

    Attributes:
        models: References of the models that read together.
        compare: References of a second set beside them.
        index: File of ``gkmvlp index``, or None.
        host: Address that is listened on.
        port: Its port; 0 takes a free one.
        token: What a browser has to show.
        device: ``cpu``, ``cuda`` or ``cuda:N``; None takes a GPU where there is one.
        at: Operating point whose thresholds count.
        max_mb: Largest upload in million bytes.
        per_minute: Readings of one client in a minute, and as many uploads.
        gate: What happens to a picture that looks like no upright frontal chest radiograph: refuse, warn, off.
        dicomweb: Address of a DICOMweb server where studies are opened and readings stored, or None.
    """

    models: Sequence[str]
    compare: Sequence[str] = ()
    index: Path | None = None
    host: str = "127.0.0.1"
    port: int = 7860
    token: str | None = field(default=None, repr=False)
    device: str | None = None
    at: str | None = None
    max_mb: float = 64
    per_minute: int = 60
    gate: str = "warn"
    dicomweb: str | None = None

    def __post_init__(self) -> None:
        """Refuses what would open the page to others by mistake.

        Raises:
            UsageError: If an address of the network is named without a token, or a number cannot work.
        """
        if self.token is None and not is_loopback(self.host):
            raise UsageError(
                f"--host {self.host} lets others on the network read and send images: name a secret by --token "
                f"({SHORTEST_TOKEN} characters or more), or leave --host out for this computer alone"
            )
        if self.token is not None and not (
            self.token.isascii() and self.token.replace("-", "").isalnum() and len(self.token) >= SHORTEST_TOKEN
        ):
            raise UsageError(f"--token: {SHORTEST_TOKEN} or more letters, digits and hyphens were expected")
        if not 0 <= self.port <= 65_535:
            raise UsageError(f"--port {self.port}: a number from 0 to 65535 was expected")
        if self.max_mb <= 0 or self.per_minute < 1:
            raise UsageError("--max-mb and --per-minute: numbers above 0 were expected")
        require_gate(self.gate)


def is_loopback(host: str) -> bool:
    """Whether an address is reached from this computer alone."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def require_gradio() -> None:
    """Says what to install where the extra is missing.

    Raises:
        ConfigError: If Gradio is absent.
    """
    try:
        import gradio  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            f"gkmvlp serve needs Gradio ({error}): pip install 'gkmvlp[serve]', in a clone pip install '.[serve]'"
        ) from error


def build_app(desk: Any, options: Options) -> Any:
    """The whole application (ASGI): page, saved readings, guard.

    Args:
        desk: A ``desk.Desk``.
        options: Host and token.
    """
    import gradio as gr
    from fastapi import FastAPI, Response
    from gradio.utils import get_upload_folder

    from gkmvlp.app.serving.export import as_html, as_json
    from gkmvlp.app.serving.guard import Guard
    from gkmvlp.app.serving.page import WAITING, build_page, head
    from gkmvlp.app.serving.uploads import Uploads

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/reading/{key}.{kind}")
    def saved(key: str, kind: str) -> Response:
        held = desk.sessions.by_key(key) if kind in ("html", "json") else None
        if held is None:
            return Response("This reading is gone: read the image again.", 404, media_type="text/plain")
        text = as_html(held.readings, held.picture) if kind == "html" else as_json(held.readings)
        named = {"content-disposition": f'attachment; filename="reading.{kind}"'}
        return Response(text, media_type="text/html" if kind == "html" else "application/json", headers=named)

    plain = gr.themes.Base(
        primary_hue="cyan", neutral_hue="slate", font=["system-ui", "sans-serif"], font_mono=["monospace"]
    )
    folder = Path(get_upload_folder())
    app = gr.mount_gradio_app(
        app, build_page(desk), "/", max_file_size=desk.limits.upload_bytes, theme=plain, head=head(),
        footer_links=[], run_history=False, ssr_mode=False, enable_monitoring=False, mcp_server=False,
        show_error=False, allowed_paths=[str(folder)],  # below the working folder, names with a leading dot too
    )  # fmt: skip
    hosts = LOOPBACK | {options.host} if is_loopback(options.host) else None
    app.add_middleware(
        Guard,
        limits=desk.limits,
        uploads=Uploads(folder, WAITING * desk.limits.upload_bytes),
        hosts=hosts,
        token=options.token,  # type: ignore[arg-type]
    )
    return app


def serve(options: Options) -> None:
    """Loads the models and serves until it is interrupted.

    Raises:
        ConfigError: If Gradio is absent, or the address is taken.
        GkmvlpError: What is wrong with models or index.
    """
    with tempfile.TemporaryDirectory(prefix="gkmvlp-serve-") as uploads:
        os.environ["GRADIO_TEMP_DIR"] = uploads  # read when Gradio is imported; gone when the server ends
        os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
        require_gradio()
        server = _archive_server(options.dicomweb)
        listening = listen(options.host, options.port)
        from gkmvlp.app.prediction.quick_imports import quick_imports

        with quick_imports():
            from gkmvlp.app.dicom.identity import ModelIdentity
            from gkmvlp.app.serving.archive import Archive
            from gkmvlp.app.serving.desk import Desk
            from gkmvlp.app.serving.limits import MB, Limits
            from gkmvlp.app.serving.models import open_models
            from gkmvlp.app.serving.neighbours import read_index
        limits = Limits(int(options.max_mb * MB), per_minute=options.per_minute)
        named = [references for references in (options.models, options.compare) if references]
        sets = [open_models(one, options.device, options.at) for one in named]
        if options.index is not None and "backbone" not in sets[0].parts:
            raise UsageError(f"--index {options.index} needs a backbone among those of --model")
        index = read_index(options.index, sets[0].parts["backbone"]) if options.index else None
        identities = [{part: ModelIdentity.of(name) for part, name in one.named.items()} for one in sets if server]
        archive = Archive(server, identities) if server else None
        desk = Desk(sets, cast("GateMode", options.gate), index, archive, limits)
        _run(build_app(desk, options), listening, options)


def _archive_server(url: str | None) -> "DicomWeb | None":
    """The DICOMweb server at an address, as ``gkmvlp predict`` opens it; it is not asked yet.

    Raises:
        UsageError: If the address is none.
        ConfigError: If a package is missing.
    """
    if url is None:
        return None
    require_highdicom()
    from gkmvlp.app.dicom.dicomweb import DicomWeb

    return DicomWeb(url)


def listen(host: str, port: int) -> Any:
    """A socket on an address.

    Raises:
        ConfigError: If it is taken, or not of this computer.
    """
    import socket

    try:
        family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, proto)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
    except OSError as error:
        raise ConfigError(f"cannot listen on {host}:{port} ({error.strerror or error}): name another --port") from error
    return listening


def _run(app: Any, listening: Any, options: Options) -> None:
    """Says where the page is, and serves it."""
    import uvicorn

    port = listening.getsockname()[1]
    shown = f"[{options.host}]" if ":" in options.host else options.host
    print(f"open http://{shown}:{port}/" + ("?token=TOKEN" if options.token else "") + " (Ctrl+C ends)", flush=True)
    # uvicorn raises the signal again when it has closed; by default the process would end before uploads are removed
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=3))
    server.run(sockets=[listening])
