# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""PostgreSQL and MySQL behind kine, and by the vendor's licensed way."""

from __future__ import annotations

from typing import Any, cast

import pytest
from members import spec
from servers import FakeServer, kine, saying

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import (
    FleetError,
    Unreachable,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import (
    Observation,
    Release,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.ports import Reach
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.registry import (
    checks,
    condition,
    store_in,
    store_named,
)

TYPES = ("postgresql", "mysql")
SCHEMES = {"postgresql": "postgres", "mysql": "mysql"}


def by_vendor(source: str) -> dict[str, Any]:
    external = {"enabled": True, "dataSource": source}
    return {"controlPlane": {"backingStore": {"database": {"external": external}}}}


@pytest.mark.parametrize("name", TYPES)
def test_behind_kine_it_is_an_external_etcd_for_vcluster_and_told_apart_for_us(name: str) -> None:
    store = store_named(name)
    values = store.values("tenant", {})
    etcd = values["controlPlane"]["backingStore"]["etcd"]["external"]
    assert etcd["endpoint"] == f"tenant-kine-{name}:2379"
    assert etcd["tls"]["certFile"] == f"/kine-{name}/tls.crt"
    (volume,) = values["controlPlane"]["statefulSet"]["persistence"]["addVolumes"]
    assert volume["secret"] == {"secretName": f"tenant-kine-{name}-client"}
    assert store_in(values) is store
    assert not store.findings(values)
    assert store.options_in(values) == {}


@pytest.mark.parametrize("name", TYPES)
def test_g33_by_the_vendor_the_data_source_is_a_reference_and_the_licence_is_told(
    name: str,
) -> None:
    store = store_named(name)
    (reference,) = _leaves(store.references("tenant", {"via": "vendor"}))
    assert reference == {"name": f"tenant-{name}", "key": "data_source"}
    assert store.references("tenant", {"via": "kine"}) == {}
    plain = store.values("tenant", {"via": "vendor"})["controlPlane"]
    external = plain["backingStore"]["database"]["external"]
    assert external == {"enabled": True, "caFile": "/database-ca/ca.crt"}
    (volume,) = plain["statefulSet"]["persistence"]["addVolumes"]
    assert [item["key"] for item in volume["secret"]["items"]] == ["ca.crt"], "and no password"
    live = by_vendor(f"{SCHEMES[name]}://u:p@db:1/x")
    assert store_in(live) is store
    assert [finding.guard for finding in store.findings(live)] == ["G33"]
    assert store.options_in(live) is None


def test_its_secrets_have_to_be_there_first() -> None:
    store = store_named("mysql")
    assert sorted(store.secrets("tenant", {})) == ["tenant-kine-mysql-client", "tenant-mysql"]
    assert sorted(store.secrets("tenant", {"via": "vendor"})) == ["tenant-mysql"]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("mysql://a:p@tcp(db:3306)/x", "mysql://b:p@ss@tcp(db:3306)/x?tls=true", True),
        ("mysql://a:p@tcp(db:3306)/x", "mysql://a:p@tcp(db:3306)/y", False),
        ("mysql://a:p@tcp(db:3306)/x", "mysql://a:p@tcp(other:3306)/x", False),
    ],
)
def test_g03_another_database_is_another_store_and_another_login_is_not(
    one: str, other: str, same: bool
) -> None:
    store = store_named("mysql")
    assert (store.identity(by_vendor(one)) == store.identity(by_vendor(other))) is same
    assert "p" not in store.identity(by_vendor(one)).replace("tcp", "")


@pytest.mark.parametrize("name", TYPES)
def test_a_copy_of_it_runs_on_sqlite_and_never_at_the_same_database(name: str) -> None:
    values = store_named(name).values("tenant", {})
    plane = values["controlPlane"]
    plane["statefulSet"]["highAvailability"] = {"replicas": 3}
    plane["statefulSet"]["persistence"]["addVolumes"].append({"name": "mine"})
    copy = store_named(name).as_copy(values)
    assert store_in(copy).type == "sqlite"
    assert "tenant-kine" not in str(copy)
    assert copy["controlPlane"]["statefulSet"]["highAvailability"] == {}
    assert copy["controlPlane"]["statefulSet"]["persistence"]["addVolumes"] == [{"name": "mine"}]
    assert len(plane["statefulSet"]["persistence"]["addVolumes"]) == 2
    assert "db" not in str(store_named(name).as_copy(by_vendor(f"{SCHEMES[name]}://u:p@db/x")))


def proved(server: FakeServer) -> dict[str, tuple[str, str]]:
    values = store_named("postgresql").values("tenant", {})
    found = checks(spec(), Observation(), [], cast("Reach", server), values)
    return {result.id: (result.status, result.evidence) for result in found}


def test_the_proof_asks_kine_and_the_server() -> None:
    found = proved(FakeServer())
    assert {status for status, _evidence in found.values()} == {"pass"}
    assert found["kine"][1] == "Deployment tenant-kine-postgresql 2/2"
    assert set(found) == {
        "kine", "sql", "sql_owner", "sql_compaction", "sql_size", "sql_connections",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("server", "check", "status"),
    [
        (FakeServer(pods=None), "kine", "fail"),
        (FakeServer(pods=kine(2, 0)), "kine", "fail"),
        (FakeServer(pods=kine(2, 1)), "kine", "warn"),
        (FakeServer(pods=kine(1, 1)), "kine", "warn"),
        (FakeServer(pods=kine(2, 2, "rancher/kine:v0.17.5")), "kine", "fail"),
        (FakeServer(pods=kine(2, 2, "rancher/kine:v0.17.2")), "kine", "pass"),
        (saying(writable=False), "sql", "fail"),
        (saying(owner=""), "sql_owner", "warn"),
        (saying(owner="vcluster-other/tenant 0a1b"), "sql_owner", "fail"),
        (saying(revision=200_000, compacted=1), "sql_compaction", "warn"),
        (saying(connections=52), "sql_connections", "warn"),
        (saying(connections=400, limit=0), "sql_connections", "pass"),
        (FakeServer(error=Unreachable("no route")), "sql", "skip"),
        (FakeServer(error=FleetError("password authentication failed")), "sql", "fail"),
    ],
)
def test_g44_what_is_wrong_is_told_by_its_check(
    server: FakeServer, check: str, status: str
) -> None:
    assert proved(server)[check][0] == status


def test_g44_its_care_is_told_size_lag_connections_and_slow_statements() -> None:
    values = store_named("postgresql").values("tenant", {})
    seen = Observation(release=Release(1, "deployed", values=values))
    busy = cast("Reach", saying(connections=60))
    found = condition(spec(), seen, [], busy, closely=True)
    assert found is not None
    assert (found.size, found.lag, found.trouble, found.rewrite) == (3 << 20, 100, "", "")
    assert found.advice == ("60 of 65 connections are open",)
    ((name, speed, seconds),) = [(one.name, one.speed, one.seconds) for one in found.latencies]
    assert (name, speed) == ("tenant-kine-postgresql-a", "sql")
    assert 0.25 < seconds < 0.52
    shut = condition(spec(), seen, [], cast("Reach", FakeServer(error=Unreachable("no route"))))
    assert shut is not None
    assert shut.trouble == "no route"


def test_a_snapshot_is_the_table_as_a_file_of_sqlite() -> None:
    server = cast("Reach", FakeServer())
    store = store_named("postgresql")
    with store.source(spec(), [], server, {}) as source:
        assert (source.way, source.revision, source.version) == ("sqlite", 500, "PostgreSQL 15.18")
        assert b"".join(source.pieces()) == b"database"
        assert source.count(500) == 338
        assert source.count(500, b"/registry/") is None
    assert store.takes("keys") == store.takes("etcd") == "sqlite"


@pytest.mark.parametrize("owner", ["", "vcluster-other/tenant 0a1b", "vcluster-tenant/other 0a1b"])
def test_the_database_of_another_vcluster_is_neither_read_nor_filled(owner: str) -> None:
    server = cast("Reach", saying(owner=owner))
    with (
        pytest.raises(FleetError, match=r"nobody|that of vcluster"),
        store_named("postgresql").source(spec(), [], server, {}),
    ):
        pass


def _leaves(tree: dict[str, Any]) -> list[Any]:
    ((key, value),) = tree.items()
    return [value] if key == "$secret" else _leaves(value)
