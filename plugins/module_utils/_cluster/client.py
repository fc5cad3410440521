# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kubeconfigs that need the kubernetes client (24.2 to 37): credential plugins, several files, service accounts.

Its own HTTP layer is not used: 24.2 knows neither `proxy-url` nor `tls-server-name`, and 37 is a rewrite. Both are
hidden behind this file. Importing the client costs 0.4 CPU s, so nothing here is imported before it is needed.
"""

from __future__ import annotations

import logging
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .._core.errors import FleetError, Unreachable
from .kubeconfig import Connection, proxy_for, read_file, tls_context

try:
    import kubernetes
    import kubernetes.client
    from kubernetes.config import kube_config

    MISSING = ""
except ImportError as error:
    MISSING = str(error)
    kubernetes = kube_config = None  # type: ignore[assignment,unused-ignore]

# The range that kubernetes.core accepts; 36.0.0 lost its authentication (withdrawn by its makers).
OLDEST_CLIENT = (24, 2)
BROKEN_CLIENTS = frozenset({"36.0.0"})
WAY_OUT = "Install `kubernetes>=24.2.0,!=36.0.0` for the Python that runs Ansible."

# The client keeps the temporary files of all kubeconfigs in one dictionary of its module.
_LOADING = threading.Lock()


def require() -> None:
    """Raise FleetError when the client is missing or its version is not usable."""
    if MISSING:
        raise FleetError(
            f"This kubeconfig needs the Python library kubernetes, which cannot be imported: {MISSING}.",
            WAY_OUT,
        )
    version = str(kubernetes.__version__)
    if version in BROKEN_CLIENTS or _numbers(version) < OLDEST_CLIENT:
        raise FleetError(f"The Python library kubernetes {version} is not usable here.", WAY_OUT)


def _numbers(version: str) -> tuple[int, ...]:
    parts = version.split(".")[:2]
    return tuple(int(part) for part in parts if part.isdigit())


def bypasses_proxy(server: str, no_proxy: str) -> bool:
    """Whether NO_PROXY leaves a server out."""
    require()
    return bool(kubernetes.client.rest.should_bypass_proxies(server, no_proxy=no_proxy))


def in_cluster() -> Connection:
    """The connection of a pod by its service account."""
    require()
    configuration = kubernetes.client.Configuration()
    try:
        kubernetes.config.load_incluster_config(client_configuration=configuration)
    except kubernetes.config.ConfigException as error:
        raise Unreachable(f"The pod's service account cannot be used: {error}") from error
    tls = tls_context(read_file(configuration.ssl_ca_cert, "The service account's CA"))
    return Connection(
        configuration.host, tls, None, None, _Authorization(configuration), "the service account"
    )


def from_kubeconfig(path: str, context: str | None) -> Connection:
    """See kubeconfig.load."""
    require()
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
    proxy = proxy_for(cluster.get("proxy-url"), server)
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
