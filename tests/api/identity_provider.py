"""A small identity provider that signs everybody in at once, as honestly as a test wants it to."""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import FastAPI, Form, Request
from fastapi.responses import JSONResponse, RedirectResponse
from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT = "docqa-test"
SECRET = "a secret: with/odd+characters"


@dataclass(slots=True)
class Provider:
    """``claims`` go into every token, over what is true; ``signs`` signs, ``shown`` is what it publishes.

    ``forged`` makes the token instead.
    """

    url: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    dropped: set[str] = field(default_factory=set)
    signs: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one"}))
    shown: list[RSAKey] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)
    forged: Callable[[dict[str, Any]], str] | None = None
    asked: list[dict[str, str]] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    app: FastAPI = field(default_factory=FastAPI)

    def __post_init__(self) -> None:
        self.shown = [self.signs]
        self.app.get("/.well-known/openid-configuration")(self.describe)
        self.app.get("/keys")(self.keys)
        self.app.get("/authorize")(self.authorize)
        self.app.post("/token")(self.token)

    def describe(self) -> dict[str, Any]:
        ends = {"authorization_endpoint": "/authorize", "token_endpoint": "/token", "jwks_uri": "/keys"}
        return {"issuer": self.url, **{name: self.url + path for name, path in ends.items()}, **self.metadata}

    def keys(self) -> dict[str, Any]:
        return {"keys": [key.as_dict(private=False, alg="RS256", use="sig") for key in self.shown]}

    def authorize(self, request: Request) -> RedirectResponse:
        asked = dict(request.query_params)
        self.asked.append(asked)
        code = secrets.token_urlsafe(8)
        self.codes[code] = asked
        back = urlencode({"code": code, "state": asked["state"]})
        return RedirectResponse(f"{asked['redirect_uri']}?{back}", 302)

    def token(
        self,
        request: Request,
        code: Annotated[str, Form()],
        redirect_uri: Annotated[str, Form()],
        code_verifier: Annotated[str, Form()],
    ) -> JSONResponse:
        asked = self.codes.pop(code, None)
        digest = hashlib.sha256(code_verifier.encode()).digest()
        proof = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        if kind != "Basic" or base64.b64decode(given).decode() != f"{CLIENT}:{SECRET}":
            return JSONResponse({"error": "invalid_client"}, 401)
        if asked is None or (proof, redirect_uri) != (asked["code_challenge"], asked["redirect_uri"]):
            return JSONResponse({"error": "invalid_grant", "error_description": "<script>alert(1)</script>"}, 400)
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": CLIENT,
            "sub": "0042",
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            "email": "ada@corvo.example",
            "email_verified": True,
            "groups": ["engineering", "writers"],
        } | self.claims
        kept = {name: value for name, value in claims.items() if name not in self.dropped}
        if self.forged is not None:
            signed = self.forged(kept)
        else:
            signed = jwt.encode({"alg": "RS256", "kid": self.signs.kid}, kept, self.signs, algorithms=["RS256"])
        return JSONResponse({"access_token": "opaque", "token_type": "Bearer", "id_token": signed})
