# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Moves to another store that are disturbed: nothing acknowledged is lost, and one store takes writes at any time."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from by_hand import CLUSTER, in_namespace, wait_until
from harness import Fleet, Lab
from runs import cut, kill_at, watched
from saving import kubeconfig_of, own_etcd, tenant, variables
from scaling import under_load

pytestmark = [
    pytest.mark.lab,
    pytest.mark.slow,
    pytest.mark.timeout(2400),
    pytest.mark.usefixtures("anew"),
]

NAME = "it-moving"
PATIENCE = (
    150.0  # seconds for which a write is tried again: a run that was killed leaves the API away
)
SQLITE: dict[str, Any] = {"type": "sqlite"}
ETCD = {"type": "etcd_deployed", "members": 1, "size": "1Gi"}
EXTERNAL = own_etcd(NAME)
KEY = "/registry/namespaces/kube-system"  # that every tenant has
# What the run says at each of its boundaries.
BOUNDARIES = (
    "making etcd_deployed ready",
    "stopping the control plane",
    "writing the snapshot",
    "reading it back",
    "filling etcd member",
    "comparing the store",
    "are the same in",
    "replicas ready",
)
Make = Callable[..., Fleet]


@pytest.fixture
def fleet(make_fleet: Any, restorers: Any, tmp_path: Path) -> Make:
    """A fleet of one on a store."""

    def made(store: dict[str, Any], **more: Any) -> Fleet:
        own = {"vcluster_timeouts": {"rollout": 120, "proof": 60}, **more}
        fleet: Fleet = make_fleet({CLUSTER: {NAME: variables(tmp_path, store, **own)}}, restorers)
        return fleet

    return made


@pytest.fixture
def on_sqlite(fleet: Make) -> Make:
    """It runs on SQLite, and nothing is left of an earlier move."""
    fleet(SQLITE).play("site").succeeded()
    return fleet


def stores(lab: Lab) -> tuple[str, ...]:
    """Names of its StatefulSets and Deployments."""
    found = in_namespace(lab, NAME, "get", "statefulsets,deployments", "--output=name")
    return tuple(sorted(name.rpartition("/")[2] for name in found.split()))


def claims(lab: Lab) -> set[str]:
    found = in_namespace(lab, NAME, "get", "persistentvolumeclaims", "--output=name")
    return {name.rpartition("/")[2] for name in found.split()}


@pytest.mark.parametrize("words", BOUNDARIES)
def test_g48_killed_at_a_boundary_the_next_run_finishes_it(
    words: str, on_sqlite: Make, lab: Lab, tmp_path: Path
) -> None:
    with under_load(lab, NAME, tmp_path, f"killed at {words}", patience=PATIENCE) as ledger:
        assert kill_at(on_sqlite(ETCD), words, "migrate_store")
        on_sqlite(ETCD).play("migrate_store").succeeded()
    assert (ledger.report.lost, ledger.report.failed) == (0, 0), ledger.report
    assert stores(lab) == (NAME, f"{NAME}-etcd")
    assert "changed=0" in on_sqlite(ETCD).play("site").succeeded().output


def test_g48_killed_before_the_switch_the_old_inventory_has_its_store_back(
    on_sqlite: Make, lab: Lab, tmp_path: Path
) -> None:
    with under_load(lab, NAME, tmp_path, "killed and given up", patience=PATIENCE) as ledger:
        assert kill_at(on_sqlite(ETCD), "comparing the store", "migrate_store")
        on_sqlite(SQLITE).play("site").succeeded()
    assert (ledger.report.lost, ledger.report.failed) == (0, 0), ledger.report
    on_sqlite(SQLITE).play("verify").succeeded()


def by_hand(lab: Lab) -> None:
    """Somebody starts the control plane, which is stopped, and lets it run for a while."""
    in_namespace(lab, NAME, "scale", f"statefulset/{NAME}", "--replicas=1")


def test_a_control_plane_that_somebody_starts_meanwhile_ends_the_move(
    on_sqlite: Make, lab: Lab, tmp_path: Path
) -> None:
    with under_load(lab, NAME, tmp_path, "started by hand", patience=PATIENCE) as ledger:
        run = watched(
            on_sqlite(ETCD), "writing the snapshot", lambda: by_hand(lab), "migrate_store"
        ).failed()
    assert "somebody started its control plane" in " ".join(run.output.split()), run.output
    assert (ledger.report.lost, ledger.report.failed) == (0, 0), ledger.report
    assert stores(lab) == (NAME,), "what was made beside is gone"
    wait_until("its claim to go", lambda: claims(lab) == {f"data-{NAME}-0"})


def test_what_is_left_stays_where_its_claim_would_go_with_its_workload(
    fleet: Make, lab: Lab, tmp_path: Path
) -> None:
    volume = {"statefulSet": {"persistence": {"volumeClaim": {"retentionPolicy": "Delete"}}}}
    values = {"controlPlane": volume}
    fleet(SQLITE, vcluster_values=values).play("site").succeeded()
    with under_load(lab, NAME, tmp_path, "claims that go", patience=PATIENCE) as ledger:
        fleet(ETCD, vcluster_values=values).play("migrate_store").succeeded()
        time.sleep(10)  # Whatever the garbage collector is about to do.
        assert claims(lab) == {f"data-{NAME}-0", f"data-{NAME}-etcd-0"}
    assert (ledger.report.lost, ledger.report.failed) == (0, 0), ledger.report


def test_a_target_that_goes_in_the_middle_leaves_the_source_as_it_was(
    on_sqlite: Make, lab: Lab, tmp_path: Path
) -> None:
    def gone() -> None:
        in_namespace(lab, NAME, "scale", f"statefulset/{NAME}-etcd", "--replicas=0")
        in_namespace(lab, NAME, "delete", "pod", f"{NAME}-etcd-0", "--grace-period=0", "--force")

    with under_load(lab, NAME, tmp_path, "target gone", patience=PATIENCE) as ledger:
        words = "stopping the control plane"
        run = watched(on_sqlite(ETCD), words, gone, "migrate_store").failed()
    assert "It runs on sqlite, as before" in " ".join(run.output.split()), run.output
    assert (ledger.report.lost, ledger.report.failed) == (0, 0), ledger.report
    assert stores(lab) == (NAME,)


def test_a_host_cluster_that_is_cut_off_for_a_minute_loses_nothing(
    on_sqlite: Make, lab: Lab, tmp_path: Path
) -> None:
    with under_load(lab, NAME, tmp_path, "cut off", patience=PATIENCE) as ledger:
        with cut(CLUSTER) as off:

            def minute() -> None:
                off()
                time.sleep(60)

            watched(on_sqlite(ETCD), "filling etcd member", minute, "migrate_store")
        on_sqlite(ETCD).play("migrate_store").succeeded()
    assert (ledger.report.lost, ledger.report.failed) == (0, 0), ledger.report
    assert stores(lab) == (NAME, f"{NAME}-etcd")


def test_a_target_that_has_no_room_is_found_before_anything_stops(
    on_sqlite: Make, lab: Lab, tmp_path: Path
) -> None:
    small = {"etcd": {"deploy": {"statefulSet": {"extraArgs": ["--quota-backend-bytes=100000"]}}}}
    values = {"controlPlane": {"backingStore": small}}
    with under_load(lab, NAME, tmp_path, "no room", patience=5.0) as ledger:
        run = on_sqlite(ETCD, vcluster_values=values).play("migrate_store").failed()
    said = " ".join(run.output.split())
    assert "has room for 0 MiB" in said, said
    assert "was not stopped" in said
    assert (ledger.report.lost, ledger.report.failed) == (0, 0), ledger.report
    assert ledger.report.longest_gap_s < 3


@pytest.fixture
def beside(on_sqlite: Make) -> Make:
    """It runs on SQLite, or what is asked for; beside it is an external etcd of its own."""

    def made(store: dict[str, Any] = EXTERNAL, **more: Any) -> Fleet:
        sizes = {"backend_etcd_size": "1Gi", "backend_etcd_quota": "16Mi"}
        return on_sqlite(store, **sizes, **more)

    made().play("backends").succeeded()
    return made


def in_etcd(lab: Lab, script: str) -> str:
    """What a shell prints in a pod of that etcd."""
    tls = {"CACERT": "ca.crt", "CERT": "tls.crt", "KEY": "tls.key"}
    variables = [f"ETCDCTL_{option}=/tls/{file}" for option, file in tls.items()]
    pod = ("exec", f"{NAME}-store-0", "--")
    return in_namespace(lab, NAME, *pod, "env", *variables, "sh", "-c", script)


def test_a_target_that_holds_something_is_not_written_over(
    beside: Make, lab: Lab, tmp_path: Path
) -> None:
    in_etcd(lab, f"etcdctl put {KEY} somebodys")
    run = beside().play("migrate_store").failed()
    said = " ".join(run.output.split())
    assert "holds the data of a control plane already" in said, said
    assert in_etcd(lab, f"etcdctl get --print-value-only {KEY}").strip() == "somebodys"
    with tenant(lab, NAME, kubeconfig_of(lab, NAME, tmp_path)) as target:
        assert target.request(target.connect(), "GET", "/version")[0] == 200


# Again and again, since the fill writes it too, and begun before that, which is over in no time.
ALTER = (
    f"end=$(($(date +%s) + 40)); until [ $(date +%s) -ge $end ]; do etcdctl put {KEY} other; done"
)
# Removed keys go on taking room until somebody compacts and defragments.
BALLAST = (
    "head -c 1400000 /dev/zero | tr '\\0' x > /tmp/x; "
    "for n in 1 2 3 4 5 6 7 8 9 10 11 12; do etcdctl put /registry/ballast/$n < /tmp/x || break; done"
)


@pytest.mark.parametrize(
    ("what", "moment", "script", "words"),
    [
        ("a key is altered", "stopping the control plane", ALTER, "keys that no lease ends"),
        ("the target is full", "stopping the control plane", BALLAST, "space exceeded"),
    ],
)
def test_what_somebody_does_to_the_target_is_found_before_anyone_is_let_in(
    what: str, moment: str, script: str, words: str, beside: Make, lab: Lab, tmp_path: Path
) -> None:
    with under_load(lab, NAME, tmp_path, what, patience=PATIENCE) as ledger:
        run = watched(beside(), moment, lambda: in_etcd(lab, script), "migrate_store").failed()
    said = " ".join(run.output.split())
    assert words in said, said
    assert "It runs on sqlite, as before" in said, said
    assert (ledger.report.lost, ledger.report.failed) == (0, 0), ledger.report


def test_a_source_that_still_takes_writes_is_found(beside: Make, lab: Lab, tmp_path: Path) -> None:
    beside().play("migrate_store").succeeded()
    write = "etcdctl put /registry/late late"  # below nothing that an API server reads
    with under_load(lab, NAME, tmp_path, "the source takes writes", patience=PATIENCE) as ledger:
        run = watched(
            beside(SQLITE), "reading it back", lambda: in_etcd(lab, write), "migrate_store"
        ).failed()
    said = " ".join(run.output.split())
    assert "although its control plane does not run" in said, said
    assert "It runs on etcd_external, as before" in said, said
    assert (ledger.report.lost, ledger.report.failed) == (0, 0), ledger.report


FLEET = {
    f"it-six-{letter}": wave for letter, wave in zip("abcdef", (1, 2, 2, 2, 3, 3), strict=True)
}
BAD = "it-six-c"


def test_g50_a_fleet_moves_in_waves_and_stops_at_a_bad_one_that_is_back_on_its_store(
    make_fleet: Any, restorers: Any, lab: Lab, tmp_path: Path
) -> None:
    def six(store: dict[str, Any], **bad: Any) -> Fleet:
        hosts = {
            name: variables(
                tmp_path,
                {**store, **(bad if name == BAD else {})},
                vcluster_wave=wave,
                vcluster_timeouts={"rollout": 90, "proof": 60},
            )
            for name, wave in FLEET.items()
        }
        fleet: Fleet = make_fleet({CLUSTER: hosts}, restorers)
        return fleet

    six(SQLITE).play("site").succeeded()
    ledgers = [
        under_load(lab, name, tmp_path, f"fleet {name}", patience=PATIENCE)
        for name in ("it-six-a", BAD)
    ]
    with ledgers[0] as first, ledgers[1] as bad:
        run = six(ETCD, storage_class="nowhere").play("migrate_store").failed()
    said = " ".join(run.output.split())
    assert "Halted" in said, run.output
    assert "It runs on sqlite" in said, run.output
    for ledger in (first, bad):
        assert (ledger.report.lost, ledger.report.failed) == (0, 0), ledger.report
    kinds = {name: kind_of(lab, name) for name in FLEET}
    assert kinds["it-six-a"] == "Deployment"
    assert kinds[BAD] == kinds["it-six-e"] == kinds["it-six-f"] == "StatefulSet"
    six(ETCD).play("migrate_store").succeeded()
    assert {kind_of(lab, name) for name in FLEET} == {"Deployment"}


def kind_of(lab: Lab, name: str) -> str:
    """Kind of the workload of a control plane."""
    found = in_namespace(
        lab, name, "get", "statefulsets,deployments", "--selector=app=vcluster",
        "--output=jsonpath={.items[*].kind}",
    )  # fmt: skip
    return found.strip()
