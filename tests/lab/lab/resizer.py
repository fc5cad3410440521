# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a CSI resizer does, for volumes that are directories: say that they have the size that was asked for.

`python -m lab.resizer KUBECONFIG` runs in the first node, and looks once a second.
"""

from __future__ import annotations

import http.client
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from .ledger import Target

CLAIMS = "/api/v1/persistentvolumeclaims"
PAUSE = 1.0  # seconds
MERGE = {"Content-Type": "application/merge-patch+json"}


def main() -> None:
    """Look, until it is ended."""
    target = Target.of(Path(sys.argv[1]))
    while True:
        try:
            resize(target)
        except (OSError, http.client.HTTPException, ValueError) as error:
            print(f"resizer: {error!r}", flush=True)
        time.sleep(PAUSE)


def resize(target: Target) -> None:
    """Every bound claim that asks for more than it has gets it, the volume first."""
    connection = target.connect()
    try:
        _status, claims = target.request(connection, "GET", CLAIMS)
        patching = replace(target, headers={**target.headers, **MERGE})
        for claim in _waiting(claims["items"]):
            size = claim["spec"]["resources"]["requests"]["storage"]
            name, namespace = claim["metadata"]["name"], claim["metadata"]["namespace"]
            volume = f"/api/v1/persistentvolumes/{claim['spec']['volumeName']}"
            capacity = {"capacity": {"storage": size}}
            patching.request(connection, "PATCH", volume, {"spec": capacity})
            path = f"/api/v1/namespaces/{namespace}/persistentvolumeclaims/{name}/status"
            status, answer = patching.request(connection, "PATCH", path, {"status": capacity})
            print(
                f"resizer: {namespace}/{name} {size}: {status} {answer.get('message', '')}",
                flush=True,
            )
    finally:
        connection.close()


def _waiting(claims: list[Any]) -> Iterator[Any]:
    for claim in claims:
        status = claim.get("status") or {}
        asked = claim["spec"]["resources"]["requests"]["storage"]
        if status.get("phase") == "Bound" and asked != status["capacity"]["storage"]:
            yield claim


if __name__ == "__main__":
    main()
