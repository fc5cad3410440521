# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The third-party libraries of this room, imported in one place and guarded: a missing one is an error on use."""

from __future__ import annotations

from typing import Any

from .._core.errors import FleetError

__all__ = [
    "HTTPSConnection",
    "fast_loader",
    "parse",
    "require",
    "urllib3",
    "websocket",
    "yaml",
]

MISSING = ""
HTTPSConnection: Any = object

try:
    import urllib3
    import websocket  # type: ignore[import-not-found,import-untyped,unused-ignore]
    import yaml
    from urllib3.connection import HTTPSConnection
except ImportError as error:
    MISSING = str(error)
    urllib3 = websocket = yaml = None  # type: ignore[assignment,unused-ignore]


def require() -> None:
    """Raise FleetError when a library is missing."""
    if MISSING:
        raise FleetError(
            f"A Python library that this collection needs cannot be imported: {MISSING}.",
            "Install `urllib3`, `websocket-client` and `PyYAML` for the Python that runs Ansible; "
            "`kubernetes` brings them all.",
        )


def parse(text: str | bytes) -> Any:
    """One YAML document."""
    return yaml.load(text, Loader=fast_loader())


def fast_loader() -> Any:
    """The safe loader in C, a tenth of the other's time, where PyYAML has it."""
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)
