"""A mail server on this machine that keeps what it is given."""

from email import message_from_bytes, policy

from aiosmtpd.controller import Controller

from calsync.sandbox.stage import free_port


class Letterbox:
    """`refusing`: whether the server takes nothing now."""

    def __init__(self):
        self.letters, self.refusing = [], False
        self._server = Controller(self, hostname="127.0.0.1", port=free_port())
        self._server.start()
        self.settings = {
            "host": "127.0.0.1",
            "port": self._server.port,
            "security": "none",
            "sender": "calsync@example.com",
            "operator": "desk@example.com",
        }

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - the library's name
        if self.refusing:
            return "451 not now"
        self.letters.append((envelope.rcpt_tos, message_from_bytes(envelope.content, policy=policy.default)))
        return "250 taken"

    def close(self):
        self._server.stop()

    def to(self, address):
        """Return the texts that somebody was sent, oldest first."""
        return [letter.get_content() for receivers, letter in self.letters if receivers == [address]]
