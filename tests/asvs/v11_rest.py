"""Chapters 11 to 16: encryption, other hosts, logs, and what happens when something is missing."""

from __future__ import annotations

import io
import ssl
import sys
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from unittest.mock import patch

import httplib2
import requests
import structlog
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.x509.oid import NameOID

from calsync import egress, log
from calsync.google.transport import Connection
from calsync.store import vault
from calsync.store.vault import VaultError
from calsync.web import guard
from tests.asvs.control import Control, refuses


def what_was_changed_is_not_opened(web):
    cipher = web.parts.vault.shared_cipher()
    sealed = cipher.seal("place", b"a refresh token")
    for forged in (sealed[:-1] + bytes([sealed[-1] ^ 1]), sealed):
        place = "place" if forged is not sealed else "another place"
        assert refuses(lambda forged=forged, place=place: cipher.open(place, forged), VaultError)


class _Unauthenticated:
    def __init__(self, key):
        self.key = key

    def encrypt(self, nonce, data, _):
        return Cipher(algorithms.AES(self.key), modes.CTR(nonce + bytes(4))).encryptor().update(data)

    decrypt = encrypt


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(302 if self.path == "/away" else 200)
        self.send_header("Location", "/here")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@contextmanager
def _server(context=None):
    """Serve redirects to oneself on this machine; `context`: with TLS."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.handle_error = lambda *_: None
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"{'https' if context else 'http'}://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def _self_signed(directory):
    key, name = (
        ec.generate_private_key(ec.SECP256R1()),
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")]),
    )
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    pem = made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = directory / "self-signed.pem"
    path.write_bytes(pem + secret)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def _calendar(web, url):
    return Connection(web.clock, frozenset({f"{url.partition(':')[0]}:{url.partition('//')[2]}"}))


def certificates_are_checked(web):
    with _server(_self_signed(web.house.directory)) as url:
        http = egress.session(url)
        assert refuses(lambda: http.get(url, timeout=20), requests.exceptions.SSLError)
        assert refuses(lambda: _calendar(web, url).request(f"{url}/"), ssl.SSLError)


def _trusting():
    careful, init = egress.session, httplib2.Http.__init__

    def session(*urls):
        made = careful(*urls)
        made.verify = False
        return made

    def trusting(self, *values, **named):
        init(self, *values, **named, disable_ssl_certificate_validation=True)

    return [(egress, "session", session), (httplib2.Http, "__init__", trusting)]


def redirects_are_not_followed(web):
    with _server() as url:
        http = egress.session(url)
        assert refuses(lambda: http.get(f"{url}/away", timeout=20), requests.TooManyRedirects)
        assert _calendar(web, url).request(f"{url}/away")[0].status == 302


def _following():
    careful = egress.confine

    def confine(made, *urls):
        careful(made, *urls)
        made.max_redirects = 30

    return [(egress, "confine", confine)]


def logs_hold_what_they_may(web):
    shown = io.StringIO()
    with patch.object(sys, "stderr", shown):
        log.configure()
        structlog.get_logger().info("round", user="ana", title="Doctor", reason="mail ana@example.com")
    assert '"user": "ana"' in shown.getvalue()
    assert "Doctor" not in shown.getvalue()
    assert "@" not in shown.getvalue()


def without_its_secret_the_door_stays_shut(web):
    file = web.house.directory / "operator.token"
    before = file.read_text()
    file.unlink()
    try:
        assert web.api("GET", "users/nobody").status_code == 503
    finally:
        file.write_text(before)


def _open_when_in_doubt():
    careful = guard._refused_bearer

    def refused(site, request):
        found = careful(site, request)
        return None if found is not None and found.status == 503 else found

    return [(guard, "_refused_bearer", refused)]


CONTROLS = {
    "11.3.3": Control(what_was_changed_is_not_opened, lambda: [(vault, "AESGCM", _Unauthenticated)]),
    "12.3.2": Control(certificates_are_checked, _trusting),
    "15.3.2": Control(redirects_are_not_followed, _following),
    "16.2.5": Control(logs_hold_what_they_may, lambda: [(log, "_only_allowed", lambda _l, _n, event: event)]),
    "16.5.3": Control(without_its_secret_the_door_stays_shut, _open_when_in_doubt),
}
