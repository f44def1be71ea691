"""What stands before the page: who may come in, how much one may send, and that nothing is asked of another host.

Plain ASGI, so that a body that is too large is cut off while it arrives.
"""

import hmac
import json
import re
import time
from collections.abc import Awaitable, Callable, MutableMapping
from html import escape
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qs

from gkmvlp.app.serving.limits import Limits, Rate
from gkmvlp.app.serving.uploads import Uploads

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

COOKIE = "gkmvlp-token"
UPLOAD = "/gradio_api/upload"
# a form around the file adds little
FORM_BYTES = 100_000
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'self'; "
    "form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = {
    b"content-security-policy": POLICY.encode(),
    b"referrer-policy": b"no-referrer",
    b"x-content-type-options": b"nosniff",
}
# All that the page needs of Gradio; the rest (files by their path, proxies, calls past the queue) is closed.
_OPEN = (
    "/assets/", "/static/", "/svelte/", "/reading/", "/theme.css", "/config", "/manifest.json", "/favicon.ico",
    UPLOAD, "/gradio_api/queue/", "/gradio_api/call/", "/gradio_api/heartbeat/", "/gradio_api/info",
    "/gradio_api/startup-events", "/gradio_api/app_id", "/gradio_api/reset", "/gradio_api/cancel",
)  # fmt: skip
_KEPT = ("/assets/", "/static/")  # files of the page, with a hash in their names: a browser may keep them


class Guard:
    """Lets requests through to the page.

    Args:
        app: The page.
        limits: Largest body, without the form around it, and how many uploads of one client in a minute.
        uploads: Where they wait.
        hosts: Names that a browser may call this server by; None allows every name. A page of another site that
            points its own name at this address is so kept out.
        token: What a browser has to show; None lets everybody in who can reach the address.
    """

    def __init__(
        self, app: App, limits: Limits, uploads: Uploads, hosts: frozenset[str] | None, token: str | None
    ) -> None:
        self.app, self.uploads, self.hosts, self.token = app, uploads, hosts, token
        self.most, self.rate = limits.upload_bytes + FORM_BYTES, Rate(limits.per_minute)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan" or self._refusal(scope) is None:
                await self.app(scope, receive, send)
            return
        if self.token and (given := parse_qs(scope["query_string"].decode("latin-1")).get("token")):
            await self._sign_in(scope, given[0], send)
        elif refusal := self._refusal(scope):
            await _answer(send, *refusal)
        elif scope["path"] != "/" and not scope["path"].startswith(_OPEN):
            await _answer(send, 404, "There is no such page.")
        elif _length(scope) > self.most:
            await _answer(send, 413, self._too_large)
        elif scope["path"] == UPLOAD and (refusal := self._full(scope)):
            await _answer(send, *refusal)
        else:
            await self._pass(scope, receive, send)

    @property
    def _too_large(self) -> str:
        return f"The file is too large: at most {(self.most - FORM_BYTES) / 1e6:.0f} MB are read here."

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        """Status and reason where a request may not come in."""
        headers = dict(scope["headers"])
        if self.hosts is not None and _name(headers.get(b"host", b"").decode("latin-1")) not in self.hosts:
            return 421, "This server answers to its own address alone."
        if self.token is None:
            return None
        cookie = SimpleCookie(headers.get(b"cookie", b"").decode("latin-1")).get(COOKIE)
        if cookie is not None and _same(cookie.value, self.token):
            return None
        return 401, "A token is needed: open this address with ?token=TOKEN, as gkmvlp serve --token names it."

    def _full(self, scope: Scope) -> tuple[int, str] | None:
        """Status and reason where an upload has to wait."""
        client, _ = scope.get("client") or ("", 0)
        if wait := self.rate.admit(client, time.monotonic()):
            return 429, f"Too many uploads in a minute from your address: wait {wait:.0f} s."
        return None if self.uploads.have_room() else (507, "Too many uploads wait to be read: try again in a minute.")

    async def _sign_in(self, scope: Scope, given: str, send: Send) -> None:
        """Keeps a right token as a cookie and takes it out of the address."""
        assert self.token is not None
        if not _same(given, self.token):
            await _answer(send, 401, "That is not the token.")
            return
        cookie = f"{COOKIE}={self.token}; Path=/; HttpOnly; SameSite=Strict"
        headers = [(b"location", scope["path"].encode()), (b"set-cookie", cookie.encode("latin-1"))]
        await send({"type": "http.response.start", "status": 303, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hands a request on, counts its body and adds the headers."""
        arrived, is_answered = 0, False

        async def counted() -> Message:
            nonlocal arrived
            message = await receive()
            arrived += len(message.get("body", b""))
            return {"type": "http.disconnect"} if arrived > self.most else message

        async def with_headers(message: Message) -> None:
            nonlocal is_answered
            if arrived > self.most and not is_answered:
                is_answered = True
                await _answer(send, 413, self._too_large)
            if arrived > self.most:
                return  # what the page says of a body that was cut off
            if message["type"] == "http.response.start":
                is_answered = True
                ours = {
                    **_HEADERS,
                    b"cache-control": b"max-age=86400" if scope["path"].startswith(_KEPT) else b"no-store",
                }
                kept = [(name, value) for name, value in message.get("headers", []) if name.lower() not in ours]
                message = {**message, "headers": [*kept, *ours.items()]}
            await send(message)

        try:
            await self.app(scope, counted, with_headers)
        except Exception:
            if arrived <= self.most:
                raise
        if arrived > self.most and not is_answered:
            await _answer(send, 413, self._too_large)


def _length(scope: Scope) -> int:
    """The length that a request states; 0 where it states none."""
    stated = dict(scope["headers"]).get(b"content-length", b"0")
    return int(stated) if stated.isdigit() else 0


def _name(host: str) -> str:
    """The name in a Host header, without port and brackets."""
    return re.sub(r":\d*$", "", host).strip("[]").lower()


def _same(given: str, wanted: str) -> bool:
    """Whether two tokens are equal, in a time that tells nothing of them."""
    return hmac.compare_digest(given.encode(), wanted.encode())


async def _answer(send: Send, status: int, text: str) -> None:
    """A line of text, for people and for the page's own requests."""
    body = json.dumps({"detail": escape(text)}).encode() if status == 413 else text.encode()
    kind = b"application/json" if status == 413 else b"text/plain; charset=utf-8"
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode()), *_HEADERS.items()]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
