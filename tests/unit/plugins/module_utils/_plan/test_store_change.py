# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From one store to another: what the plan shows, what it refuses, and where a run that was cut off goes on."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest
from paper import SAVED, Running, chart, refusing, spec

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.migration import (
    Migration,
    Phase,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import (
    Claim,
    Observation,
    Release,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.plan import Plan, View
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.render import plan_lines
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.planner import plan
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.values import merged, read
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.registry import (
    plane_kind,
    store_in,
)

FILES = ("ca.crt", "tls.crt", "tls.key")
STORES: dict[str, dict[str, Any]] = {
    "sqlite": {"type": "sqlite"},
    "etcd_deployed": {"type": "etcd_deployed", "members": 3},
    "etcd_external": {
        "type": "etcd_external",
        "endpoint": "etcd.example.net:2379",
        "tls": {"secret": "etcd"},
    },
    "postgresql": {"type": "postgresql"},
    "mysql": {"type": "mysql"},
}
SECRETS = {
    "etcd": FILES,
    **{
        name: (*FILES, "type", "host", "port", "database", "username", "password", "data_source")
        for kind in ("postgresql", "mysql")
        for name in (f"tenant-a-{kind}", f"tenant-a-kine-{kind}-client")
    },
}
MAY = {**SAVED, "allow": ["G38", "migrate"]}
PAIRS = list(permutations(STORES, 2))


def on(store: str, replicas: int = 1, **more: Any) -> Observation:
    """A vCluster that was installed on a store."""
    many = replicas if store != "sqlite" else 1
    asked = spec(store=STORES[store], replicas=many)
    members = 3 if store == "etcd_deployed" else 0
    kind = "StatefulSet" if store == "sqlite" else "Deployment"
    running = installed_with_secrets(asked, replicas=many, members=members, kind=kind)
    return running.seen(secrets=SECRETS, **more)


def installed_with_secrets(asked: Any, **more: Any) -> Running:
    nothing = Observation(host_version=(1, 36), complete=True, secrets=SECRETS)
    values = plan(asked, nothing, chart()).steps[0].values
    return Running(values or {}, **more)


def moved(seen: Observation, to: str, **arguments: Any) -> Plan:
    return plan(spec(store=STORES[to], **{**MAY, "replicas": 1, **arguments}), seen, chart())


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_g03_every_pair_is_a_step_of_its_own_and_only_where_it_is_allowed(
    source: str, target: str
) -> None:
    seen = on(source)
    assert refusing(plan(spec(store=STORES[target], **SAVED), seen, chart())) == {"G03"}
    found = moved(seen, target)
    assert found.kinds == ("prove", "store_migration"), found.findings
    step = found.steps[1]
    values = merged(chart().defaults, step.values or {})
    assert store_in(values).type == target
    assert (step.way_back, step.disruption.kind) == ("store", "outage")
    assert read(values, ("controlPlane", "statefulSet", "highAvailability", "replicas")) == 1
    # Nothing of the other one is left, and nothing else is another.
    back = moved(after(seen, found), source)
    assert back.kinds == ("prove", "store_migration")
    before = seen.last_good.values if seen.last_good else {}
    again = merged({}, back.steps[1].values or {})
    assert without_empty(again) == without_empty(merged(merged({}, before or {}), one_replica()))


def one_replica() -> dict[str, Any]:
    return {"controlPlane": {"statefulSet": {"highAvailability": {"replicas": 1}}}}


def without_empty(tree: Any) -> Any:
    if not isinstance(tree, dict):
        return tree
    found = {key: without_empty(value) for key, value in tree.items()}
    return {key: value for key, value in found.items() if value not in ({}, [])}


def after(seen: Observation, found: Plan) -> Observation:
    """What runs when the step was carried out and proved."""
    values = found.steps[-1].values or {}
    effective = merged(chart().defaults, values)
    members = store_in(effective).members(effective)
    kind = plane_kind(effective)
    return Running(values, kind=kind, members=members).seen(secrets=seen.secrets)


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_with_more_replicas_one_comes_first_and_the_others_when_it_is_proved(
    source: str, target: str
) -> None:
    seen = on(source, replicas=3)
    if target == "sqlite":
        assert refusing(moved(seen, target, replicas=3)) == {"G01"}
        return
    found = moved(seen, target, replicas=3)
    assert found.kinds == ("prove", "store_migration", "scale_out")


def test_g13_the_plan_shows_what_flips_and_what_it_costs() -> None:
    found = moved(on("sqlite"), "etcd_deployed")
    text = "\n".join(plan_lines("tenant-a", found))
    assert "StatefulSet tenant-a -> Deployment tenant-a" in " ".join(text.split())
    assert "store_migration: from sqlite to etcd_deployed" in text
    assert "disruption: outage" in text
    assert "way back: the store before it" in text
    assert all(len(line) <= 80 for line in text.splitlines())


def test_the_verb_moves_the_store_and_leaves_everything_else() -> None:
    asked = spec(
        store=STORES["etcd_deployed"], replicas=3, values={"telemetry": {"enabled": False}}, **SAVED
    )
    found = plan(asked, on("sqlite"), chart(), View.STORE)
    assert found.kinds == ("prove", "store_migration", "scale_out")
    assert not found.complete
    assert read(found.steps[-1].values or {}, ("telemetry",)) != {"enabled": False}
    arrived = after(on("sqlite"), replace(found, steps=found.steps[:2]))
    assert (
        plan(spec(store=STORES["etcd_deployed"], **SAVED), arrived, chart(), View.STORE).kinds == ()
    )


def test_versions_and_the_store_move_apart_from_each_other() -> None:
    seen = on("sqlite")
    old = Running((seen.last_good and seen.last_good.values) or {}, "0.35.3", "1.35.4").seen()
    assert "G03" in refusing(moved(old, "etcd_deployed"))


def test_g27_without_a_place_for_snapshots_nothing_moves() -> None:
    asked = spec(store=STORES["etcd_deployed"], allow=["migrate"])
    assert refusing(plan(asked, on("sqlite"), chart())) == {"spec", "G38"}


@pytest.mark.parametrize("target", ["etcd_embedded"])
def test_g03_what_nobody_can_copy_is_refused(target: str) -> None:
    found = plan(spec(store={"type": target}, **MAY), on("sqlite"), chart())
    assert "G03" in refusing(found)


def test_from_a_deployed_to_an_embedded_etcd_the_vendors_image_copies_and_then_the_flag_goes() -> (
    None
):
    asked = spec(store={"type": "etcd_embedded"}, replicas=3, **MAY)
    found = plan(asked, on("etcd_deployed", replicas=3), chart())
    assert found.kinds == ("prove", "snapshot", "store_migration", "values", "scale_out")
    copies, after_it = (step.values or {} for step in found.steps[2:4])
    etcd = ("controlPlane", "backingStore", "etcd")
    assert read(copies, (*etcd, "embedded")) == {"enabled": True, "migrateFromDeployedEtcd": True}
    members = (*etcd, "deploy", "statefulSet", "highAvailability", "replicas")
    assert read(copies, members) == 3, "what it copies from is whole"
    assert read(copies, (*etcd, "deploy", "enabled")) is False
    assert read(after_it, etcd) == {"embedded": {"enabled": True}}
    assert [step.way_back for step in found.steps[2:4]] == ["none", "none"]


DONE = Migration("sqlite", "etcd_deployed", Phase.DONE, "2026-11-01T10:00:00Z", "snapshot-1")


def test_what_gives_no_copy_is_given_up_only_by_consent() -> None:
    seen = on("etcd_deployed", migration=DONE)
    asked = spec(store=STORES["sqlite"], replicas=1, **SAVED)
    assert plan(asked, seen, chart(), View.STORE).kinds == ("prove", "store_migration")
    found = plan(replace(asked, gives_up=True), seen, chart(), View.STORE)
    assert found.kinds == ("store_migration",), "what is broken cannot be proved"
    assert found.steps[0].parts == ("snapshot-1",)
    assert "what was written since is lost then" in found.steps[0].reason
    elsewhere = spec(store=STORES["mysql"], replicas=1, **SAVED)
    found = plan(replace(elsewhere, gives_up=True), seen, chart(), View.STORE)
    assert found.kinds == ("prove", "store_migration")


CLAIMS = (Claim("data-tenant-a-etcd-0", "5Gi", None, "Bound"),)


def test_g14_claims_that_are_there_already_are_somebodys() -> None:
    assert refusing(moved(on("sqlite", claims=CLAIMS), "etcd_deployed")) == {"G14"}


@pytest.mark.parametrize(
    "noted",
    [
        Migration("sqlite", "etcd_deployed", Phase.COPYING, ""),
        Migration("etcd_deployed", "sqlite", Phase.DONE, ""),
    ],
)
def test_g14_but_not_those_that_a_migration_made_or_left(noted: Migration) -> None:
    seen = on("sqlite", claims=CLAIMS, migration=noted)
    assert moved(seen, "etcd_deployed").kinds == ("prove", "store_migration")


SWITCHING = Migration("sqlite", "etcd_deployed", Phase.SWITCHING, "")


def test_g48_where_the_target_has_everything_the_way_is_forward_whatever_is_allowed() -> None:
    seen = on("sqlite", claims=CLAIMS, migration=SWITCHING)
    asked = spec(store=STORES["etcd_deployed"], replicas=1, **SAVED)
    found = plan(asked, seen, chart())
    assert found.kinds == ("store_migration",)
    assert refusing(plan(spec(store=STORES["sqlite"], **SAVED), seen, chart())) == {"G03"}
    assert refusing(plan(spec(store=STORES["mysql"], **MAY), seen, chart())) == {"G03"}


@pytest.mark.parametrize("view", [View.SIZE, View.REPLICAS, View.VERSIONS, View.CERTIFICATES])
def test_g34_nothing_else_is_done_before_that_is_at_its_end(view: View) -> None:
    seen = on("sqlite", claims=CLAIMS, migration=SWITCHING)
    asked = spec(store=STORES["etcd_deployed"], replicas=3, **SAVED)
    assert "G34" in refusing(plan(asked, seen, chart(), view))


def test_g34_no_version_moves_either() -> None:
    values = (on("sqlite").last_good or Release(1, "")).values or {}
    old = Running(values, "0.35.3", "1.35.4").seen(secrets=SECRETS, migration=SWITCHING)
    asked = spec(store=STORES["etcd_deployed"], **SAVED)
    assert "G34" in refusing(plan(asked, old, chart()))
    keeps = spec(store=STORES["etcd_deployed"], version="0.35.3", **SAVED)
    found = plan(keeps, old, chart("0.35.3"))
    assert found.kinds[0] == "store_migration", found.findings


def test_g48_where_its_values_are_there_it_is_proved_and_goes_back_to_the_other_store() -> None:
    before = on("sqlite")
    found = moved(before, "etcd_deployed")
    there = after(before, found)
    assert there.release is not None
    newer = replace(there.release, revision=4)
    seen = replace(there, release=newer, last_good=newer, base=before.base, migration=SWITCHING)
    again = plan(spec(store=STORES["etcd_deployed"], replicas=1, **SAVED), seen, chart())
    assert again.kinds == ("prove",)
    assert again.steps[0].way_back == "store"
