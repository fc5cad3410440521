# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The third-party libraries of this room, imported in one place and guarded: a missing one is an error on use."""

from __future__ import annotations

from typing import Any

from .._core.errors import FleetError

__all__ = [
    "HTTPSConnection",
    "kube_config",
    "kubernetes",
    "require",
    "urllib3",
    "websocket",
    "yaml",
]

MISSING = ""
HTTPSConnection: Any = object

try:
    import kubernetes
    import kubernetes.client
    import urllib3
    import websocket  # type: ignore[import-not-found,import-untyped,unused-ignore]
    import yaml
    from kubernetes.config import kube_config
    from urllib3.connection import HTTPSConnection
except ImportError as error:
    MISSING = str(error)
    kubernetes = urllib3 = websocket = yaml = kube_config = None  # type: ignore[assignment,unused-ignore]

# The range that kubernetes.core accepts; 36.0.0 lost its authentication (withdrawn by its makers).
OLDEST_CLIENT = (24, 2)
BROKEN_CLIENTS = frozenset({"36.0.0"})


def require() -> None:
    """Raise FleetError when a library is missing or its version is not usable."""
    if MISSING:
        raise FleetError(
            f"A Python library that this collection needs cannot be imported: {MISSING}.",
            "Install `kubernetes>=24.2.0,!=36.0.0` for the Python that runs Ansible.",
        )
    version = str(kubernetes.__version__)
    if version in BROKEN_CLIENTS or _numbers(version) < OLDEST_CLIENT:
        raise FleetError(
            f"The Python library kubernetes {version} is not usable here.",
            "Install `kubernetes>=24.2.0,!=36.0.0` for the Python that runs Ansible.",
        )


def _numbers(version: str) -> tuple[int, ...]:
    parts = version.split(".")[:2]
    return tuple(int(part) for part in parts if part.isdigit())
