"""Google's OAuth as its documents describe it: consent page, code with PKCE, refresh, revocation, keys."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import secrets
import time
from typing import Any
from urllib.parse import urlencode, urlsplit

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from calsync.sandbox.world import CLIENT_ID, CLIENT_SECRET, TOKEN_SECONDS, Code, World

SIGN_IN = ("openid", "email", "profile", "https://www.googleapis.com/auth/userinfo.email")
KEY_ID = "sandbox"

_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Sign in - stand-in for Google</title>
<meta name="viewport" content="width=device-width"><style>
body{{font:16px/1.5 system-ui,sans-serif;background:#f0f4f9;margin:0;display:grid;place-items:center;min-height:100vh}}
main{{background:#fff;border-radius:24px;padding:2.5rem;max-width:30rem;color:#1f1f1f}}
h1{{font-size:1.5rem;font-weight:500}} label{{display:block;padding:.5rem 0}} button{{font:inherit;border-radius:2rem;
padding:.6rem 1.6rem;border:1px solid #747775;background:#fff;margin-right:.5rem}}
button[value=allow]{{background:#0b57d0;color:#fff;border-color:#0b57d0}} small{{color:#5f6368}}</style>
<main><small>Stand-in for Google: nothing here is real</small><h1>Choose an account and what calsync may do</h1>
<form method="post" action="/o/oauth2/v2/auth"><input type="hidden" name="request" value="{request}">
{accounts}<hr>{scopes}<p><button name="decision" value="allow">Allow</button>
<button name="decision" value="deny">Cancel</button></p></form></main></html>"""


class OAuthError(Exception):
    """An error of the token endpoint: `{"error", "error_description"}` with a status."""

    def __init__(self, error: str, description: str = "", status: int = 400) -> None:
        super().__init__(error)
        self.status = status
        self.body = {"error": error, "error_description": description or error}


def consent_page(world: World, query: dict[str, str]) -> str:
    """Return the page on which a person picks an account and unticks what they do not want."""
    hint = query.get("login_hint", "").lower()
    emails = sorted(world.accounts, key=lambda email: (email != hint, email))
    accounts = "".join(
        f'<label><input type="radio" name="email" value="{html.escape(email)}" {"checked" if n == 0 else ""}>'
        f" {html.escape(email)}</label>"
        for n, email in enumerate(emails)
    )
    scopes = "".join(
        f'<label><input type="checkbox" name="scope" value="{html.escape(scope)}" checked> '
        f"{html.escape(scope.rsplit('/', 1)[-1])}</label>"
        for scope in query.get("scope", "").split()
        if scope not in SIGN_IN
    )
    return _PAGE.format(request=html.escape(json.dumps(query)), accounts=accounts, scopes=scopes)


def decide(world: World, form: dict[str, list[str]]) -> str:
    """Return where the browser goes after the person's decision."""
    query = json.loads(form["request"][0])
    redirect = query["redirect_uri"]
    if form.get("decision", [""])[0] != "allow":
        return f"{redirect}?{urlencode({'error': 'access_denied', 'state': query.get('state', '')})}"
    asked = query.get("scope", "").split()
    ticked = form.get("scope", [])
    scopes = tuple(scope for scope in asked if scope in SIGN_IN or scope in ticked)
    if not scopes:
        return f"{redirect}?{urlencode({'error': 'access_denied', 'state': query.get('state', '')})}"
    code = f"4/0{secrets.token_urlsafe(30)}"
    world.codes[code] = Code(
        form["email"][0],
        scopes,
        redirect,
        query.get("code_challenge", ""),
        query.get("code_challenge_method", "plain"),
        query.get("nonce", ""),
        query.get("access_type") == "offline",
        "consent" in query.get("prompt", "").split(),
    )
    answer = {"state": query.get("state", ""), "code": code, "scope": " ".join(scopes)}
    return f"{redirect}?{urlencode(answer)}"


def check_request(query: dict[str, str]) -> str | None:
    """Return what is wrong with an authorisation request, or None."""
    if query.get("client_id") != CLIENT_ID:
        return "invalid_client"
    if urlsplit(query.get("redirect_uri", "")).hostname not in ("127.0.0.1", "localhost", "::1"):
        return "redirect_uri_mismatch"
    if query.get("response_type") != "code" or not query.get("scope"):
        return "invalid_request"
    return None


def token(world: World, form: dict[str, str], issuer: str) -> dict[str, Any]:
    """Answer the token endpoint; OAuthError."""
    if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
        raise OAuthError("invalid_client", "The OAuth client was not found.", 401)
    if form.get("grant_type") == "refresh_token":
        return _refresh(world, form)
    if form.get("grant_type") != "authorization_code":
        raise OAuthError("unsupported_grant_type")
    return _exchange(world, form, issuer)


def _refresh(world: World, form: dict[str, str]) -> dict[str, Any]:
    grant = world.grants.get(form.get("refresh_token", ""))
    if grant is None:
        raise OAuthError("invalid_grant", "Token has been expired or revoked.")
    return _answer(world.issue(grant.email, grant.scopes), grant.scopes)


def _exchange(world: World, form: dict[str, str], issuer: str) -> dict[str, Any]:
    code = world.codes.pop(form.get("code", ""), None)
    if code is None or code.redirect_uri != form.get("redirect_uri"):
        raise OAuthError("invalid_grant", "Bad Request")
    if code.challenge and _challenge(code.method, form.get("code_verifier", "")) != code.challenge:
        raise OAuthError("invalid_grant", "Invalid code verifier.")
    answer = _answer(world.issue(code.email, code.scopes), code.scopes)
    if code.offline and (code.prompted or not world.is_granted(code.email)):
        answer["refresh_token"] = world.grant(code.email, code.scopes).refresh_token
    if "openid" in code.scopes:
        answer["id_token"] = _id_token(world, code, issuer)
    return answer


def _challenge(method: str, verifier: str) -> str:
    return verifier if method == "plain" else _part(hashlib.sha256(verifier.encode()).digest())


def _answer(access_token: str, scopes: tuple[str, ...]) -> dict[str, Any]:
    return {
        "access_token": access_token,
        "expires_in": TOKEN_SECONDS,
        "scope": " ".join(scopes),
        "token_type": "Bearer",
    }


def revoke(world: World, value: str) -> bool:
    """End the grant behind a refresh or access token; False when there is none."""
    grant = world.grants.get(value)
    email = grant.email if grant else world.access.get(value, ("",))[0]
    if not email:
        return False
    world.revoke(email)
    return True


def keys(world: World) -> dict[str, Any]:
    """Return the signing key as a JWKS."""
    numbers = _key(world).public_key().public_numbers()
    return {
        "keys": [
            {
                "kty": "RSA",
                "alg": "RS256",
                "use": "sig",
                "kid": KEY_ID,
                "n": _number(numbers.n),
                "e": _number(numbers.e),
            }
        ]
    }


def _key(world: World) -> rsa.RSAPrivateKey:
    if not world.signing_key:
        made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        world.signing_key = made.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    key = serialization.load_pem_private_key(world.signing_key, None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("the signing key is not RSA")
    return key


def _id_token(world: World, code: Code, issuer: str) -> str:
    account = world.accounts[code.email]
    now = int(time.time())
    claims = {
        "iss": issuer,
        "aud": CLIENT_ID,
        "azp": CLIENT_ID,
        "sub": account.subject,
        "iat": now,
        "exp": now + TOKEN_SECONDS,
    } | ({"nonce": code.nonce} if code.nonce else {})
    if any(scope.endswith("email") for scope in code.scopes):
        claims |= {"email": account.email, "email_verified": True}
    header = {"alg": "RS256", "kid": KEY_ID, "typ": "JWT"}
    signed = f"{_part(json.dumps(header).encode())}.{_part(json.dumps(claims).encode())}"
    signature = _key(world).sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{signed}.{_part(signature)}"


def _part(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _number(value: int) -> str:
    return _part(value.to_bytes((value.bit_length() + 7) // 8, "big"))
