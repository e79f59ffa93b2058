"""An OpenID Connect identity provider: where people are sent to sign in, and what it says of those who come back.

Authorization code flow with PKCE and a nonce (OpenID Connect Core 1.0, RFC 7636).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import httpx2
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from api.settings import Settings, is_private
from api.state.sessions import SignInAttempt

TIMEOUT_S = 10.0
KEPT_S = 3600.0
"""Seconds for which what the provider says of itself is believed."""
KEYS_PAUSE_S = 60.0
"""Its keys are asked for again at most this often."""
LEEWAY_S = 60
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"]
"""Signatures with the provider's private key; none of those that the client's secret could make."""
MAX_GROUPS = 1000
MAX_NAME = 200


class SignInFailed(Exception):
    """Nobody was signed in; the message is for people and holds nothing that the provider or the browser sent."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A person as the provider knows her."""

    user: str
    groups: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Metadata:
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    known_at: float


@dataclass(frozen=True, slots=True)
class _Keys:
    keys: KeySet
    known_at: float


class IdentityProvider:
    """The provider that the settings name; there must be one."""

    def __init__(self, settings: Settings) -> None:
        assert settings.oidc_issuer is not None
        assert settings.oidc_client_id is not None
        self._issuer = settings.oidc_issuer
        self._settings = settings
        self._metadata: _Metadata | None = None
        self._keys: _Keys | None = None

    async def address(self, attempt: SignInAttempt, redirect_uri: str) -> str:
        """Where the browser goes to sign in. Raises `SignInFailed`."""
        metadata = await self._known_metadata()
        async with self._client(redirect_uri) as client:
            address, _ = client.create_authorization_url(
                metadata.authorization_endpoint,
                state=attempt.state,
                nonce=attempt.nonce,
                code_verifier=attempt.verifier,
            )
        return str(address)

    async def identity(self, attempt: SignInAttempt, code: str, redirect_uri: str) -> Identity:
        """Who came back with ``code``. Raises `SignInFailed`."""
        metadata = await self._known_metadata()
        async with self._client(redirect_uri) as client:
            try:
                token = await client.fetch_token(metadata.token_endpoint, code=code, code_verifier=attempt.verifier)
            except OAuthError as error:
                raise SignInFailed("The identity provider did not accept the sign-in.") from error
            except (httpx2.HTTPError, ValueError) as error:
                raise _unreachable() from error
        try:
            return self._identity(await self._checked(token, attempt.nonce))
        except (JoseError, ValueError, TypeError) as error:
            raise SignInFailed("What the identity provider said of you is not valid.") from error

    async def _checked(self, token: dict[str, Any], nonce: str) -> dict[str, Any]:
        """The claims of the token's signed part. Raises JoseError or ValueError."""
        signed = token.get("id_token")
        if not isinstance(signed, str):
            raise ValueError("no id_token")
        try:
            decoded = jwt.decode(signed, await self._known_keys(), algorithms=ALGORITHMS)
        except (InvalidKeyIdError, ValueError):  # it may have changed its keys
            decoded = jwt.decode(signed, await self._known_keys(anew=True), algorithms=ALGORITHMS)
        client_id = self._settings.oidc_client_id
        expected = {
            "iss": {"essential": True, "value": self._issuer},
            "aud": {"essential": True, "value": client_id},
            "nonce": {"essential": True, "value": nonce},
        }
        params = {"nonce": nonce, "client_id": client_id, "access_token": token.get("access_token")}
        CodeIDToken(decoded.claims, decoded.header, expected, params).validate(leeway=LEEWAY_S)
        return decoded.claims

    def _identity(self, claims: dict[str, Any]) -> Identity:
        user = claims.get(self._settings.oidc_user_claim)
        if not isinstance(user, str) or not user.strip() or len(user) > MAX_NAME:
            claim = self._settings.oidc_user_claim
            raise SignInFailed(f"The identity provider does not say your {claim!r}, by which people are known here.")
        if self._settings.oidc_user_claim == "email" and claims.get("email_verified") is False:
            raise SignInFailed("The identity provider has not verified your address.")
        groups = claims.get(self._settings.oidc_groups_claim, [])
        named = [groups] if isinstance(groups, str) else groups if isinstance(groups, list) else []
        kept = [group for group in named if isinstance(group, str) and len(group) <= MAX_NAME]
        return Identity(user.strip(), frozenset(kept[:MAX_GROUPS]))

    async def _known_metadata(self) -> _Metadata:
        known = self._metadata
        if known is None or time.monotonic() - known.known_at > KEPT_S:
            said = await _json(self._issuer.rstrip("/") + "/.well-known/openid-configuration")
            if said.get("issuer") != self._issuer:
                raise SignInFailed("The identity provider goes by another name than DOCQA_OIDC_ISSUER.")
            ends = [said.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
            if not all(isinstance(end, str) and is_private(end) for end in ends):
                raise SignInFailed("The identity provider names no addresses that can be used.")
            authorization, token, keys = map(str, ends)
            known = self._metadata = _Metadata(authorization, token, keys, time.monotonic())
        return known

    async def _known_keys(self, *, anew: bool = False) -> KeySet:
        known = self._keys
        age = time.monotonic() - known.known_at if known else KEPT_S
        if known is None or age >= KEPT_S or (anew and age >= KEYS_PAUSE_S):
            said = await _json((await self._known_metadata()).jwks_uri)
            known = self._keys = _Keys(KeySet.import_key_set(said), time.monotonic())  # type: ignore[arg-type]
        return known.keys

    def _client(self, redirect_uri: str) -> AsyncOAuth2Client:
        secret = self._settings.oidc_client_secret
        return AsyncOAuth2Client(
            self._settings.oidc_client_id,
            None if secret is None else secret.get_secret_value(),
            token_endpoint_auth_method="none" if secret is None else "client_secret_basic",
            scope=" ".join(self._settings.oidc_scopes),
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            timeout=TIMEOUT_S,
        )


async def _json(address: str) -> dict[str, Any]:
    try:
        async with httpx2.AsyncClient(timeout=TIMEOUT_S) as client:
            response = await client.get(address)
            response.raise_for_status()
            said = response.json()
    except (httpx2.HTTPError, ValueError) as error:
        raise _unreachable() from error
    if not isinstance(said, dict):
        raise _unreachable()
    return said


def _unreachable() -> SignInFailed:
    return SignInFailed("The identity provider can't be reached, or does not answer as one.")
