# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks of kine and the database behind it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

from .._core.care import MIB, Condition, Latency, Part
from .._core.check import CheckResult
from .._core.databases import SqlState
from .._core.errors import FleetError
from .._core.load import latency_of
from .._core.observation import Workload
from .._core.ports import Reach
from .._core.spec import Spec

METRICS_PORT = 8080  # of kine's pods; plain HTTP (roles/backend_database)
HISTOGRAM = "kine_sql_time_seconds"
# The API server compacts every five minutes, up to where it was five minutes before (Kubernetes,
# --etcd-compaction-interval): so much lag is more than 150 writes a second for ten minutes.
LAG = 100_000
# Create() hides the error of the INSERT when the key is not there, so a write that a database refused is acknowledged:
# seen with 0.17.5, and in the sources of these releases (pkg/logstructured/logstructured.go); not in those before.
LOSING = ("0.17.3", "0.17.4", "0.17.5")
_TAGS = tuple(f":v{release}" for release in LOSING)
BUSY = 0.8  # share of the connections


def kine_pods(found: Workload | None) -> list[CheckResult]:
    """`kine`: all of its pods serve, and there are two at least."""
    if found is None:
        return [CheckResult("kine", "fail", "its Deployment does not exist")]
    shown = f"{found.kind} {found.name} {found.ready}/{found.replicas}"
    if losing := [image for image in found.images.values() if image.endswith(_TAGS)]:
        why = "acknowledges writes that the database refused"
        return [CheckResult("kine", "fail", f"{shown}: {losing[0]} {why}; use 0.17.2")]
    if not found.settled:
        return [CheckResult("kine", "fail" if not found.ready else "warn", f"{shown} ready")]
    if found.replicas < 2:
        return [
            CheckResult("kine", "warn", f"{shown}: without a second one each restart is an outage")
        ]
    return [CheckResult("kine", "pass", shown)]


def sql_checks(spec: Spec, state: SqlState) -> list[CheckResult]:
    """What the server said."""
    return [
        _server(state),
        _owner(spec, state),
        _compaction(state),
        CheckResult("sql_size", "pass", f"{state.size // MIB} MiB, about {state.rows:,} rows"),
        _connections(state),
    ]


def kine_latencies(endpoint: str, reach: Reach) -> Iterator[Latency]:
    """How long its statements take, as each of kine's pods counts since it was started; one that is silent is left out.

    Args:
        endpoint: Of kine's Service.
    """
    for backend in reach.behind(endpoint):
        with suppress(FleetError):
            yield from kine_latency(backend.pod, reach.metrics(replace(backend, port=METRICS_PORT)))


def kine_latency(name: str, text: str) -> Iterator[Latency]:
    """How long the statements of one kine take, by its metrics; none where it has not counted enough.

    Args:
        name: Of its pod.
    """
    seconds = latency_of(text, HISTOGRAM)
    if seconds is not None:
        yield Latency(name, "sql", seconds)


def condition_of(title: str, state: SqlState) -> Condition:
    """How the database is, for its care."""
    table = Part("table kine", state.size, state.size)
    connections = f"{state.connections} of {state.limit} connections are open"
    return Condition(
        title,
        parts=(table,),
        revision=state.revision,
        compacted=state.compacted,
        trouble="" if state.writable else f"{state.server} takes no writes",
        advice=(connections,) if _busy(state) else (),
    )


def _server(state: SqlState) -> CheckResult:
    """`sql`: it answers, and takes writes."""
    if not state.writable:
        return CheckResult("sql", "fail", f"{state.server} takes no writes: it is read-only")
    return CheckResult("sql", "pass", f"{state.server}, revision {state.revision}")


def _owner(spec: Spec, state: SqlState) -> CheckResult:
    """`sql_owner`: the mark in the database is of this vCluster."""
    if not state.owner:
        return CheckResult("sql_owner", "warn", "the database has no mark of whose it is")
    if not made_for(spec, state):
        return CheckResult("sql_owner", "fail", f"the database is that of {state.owner}")
    return CheckResult("sql_owner", "pass", f"marked for {state.owner}")


def _compaction(state: SqlState) -> CheckResult:
    """`sql_compaction`: what was replaced is removed (G44)."""
    lag = state.revision - state.compacted
    told = f"{lag:,} revisions since the last compaction"
    if lag > LAG:
        return CheckResult("sql_compaction", "warn", f"{told}: see the log of the API server")
    return CheckResult("sql_compaction", "pass", told)


def _connections(state: SqlState) -> CheckResult:
    """`sql_connections`: those of kine's user, and the most it may have."""
    if not state.limit:
        return CheckResult("sql_connections", "pass", f"{state.connections}, without a limit")
    told = f"{state.connections} of {state.limit}"
    return CheckResult("sql_connections", "warn" if _busy(state) else "pass", told)


def made_for(spec: Spec, state: SqlState) -> bool:
    """Whether the mark in the database is of this vCluster."""
    return state.owner.split(" ")[0] == f"{spec.namespace}/{spec.name}"


def _busy(state: SqlState) -> bool:
    return bool(state.limit) and state.connections >= BUSY * state.limit
