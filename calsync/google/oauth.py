"""Consent at Google: the address, the exchange of the code, the identity, and revocation.

OAuth 2.0 for web server applications with PKCE (RFC 7636), state (RFC 9700) and an ID token with nonce
(OpenID Connect Core 3.1.3.7). No redirect is ever followed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from google.auth import jwt
from google.auth.exceptions import GoogleAuthError
from google.oauth2.credentials import Credentials
from google_auth_oauthlib.flow import Flow
from oauthlib.oauth2 import OAuth2Error

from calsync.egress import confine, session

EVENTS = "https://www.googleapis.com/auth/calendar.events"
LIST = "https://www.googleapis.com/auth/calendar.calendarlist.readonly"
SIGN_IN = ("openid", "https://www.googleapis.com/auth/userinfo.email")
SCOPES = (*SIGN_IN, EVENTS, LIST)

#: Without these nothing can be synced.
NEEDED = frozenset({EVENTS})

TIMEOUT_SECONDS = 10
_CLOCK_SKEW_SECONDS = 30
_UNPROVEN = "Google's proof of who you are could not be verified."


@dataclass(frozen=True, slots=True)
class Leftover:
    """A token that Google has issued although consent did not come about, so that it must be withdrawn.

    `subject` is "" when it is not known whose it is.
    """

    subject: str
    token: str


class ConsentRefused(Exception):
    """Consent did not come about. `code` is for logs, the text a sentence for the person."""

    def __init__(self, code: str, sentence: str, leftover: Leftover | None = None) -> None:
        super().__init__(sentence)
        self.code = code
        self.leftover = leftover


class _BadIdentity(Exception):
    """The ID token proves nothing."""


@dataclass(frozen=True, slots=True)
class Granted:
    """What Google has confirmed about the person, and the token for calling on their behalf.

    `domain`: that of the organisation whose account it is, or "".
    """

    subject: str
    address: str
    scopes: tuple[str, ...]
    refresh_token: str
    domain: str = ""


@dataclass(frozen=True, slots=True)
class GoogleOAuth:
    """The OAuth client of this installation and Google's endpoints."""

    client_id: str
    client_secret: str
    auth_uri: str
    token_uri: str
    revoke_uri: str
    jwks_uri: str
    issuer: str
    redirect_uri: str

    def authorization(self, state: str, verifier: str, nonce: str, expected: str) -> str:
        """Return the address of Google's consent page; `expected`: an address, or "@" and a Workspace domain."""
        hint = {"hd": expected[1:]} if expected.startswith("@") else {"login_hint": expected}
        with _loopback_allowed(self.token_uri):
            flow = self._flow(state, verifier, SCOPES)
            url, _ = flow.authorization_url(access_type="offline", prompt="consent", nonce=nonce, **hint)
        return str(url)

    def sign_in(self, state: str, verifier: str, nonce: str) -> str:
        """Return the address at which Google says who somebody is, and grants nothing else."""
        with _loopback_allowed(self.token_uri):
            url, _ = self._flow(state, verifier, SIGN_IN).authorization_url(
                prompt="select_account", nonce=nonce
            )
        return str(url)

    def identify(self, response_url: str, state: str, verifier: str, nonce: str) -> str:
        """Return the `sub` of whoever has signed in; ConsentRefused. What Google has granted for it is forgotten."""
        token = self._fetch(response_url, state, verifier, SIGN_IN)
        try:
            return str(self._claims(str(token.get("id_token") or ""), nonce)["sub"])
        except _BadIdentity as error:
            raise ConsentRefused("identity", _UNPROVEN) from error

    def exchange(self, response_url: str, state: str, verifier: str, nonce: str) -> Granted:
        """Return what the callback's code stands for; ConsentRefused, with the token if there is one."""
        return self._granted(self._fetch(response_url, state, verifier, SCOPES), nonce)

    def _fetch(self, response_url: str, state: str, verifier: str, scopes: Sequence[str]) -> dict[str, Any]:
        self._check_answer(response_url)
        try:
            with _loopback_allowed(self.token_uri):
                flow = self._flow(state, verifier, scopes)
                token: dict[str, Any] = flow.fetch_token(
                    authorization_response=response_url, timeout=TIMEOUT_SECONDS
                )
        except (OAuth2Error, requests.RequestException, ValueError) as error:
            raise ConsentRefused(
                "exchange", "Google did not accept the sign-in. Please start again from your link."
            ) from error
        return token

    def _granted(self, token: dict[str, Any], nonce: str) -> Granted:
        refresh_token = str(token.get("refresh_token") or "")
        scopes = token.get("scope") or ()
        granted = tuple(scopes.split() if isinstance(scopes, str) else scopes)
        leftover = refresh_token or str(token.get("access_token") or "")
        try:
            claims = self._claims(str(token.get("id_token") or ""), nonce)
        except _BadIdentity as error:
            raise ConsentRefused("identity", _UNPROVEN, Leftover("", leftover)) from error
        subject = str(claims["sub"])
        if not set(granted) >= NEEDED:
            sentence = (
                "The permission to view and edit calendar events was not ticked, so nothing can be synced. "
                "Please open your link again and leave it ticked."
            )
            raise ConsentRefused("scope", sentence, Leftover(subject, leftover))
        if not refresh_token:
            sentence = "Google gave no lasting permission. Please start again from your link."
            raise ConsentRefused("offline", sentence, Leftover(subject, leftover))
        domain = str(claims.get("hd") or "").lower()
        return Granted(subject, str(claims["email"]).lower(), granted, refresh_token, domain)

    def _check_answer(self, response_url: str) -> None:
        answer = parse_qs(urlsplit(response_url).query)
        if answer.get("iss", [self.issuer]) != [self.issuer]:
            # RFC 9207: the code of another server must not be sent to this one.
            raise ConsentRefused("mixed_up", "The answer did not come from Google. Nothing was sent there.")
        if "error" in answer:
            if answer["error"][0] == "access_denied":
                raise ConsentRefused(
                    "access_denied", "You chose not to allow it. To try again, open your link once more."
                )
            raise ConsentRefused(
                "google", "Google reported a problem with the sign-in. Please start again from your link."
            )
        if "code" not in answer:
            raise ConsentRefused(
                "no_code", "Google's answer was incomplete. Please start again from your link."
            )

    def _flow(self, state: str, verifier: str, scopes: Sequence[str]) -> Any:
        client = {
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "auth_uri": self.auth_uri,
            "token_uri": self.token_uri,
        }
        flow = Flow.from_client_config(
            {"web": client}, list(scopes), state=state, redirect_uri=self.redirect_uri, code_verifier=verifier
        )
        confine(flow.oauth2session, self.token_uri)
        return flow

    def _claims(self, id_token: str, nonce: str) -> dict[str, Any]:
        """Return the claims of a verified ID token (signature, audience, times, issuer, nonce); _BadIdentity."""
        try:
            keys = self._keys()
            claims: dict[str, Any] = jwt.decode(  # type: ignore[no-untyped-call]
                id_token, certs=keys, audience=self.client_id, clock_skew_in_seconds=_CLOCK_SKEW_SECONDS
            )
        except (ValueError, GoogleAuthError, requests.RequestException, KeyError) as error:
            raise _BadIdentity from error
        issuers = (self.issuer, self.issuer.removeprefix("https://"))
        if claims.get("iss") not in issuers or claims.get("nonce") != nonce:
            raise _BadIdentity
        if not claims.get("sub") or not claims.get("email") or claims.get("email_verified") is not True:
            raise _BadIdentity
        return claims

    def _keys(self) -> dict[str, Any]:
        with session(self.jwks_uri) as http:
            answer = http.get(self.jwks_uri, timeout=TIMEOUT_SECONDS, allow_redirects=False)
        answer.raise_for_status()
        return {key["kid"]: _certificate(key) for key in answer.json()["keys"]}

    def revoke(self, token: str) -> bool:
        """Withdraw a token at Google; True when it is certain that it is gone.

        Google answers 400 for a token that has ended before, which is what we want as well.
        """
        if not token:
            return True
        try:
            with session(self.revoke_uri) as http:
                answer = http.post(
                    self.revoke_uri, data={"token": token}, timeout=TIMEOUT_SECONDS, allow_redirects=False
                )
        except requests.RequestException:
            return False
        return answer.status_code in (200, 400)

    def credentials(self, refresh_token: str) -> Credentials:
        """Return credentials that fetch access tokens when needed, and keep them in memory only."""
        return Credentials(  # type: ignore[no-untyped-call]
            None,
            refresh_token=refresh_token,
            token_uri=self.token_uri,
            client_id=self.client_id,
            client_secret=self.client_secret,
        )


def _certificate(key: dict[str, str]) -> bytes:
    """Return a JWKS entry as a PEM public key."""
    from base64 import urlsafe_b64decode

    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers

    def number(text: str) -> int:
        return int.from_bytes(urlsafe_b64decode(text + "=="), "big")

    public = RSAPublicNumbers(number(key["e"]), number(key["n"])).public_key()
    return public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


@contextmanager
def _loopback_allowed(token_uri: str) -> Iterator[None]:
    """Let oauthlib accept plain http on loopback, and scopes that a person has unticked.

    The library has no arguments for it, only these variables; granted scopes are compared by us.
    """
    os.environ["OAUTHLIB_RELAX_TOKEN_SCOPE"] = "1"
    if urlsplit(token_uri).hostname in ("127.0.0.1", "localhost", "::1"):
        os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
    yield
