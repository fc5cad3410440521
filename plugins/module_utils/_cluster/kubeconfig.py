# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From an Access to a Connection.

A kubeconfig with nothing but certificates or a token is read here: most runs change nothing, and importing the
kubernetes client would cost more than the rest of them. All else is for the client (client.py).
"""

from __future__ import annotations

import base64
import os
import ssl
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import getproxies

from .._core.errors import Unreachable
from .._core.spec import Access
from .libraries import parse, require, yaml

# What stands in a kubeconfig's user and cluster without any need to ask somebody else.
USER = frozenset(
    {"client-certificate", "client-certificate-data", "client-key", "client-key-data", "token"}
)
CLUSTER = frozenset(
    {
        "server",
        "certificate-authority",
        "certificate-authority-data",
        "insecure-skip-tls-verify",
        "tls-server-name",
        "proxy-url",
    }
)


@dataclass(frozen=True)
class Connection:
    """What it takes to talk to an API server.

    Attributes:
        server: Address, `https://host:port` with an optional path.
        tls: The verified TLS context, client certificate included; None for plain http.
        server_name: Name that the server's certificate must carry when it is not the host of `server`.
        proxy: Proxy URL, None for a direct connection.
        authorization: The Authorization header as it is now; refreshes expired credentials; None without one.
        source: Where all this comes from, for messages.
    """

    server: str
    tls: ssl.SSLContext | None
    server_name: str | None
    proxy: str | None
    authorization: Callable[[], str | None]
    source: str

    @property
    def verified(self) -> bool:
        """Whether the server's certificate is checked; a kubeconfig can say `insecure-skip-tls-verify`."""
        return self.tls is None or self.tls.verify_mode is ssl.CERT_REQUIRED


def load(access: Access) -> Connection:
    """Read the kubeconfig, or take address, token and CA.

    Raises:
        Unreachable: The kubeconfig or context does not exist or cannot be used, or the credential plugin failed.
    """
    require()
    if access.host:
        return _explicit(access)
    path = kubeconfig_path(access)
    if path is None:
        in_cluster: Connection = client().in_cluster()
        return in_cluster
    found = static(path, access.context)
    if found is None:
        found = client().from_kubeconfig(path, access.context)
    return found


def kubeconfig_path(access: Access) -> str | None:
    """Path (or paths, joined by `:`) of the kubeconfig; None where a pod's own service account is to be used.

    Raises:
        Unreachable: There is no such file.
    """
    path = access.kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config"
    files = [Path(part).expanduser() for part in path.split(os.pathsep) if part]
    if any(file.exists() for file in files):
        return os.pathsep.join(map(str, files))
    if not access.kubeconfig and os.environ.get("KUBERNETES_SERVICE_HOST"):
        return None
    raise Unreachable(
        f"The kubeconfig {path} does not exist.",
        "Set vcluster_kubeconfig (or KUBECONFIG) to the host cluster's kubeconfig.",
    )


def tls_context(
    ca_data: bytes | None,
    cert_file: str | None = None,
    key_file: str | None = None,
    verify: bool = True,
) -> ssl.SSLContext:
    """A client context that trusts `ca_data` (PEM), or the system's authorities without it.

    Not `create_default_context`: since Python 3.13 that refuses the certificates of many clusters, whose authorities
    leave out the key identifiers RFC 5280 asks for.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif ca_data:
        context.load_verify_locations(cadata=ca_data.decode())
    else:
        context.load_default_certs()
    if cert_file:
        context.load_cert_chain(cert_file, key_file)
    return context


def _explicit(access: Access) -> Connection:
    server = (access.host or "").rstrip("/")
    ca_data = read_file(access.ca_cert, "vcluster_api_ca_cert") if access.ca_cert else None
    tls = tls_context(ca_data) if server.startswith("https") else None
    header = f"Bearer {access.token}" if access.token else None
    return Connection(server, tls, None, proxy_for(None, server), lambda: header, server)


def read_file(path: str, variable: str) -> bytes:
    try:
        return Path(path).expanduser().read_bytes()
    except OSError as error:
        raise Unreachable(f"{variable} {path} cannot be read: {error.strerror}.") from error


def client() -> Any:
    """What needs the kubernetes client, imported when it is needed."""
    from . import client as module

    return module


def static(path: str, context: str | None) -> Connection | None:
    """The connection of a kubeconfig that says all by itself; None for one that needs the client.

    Raises:
        Unreachable: Its certificates cannot be used.
    """
    try:
        document = parse(Path(path).read_bytes())
        chosen = _named(document["contexts"], context or document["current-context"])["context"]
        cluster = _named(document["clusters"], chosen["cluster"])["cluster"]
        user = _named(document["users"], chosen["user"])["user"]
        plain = user.keys() <= USER and cluster.keys() <= CLUSTER and cluster["server"]
    except (
        OSError,
        KeyError,
        TypeError,
        AttributeError,
        StopIteration,
        ValueError,
        yaml.YAMLError,
    ):
        return None  # The client's words about a file that is wrong are the ones that people know.
    if not plain:
        return None
    server, source = str(cluster["server"]), f"kubeconfig {path}"
    source += f", context {context}" if context else ""
    try:
        tls = _static_tls(Path(path).parent, cluster, user) if server.startswith("https") else None
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
        raise Unreachable(f"The certificates of {source} cannot be used: {reason}.") from error
    header = f"Bearer {user['token']}" if user.get("token") else None
    proxy = proxy_for(cluster.get("proxy-url"), server)
    return Connection(
        server.rstrip("/"), tls, cluster.get("tls-server-name"), proxy, lambda: header, source
    )


def _named(entries: Any, name: str) -> Any:
    return next(entry for entry in entries if entry["name"] == name)


def _static_tls(folder: Path, cluster: Any, user: Any) -> ssl.SSLContext:
    """The context; relative files are relative to the kubeconfig."""

    def content(holder: Any, key: str) -> bytes | None:
        if data := holder.get(f"{key}-data"):
            return base64.b64decode(data, validate=True)
        return (folder / holder[key]).read_bytes() if holder.get(key) else None

    authority = content(cluster, "certificate-authority")
    certificate, key = content(user, "client-certificate"), content(user, "client-key")
    verify = not cluster.get("insecure-skip-tls-verify")
    if certificate is None or key is None:
        return tls_context(authority, verify=verify)
    # OpenSSL reads both from files only.
    with tempfile.NamedTemporaryFile(prefix="fleetops-") as file:
        file.write(certificate + b"\n" + key)
        file.flush()
        return tls_context(authority, file.name, verify=verify)


def proxy_for(configured: str | None, server: str) -> str | None:
    """The proxy as kubectl chooses it: the kubeconfig's, else the environment's."""
    if configured:
        return configured
    proxies = getproxies()
    found = proxies.get(server.split(":", 1)[0])
    # The client knows networks in NO_PROXY, as Go does.
    bypassed = found and proxies.get("no") and client().bypasses_proxy(server, proxies["no"])
    return None if bypassed else found
