# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state of every vCluster from the light pass alone: nothing is read in full, nothing is planned."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from .._core.migration import Phase
from .._core.observation import STUCK, Observation
from .checks.certificates import WARN_DAYS
from .plan_fleet import Entry
from .render import live_as_data, table

COLUMNS = ("CHART", "K8S", "READY", "ETCD", "LEADER", "PROVED", "CERTS", "STATE")
# Worst first: the state is the first of these that is true.
STATES = (
    "unreachable",
    "failed",
    "refused",
    "absent",
    "paused",
    "needs repair",
    "not ready",
    "no leader",
    "not proved",
    "proved",
)


@dataclass(frozen=True)
class Status:
    """One vCluster.

    Attributes:
        cluster: Host cluster.
        state: One of STATES.
        release: Helm's word for the newest revision; `absent` without one.
        chart, kubernetes: Running versions; empty when unknown.
        replicas, ready: Control-plane replicas asked for, and those ready on the newest template.
        members, members_ready: The same of the deployed etcd; 0 without one.
        leader_age: Seconds since the leader renewed its Lease; None where one replica elects nobody.
        proved_at: When the last proof of this revision passed.
        certificates_end: When the first certificate ends, as that proof read it.
        care: What its store was due for then, in words; empty for nothing.
        moving: The stores that it is on its way between, such as `sqlite -> etcd_deployed`; empty for none.
        kept: Type of the store that it left, which still has what it held; empty for none.
        seen_at: The host cluster's clock when it was asked.
        error: Why it could not be looked at; empty when it could.
    """

    host: str
    cluster: str
    namespace: str
    state: str
    release: str = "absent"
    revision: int = 0
    chart: str = ""
    kubernetes: str = ""
    replicas: int = 0
    ready: int = 0
    members: int = 0
    members_ready: int = 0
    leader_age: float | None = None
    proved_at: datetime | None = None
    certificates_end: datetime | None = None
    care: str = ""
    moving: str = ""
    kept: str = ""
    seen_at: datetime | None = None
    error: str = ""

    @property
    def proof_age(self) -> timedelta | None:
        """Time since the last proof."""
        return self.seen_at - self.proved_at if self.seen_at and self.proved_at else None

    @property
    def certificates_left(self) -> timedelta | None:
        """Time until the first certificate ends; negative when it has."""
        end = self.certificates_end
        return end - self.seen_at if self.seen_at and end else None

    @property
    def certificates_end_soon(self) -> bool:
        """Whether somebody should look at them."""
        left = self.certificates_left
        return left is not None and left < timedelta(days=WARN_DAYS)


def status_of(entry: Entry) -> Status:
    """The state of one vCluster of a light pass."""
    seen, spec = entry.observation, entry.spec
    live = live_as_data(seen)
    plane, etcd = seen.workload("control_plane"), seen.workload("etcd")
    proved = seen.release.proved if seen.release else None
    noted = seen.migration
    moved = noted is not None and noted.phase is Phase.DONE
    return Status(
        host=entry.host,
        cluster=spec.cluster if spec else "",
        namespace=spec.namespace if spec else "",
        state=entry.error.outcome if entry.error else _state(seen),
        release=live["release"],
        revision=live["revision"],
        chart=live["version"],
        kubernetes=live["kubernetes"],
        replicas=plane.replicas if plane else 0,
        ready=plane.current if plane else 0,
        members=etcd.replicas if etcd else 0,
        members_ready=etcd.current if etcd else 0,
        leader_age=seen.leader.age if seen.leader else None,
        proved_at=proved.at if proved else None,
        certificates_end=proved.certificates_end if proved else None,
        care=proved.care if proved else "",
        moving=f"{noted.source} -> {noted.target}" if noted and not moved else "",
        kept=noted.source if noted and moved else "",
        seen_at=seen.seen_at,
        error=str(entry.error) if entry.error else "",
    )


def _state(seen: Observation) -> str:
    release, plane = seen.release, seen.workload("control_plane")
    if release is None:
        return "absent"
    if seen.paused:
        return "paused"
    if release.status in STUCK or release.status == "failed":
        return "needs repair"
    if plane is None or not all(workload.settled for workload in seen.workloads):
        return "not ready"
    if plane.replicas > 1 and not (seen.leader and seen.leader.fresh):
        return "no leader"
    return "proved" if release.applied else "not proved"


def status_table(found: Iterable[Status]) -> str:
    """A line for each vCluster, those of one host cluster together, in 80 columns."""
    groups: dict[str, list[Status]] = {}
    shown = tuple(found)
    for status in shown:
        groups.setdefault(status.cluster, []).append(status)
    rows: list[tuple[str, ...]] = []
    for cluster, members in groups.items():
        rows.append((cluster or "no host cluster", *COLUMNS))
        rows += [_row(status) for status in members]
    if not rows:
        return "No host of the play is a vCluster."
    return "\n".join([*table(rows), *_ending(shown)])


def _ending(found: Sequence[Status]) -> Iterator[str]:
    """Lines about certificates that end soon (G36), stores that are due for care (G43, G44), and those that moved."""
    soon = [status for status in found if status.certificates_end_soon]
    if soon:
        yield f"Certificates end within {WARN_DAYS} days: {', '.join(s.host for s in soon)}"
        yield "fleetops.vcluster.certificates renews them."
    due = [status for status in found if status.care]
    if due:
        yield f"Stores due for care: {', '.join(s.host for s in due)}"
        yield "fleetops.vcluster.maintenance --check tells for what, and without it does that."
    moving = [f"{status.host} ({status.moving})" for status in found if status.moving]
    if moving:
        yield f"On the way to another store: {', '.join(moving)}"
        yield "Where no run is at it, the next fleetops.vcluster.site goes on, or back."
    kept = [f"{status.host} ({status.kept})" for status in found if status.kept]
    if kept:
        yield f"Stores that were left, and kept: {', '.join(kept)}"
        yield "fleetops.vcluster.retire_source gives them up."


def _row(status: Status) -> tuple[str, ...]:
    cells = (
        status.chart,
        status.kubernetes,
        f"{status.ready}/{status.replicas}" if status.replicas else "",
        f"{status.members_ready}/{status.members}" if status.members else "",
        _short(timedelta(seconds=status.leader_age)) if status.leader_age is not None else "",
        _short(status.proof_age),
        _short(status.certificates_left),
        status.state,
    )
    return (f"  {status.host}", *(cell or "-" for cell in cells))


def _short(span: timedelta | None) -> str:
    """A span of time in its largest unit, such as `3d`."""
    if span is None:
        return ""
    seconds = span.total_seconds()
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if abs(seconds) >= size:
            return f"{int(seconds / size)}{unit}"
    return f"{seconds:.0f}s"


def status_data(found: Iterable[Status]) -> list[dict[str, Any]]:
    """For JSON; moments as RFC 3339."""
    return [
        {
            key: value.isoformat(timespec="seconds") if isinstance(value, datetime) else value
            for key, value in asdict(status).items()
        }
        for status in found
    ]
