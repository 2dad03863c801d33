"""Network addresses of people, cut off so far that they name a neighbourhood and nobody in it (trust.md 3.9)."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

#: How many bits are kept.
V4_BITS, V6_BITS = 24, 48


def truncated(address: str) -> str:
    """Return an IPv4 address cut off to its /24, an IPv6 address to its /48; "" for what is none.

    An IPv4 address that is written as IPv6 is cut off as IPv4.
    """
    try:
        found: IPv4Address | IPv6Address = ip_address(address.partition("%")[0].strip("[]"))
    except ValueError:
        return ""
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    bits = V4_BITS if isinstance(found, IPv4Address) else V6_BITS
    return str(ip_network((found, bits), strict=False).network_address)
