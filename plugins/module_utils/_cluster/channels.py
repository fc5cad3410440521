# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Websockets to the API server of a host cluster: what port-forwards and commands in containers go through."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from .._core.errors import ApiError, Unreachable
from .kubeconfig import Connection
from .libraries import websocket

SECONDS = 15  # until it is open


def open_channel(connection: Connection, path: str, protocol: str, what: str) -> Any:
    """Dial a sub-resource of a pod.

    Args:
        path: With its query.
        protocol: Of Kubernetes, on top of websockets.
        what: What messages call it.

    Raises:
        ApiError: The server refuses: no such pod (404), not permitted (403: `create` on the sub-resource).
        Unreachable: The server does not answer.
    """
    try:
        return websocket.create_connection(
            connection.server.replace("http", "ws", 1) + path,
            timeout=SECONDS,
            **_options(connection, protocol),
        )
    except websocket.WebSocketBadStatusException as error:
        message = _status_message(error)
        raise ApiError(
            int(error.status_code), f"{what} was refused: {error.status_code} {message}"
        ) from error
    except (OSError, websocket.WebSocketException) as error:
        raise Unreachable(f"{what} failed: {error}") from error


def _options(connection: Connection, protocol: str) -> dict[str, Any]:
    options: dict[str, Any] = {"subprotocols": [protocol], "skip_utf8_validation": True}
    authorization = connection.authorization()
    if authorization:
        options["header"] = [f"Authorization: {authorization}"]
    if connection.tls is not None:
        options["sslopt"] = {"context": connection.tls}
        if connection.server_name:
            options["sslopt"]["server_hostname"] = connection.server_name
    if not connection.proxy:
        options["http_no_proxy"] = ["*"]
        return options
    proxy = urlsplit(connection.proxy)
    options.update(
        http_proxy_host=proxy.hostname, http_proxy_port=proxy.port, proxy_type=proxy.scheme
    )
    options["http_no_proxy"] = [""]
    if proxy.username:
        options["http_proxy_auth"] = (proxy.username, proxy.password or "")
    return options


def _status_message(error: Any) -> str:
    body = getattr(error, "resp_body", None) or b""
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return bytes(body).decode(errors="replace")[:300] or "no reason given"
