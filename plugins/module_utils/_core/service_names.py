# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses that name a Service of the host cluster, as its pods resolve them."""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_PORT = 443  # of https


@dataclass(frozen=True)
class ServicePort:
    """A port of a Service."""

    namespace: str
    name: str
    port: int


def service_at(endpoint: str, namespace: str) -> ServicePort | None:
    """The Service that an address may name; None where it can be none.

    `NAME`, `NAME.NAMESPACE` and `NAME.NAMESPACE.svc...` are such names. One with two parts may as well be a host of the
    outside: whoever asks has to see whether there is such a Service.

    Args:
        endpoint: `host` or `host:port`, with or without `https://`.
        namespace: Where it is dialled from.
    """
    host, port = split(endpoint)
    parts = host.split(".")
    outside = ":" in host or parts[-1].isdigit() or (len(parts) > 2 and parts[2] != "svc")
    if outside or not all(parts):
        return None
    return ServicePort(parts[1] if len(parts) > 1 else namespace, parts[0], port)


def split(endpoint: str) -> tuple[str, int]:
    """Host and port of an address."""
    text = endpoint.removeprefix("https://").removeprefix("http://").rstrip("/")
    host, _colon, port = text.rpartition(":")
    if not host or not port.isdigit():
        return text, DEFAULT_PORT
    return host.strip("[]").rstrip("."), int(port)
