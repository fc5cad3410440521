# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The care of real stores, while a client writes."""

from __future__ import annotations

import json
import re
import threading
from pathlib import Path
from typing import Any

import pytest
from by_hand import CLUSTER, in_namespace, wait_until
from harness import Fleet, Lab
from runs import kill_at
from saving import installed
from scaling import members_say, service, under_load

from lab.ledger import Target

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(1200)]

NAME = "it-kept"
MIB = 1 << 20
QUOTA = 48 * MIB
ARGUMENTS = [f"--quota-backend-bytes={QUOTA}"]


def variables(members: int, replicas: int = 1, **maintenance: Any) -> dict[str, Any]:
    own = {"statefulSet": {"extraArgs": ARGUMENTS}}
    return {
        "vcluster_version": "0.36.1",
        "vcluster_kubernetes_version": "1.36.3",
        "vcluster_replicas": replicas,
        "vcluster_store": {"type": "etcd_deployed", "members": members},
        "vcluster_timeouts": {"rollout": 240},
        "vcluster_values": {"controlPlane": {"backingStore": {"etcd": {"deploy": own}}}},
        "vcluster_maintenance": {"free_mib": 5, "compaction_lag": 1500, **maintenance},
    }


@pytest.fixture
def fleet(make_fleet: Any) -> Any:
    """A fleet of one, with so many members and replicas."""

    def made(members: int, replicas: int = 1, **maintenance: Any) -> Fleet:
        asked = variables(members, replicas, **maintenance)
        return make_fleet({CLUSTER: {NAME: asked}})  # type: ignore[no-any-return]

    return made


class Filler:
    """Writes objects again and again: what it wrote before is history."""

    def __init__(self, target: Target, size: int, clients: int = 4) -> None:
        self.target = target
        self.size = size
        self.clients = clients
        self.refused = ""
        self.written = 0

    def fill(self, times: int) -> None:
        """So many writes, or until one is refused for want of space."""
        own = [
            threading.Thread(target=self._work, args=(number, times // self.clients))
            for number in range(self.clients)
        ]
        for thread in own:
            thread.start()
        for thread in own:
            thread.join()

    def _work(self, number: int, times: int) -> None:
        connection = self.target.connect()
        connection.timeout = 30
        name, path = f"filler-{number}", "/api/v1/namespaces/default/configmaps"
        body: dict[str, Any] = {"metadata": {"name": name}, "data": {"x": ""}}
        self.target.request(connection, "POST", path, body)
        for turn in range(times):
            if self.refused:
                break
            body["data"]["x"] = f"{turn}" + "x" * self.size
            status, answer = self.target.request(connection, "PUT", f"{path}/{name}", body)
            if status == 200:
                self.written += 1
            elif "database space exceeded" in json.dumps(answer):
                self.refused = str(answer["message"])
        connection.close()


def rewritten(output: str) -> list[str]:
    """Pods in the order in which they rewrote their databases."""
    return re.findall(r"rewriting the database of (\S+?),", output)


def sizes(lab: Lab, count: int) -> list[int]:
    return [status["dbSize"] for status in members_say(lab, NAME, count)]


def leads(lab: Lab, count: int) -> str:
    found = members_say(lab, NAME, count)
    return f"{NAME}-etcd-{[s['leader'] == s['header']['member_id'] for s in found].index(True)}"


def test_g43_nospace_is_produced_told_and_healed_and_nothing_is_lost(
    fleet: Any, lab: Lab, tmp_path: Path
) -> None:
    one = installed(fleet(3))
    with under_load(lab, NAME, tmp_path, "nospace healed") as ledger:
        filler = Filler(service(lab, NAME, tmp_path), 400_000)
        filler.fill(800)
        assert filler.refused, filler.written
        assert "NOSPACE" in one.play("verify").failed().output
        planned = one.play("maintenance", "--check").succeeded().output
        assert "compact, defragment, disarm" in planned
        run = one.play("maintenance").succeeded()
    assert sorted(rewritten(run.output)) == [f"{NAME}-etcd-{n}" for n in range(3)]
    assert ledger.report.lost == 0, ledger.report
    assert max(sizes(lab, 3)) < QUOTA / 2
    one.play("verify").succeeded()
    again = one.play("maintenance").succeeded()
    assert "changed=0" in again.output
    assert "0 to care for, 1 unchanged" in " ".join(again.output.split())


def test_g43_three_members_are_rewritten_one_by_one_the_leader_last_and_no_write_fails(
    fleet: Any, lab: Lab, tmp_path: Path
) -> None:
    three = installed(fleet(3, 3))
    with under_load(lab, NAME, tmp_path, "defragment 3", patience=10.0) as ledger:
        filler = Filler(service(lab, NAME, tmp_path), 8_000)
        filler.fill(3000)
        before, led = sizes(lab, 3), leads(lab, 3)
        verified = three.play("verify").succeeded().output
        assert "compact" in verified
        told = " ".join(three.play("plan").succeeded().output.split())
        assert ": 0 to change" in told
        assert "was due for care" in told
        run = three.play("maintenance").succeeded()
    assert ledger.report.lost == 0, ledger.report
    assert ledger.report.failed == 0, ledger.report
    order = rewritten(run.output)
    assert sorted(order) == [f"{NAME}-etcd-{n}" for n in range(3)]
    assert order[-1] == led
    assert leads(lab, 3) != led
    print(f"sizes {before} -> {sizes(lab, 3)}, {ledger.report}")
    assert max(sizes(lab, 3)) < min(before) / 2


def test_g48_killed_after_the_first_member_the_next_run_does_the_rest(
    fleet: Any, lab: Lab, tmp_path: Path
) -> None:
    # Nothing is to be compacted again while the second run waits for the lock of the first.
    three = installed(fleet(3, 3, compaction_lag=3000))
    with under_load(lab, NAME, tmp_path, "defragment killed", patience=10.0) as ledger:
        Filler(service(lab, NAME, tmp_path), 8_000).fill(4000)
        assert kill_at(three, "MiB -> ", "maintenance")
        run = three.play("maintenance").succeeded()
    assert 0 < len(rewritten(run.output)) < 3
    assert ledger.report.lost == 0, ledger.report
    assert ledger.report.failed == 0, ledger.report
    assert "changed=0" in three.play("maintenance").succeeded().output


FILE = "it-kept-file"


@pytest.fixture
def on_a_file(make_fleet: Any, savers: dict[str, Path]) -> Any:
    """A fleet of one on SQLite, with the rights of a backup, whose kine compacts every few seconds."""

    def made(**maintenance: Any) -> Fleet:
        env = [{"name": "KINE_COMPACT_INTERVAL", "value": "5s"}]
        asked = {
            "vcluster_version": "0.36.1",
            "vcluster_kubernetes_version": "1.36.3",
            "vcluster_store": {"type": "sqlite"},
            "vcluster_timeouts": {"rollout": 120},
            "vcluster_values": {"controlPlane": {"statefulSet": {"env": env}}},
            # What is kept of the history now, and is free later, is less than that.
            "vcluster_maintenance": {"free_mib": 12, **maintenance},
        }
        return make_fleet({CLUSTER: {FILE: asked}}, savers)  # type: ignore[no-any-return]

    return made


def file_size(lab: Lab) -> int:
    pod = (f"{FILE}-0", "--container=syncer", "--")
    return int(in_namespace(lab, FILE, "exec", *pod, "sh", "-c", "wc -c < /data/state.db"))


def grown_and_freed(fleet: Fleet, target: Target) -> None:
    """Much history, compacted since."""
    Filler(target, 8_000).fill(5000)

    def free() -> bool:
        told = " ".join(fleet.play("maintenance", "--check").succeeded().output.split())
        return "are free" in told

    wait_until("what was compacted to be free", free, 120)


def helpers(lab: Lab) -> str:
    selector = "--selector=app in (fleetops-copy,fleetops-restore)"
    return in_namespace(lab, FILE, "get", "pods", selector, "--output=name")


def test_g44_a_file_is_rewritten_with_consent_and_nothing_is_lost(
    on_a_file: Any, lab: Lab, tmp_path: Path
) -> None:
    without = installed(on_a_file())
    grown_and_freed(without, service(lab, FILE, tmp_path))
    before = file_size(lab)
    told = without.play("maintenance").succeeded().output
    assert "changed=0" in told
    assert "vcluster_maintenance.allow_outage" in " ".join(told.split())
    consenting = on_a_file(allow_outage=True)
    planned = consenting.play("maintenance", "--check").succeeded().output
    assert "the control plane stops until its store is rewritten" in " ".join(planned.split())
    with under_load(lab, FILE, tmp_path, "vacuum") as ledger:
        run = consenting.play("maintenance").succeeded()
    assert ledger.report.lost == 0, ledger.report
    put = [int(size) for size in re.findall(r"putting (\d+) MiB in its place", run.output)]
    assert put[-1] * MIB < before / 2
    print(f"file {before} -> {file_size(lab)}, put {put}, {ledger.report}")
    assert file_size(lab) < before / 2
    assert helpers(lab) == ""
    consenting.play("verify").succeeded()
    assert "changed=0" in consenting.play("maintenance").succeeded().output


@pytest.mark.parametrize("words", ["stopping the control plane", "in its place"])
def test_g48_killed_while_it_is_stopped_the_next_run_starts_it_and_nothing_is_lost(
    on_a_file: Any, lab: Lab, tmp_path: Path, words: str
) -> None:
    fleet = installed(on_a_file(allow_outage=True))
    grown_and_freed(fleet, service(lab, FILE, tmp_path))
    with under_load(lab, FILE, tmp_path, f"vacuum killed at {words}") as ledger:
        assert kill_at(fleet, words, "maintenance")
        fleet.play("maintenance").succeeded()
    assert ledger.report.lost == 0, ledger.report
    assert helpers(lab) == ""
    fleet.play("verify").succeeded()
