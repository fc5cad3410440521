# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find the vClusters of many host clusters at once, and say of each what an inventory wants to know."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from .._cluster.find import find_all
from .._core.errors import FleetError, Refused, Unreachable, defect
from .._core.finding import refuse
from .._core.found import Found
from .._core.observation import Observation
from .._core.spec import Access
from .._plan.inventory import spec_from
from .._plan.revisions import running_kubernetes
from .context import Context

ACCESS_OPTIONS = ("kubeconfig", "context", "api_host", "api_token", "api_ca_cert")


@dataclass(frozen=True)
class Target:
    """A host cluster to look at.

    Attributes:
        name: What messages and variables call it.
    """

    name: str
    access: Access


@dataclass(frozen=True)
class Row:
    """One vCluster that was found, fit for a cache: no secret in it.

    Attributes:
        facts: The `fleetops_*` variables.
    """

    name: str
    namespace: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Discovered:
    """What one host cluster has.

    Attributes:
        error: Why there are no rows.
    """

    target: Target
    rows: tuple[Row, ...] = ()
    error: FleetError | None = None


def target_of(options: Mapping[str, Any]) -> Target:
    """The host cluster of some options: `name` and those of ACCESS_OPTIONS.

    Raises:
        Refused: With every mistake found.
    """
    unknown = sorted(set(options) - {"name", *ACCESS_OPTIONS})
    if unknown:
        known = ", ".join(("name", *ACCESS_OPTIONS))
        what = f"{', '.join(unknown)}: a host cluster has no such option."
        raise Refused((refuse("spec", what, "", f"Known: {known}."),))
    access = {option: options[option] for option in ACCESS_OPTIONS if option in options}
    # A spec of some vCluster there: the same checks, the same name as messages give it elsewhere.
    spec = spec_from({"name": "any", "cluster": options.get("name"), **access})
    return Target(spec.cluster, spec.access)


def discover(
    targets: Sequence[Target], namespaces: Sequence[str], context: Context, seconds: float
) -> tuple[Discovered, ...]:
    """Look at all host clusters, a thread each.

    Args:
        namespaces: See `find_all`.
        seconds: How long one may take; a later one counts as unreachable.
    """
    began = time.monotonic()
    works = [_Work(target, namespaces, context) for target in targets]
    for work in works:
        work.start()
    for work in works:
        work.join(max(0.0, seconds - (time.monotonic() - began)))
    return tuple(work.result(seconds) for work in works)


class _Work(threading.Thread):
    """The look at one host cluster. A daemon: one that hangs keeps nothing from ending."""

    def __init__(self, target: Target, namespaces: Sequence[str], context: Context) -> None:
        super().__init__(daemon=True)
        self._target = target
        self._namespaces = namespaces
        self._context = context
        self._result: Discovered | None = None

    def run(self) -> None:
        self._result = self._looked()

    def _looked(self) -> Discovered:
        try:
            api = self._context.host(self._target.access).api
            found = find_all(api, self._namespaces)
            now = api.now
            rows = tuple(Row(one.name, one.namespace, facts_of(one, now)) for one in found)
        except FleetError as error:
            return Discovered(self._target, error=error)
        except Exception as error:
            return Discovered(self._target, error=FleetError(defect(error)))
        return Discovered(self._target, rows)

    def result(self, seconds: float) -> Discovered:
        late = Unreachable(
            f"It did not answer in full within {seconds:.0f} s.",
            "See whether its API server is well, or give it more time.",
        )
        return self._result or Discovered(self._target, error=late)


def facts_of(found: Found, now: datetime) -> dict[str, Any]:
    """The `fleetops_*` variables of a vCluster; none of them is an input of this collection."""
    seen = found.observation
    release = seen.release
    proved = release.proved if release else None
    return {
        "fleetops_chart_version": found.chart_version,
        "fleetops_kubernetes_version": running_kubernetes(seen) or "",
        "fleetops_store": found.store,
        "fleetops_needs_licence": found.needs_licence,
        "fleetops_replicas": _asked(seen, "control_plane"),
        "fleetops_replicas_ready": _ready(seen, "control_plane"),
        "fleetops_members": _asked(seen, "etcd"),
        "fleetops_members_ready": _ready(seen, "etcd"),
        "fleetops_created": found.created,
        "fleetops_age": _age(found.created, now),
        "fleetops_paused": bool(seen.paused),
        "fleetops_release": release.status if release else "absent",
        "fleetops_revision": release.revision if release else 0,
        "fleetops_proved": bool(release and release.applied),
        "fleetops_proved_at": proved.at.isoformat(timespec="seconds") if proved else "",
    }


def _asked(seen: Observation, component: str) -> int:
    workload = seen.workload(component)
    return workload.replicas if workload else 0


def _ready(seen: Observation, component: str) -> int:
    workload = seen.workload(component)
    return workload.current if workload else 0


def _age(created: str, now: datetime) -> int:
    """Seconds since then by the host cluster's clock (G55); 0 when it is not known."""
    if not created:
        return 0
    moment = datetime.fromisoformat(created)
    return max(0, int((now - moment.astimezone(UTC)).total_seconds()))
