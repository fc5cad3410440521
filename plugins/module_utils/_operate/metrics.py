# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state of a fleet, and its last proof, in the OpenMetrics text format (openmetrics.io, 1.0)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .plan_fleet import Entry
from .status import STATES, Status

CONTENT_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PREFIX = "fleetops_vcluster_"


@dataclass(frozen=True)
class Gauge:
    """One metric.

    Attributes:
        value: Of a vCluster; None leaves it out.
    """

    name: str
    help: str
    value: Callable[[Status], float | None]
    unit: str = ""


def _stamp(moment: datetime | None) -> float | None:
    return moment.timestamp() if moment else None


def _if_there(count: int, status: Status) -> float | None:
    """A count of something that was looked at."""
    return None if status.error else count


GAUGES = (
    Gauge("replicas", "Control-plane replicas asked for.", lambda s: _if_there(s.replicas, s)),
    Gauge("replicas_ready", "Those ready on the newest template.", lambda s: _if_there(s.ready, s)),
    Gauge("members", "Members of the deployed etcd asked for.", lambda s: _if_there(s.members, s)),
    Gauge("members_ready", "Those ready.", lambda s: _if_there(s.members_ready, s)),
    Gauge("revision", "Newest revision of the Helm release.", lambda s: _if_there(s.revision, s)),
    Gauge(
        "leader_age_seconds",
        "Time since the leader renewed its Lease.",
        lambda s: s.leader_age,
        "seconds",
    ),
    Gauge(
        "proved_timestamp_seconds",
        "When the last proof of the running revision passed.",
        lambda s: _stamp(s.proved_at),
        "seconds",
    ),
    Gauge(
        "certificates_end_timestamp_seconds",
        "When the first serving certificate ends, as the last proof read it.",
        lambda s: _stamp(s.certificates_end),
        "seconds",
    ),
    Gauge(
        "store_care_due",
        "1 where the store was due for care at the last proof of the running revision.",
        lambda s: float(bool(s.care)) if s.proved_at else None,
    ),
)


def openmetrics(found: Sequence[Status]) -> str:
    """All metrics of a fleet; ages and moments are by the host clusters' clocks."""
    lines = [*_info(found), *_state(found)]
    for gauge in GAUGES:
        lines += _head(gauge.name, "gauge", gauge.help, gauge.unit)
        for status in found:
            value = gauge.value(status)
            if value is not None:
                lines.append(f"{PREFIX}{gauge.name}{_labels(status)} {value:.13g}")
    return "\n".join([*lines, "# EOF", ""])


def proof_openmetrics(results: Mapping[str, Mapping[str, Any]], entries: Iterable[Entry]) -> str:
    """Which checks of the last proof passed; what was skipped, or could not be looked at, is left out.

    Args:
        results: Of module `verify`, by inventory host.
        entries: Those that were asked for.
    """
    lines = _head("check_passed", "gauge", "Whether a check of the last proof passed.")
    specs = {entry.host: entry.spec for entry in entries if entry.spec}
    for host, result in results.items():
        for check in result.get("checks") or ():
            if host in specs and check["status"] != "skip":
                where = _place(host, specs[host].namespace, specs[host].cluster)
                labels = _written({**where, "check": check["id"]})
                lines.append(f"{PREFIX}check_passed{labels} {int(check['status'] != 'fail')}")
    return "\n".join([*lines, "# EOF", ""])


def _info(found: Iterable[Status]) -> Iterable[str]:
    yield from _head("versions", "info", "What runs.")
    for status in found:
        labels = _labels(
            status, chart=status.chart, kubernetes=status.kubernetes, release=status.release
        )
        yield f"{PREFIX}versions_info{labels} 1"


def _state(found: Iterable[Status]) -> Iterable[str]:
    yield from _head("state", "stateset", "The state; one of them is 1.")
    for status in found:
        for state in STATES:
            labels = _labels(status, fleetops_vcluster_state=state)
            yield f"{PREFIX}state{labels} {int(state == status.state)}"


def _head(name: str, kind: str, words: str, unit: str = "") -> list[str]:
    lines = [f"# TYPE {PREFIX}{name} {kind}"]
    if unit:
        lines.append(f"# UNIT {PREFIX}{name} {unit}")
    return [*lines, f"# HELP {PREFIX}{name} {words}"]


def _labels(status: Status, **more: str) -> str:
    return _written({**_place(status.host, status.namespace, status.cluster), **more})


def _place(host: str, namespace: str, cluster: str) -> dict[str, str]:
    return {"vcluster": host, "namespace": namespace, "host_cluster": cluster}


def _written(labels: Mapping[str, str]) -> str:
    inner = ",".join(f'{name}="{_escaped(text)}"' for name, text in labels.items())
    return f"{{{inner}}}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
