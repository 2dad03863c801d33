"""A token endpoint that passes requests on to the stand-in, and lies in the ID token as it is told."""

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa


def part(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def number(value):
    return part(value.to_bytes((value.bit_length() + 7) // 8, "big"))


class LyingGoogle(ThreadingHTTPServer):
    """`lie`: a function from (claims, header) to claims, or a word for the token as a whole."""

    daemon_threads = True

    def __init__(self, truth):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.truth, self.lie = truth, None
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.other_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def handle_error(self, request, client_address):
        pass

    def keys(self):
        numbers = self.key.public_key().public_numbers()
        key = {"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "k", "n": number(numbers.n)}
        return {"keys": [key | {"e": number(numbers.e)}]}

    def token(self, body, headers):
        passed = {name: value for name, value in headers.items() if name in ("Authorization", "Content-Type")}
        answer = requests.post(f"{self.truth}/token", data=body, headers=passed, timeout=20).json()
        if "id_token" in answer:
            middle = answer["id_token"].split(".")[1]
            answer["id_token"] = self.sign(json.loads(base64.urlsafe_b64decode(middle + "==")))
        return answer

    def sign(self, claims):
        if self.lie == "nothing":
            return ""
        if callable(self.lie):
            claims = claims | self.lie(claims)
        header = {"alg": "none" if self.lie == "unsigned" else "RS256", "kid": "k", "typ": "JWT"}
        text = f"{part(json.dumps(header).encode())}.{part(json.dumps(claims).encode())}"
        if self.lie == "unsigned":
            return f"{text}."
        key = self.other_key if self.lie == "signature" else self.key
        return f"{text}.{part(key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        self._send(self.server.keys())

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self._send(self.server.token(body, self.headers))

    def _send(self, document):
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
