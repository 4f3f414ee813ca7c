"""A little Supabase: a sign-in service with real keys over real HTTP, whose storage is that of the embedded stack."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

JWKS_PATH = "/auth/v1/.well-known/jwks.json"
LEGACY_SECRET = "a legacy secret of at least 32 bytes"


def public_jwk(key: Any, kid: str, **more: Any) -> dict[str, Any]:
    """As Supabase shows a key; the algorithm by its kind."""
    if isinstance(key, rsa.RSAPrivateKey):
        entry = {**json.loads(RSAAlgorithm.to_jwk(key.public_key())), "alg": "RS256"}
    else:
        entry = {**json.loads(ECAlgorithm.to_jwk(key.public_key())), "alg": "ES256"}
    entry |= {"kid": kid, "use": "sig", "key_ops": ["verify"]} | more
    return {name: value for name, value in entry.items() if value is not None}


class LittleSupabase:
    """``shown`` is its key set; ``body`` and ``status`` replace its answer, ``fetched`` counts."""

    def __init__(self) -> None:
        self.ec_key = ec.generate_private_key(ec.SECP256R1())
        self.rsa_key = rsa.generate_private_key(65537, 2048)
        self.shown: list[Any] = [public_jwk(self.ec_key, "e"), public_jwk(self.rsa_key, "r")]
        self.status = 200
        self.body: bytes | None = None
        self.fetched = 0
        self.storage = ""
        self.url = ""

    @contextmanager
    def serving(self) -> Iterator[LittleSupabase]:
        """On a port of its own for as long as the block lasts."""
        ours = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == JWKS_PATH:
                    ours.fetched += 1
                    self.answer(ours.status, ours.body or json.dumps({"keys": ours.shown}).encode())
                else:
                    self.pass_on()

            def pass_on(self) -> None:
                # A body that is not read when the line is closed takes the answer with it.
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.send_response(307)
                self.send_header("Location", ours.storage + self.path)
                self.answer(None, b"")

            def do_POST(self) -> None:
                self.pass_on()

            def do_DELETE(self) -> None:
                self.pass_on()

            def answer(self, status: int | None, body: bytes) -> None:
                if status is not None:
                    self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                return

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        self.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def claims(self, user: uuid.UUID | str, **changed: Any) -> dict[str, Any]:
        """Those of a user's token, ``changed``; None leaves one out."""
        whole = {
            "iss": f"{self.url}/auth/v1",
            "sub": str(user),
            "aud": "authenticated",
            "role": "authenticated",
            "iat": int(time.time()),
            "exp": int(time.time()) + 60,
            "is_anonymous": False,
        }
        return {name: value for name, value in {**whole, **changed}.items() if value is not None}

    def token(self, user: uuid.UUID | str, **changed: Any) -> str:
        """A token as Supabase Auth signs them today."""
        return jwt.encode(self.claims(user, **changed), self.ec_key, "ES256", headers={"kid": "e"})

    def legacy_token(self, user: uuid.UUID | str, **changed: Any) -> str:
        """A token of a project that still uses the shared secret."""
        return jwt.encode(self.claims(user, **changed), LEGACY_SECRET, "HS256")
