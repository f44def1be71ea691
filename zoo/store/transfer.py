"""One file from an address or a folder: resumed after a break, hashed while it streams, named after the check."""

import hashlib
import re
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException, HTTPResponse
from io import BufferedReader
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from gkmvlp import __version__
from gkmvlp.errors import ZooError
from gkmvlp.zoo.entry import File
from gkmvlp.zoo.store.safetensors_check import check_tensors

Stream = BufferedReader | HTTPResponse
TIMEOUT = 30.0  # seconds without a byte after which a server counts as stalled
TRIES = 5  # in a row without a new byte
PAUSE = 0.5  # seconds before the second try; doubles with each
CHUNK = 1 << 20
MOST_TEXT = 1 << 20  # bytes of an entry
LOOPBACK = ("localhost", "127.0.0.1", "::1")
AGAIN = (408, 425, 429, 500, 502, 503, 504)  # what a server may answer differently a moment later


class Interrupted(Exception):
    """A transfer broke off in a way that another try may mend."""


class NoSuchRange(Interrupted):
    """The server has no byte where the transfer was to go on."""


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects on the same host, and from https to https elsewhere, without the user's token."""

    def redirect_request(self, req: Any, fp: Any, code: Any, msg: Any, headers: Any, newurl: str) -> Any:
        old, new = urlsplit(req.full_url), urlsplit(newurl)
        elsewhere = (old.scheme, old.netloc) != (new.scheme, new.netloc)
        if elsewhere and (old.scheme, new.scheme) != ("https", "https"):
            raise ZooError(
                f"{req.full_url} redirects to {newurl}: another host is followed only from https to https; "
                "name the address where the file lies"
            )
        request = super().redirect_request(req, fp, code, msg, headers, newurl)
        if elsewhere and request is not None:
            request.remove_header("Authorization")
        return request


def check_address(url: str) -> None:
    """Raise ``ZooError`` unless an address is https, or http on this machine."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise ZooError(f"{url}: https is expected; plain http is taken from this machine only")


class PartialFile:
    """A file on its way: what is there is hashed once, what comes is hashed while it is written."""

    def __init__(self, path: Path) -> None:
        self.stream = path.open("ab+", buffering=0)
        self.stream.seek(0)
        self.hash, self.size = hashlib.sha256(), 0
        while chunk := self.stream.read(CHUNK):
            self.hash.update(chunk)
            self.size += len(chunk)

    def write(self, chunk: bytes) -> None:
        """Append."""
        rest = memoryview(chunk)
        while rest:
            rest = rest[self.stream.write(rest) :]
        self.hash.update(chunk)
        self.size += len(chunk)

    def restart(self) -> None:
        """Forget what is there."""
        self.stream.truncate(0)
        self.hash, self.size = hashlib.sha256(), 0


def fetch(address: str, folder: Path, file: File, tell: Callable[[int], Any], token: str | None = None) -> None:
    """Fetch one file; a broken transfer goes on where it stopped, also one of an earlier call.

    Args:
        address: https address, or path of a file.
        folder: Where the file gets its name when size and hash are right; until then it is ``<name>.part``.
        file: What is expected.
        tell: Told the bytes that are there after each step.
        token: Sent to the address's own host only.

    Raises:
        ZooError: If it cannot be had, or is not what is expected; ``NoTensors`` where that is no safetensors file.
        OSError: If it cannot be written.
    """
    path = folder / f"{file.name}.part"
    part = PartialFile(path)
    with part.stream:
        if part.size > file.size:
            part.restart()
        _pull(address, part, file, tell, token)
    if part.hash.hexdigest() != file.sha256:
        path.unlink()
        raise ZooError(
            f"{address}: SHA-256 {part.hash.hexdigest()[:12]}... came, {file.sha256[:12]}... is expected; nothing kept"
        )
    if file.name.endswith(".safetensors"):
        check_tensors(path, address)
    path.rename(folder / file.name)


def _pull(address: str, part: PartialFile, file: File, tell: Callable[[int], Any], token: str | None) -> None:
    """Append to a part until it is as long as the file, again after a break."""
    failures = 0
    tell(part.size)
    while part.size < file.size:
        before = part.size
        try:
            with open_at(address, part, file.size, token) as stream:
                _copy(stream, part, file, address, tell)
        except Interrupted as error:
            failures = 1 if part.size > before else failures + 1
            if failures >= TRIES:
                raise ZooError(f"{address}: {error}, {TRIES} times in a row; a later call goes on there") from error
            time.sleep(PAUSE * 2 ** (failures - 1))


def _copy(stream: Stream, part: PartialFile, file: File, address: str, tell: Callable[[int], Any]) -> None:
    """Append what a stream gives, to its end.

    Raises:
        Interrupted: If it breaks off or ends too early.
        ZooError: If it is too long.
    """
    while True:
        try:
            chunk = stream.read1(CHUNK)  # what has come by now: nothing is lost if the rest does not
        except (OSError, HTTPException) as error:
            raise Interrupted(f"broken off after {part.size} of {file.size} bytes ({reason(error)})") from error
        if not chunk:
            break
        if part.size + len(chunk) > file.size:
            part.restart()
            raise ZooError(f"{address}: longer than the {file.size} bytes expected; nothing kept")
        part.write(chunk)
        tell(part.size)
    if part.size < file.size:
        raise Interrupted(f"broken off after {part.size} of {file.size} bytes")


def open_at(address: str, part: PartialFile, size: int, token: str | None) -> Stream:
    """A stream from where a part ends; the part starts anew where the source cannot do that.

    Raises:
        ZooError: If there is none, or it is of another length.
        Interrupted: If another try may help.
    """
    if "://" not in address:
        try:
            stream = Path(address).open("rb")  # noqa: SIM115  the caller closes it
        except OSError as error:
            raise ZooError(f"{address}: {error.strerror}") from error
        stream.seek(part.size)
        return stream
    try:
        response = request(address, part.size, token)
    except NoSuchRange:
        part.restart()
        raise
    if response.status != 206:
        part.restart()
    elif not re.match(rf"bytes {part.size}-", response.headers.get("Content-Range", "")):
        part.restart()
        raise Interrupted("the server sent another range than it was asked for")
    length = response.headers.get("Content-Length", "")
    if length.isdigit() and int(length) != size - part.size:
        response.close()
        raise ZooError(f"{address}: {part.size + int(length)} bytes long, {size} are expected; nothing kept")
    return response


def request(url: str, start: int = 0, token: str | None = None) -> HTTPResponse:
    """Ask for an address from a byte on.

    Raises:
        ZooError: If the address is refused or there is nothing.
        Interrupted: If another try may help.
    """
    check_address(url)
    headers = {"User-Agent": f"gkmvlp/{__version__}", "Accept-Encoding": "identity"}
    headers |= {"Range": f"bytes={start}-"} if start else {}
    headers |= {"Authorization": f"Bearer {token}"} if token else {}
    handlers: list[urllib.request.BaseHandler] = [_Redirects()]
    if urlsplit(url).hostname in LOOPBACK:  # a proxy's loopback is another machine's
        handlers.append(urllib.request.ProxyHandler({}))
    try:
        answer = urllib.request.build_opener(*handlers).open(
            urllib.request.Request(url, headers=headers), timeout=TIMEOUT
        )
    except urllib.error.HTTPError as error:
        if error.code in AGAIN or error.code == 416:
            kind = NoSuchRange if error.code == 416 else Interrupted
            raise kind(f"the server answered {error.code} {error.reason}") from error
        raise ZooError(f"{url}: the server answered {error.code} {error.reason}") from error
    except (OSError, HTTPException) as error:
        if isinstance(getattr(error, "reason", None), ssl.SSLCertVerificationError):
            raise ZooError(f"{url}: {reason(error)}") from error
        raise Interrupted(reason(error)) from error
    assert isinstance(answer, HTTPResponse)
    return answer


def reason(error: BaseException) -> str:
    """Why the network failed, in a few words."""
    inner = getattr(error, "reason", error)
    if isinstance(inner, TimeoutError):
        return f"no answer for {TIMEOUT:g} s"
    return getattr(inner, "strerror", None) or str(inner) or type(inner).__name__


def fetch_text(url: str, token: str | None = None) -> str:
    """A short text, such as an entry, whole.

    Raises:
        ZooError: If it cannot be had, is too long or no text.
    """
    for failures in range(1, TRIES + 1):
        try:
            return _text(url, token)
        except Interrupted as error:
            if failures == TRIES:
                raise ZooError(f"{url}: {error}, {TRIES} times in a row; try again later") from error
            time.sleep(PAUSE * 2 ** (failures - 1))
    raise AssertionError("unreachable")


def _text(url: str, token: str | None) -> str:
    with request(url, token=token) as response:
        try:
            content = response.read(MOST_TEXT + 1)
        except (OSError, HTTPException) as error:
            raise Interrupted(f"broken off ({reason(error)})") from error
        length = response.headers.get("Content-Length", "")
    if length.isdigit() and len(content) < min(int(length), MOST_TEXT):
        raise Interrupted(f"broken off after {len(content)} of {length} bytes")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise ZooError(f"{url}: no text; the address of an entry (.yaml) is expected") from error
