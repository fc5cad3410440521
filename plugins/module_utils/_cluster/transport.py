# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pools of HTTP connections: one to a host cluster, one through a port-forward to a single replica or member."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from .._core.errors import FleetError
from .kubeconfig import Connection
from .libraries import HTTPSConnection, urllib3

POOL_SIZE = 8


class Silent(Exception):
    """No answer: the connection failed, broke or timed out.

    Args:
        reason: What happened, in words.
        certain: Trying again will not help (a certificate that cannot be verified).
    """

    def __init__(self, reason: str, certain: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.certain = certain


class Transport(Protocol):
    """Sends one HTTP request, once."""

    def send(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes | None,
        timeout: tuple[float, float],
        stream: bool,
    ) -> Any:
        """The answer as a urllib3 response; Silent when there is none."""

    def renew(self) -> bool:
        """Get new credentials after a 401; False when there is nothing to renew."""


class HostTransport:
    """Requests to the API server of a host cluster.

    Args:
        load: Reads the Connection; called again when the server no longer takes the credentials.
    """

    def __init__(self, load: Callable[[], Connection]) -> None:
        self._load = load
        self._renewing = threading.Lock()
        self.connection = load()
        self._pool = _host_pool(self.connection)

    def send(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes | None,
        timeout: tuple[float, float],
        stream: bool,
    ) -> Any:
        """See Transport."""
        authorization = self.connection.authorization()
        if authorization:
            headers = {**headers, "Authorization": authorization}
        prefix = urllib3.util.parse_url(self.connection.server).path or ""
        return _send(
            self._pool, method, prefix.rstrip("/") + target, headers, body, timeout, stream
        )

    def renew(self) -> bool:
        """See Transport. The kubeconfig is read again and its credential plugin runs again."""
        with self._renewing:
            self.connection = self._load()
            self._pool = _host_pool(self.connection)
        return True


class ForwardTransport:
    """Requests to one pod; each connection is a port-forward of its own with TLS inside.

    Args:
        dial: Opens a socket to the pod's port.
        tls: The context for the TLS inside; holds the client certificate.
        server_name: Name the pod's certificate is checked against.
        explain: What the port-forward last complained about; empty when nothing.

    Attributes:
        certificate: Of the newest connection, as `ssl.SSLSocket.getpeercert` has it.
    """

    def __init__(
        self,
        dial: Callable[[], socket.socket],
        tls: ssl.SSLContext,
        server_name: str,
        explain: Callable[[], str],
    ) -> None:
        self._explain = explain
        self.certificate: Mapping[str, Any] = {}
        self._pool = urllib3.HTTPSConnectionPool(
            server_name, maxsize=1, block=True, retries=False, ssl_context=tls
        )
        self._pool.ConnectionCls = _dialling(dial, self._connected)

    def send(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes | None,
        timeout: tuple[float, float],
        stream: bool,
    ) -> Any:
        """See Transport."""
        try:
            return _send(self._pool, method, target, headers, body, timeout, stream)
        except Silent as silent:
            raise Silent(self._explain() or silent.reason, silent.certain) from silent

    def renew(self) -> bool:
        """See Transport. The certificate comes from a Secret that was just read."""
        return False

    def _connected(self, tls: ssl.SSLSocket) -> None:
        self.certificate = tls.getpeercert() or {}

    def close(self) -> None:
        """End the connections and their port-forwards."""
        self._pool.close()


def _dialling(dial: Callable[[], socket.socket], connected: Callable[[ssl.SSLSocket], None]) -> Any:
    class Connection(HTTPSConnection):  # type: ignore[misc]
        def connect(self) -> None:
            super().connect()
            connected(self.sock)

        def _new_conn(self) -> socket.socket:
            opened = dial()
            opened.settimeout(self.timeout if isinstance(self.timeout, (int, float)) else None)
            return opened

    return Connection


def _host_pool(connection: Connection) -> Any:
    keywords: dict[str, Any] = {"maxsize": POOL_SIZE, "retries": False}
    if connection.tls is not None:
        keywords["ssl_context"] = connection.tls
        if connection.server_name:
            keywords["server_hostname"] = connection.server_name
            keywords["assert_hostname"] = connection.server_name
    proxy = connection.proxy
    if not proxy:
        manager = urllib3.PoolManager(**keywords)
    elif proxy.startswith("socks"):
        manager = _socks_manager(proxy, keywords)
    else:
        manager = urllib3.ProxyManager(proxy, **keywords)
    return manager.connection_from_url(connection.server)


def _socks_manager(proxy: str, keywords: dict[str, Any]) -> Any:
    try:
        from urllib3.contrib.socks import SOCKSProxyManager
    except ImportError as error:
        raise FleetError(
            "The kubeconfig names a SOCKS proxy, and the Python library PySocks is missing.",
            "Install `PySocks` for the Python that runs Ansible.",
        ) from error
    return SOCKSProxyManager(proxy, **keywords)


def _send(
    pool: Any,
    method: str,
    target: str,
    headers: Mapping[str, str],
    body: bytes | None,
    timeout: tuple[float, float],
    stream: bool,
) -> Any:
    try:
        return pool.urlopen(
            method,
            target,
            body=body,
            headers=dict(headers),
            retries=False,
            redirect=False,
            timeout=urllib3.Timeout(connect=timeout[0], read=timeout[1]),
            preload_content=not stream,
        )
    except FleetError:
        raise
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise silent(error) from error


def silent(error: Exception) -> Silent:
    """The transport failure as a short sentence."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Silent(f"its certificate is not trusted ({cause.verify_message})", certain=True)
        if isinstance(cause, ConnectionRefusedError):
            return Silent("connection refused")
        if isinstance(cause, socket.gaierror):
            return Silent("its name cannot be resolved")
        cause = cause.__cause__ or cause.__context__ or _wrapped(cause)
    if isinstance(error, urllib3.exceptions.TimeoutError):
        return Silent("no answer in time")
    return Silent(str(error).rsplit(": ", 1)[-1].strip("()<>'\" ") or type(error).__name__)


def _wrapped(error: BaseException) -> BaseException | None:
    """urllib3 keeps the cause of some errors among their arguments."""
    return next((argument for argument in error.args if isinstance(argument, BaseException)), None)
