# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs for the tests of the report: plan files and results as the actions leave them, made up."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.load_report import LoadLine
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.report import (
    Report,
    Seen,
    build_report,
)

BEGIN = datetime(2026, 3, 17, 9, 30, tzinfo=UTC)
COMMAND = "ansible-playbook -i inventory.yml fleetops.vcluster.site"
SCRIPT = "<script>alert('&\"')</script>"

_PASSED = {
    "rollout": "Deployment {host} 3/3, StatefulSet {host}-etcd 3/3",
    "pods": "6 ready",
    "api_ready": "ok at {host}-0, {host}-1, {host}-2",
    "api_identity": "3 registered",
    "kubeconfig_secret": "Secret vc-{host}",
    "leader": "{host}-1",
    "placement": "control_plane on 2 nodes, etcd on 2 nodes",
    "disruption_budgets": "{host}, {host}-etcd",
    "same_data": "kube-system 354575d8-7ac9-4165-a032-dc4d092d2f12",
    "write_and_read": "through 3 replicas, slowest watch 33 ms",
    "etcd_quorum": "3 of 3 members answer, leader {host}-etcd-2",
    "etcd_members": "3 members, the same list on all",
    "etcd_alarms": "no alarms",
    "etcd_hash": "3 members equal at revision 267",
    "etcd_size": "{host}-etcd-0: 4 MiB of 2048 MiB",
    "certificates": "364 days left",
    "service_names": "{host}.vcluster-{host}.svc",
    "dns": "kubernetes.default.svc.cluster.local is 10.96.1.83",
    "tokens": "made at {host}-0, accepted at 3",
}


def checks(host: str, *, etcd: bool = True, **found: tuple[str, str]) -> list[dict[str, Any]]:
    """The checks of a proof; `found` has status and evidence of those that did not simply pass."""
    return [
        {"id": name, "status": status, "evidence": evidence, "seconds": 0.1, "facts": {}}
        for name, words in _PASSED.items()
        if etcd or not name.startswith("etcd_")
        for status, evidence in [found.get(name, ("pass", words.format(host=host)))]
    ]


def live(chart: str, kubernetes: str, replicas: str = "1/1", members: str = "") -> dict[str, Any]:
    """What runs, as plan file and results have it."""
    return {
        "version": chart,
        "kubernetes": kubernetes,
        "store": "etcd_deployed" if members else "sqlite",
        "replicas": replicas,
        "members": members,
        "revision": 4,
        "proved": True,
    }


OLD, NEW = live("0.35.3", "1.35.6", "3/3", "3/3"), live("0.36.1", "1.36.3", "3/3", "3/3")
SMALL_OLD, SMALL_NEW = live("0.35.3", "1.35.6"), live("0.36.1", "1.36.3")
NOT_THERE = dict.fromkeys(OLD, "") | {"release": "absent"}


def planned(
    wave: int, cluster: str, *kinds: str, status: str = "planned", before: Any = OLD
) -> dict[str, Any]:
    """An entry of the plan file."""
    return {
        "status": status,
        "wave": wave,
        "cluster": cluster,
        "kinds": list(kinds),
        "live": before,
        "steps": [{"kind": kind, "version": "0.36.1", "changes": []} for kind in kinds],
    }


def moment(after: float) -> str:
    """So many seconds after the begin, RFC 3339."""
    return (BEGIN + timedelta(seconds=after)).isoformat(timespec="seconds").replace("+00:00", "Z")


def done(after: float, seconds: float, found: Any, after_it: Any = NEW) -> dict[str, Any]:
    """The result of a vCluster that is done."""
    return {
        "outcome": "done",
        "changed": True,
        "began": moment(after),
        "seconds": seconds,
        "checks": found,
        "live": after_it,
    }


def bad(outcome: str, msg: str, **more: Any) -> dict[str, Any]:
    return {"outcome": outcome, "failed": True, "msg": msg, **more}


HOPS = ("chart_hop", "kubernetes_hop")


def halted() -> Report:
    """A chart and a Kubernetes hop over two host clusters that halts in its second wave."""
    hosts = {
        "canary": planned(1, "west", *HOPS, before=SMALL_OLD),
        "billing": planned(2, "west", *HOPS),
        "checkout": planned(2, "east", *HOPS),
        "search": planned(2, "west", "install", before=NOT_THERE),
        "reports": planned(2, "east", *HOPS, before=SMALL_OLD),
        "ledger": planned(2, "east", *HOPS),
        "payments-eu": planned(1, "west", status="refused", before=SMALL_OLD),
        "sandbox": planned(3, "north", status="unreachable", before={}),
        "mail": planned(3, "west", *HOPS),
        "identity": planned(3, "east", *HOPS),
        "catalogue": planned(3, "west", *HOPS, before=SMALL_OLD),
        "media": planned(3, "east", *HOPS),
    }
    quiet = {f"team-{number}": planned(1, "west", status="unchanged") for number in range(1, 9)}
    lost = "ledger-etcd-2 is not in the list of ledger-etcd-0"
    outcomes = {
        "canary": done(0, 74.2, checks("canary", etcd=False), SMALL_NEW),
        "billing": done(
            139, 151.8, checks("billing", certificates=("warn", "26 days left: apiserver.crt"))
        ),
        "checkout": done(139, 128.4, checks("checkout")),
        "search": done(139, 61.0, checks("search")),
        "reports": bad(
            "rolled_back",
            "vCluster reports: 1 of 14 checks failed. dns: no answer from 10.96.1.83 within 5 s. "
            "The values of revision 4 are back and proved; the change was not kept.",
            began=moment(200),
            seconds=203.9,
            checks=checks("reports", etcd=False),
            live=SMALL_OLD,
        ),
        "ledger": bad(
            "failed",
            f"vCluster ledger: 1 of 19 checks failed. etcd_members: {lost}. "
            "Run fleetops.vcluster.verify to look again.",
            began=moment(267),
            seconds=181.0,
            checks=checks("ledger", etcd_members=("fail", lost)),
        ),
        "payments-eu": bad(
            "refused",
            "[G03] The backing store would change from sqlite to etcd_deployed. No data would be "
            "copied: the tenant would be empty, and everything green. Keep the store as it runs. To "
            "move to another type with all data: fleetops.vcluster.migrate_store.",
        ),
    }
    soak = {
        "watched": ["canary"],
        "broken": {},
        "began": moment(76),
        "seconds": 60.3,
    }
    seen = Seen(
        outcomes,
        halted=2,
        command=COMMAND,
        run="20260317T092958-4711",
        budgets={"1": 0, "2": 1, "3": 1},
        soaks={1: soak},
        at=moment(450),
    )
    return build_report({"hosts": {**hosts, **quiet}}, seen)


def installed() -> Report:
    """Six new vClusters, all done."""
    hosts = {
        f"{store}-{number}": planned(
            1 if store == "sqlite" else 2, f"hc{number}", "install", before=NOT_THERE
        )
        for number in (1, 2)
        for store in ("sqlite", "etcd", "external")
    }
    outcomes = {
        host: done(20 * place, 30 + 11 * place, checks(host, etcd=host.startswith("etcd")))
        for place, host in enumerate(hosts)
    }
    seen = Seen(outcomes, command=COMMAND, run="20260317T092958-4711", at=moment(200))
    return build_report({"hosts": hosts}, seen)


def large(count: int = 1000) -> Report:
    """Many vClusters in four waves; some fail in a wave that may have failures, one host cluster is away."""
    hosts: dict[str, Any] = {}
    outcomes: dict[str, Any] = {}
    ends = [0.0] * 40
    for number in range(count):
        host, cluster = f"tenant-{number:04}", f"hc{number % 20}"
        wave = 1 if number < 10 else 2 if number < count // 10 else 3 if number < count // 2 else 4
        hosts[host] = planned(wave, cluster, *HOPS)
        if cluster == "hc13" and wave == 4:
            away = "Host cluster hc13 does not answer: connection refused. See whether it is up."
            outcomes[host] = bad("unreachable", away)
            continue
        lane = min(range(len(ends)), key=ends.__getitem__)
        begin = max(ends[lane], (0, 0, 120, 420, 2100)[wave])
        seconds = 40 + (number * 7919) % 60 + (400 if number % 211 == 0 else 0)
        ends[lane] = begin + seconds
        if number % 97 == 5 and wave > 1:
            text = f"tenant-{number:04}-etcd-1 is not in the list"
            outcomes[host] = bad(
                "failed",
                f"vCluster {host}: 1 of 19 checks failed. etcd_members: {text}.",
                began=moment(begin),
                seconds=seconds,
                checks=checks(host, etcd_members=("fail", text)),
            )
        else:
            outcomes[host] = done(begin, seconds, checks(host))
    seen = Seen(outcomes, command=COMMAND, budgets={"3": 50, "4": 50}, at=moment(max(ends)))
    return build_report({"hosts": hosts}, seen)


def load(
    replicas: int, rate: float, wanted: int | None = None, reason: str = "", **more: Any
) -> dict[str, Any]:
    """A load as the plan file has it; `rate` is for each replica."""
    shares = {"LIST": 0.45, "GET": 0.3, "POST": 0.08, "PUT": 0.09, "PATCH": 0.06, "DELETE": 0.02}
    limits = {
        "requests": 100,
        "p99": 1.0,
        "store_p99": 0.1,
        "throttled": 0.1,
        "cpu_request": 0.5,
        "cpu": None,
        "memory_request": 536870912,
        "memory": 4294967296,
        "store_bytes": 2147483648,
    }
    return {
        "replicas": replicas,
        "seconds": 60.2,
        "requests": {verb: round(rate * replicas * part, 3) for verb, part in shares.items()},
        "throttled": 0.0,
        "p99": 0.041,
        "store_p99": 0.008,
        "inflight": 2.0,
        "store_bytes": 24300000,
        "growth": 0.0,
        "cpu": 0.14,
        "memory": 384000000,
        "before": replicas,
        "wanted": wanted,
        "reason": reason,
        **more,
        "limits": {**limits, **more.get("limits", {})},
    }


def advised(*texts: str) -> list[dict[str, str]]:
    return [
        {"guard": "advice", "severity": "warn", "what": text, "why": "", "way_out": ""}
        for text in texts
    ]


def autoscaled(count: int = 1) -> Report:
    """An adviser's run: a few that need something among many that do not."""
    busy = "167 requests/s for each replica, p99 1240 ms, above 1000"
    hosts: dict[str, Any] = {
        "shop": planned(1, "west", "scale_out", before=live("0.36.1", "1.36.3", "2/2", "3/3"))
        | {
            "load": load(
                2,
                167,
                3,
                busy,
                p99=1.24,
                store_p99=0.021,
                inflight=31.0,
                throttled=0.4,
                cpu=0.81,
                memory=1220000000,
                store_bytes=311000000,
                growth=1.7e9,
            ),
            "findings": advised("a larger CPU request: 0.81 of 0.5 cores are used."),
        }
    }
    if count > 1:
        hosts["crm"] = planned(1, "west", status="unchanged") | {
            "load": load(
                1,
                72,
                p99=0.31,
                store_p99=0.14,
                store_bytes=612000000,
                limits={"cpu_request": 0.2, "memory_request": 268435456, "store_bytes": 5368709120},
                cpu=0.45,
            ),
            "findings": advised(
                "from sqlite to etcd, which takes replicas: its database has 612 MB, its p99 is 140 ms.",
                "a larger CPU request: 0.45 of 0.2 cores are used.",
                "a larger memory request: 384 of 268 MB are used.",
            ),
        }
        held = "130 requests/s for each replica, above 100; the last change was 95 s ago, of 180"
        hosts["search"] = planned(1, "east", status="unchanged") | {
            "load": load(3, 130, 3, held, p99=0.4, cpu=0.4)
        }
        hosts["archive"] = planned(1, "east", status="unchanged") | {
            "load": load(2, 0.4, p99=None, store_bytes=1904000000, growth=3.1e8),
            "findings": advised(
                "more room for the store, its volume or its quota: 1904 of 2147 MB are used."
            ),
        }
    for number in range(len(hosts), count):
        hosts[f"team-{number:02}"] = planned(1, "west", status="unchanged") | {
            "load": load(1 + number % 3, number * 37 % 59, cpu=0.05 + number * 13 % 30 / 100)
        }
    outcomes = {"shop": {"outcome": "planned", "changed": True}}
    return build_report({"hosts": hosts}, Seen(outcomes, command=COMMAND, at=moment(80)))


def empty() -> Report:
    """A fleet that needed nothing."""
    hosts = {f"team-{number}": planned(1, "west", status="unchanged") for number in range(20)}
    return build_report({"hosts": hosts}, Seen({}, at=moment(1)))


def cut_off() -> Report:
    """One done, one in the middle, one that never had its turn."""
    hosts = {name: planned(wave, "west", *HOPS) for wave, name in enumerate("abc", 1)}
    outcomes = {"a": done(0, 60, checks("a"))}
    seen = Seen(
        outcomes, command=COMMAND, state="cut off", at=moment(90), started=frozenset({"a", "b"})
    )
    return build_report({"hosts": hosts}, seen)


def hostile() -> Report:
    """The same as `halted`, every text from outside one that wants to be more than text."""
    report = halted()
    evil = [{"id": SCRIPT, "status": "fail", "evidence": SCRIPT, "seconds": 0.1}]
    lines = tuple(
        replace(
            line,
            host=f"{SCRIPT}{number}",
            cluster=SCRIPT,
            planned=(SCRIPT,),
            message=f"{SCRIPT} ``` @all" if line.failed else line.message,
            checks=tuple(evil) if line.checks else (),
            before={"chart": SCRIPT},
            after={"chart": f"{SCRIPT}!"},
        )
        for number, line in enumerate(report.lines)
    )
    data = {**load(1, 10, 2, SCRIPT), "requests": {SCRIPT: 3.0}}
    loads = (LoadLine(SCRIPT, data, (SCRIPT,)),)
    return replace(report, lines=lines, command=SCRIPT, run=SCRIPT, at=SCRIPT, loads=loads)


ALL = {
    "halted": halted,
    "installed": installed,
    "large": large,
    "autoscaled": autoscaled,
    "autoscaled-50": lambda: autoscaled(50),
    "empty": empty,
    "cut_off": cut_off,
    "hostile": hostile,
}
