# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From an Access to a Connection: what is taken from the kubernetes client, and where its versions differ.

The client (24.2 to 37) reads kubeconfigs and runs credential plugins. Its own HTTP layer is not used: 24.2 knows
neither `proxy-url` nor `tls-server-name`, and 37 is a rewrite. Both are hidden behind this file.
"""

from __future__ import annotations

import logging
import os
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import getproxies

from .._core.errors import Unreachable
from .._core.spec import Access
from .libraries import kube_config, kubernetes, require

# The client keeps the temporary files of all kubeconfigs in one dictionary of its module.
_LOADING = threading.Lock()


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
        return _in_cluster()
    return _from_kubeconfig(path, access.context)


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
    ca_data = _read(access.ca_cert, "vcluster_api_ca_cert") if access.ca_cert else None
    tls = tls_context(ca_data) if server.startswith("https") else None
    header = f"Bearer {access.token}" if access.token else None
    return Connection(server, tls, None, _proxy(None, server), lambda: header, server)


def _read(path: str, variable: str) -> bytes:
    try:
        return Path(path).expanduser().read_bytes()
    except OSError as error:
        raise Unreachable(f"{variable} {path} cannot be read: {error.strerror}.") from error


def _in_cluster() -> Connection:
    configuration = kubernetes.client.Configuration()
    try:
        kubernetes.config.load_incluster_config(client_configuration=configuration)
    except kubernetes.config.ConfigException as error:
        raise Unreachable(f"The pod's service account cannot be used: {error}") from error
    tls = tls_context(_read(configuration.ssl_ca_cert, "The service account's CA"))
    return Connection(
        configuration.host, tls, None, None, _Authorization(configuration), "the service account"
    )


def _from_kubeconfig(path: str, context: str | None) -> Connection:
    source = f"kubeconfig {path}" + (f", context {context}" if context else "")
    configuration = kubernetes.client.Configuration()
    with _LOADING, _temporary_files(), _plugin_errors() as complaints:
        try:
            merged = kube_config.KubeConfigMerger(path).config
            loader = kube_config.KubeConfigLoader(
                config_dict=merged, active_context=context, config_base_path=None
            )
            loader.load_and_set(configuration)
            cluster, user = _sections(merged, loader.current_context)
            _expect_credentials(configuration, user, complaints, source)
            tls = _kubeconfig_tls(configuration)
        except Unreachable:
            raise
        except ssl.SSLError as error:
            raise Unreachable(
                f"The certificates of {source} cannot be used: {error.reason or error}."
            ) from error
        except (
            Exception
        ) as error:  # the client lets YAML, type and value errors of a bad file through
            raise Unreachable(f"The {source} cannot be used: {_first_line(error)}") from error
    server = configuration.host
    proxy = _proxy(cluster.get("proxy-url"), server)
    name = cluster.get("tls-server-name")
    return Connection(server, tls, name, proxy, _Authorization(configuration), source)


def _sections(merged: Any, context: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    names = context["context"]
    cluster = merged["clusters"].get_with_name(names["cluster"])["cluster"].value
    user = None
    if names.get("user") and merged.safe_get("users"):
        user = merged["users"].get_with_name(names["user"], safe=True)
    return cluster, (user["user"].value or {}) if user and user.safe_get("user") else {}


def _expect_credentials(
    configuration: Any, user: dict[str, Any], complaints: list[str], source: str
) -> None:
    """The client goes on without credentials when a plugin fails; the server's 403 would hide why."""
    if "exec" in user and not configuration.api_key and not configuration.cert_file:
        command = user["exec"].get("command", "?")
        why = "; ".join(complaints) or "no token and no certificate"
        raise Unreachable(
            f"The credential plugin `{command}` of {source} failed: {why}.",
            "Run it by hand, or log in again.",
        )


def _kubeconfig_tls(configuration: Any) -> ssl.SSLContext | None:
    if not configuration.host.startswith("https"):
        return None
    ca_data = Path(configuration.ssl_ca_cert).read_bytes() if configuration.ssl_ca_cert else None
    return tls_context(
        ca_data, configuration.cert_file, configuration.key_file, verify=configuration.verify_ssl
    )


def _proxy(configured: str | None, server: str) -> str | None:
    """The proxy as kubectl chooses it: the kubeconfig's, else the environment's."""
    if configured:
        return configured
    proxies = getproxies()
    found = proxies.get(server.split(":", 1)[0])
    if found and kubernetes.client.rest.should_bypass_proxies(
        server, no_proxy=proxies.get("no") or ""
    ):
        return None
    return found


class _Authorization:
    """The Authorization header of a client configuration; its hook renews what has expired."""

    def __init__(self, configuration: Any) -> None:
        self._configuration = configuration

    def __call__(self) -> str | None:
        configuration = self._configuration
        if configuration.refresh_api_key_hook is not None:
            with _LOADING, _temporary_files():
                configuration.refresh_api_key_hook(configuration)
        # 24.2 files the token under `authorization`, 37 under `BearerToken`.
        keys = configuration.api_key
        header: str | None = keys.get("BearerToken") or keys.get("authorization")
        return header


@contextmanager
def _temporary_files() -> Iterator[None]:
    """Remove the files the client writes for inline certificates; it would keep them until the process exits, and
    Ansible's workers exit without clean-up."""
    files: dict[str, str] = getattr(kube_config, "_temp_files", {})
    before = set(files)
    try:
        yield
    finally:
        for key in set(files) - before:
            Path(files.pop(key)).unlink(missing_ok=True)


@contextmanager
def _plugin_errors() -> Iterator[list[str]]:
    """Catch what the client only logs: why a credential plugin failed."""
    complaints: list[str] = []
    thread = threading.get_ident()

    def keep(record: logging.LogRecord) -> bool:
        if record.thread != thread:
            return True
        complaints.append(_first_line(record.getMessage()))
        return False

    root = logging.getLogger()
    root.addFilter(keep)
    try:
        yield complaints
    finally:
        root.removeFilter(keep)


def _first_line(error: object) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
