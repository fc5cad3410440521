# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A vCluster moves from store to store while clients write and watch, and what was handed out stays valid."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from by_hand import CLUSTER, in_namespace
from harness import Fleet, Lab
from saving import kubeconfig_of, own_etcd, tenant, variables
from scaling import under_load

from lab.database_server import settings
from lab.databases import MariaDB, PostgreSQL
from lab.ledger import LABEL

pytestmark = [pytest.mark.lab, pytest.mark.timeout(9000)]

NAME = "it-moved"
PATIENCE = 90.0  # seconds for which a write is tried again: the API is away meanwhile
SERVERS = {"postgresql": PostgreSQL, "mysql": MariaDB}
STORES: dict[str, dict[str, Any]] = {
    "sqlite": {"type": "sqlite"},
    "etcd_deployed": {"type": "etcd_deployed", "members": 3},
    "etcd_external": own_etcd(NAME),
    "postgresql": {"type": "postgresql"},
    "mysql": {"type": "mysql"},
}
SHORT = {
    "s": "sqlite",
    "d": "etcd_deployed",
    "e": "etcd_external",
    "p": "postgresql",
    "m": "mysql",
}
# There, back, and there again for every two of them, which are all ordered pairs and the way back from each; and those
# that matter most.
ALL, FIRST = "sdsdedepepmpmsmsesememdmdpdpsps", "sdspe"
WALK = ALL if os.environ.get("FLEETOPS_FULL") else FIRST


@pytest.fixture(scope="module")
def databases(lab: Lab, tmp_path_factory: Any) -> Iterator[dict[str, Any]]:
    """A server of each kind, as the inventory names it."""
    servers = {
        kind: server(tmp_path_factory.mktemp(kind), lab.gateways[CLUSTER])
        for kind, server in SERVERS.items()
    }
    yield {kind: settings(server.login) for kind, server in servers.items()}
    for server in servers.values():
        server.close()


@pytest.fixture
def fleet(make_fleet: Any, restorers: Any, databases: Any, tmp_path: Path) -> Callable[..., Fleet]:
    """A fleet of one on a store, with what its backend needs."""

    def made(store: str, **more: Any) -> Fleet:
        own: dict[str, Any] = {"vcluster_replicas": 1 if store == "sqlite" else 2}
        if store in databases:
            own["backend_database_server"] = databases[store]
        if store == "etcd_external":
            own |= {
                "backend_etcd_members": 3,
                "backend_etcd_size": "1Gi",
                "backend_etcd_quota": "512Mi",
            }
        asked = variables(tmp_path, STORES[store], **{**own, **more})
        fleet: Fleet = make_fleet({CLUSTER: {NAME: asked}}, restorers)
        return fleet

    return made


def asked_of(lab: Lab, folder: Path, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """The answer of the tenant's API to a request that makes something."""
    with tenant(lab, NAME, kubeconfig_of(lab, NAME, folder)) as target:
        status, found = target.request(target.connect(), "POST", path, body)
    assert status in (200, 201), found
    answer: dict[str, Any] = found["status"]
    return answer


def forget(lab: Lab, folder: Path) -> None:
    """Remove what was written: kine 0.17.2 may not list all of more than 10,000 objects (docs/backends.md)."""
    path = f"/api/v1/namespaces/default/configmaps?labelSelector={LABEL}"
    with tenant(lab, NAME, kubeconfig_of(lab, NAME, folder)) as target:
        connection = target.connect()
        connection.timeout = 60
        assert target.request(connection, "DELETE", path)[0] == 200


def token(lab: Lab, folder: Path) -> str:
    """Of a ServiceAccount of the tenant."""
    path = "/api/v1/namespaces/default/serviceaccounts/default/token"
    return str(asked_of(lab, folder, path, {"spec": {"expirationSeconds": 7200}})["token"])


def valid(lab: Lab, folder: Path, found: str) -> bool:
    path = "/apis/authentication.k8s.io/v1/tokenreviews"
    return bool(asked_of(lab, folder, path, {"spec": {"token": found}}).get("authenticated"))


def test_g03_g13_g61_nothing_acknowledged_is_lost_from_store_to_store(
    fleet: Callable[..., Fleet], databases: dict[str, Any], lab: Lab, tmp_path: Path
) -> None:
    path = [SHORT[letter] for letter in WALK]
    fleet(path[0]).play("site").succeeded()
    kubeconfig = kubeconfig_of(lab, NAME, tmp_path).read_bytes()
    before = token(lab, tmp_path)
    for number, (source, target) in enumerate(pairwise(path), 1):
        what, asked = f"{source} to {target}", fleet(target)
        if target not in ("sqlite", "etcd_deployed"):
            asked.play("backends").succeeded()
        assert "G03" in asked.play("site", "--check").failed().output
        with under_load(lab, NAME, tmp_path, what, 10.0, PATIENCE, target) as ledger:
            moved = asked.play("migrate_store").succeeded()
        assert "are the same in" in moved.output, moved.output
        assert (ledger.report.lost, ledger.report.failed) == (0, 0), (what, ledger.report)
        forget(lab, tmp_path)
        assert planes(lab) == ["StatefulSet" if target == "sqlite" else "Deployment"]
        assert "changed=0" in asked.play("site").succeeded().output
        assert kubeconfig_of(lab, NAME, tmp_path).read_bytes() == kubeconfig
        assert valid(lab, tmp_path, before)
        if path[number + 1 : number + 2] == [source]:
            continue  # The next move is the way back, to the store that was left.
        if source in databases:
            drop = dropping(asked, source, databases[source])
            assert "left it and keeps it" in asked.play(*drop).failed().output
        assert "changed=1" in asked.play("retire_source").succeeded().output
        assert "changed=0" in asked.play("retire_source").succeeded().output
        if source in databases:
            asked.play(*drop).succeeded()
        asked.play("verify").succeeded()


def dropping(fleet: Fleet, store: str, server: dict[str, Any]) -> tuple[str, ...]:
    """What drops the database of the store that was left."""
    shown = fleet.play("retire_source", "--check").succeeded().output
    (kept,) = re.findall(r"snapshot (\S+) has", " ".join(shown.split()))
    said = {
        "vcluster_store": STORES[store],
        "backend_database_server": server,
        "backend_database_state": "absent",
        "backend_database_snapshot": kept,
    }
    return "backends", "-e", json.dumps(said)


def planes(lab: Lab) -> list[str]:
    """Kinds of the workloads that are a control plane."""
    found = json.loads(
        in_namespace(
            lab, NAME, "get", "deployments,statefulsets", "--selector=app=vcluster", "--output=json"
        )
    )
    return [item["kind"] for item in found["items"]]
