# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""vClusters on real PostgreSQL and MariaDB behind kine, while a client writes: passwords, pods and servers go."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from by_hand import CLUSTER, in_namespace, namespace, uninstall
from harness import Fleet, Lab, Run
from saving import configmaps, delete_all, kubeconfig_of, manifests, tenant, variables
from scaling import under_load

from lab.database_client import Kind, Login
from lab.database_pair import Pair
from lab.database_server import settings
from lab.databases import MariaDB, PostgreSQL
from lab.ledger import Ledger

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(1500)]

NAMES: dict[Kind, str] = {"postgresql": "it-postgres", "mysql": "it-mysql"}
SERVERS = {"postgresql": PostgreSQL, "mysql": MariaDB}
OTHER = "it-sql-other"
PATIENCE = 10.0  # seconds for which a write is tried again


@pytest.fixture(scope="module", params=list(SERVERS))
def pair(request: pytest.FixtureRequest, lab: Lab, tmp_path_factory: Any) -> Iterator[Pair]:
    """A server with one that follows it, behind one address."""
    folder = tmp_path_factory.mktemp(request.param)
    found = Pair(SERVERS[request.param], folder, lab.gateways[CLUSTER])
    yield found
    found.close()


@pytest.fixture
def fleet(make_fleet: Any, pair: Pair, restorers: Any, tmp_path: Path) -> Callable[..., Fleet]:
    """A fleet of one on that server."""

    def made(name: str = "", **more: Any) -> Fleet:
        own = variables(tmp_path, {"type": pair.login.kind}, **{**on(pair.login), **more})
        fleet: Fleet = make_fleet({CLUSTER: {name or NAMES[pair.login.kind]: own}}, restorers)
        return fleet

    return made


def on(login: Login) -> dict[str, Any]:
    """The variables of a vCluster on that server, as its administrator makes it."""
    return {"vcluster_replicas": 2, "backend_database_server": settings(login)}


def unchanged(run: Run) -> None:
    assert "changed=0" in run.succeeded().output, run.output


def logins(pair: Pair) -> list[str]:
    """Those of this vCluster on the server."""
    name = f"vc_{NAMES[pair.login.kind].replace('-', '_')}"
    if pair.login.kind == "postgresql":
        asked = f"SELECT rolname FROM pg_roles WHERE rolname LIKE '{name}%' AND rolcanlogin"
    else:
        asked = f"SELECT user FROM mysql.user WHERE user LIKE '{name}%'"
    return pair.login.sql(asked).split()


def test_nothing_acknowledged_is_lost_whatever_happens_to_the_database(
    fleet: Callable[..., Fleet], pair: Pair, lab: Lab, tmp_path: Path
) -> None:
    kind, name = pair.login.kind, NAMES[pair.login.kind]
    refused = fleet().play("site").failed()
    assert f"Secret {namespace(name)}/{name}-{kind}" in refused.output, refused.output
    checked = fleet().play("backends", "--check").succeeded()
    assert "changed=0" not in checked.output
    assert logins(pair) == [], "check mode makes nothing"

    made = fleet().play("backends").succeeded()
    words = in_namespace(
        lab, name, "get", "secret", f"{name}-{kind}", "--output=jsonpath={.data.password}"
    )
    assert words
    assert words not in made.output
    told = in_namespace(lab, name, "describe", "secret", f"{name}-{kind}")
    assert "last-applied" not in told, "it would show the password"
    unchanged(fleet().play("backends"))
    unchanged(fleet().play("backends", "--check"))
    fleet().play("site").succeeded()
    unchanged(fleet().play("site"))
    told = fleet().play("verify").succeeded().output
    assert "kine" in told or "passed" in told

    before = logins(pair)
    with loaded(lab, kind, tmp_path, "password rotated", PATIENCE) as ledger:
        fleet().play("backends", "-e", "backend_database_rotate=true").succeeded()
    assert (ledger.report.lost, ledger.report.failed) == (0, 0), ledger.report
    assert len(before) == len(logins(pair)) == 1
    assert before != logins(pair), "the old login is gone"
    unchanged(fleet().play("backends"))

    with loaded(lab, kind, tmp_path, "kine killed", PATIENCE) as ledger:
        pod = kine_pods(lab, name)[0]
        in_namespace(lab, name, "delete", "pod", pod, "--grace-period=0", "--force")
        in_namespace(
            lab, name, "rollout", "status", f"deployment/{name}-kine-{kind}", "--timeout=60s"
        )
    assert (ledger.report.lost, ledger.report.failed) == (0, 0), ledger.report

    fleet().play("backup").succeeded()
    with tenant(lab, name, kubeconfig_of(lab, name, tmp_path)) as target:
        kept = configmaps(target, ledger.run)
        assert kept
        delete_all(target)
        assert not configmaps(target, ledger.run)
    fleet().play("restore", "-e", "fleetops_snapshot=latest").succeeded()
    with tenant(lab, name, kubeconfig_of(lab, name, tmp_path)) as target:
        assert configmaps(target, ledger.run) == kept

    with loaded(lab, kind, tmp_path, "failover", PATIENCE) as ledger:
        pair.fail_over()
    assert ledger.report.lost == 0, ledger.report
    fleet().play("verify").succeeded()
    dropped(fleet(), pair, lab, tmp_path)


def loaded(
    lab: Lab, kind: str, folder: Path, what: str, patience: float
) -> AbstractContextManager[Ledger]:
    """See under_load."""
    return under_load(lab, NAMES[kind], folder, f"{kind}: {what}", 5.0, patience, kind)


def dropped(fleet: Fleet, pair: Pair, lab: Lab, folder: Path) -> None:
    """Only of a vCluster that is gone, and with the snapshot that its data stays in."""
    kind, name = pair.login.kind, NAMES[pair.login.kind]
    absent = ("backends", "-e", "backend_database_state=absent", "-e")
    kept = f"backend_database_snapshot={manifests(folder / 'target')[-1]['id']}"
    before = logins(pair)
    assert "is still installed" in fleet.play(*absent, kept).failed().output
    uninstall(lab, name)
    none = fleet.play(*absent, "backend_database_snapshot=").failed().output
    assert "backend_database_snapshot has to name the snapshot" in none
    assert logins(pair) == before
    fleet.play(*absent, kept).succeeded()
    assert logins(pair) == []
    assert not kine_pods(lab, name)
    assert f"{name}-{kind}" not in in_namespace(lab, name, "get", "secrets", "--output=name")
    unchanged(fleet.play(*absent, kept))


def test_a_server_that_refuses_or_is_away_loses_nothing_and_is_told(
    fleet: Callable[..., Fleet], pair: Pair, lab: Lab, tmp_path: Path
) -> None:
    kind = pair.login.kind
    server = pair.first if pair.first.running() else pair.second  # that took over
    fleet().play("backends").succeeded()
    fleet().play("site").succeeded()

    with loaded(lab, kind, tmp_path, "read-only for 10 s", 30.0) as ledger:
        server.read_only(True)
        time.sleep(10)
        server.read_only(False)
    assert (ledger.report.lost, ledger.report.failed) == (0, 0), ledger.report

    with loaded(lab, kind, tmp_path, "killed, back", 60.0) as ledger:
        server.kill()
        server.start()
    assert ledger.report.lost == 0, ledger.report

    server.read_only(True)
    told = fleet().play("verify").failed().output
    server.read_only(False)
    assert "sql" in told
    assert "read-only" in " ".join(told.split()), told
    fleet().play("verify").succeeded()

    # Somebody changed the password on the server; kine's connections are still open.
    login = logins(pair)[0]
    words = "PASSWORD 'other'" if kind == "postgresql" else "IDENTIFIED BY 'other'"
    server.login.sql(f"ALTER USER {login} {words}")
    assert "sql" in fleet().play("verify").failed().output
    fleet().play("backends").succeeded()
    fleet().play("verify").succeeded()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"password": "wrong"}, "authentication failed|Access denied"),
        ({"ca_cert": __file__}, "certificate|SSL|PEM"),
        ({"port": 1}, "refused|connect"),
    ],
)
def test_a_server_that_cannot_be_used_is_named_and_nothing_is_made(
    fleet: Callable[..., Fleet], pair: Pair, wrong: dict[str, Any], words: str
) -> None:
    own = {**on(pair.login)["backend_database_server"], **wrong}
    failed = fleet(OTHER, backend_database_server=own).play("backends").failed()
    assert re.search(words, failed.output), failed.output
    assert pair.login.password not in failed.output


def test_the_database_of_another_vcluster_is_refused_by_its_mark(
    fleet: Callable[..., Fleet], pair: Pair, lab: Lab
) -> None:
    kind = pair.login.kind
    fleet().play("backends").succeeded()
    theirs = f"vc_{NAMES[kind].replace('-', '_')}"
    before = logins(pair)
    refused = fleet(OTHER, backend_database_name=theirs).play("backends").failed()
    said = " ".join(refused.output.split())
    assert f"is that of {namespace(NAMES[kind])}/{NAMES[kind]}" in said, said
    assert logins(pair) == before
    secrets = in_namespace(lab, OTHER, "get", "secrets", "--output=name")
    assert f"{OTHER}-{kind}" not in secrets


def kine_pods(lab: Lab, name: str) -> list[str]:
    found = json.loads(
        in_namespace(
            lab, name, "get", "pods", "--selector=app.kubernetes.io/name=kine", "--output=json"
        )
    )
    return [item["metadata"]["name"] for item in found["items"]]
