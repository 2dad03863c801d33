"""The sections about people who come by browser or are told by mail."""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from calsync.config.section import LOOPBACK, Section, checked_url


class WebSettings(Section):
    """Where people and the CRM reach calsync."""

    listen: str = "127.0.0.1:8410"
    public_url: str = "http://127.0.0.1:8410"
    operator_token_file: str = "operator.token"
    hosts: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ("127.0.0.1", "::1")
    security_contact: str = ""

    @field_validator("listen")
    @classmethod
    def _listen(cls, value: str) -> str:
        host, _, port = value.rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) < 65536:
            raise ValueError("must be HOST:PORT, e.g. 127.0.0.1:8410")
        return value

    @field_validator("public_url")
    @classmethod
    def _public_url(cls, value: str) -> str:
        parts = checked_url(value)
        if parts.scheme == "http" and parts.hostname not in LOOPBACK:
            raise ValueError("must be https outside loopback; put a TLS proxy in front and give its address")
        if parts.path.strip("/") or parts.query or parts.fragment or parts.username is not None:
            raise ValueError("must be scheme, host and port only, e.g. https://calsync.example.com")
        return value.rstrip("/")

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            try:
                ip_network(network)
            except ValueError:
                raise ValueError(f"{network!r} is not an address or a network such as 10.0.0.0/24") from None
        return value

    @field_validator("security_contact")
    @classmethod
    def _contact(cls, value: str) -> str:
        if value and not value.startswith(("mailto:", "https://")):
            raise ValueError("must begin with mailto: or https:// (RFC 9116)")
        return value


class ConsentSettings(Section):
    """What a person must prove before they are sent to Google."""

    identity_code: Literal["off", "mail"] = "off"


class MailSettings(Section):
    """The SMTP server for notices and identity codes; without `host` nothing is mailed."""

    host: str = ""
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""
    password_file: str = ""
    sender: str = ""
    operator: str = ""

    @field_validator("sender", "operator")
    @classmethod
    def _address(cls, value: str) -> str:
        if value and not re.fullmatch(r"[^@\s<>,]+@[^@\s<>,]+", value):
            raise ValueError("must be an address such as calsync@example.com")
        return value

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.host and not self.sender:
            raise ValueError("sender is missing; mail needs an address that it comes from")
        if self.security == "none" and self.host and self.host not in LOOPBACK:
            raise ValueError('security = "none" is for a server on loopback only')
        return self
