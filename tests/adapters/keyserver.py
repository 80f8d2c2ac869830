"""Sign-in keys as an identity provider has them, and a real HTTP server that hands them out."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm


class SignInKey:
    """A private key of the operator's own sign-in."""

    def __init__(self, kid: str | None, algorithm: str = "RS256", *, bits: int = 2048, curve: Any = None) -> None:
        self.kid, self.algorithm = kid, algorithm
        self.private: Any
        if algorithm == "RS256":
            self.private = rsa.generate_private_key(65_537, bits)
        else:
            self.private = ec.generate_private_key(curve or ec.SECP256R1())

    @property
    def public(self) -> dict[str, Any]:
        """The entry of a key set."""
        kind = RSAAlgorithm if self.algorithm == "RS256" else ECAlgorithm
        entry = kind.to_jwk(self.private.public_key(), as_dict=True)
        return entry | ({"kid": self.kid} if self.kid else {})

    def sign(self, **changes: Any) -> str:
        """Return a token; ``None`` leaves a claim out."""
        headers = {"kid": self.kid} if self.kid else {}
        return jwt.encode(claims(**changes), self.private, algorithm=self.algorithm, headers=headers)


def claims(**changes: Any) -> dict[str, Any]:
    """Return what an agent's token says."""
    now = int(time.time())
    base = {"sub": "a-7", "role": "agent", "aud": "undervoice", "iat": now, "exp": now + 60, "jti": uuid.uuid4().hex}
    return {name: value for name, value in (base | changes).items() if value is not None}


def key_set(*keys: SignInKey | dict[str, Any]) -> bytes:
    """Return a JWKS document."""
    return json.dumps({"keys": [key.public if isinstance(key, SignInKey) else key for key in keys]}).encode()


class KeyServer:
    """What a key server answers, and how often it was asked."""

    def __init__(self) -> None:
        self.url = ""
        self.asked = 0
        self.answer: Callable[[BaseHTTPRequestHandler], None] = lambda handler: reply(handler, b"{}")

    def hand_out(self, *keys: SignInKey) -> None:
        """Answer with these keys from now on."""
        self.answer = lambda handler: reply(handler, key_set(*keys))


def reply(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200, **headers: str) -> None:
    """Send one answer."""
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


@contextmanager
def key_server() -> Iterator[KeyServer]:
    """Run a key server on a free port."""
    state = KeyServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked += 1
            with suppress(OSError):  # whoever asked may have gone
                state.answer(self)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}/keys"
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
