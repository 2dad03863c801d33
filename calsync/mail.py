"""Sending mail through the configured SMTP server: plain text, to one address, over TLS."""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from enum import StrEnum

TIMEOUT_SECONDS = 10.0


class Security(StrEnum):
    """How the connection is protected; `NONE` is for a server on this machine."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


class MailFailed(Exception):
    """A mail was not taken by the server; nothing of server or mail is in the text."""


@dataclass(frozen=True, slots=True)
class Mailer:
    """One SMTP server and the address that mail comes from; without `user` nobody logs in."""

    host: str
    port: int
    security: Security
    user: str
    password: str
    sender: str

    def send(self, to: str, subject: str, text: str) -> None:
        """Hand one mail to the server, within seconds; MailFailed when it does not take it.

        Whoever repeats it after a failure may send it twice.
        """
        message = EmailMessage()
        try:
            message["From"], message["To"], message["Subject"] = self.sender, to, subject
            message["Date"], message["Message-ID"] = formatdate(), make_msgid(domain=self._domain())
            message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
            message.set_content(text)
            with self._connected() as server:
                server.send_message(message)
        except (smtplib.SMTPException, OSError, ValueError) as error:
            # ValueError: an address with a line break, which would be a header of its own.
            raise MailFailed(f"the mail server did not take it ({type(error).__name__})") from error

    def _domain(self) -> str:
        return self.sender.rpartition("@")[2]

    def _connected(self) -> smtplib.SMTP:
        if self.security is Security.TLS:
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                self.host, self.port, timeout=TIMEOUT_SECONDS, context=ssl.create_default_context()
            )
        else:
            server = smtplib.SMTP(self.host, self.port, timeout=TIMEOUT_SECONDS)
            if self.security is Security.STARTTLS:
                server.starttls(context=ssl.create_default_context())
        if self.user:
            server.login(self.user, self.password)
        return server
