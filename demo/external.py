# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The etcds that two of the demo's vClusters find on their host clusters, as if others ran them."""

from __future__ import annotations

import json
from pathlib import Path

from lab import external_etcd
from lab.command import run
from lab.parts import build


def provide(kubeconfig: Path, vcluster: str, secret: str, state: Path) -> str:
    """Start an etcd for one vCluster and lay its client certificate into the namespace.

    Args:
        kubeconfig: The host cluster's administrator.
        vcluster: Name of the vCluster; the etcd is called the same.
        secret: Name of the Secret in namespace `vcluster-NAME`.
        state: Run state of the lab, which is removed with it: what is there was started already.

    Returns:
        The endpoint, `host:port`.
    """
    started = state / "external-etcd" / f"{vcluster}.json"
    if started.exists():
        return str(json.loads(started.read_text())["endpoint"])
    etcd = external_etcd.create(kubeconfig, vcluster, started.parent)
    namespace = f"vcluster-{vcluster}"
    documents = {
        "apiVersion": "v1",
        "kind": "List",
        "items": [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}},
            etcd.secret(secret, namespace),
        ],
    }
    kubectl = build(["kubectl"])["kubectl"]
    run(
        [kubectl, "--kubeconfig", kubeconfig, "apply", "-f", "-"],
        stdin=json.dumps(documents),
        timeout=60,
    )
    started.write_text(json.dumps({"endpoint": etcd.endpoint}))
    return etcd.endpoint
