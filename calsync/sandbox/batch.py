"""Batches: several requests in one multipart/mixed body, each answered alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesParser
from http import HTTPStatus

from calsync.sandbox import answers
from calsync.sandbox.api import Answer

_BOUNDARY = "batch_sandbox"
CONTENT_TYPE = f"multipart/mixed; boundary={_BOUNDARY}"


@dataclass(frozen=True, slots=True)
class Part:
    """One request of a batch."""

    id: str
    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> str:
        """The address of the event that is written, "" for a request that writes none."""
        path = self.target.partition("?")[0]
        return path if self.method in ("PUT", "PATCH", "DELETE") else ""


def read(content_type: str, body: bytes, limit: int) -> list[Part]:
    """Return the requests of a batch; ApiError 400 when there are none or more than `limit`."""
    message = BytesParser().parsebytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
    if not message.is_multipart():
        raise answers.bad("badRequest", "Failed to parse batch request, error: no parts.")
    parts = [_part(part) for part in message.get_payload() if isinstance(part, Message)]
    if len(parts) > limit:
        raise answers.bad("badRequest", f"The batch request contains more than {limit} calls.")
    return parts


def _part(part: Message) -> Part:
    raw = part.get_payload(decode=True)
    text = raw if isinstance(raw, bytes) else b""
    head, _, body = text.replace(b"\r\n", b"\n").partition(b"\n\n")
    first, *lines = head.decode().split("\n")
    method, target, *_ = first.split(" ")
    pairs = (line.partition(":") for line in lines)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    return Part(str(part["Content-ID"]).strip("<>"), method, target, headers, body)


def write(answered: Iterable[tuple[Part, Answer]]) -> bytes:
    """Return the body that answers a batch."""
    chunks = []
    for part, answer in answered:
        head = f"--{_BOUNDARY}\r\nContent-Type: application/http\r\nContent-ID: <response-{part.id}>\r\n\r\n"
        phrase = HTTPStatus(answer.status).phrase
        etag = f"ETag: {answer.etag}\r\n" if answer.etag else ""
        length = len(answer.body)
        inner = f"HTTP/1.1 {answer.status} {phrase}\r\nContent-Type: {answer.kind}\r\n{etag}Content-Length: {length}"
        chunks.append(f"{head}{inner}\r\n\r\n".encode() + answer.body + b"\r\n")
    return b"".join(chunks) + f"--{_BOUNDARY}--\r\n".encode()
