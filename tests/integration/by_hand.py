# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a person does past the collection: with kubectl and helm, as administrator."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from typing import Any

from harness import Lab, kubectl, program

CLUSTER = "hc1"


def namespace(name: str) -> str:
    return f"vcluster-{name}"


def releases(lab: Lab, name: str) -> list[str]:
    """The release Secrets of a vCluster: another run that changed nothing leaves them as they are."""
    found = kubectl(
        lab.clusters[CLUSTER],
        f"--namespace={namespace(name)}",
        "get",
        "secrets",
        "--selector=owner=helm",
        "--output=name",
    )
    return sorted(found.split())


def upgrade(lab: Lab, name: str, values: dict[str, Any], version: str = "0.36.1") -> None:
    """`helm upgrade` with the values of before, as somebody in a hurry does it.

    Not `--reuse-values`: that takes the defaults of the old chart along, and a new line refuses its keys.
    """
    chart = ("vcluster", f"--repo={lab.chart_repository}", f"--version={version}")
    options = ("--reset-then-reuse-values", "--values=-")
    _helm(lab, name, "upgrade", name, *chart, *options, stdin=json.dumps(values))


def uninstall(lab: Lab, name: str) -> None:
    """`helm uninstall`, and all that it leaves stays."""
    _helm(lab, name, "uninstall", name, "--wait")


def _helm(lab: Lab, name: str, *arguments: str, stdin: str = "") -> None:
    subprocess.run(
        [program("helm4"), *arguments, f"--namespace={namespace(name)}"],
        input=stdin,
        text=True,
        check=True,
        capture_output=True,
        timeout=120,
        env={**os.environ, "KUBECONFIG": str(lab.clusters[CLUSTER])},
    )


def scale(lab: Lab, name: str, replicas: int, kind: str = "statefulset") -> None:
    target = f"{kind}/{name}"
    in_namespace(lab, name, "scale", target, f"--replicas={replicas}")


def in_namespace(
    lab: Lab, name: str, *arguments: str, stdin: str | None = None, cluster: str = CLUSTER
) -> str:
    """kubectl in the vCluster's namespace."""
    place = f"--namespace={namespace(name)}"
    return kubectl(lab.clusters[cluster], place, *arguments, stdin=stdin)


def wait_until(what: str, holds: Callable[[], object], seconds: float = 120) -> None:
    """Wait for something the test relies on; say what it was when it does not come."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"after {seconds:.0f} s still not: {what}"
        time.sleep(1)
