# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""etcd that the chart deploys as a StatefulSet NAME-etcd beside the control plane."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

from .._core.backend_etcd import METRICS_PORT
from .._core.care import Condition
from .._core.check import CheckResult
from .._core.finding import Finding, refuse, warn
from .._core.lines.line import MetricsPaths
from .._core.observation import MemberList, Observation, Pod
from .._core.plan import Members, Step
from .._core.ports import Json, Reach
from .._core.quantity import quantity
from .._core.scrape import Scrape
from .._core.snapshot import Way
from .._core.spec import Spec
from .base import (
    BACKING_STORE,
    MOST_CLAIMS,
    REPLICAS,
    Usual,
    at,
    claim_values,
    number,
    tree,
    truthy,
    without,
)
from .etcd_care import MemberCare, condition_of, metrics_of
from .etcd_checks import member_checks
from .etcd_members import MemberWork
from .etcd_seats import Seats, claim_of, listed
from .findings import even_count, unknown_options
from .key_refill import forget, held, replace_keys, write
from .raising import Raising, raise_by_file
from .refill import Refill, refill_members
from .source import Source, healthy_member, surviving_member, well_member
from .store import Options, Path, Values
from .work import Upkeep, Work

DEPLOY = (*BACKING_STORE, "etcd", "deploy")
STATEFUL_SET = (*DEPLOY, "statefulSet")
MEMBERS = (*STATEFUL_SET, "highAvailability", "replicas")
EXTRA_ARGS = (*STATEFUL_SET, "extraArgs")
QUOTA, DEFAULT_QUOTA = "quota-backend-bytes", "2Gi"  # etcd 3.5 and 3.6; the chart sets none
EXISTING = "--initial-cluster-state=existing"
CLAIM = (*STATEFUL_SET, "persistence", "volumeClaim")
_OPTIONS = ("members", "size", "storage_class", "persistence", "resources")


class EtcdDeployed(Usual):
    """See Store."""

    type = "etcd_deployed"
    way: Way | None = "etcd"
    member_paths: tuple[Path, ...] = (MEMBERS, EXTRA_ARGS)
    version_path: Path | None = (*STATEFUL_SET, "image", "tag")

    def room(self, values: Values) -> list[str]:
        """See Store."""
        size = at(values, *CLAIM, "size")
        claimed = truthy(at(values, *CLAIM, "enabled")) and size
        return [*_quota(values), *([str(size)] if claimed else [])]

    def enabled(self, values: Values) -> bool:
        """See Store."""
        return truthy(at(values, *DEPLOY, "enabled"))

    def values(self, name: str, options: Options) -> dict[str, Any]:
        """See Store."""
        return tree(
            ((*DEPLOY, "enabled"), True),
            (MEMBERS, options.get("members")),
            ((*STATEFUL_SET, "resources"), options.get("resources")),
            *claim_values(CLAIM, options),
        )

    def options_in(self, values: Values) -> dict[str, Any] | None:
        """See Store."""
        members = at(values, *MEMBERS)
        return {"members": members} if isinstance(members, int) else {}

    def option_findings(self, options: Options) -> list[Finding]:
        """See Store."""
        return unknown_options(self.type, _OPTIONS, options)

    def findings(self, values: Values) -> list[Finding]:
        """G02, G07, G59, G62 on the members."""
        members = self.members(values)
        found = even_count(members, "etcd members")
        if at(values, *STATEFUL_SET, "enabled") is False:
            found.append(
                refuse(
                    "G59",
                    "backingStore.etcd.deploy is on and its statefulSet.enabled is off.",
                    "The chart takes it, and the control plane dials an etcd that is not there.",
                    "Remove the value.",
                )
            )
        if not truthy(at(values, *CLAIM, "enabled")) and not at(
            values, *STATEFUL_SET, "persistence", "volumeClaimTemplates"
        ):
            found.append(
                refuse(
                    "G02",
                    "The etcd members have no volumes (volumeClaim.enabled is off).",
                    "A member's data is gone when its pod moves.",
                    "Leave persistence on, or set vcluster_allow: [G02].",
                )
            )
        replicas = number(at(values, *REPLICAS))
        if replicas > 1 and members == 1:
            found.append(
                warn(
                    "G62",
                    f"{replicas} replicas stand on one etcd member.",
                    "They look highly available and are not.",
                    "Set vcluster_store.members to 3.",
                )
            )
        return found

    def change_findings(self, live: Values, values: Values) -> list[Finding]:
        """G12: the volumes of live members cannot be changed by values."""
        return _volume_findings(live, values)

    def members(self, values: Values) -> int:
        """See Store."""
        return number(at(values, *MEMBERS))

    def claims(self, name: str, members: int) -> list[str]:
        """See Store."""
        return [claim_of(f"{name}-etcd-{number}") for number in range(members)]

    def keeps_members(self, values: Values) -> bool:
        """See Store."""
        return _has_volumes(values)

    def joined(self, values: Values) -> bool:
        """See Store."""
        return EXISTING in (at(values, *EXTRA_ARGS) or ())

    def joining(self, values: Values) -> list[tuple[Path, Any]]:
        """See Store: without it they would begin a cluster of their own (G05), also when they come again later.

        The last one of several flags counts; the chart writes `new` first (0.30 to 0.36, etcd-statefulset.yaml).
        """
        asked = at(values, *EXTRA_ARGS) or []
        return [(EXTRA_ARGS, [*(arg for arg in asked if arg != EXISTING), EXISTING])]

    def listed(self, spec: Spec, observation: Observation, reach: Reach) -> MemberList | None:
        """See Store: where a count differs, a pod is not ready, or the last proof is not of this revision."""
        etcd, release = observation.workload("etcd"), observation.release
        if etcd is None or release is None:
            return None
        asked = spec.store.options.get("members") if spec.store else None
        if release.finished and etcd.settled and asked == etcd.replicas:
            return None
        return listed(Seats(spec.namespace, etcd.name), etcd.replicas, reach.member)

    def as_new(self, values: Values) -> dict[str, Any]:
        """See Store: the first members of a cluster have nobody to join."""
        result = copy.deepcopy(dict(values))
        if self.joined(values):
            args = at(values, *EXTRA_ARGS)
            at(result, *STATEFUL_SET)["extraArgs"] = [arg for arg in args if arg != EXISTING]
        return result

    def left(self, values: Values) -> dict[str, Any]:
        """See Store."""
        return without(values, DEPLOY)

    def data_claims(self, name: str) -> list[str]:
        """See Store."""
        return self.claims(name, MOST_CLAIMS)

    def servers(self, name: str) -> tuple[tuple[str, str], ...]:
        """See Store."""
        own = f"{name}-etcd"
        return (("Service", own), ("Service", f"{own}-headless"), ("StatefulSet", own))

    def empty(self, spec: Spec, values: Values, reach: Reach) -> bool:
        """See Store. None of its members has to be well for long: they were made a moment ago."""
        with well_member(self._wanted(spec, values), reach.member) as (_name, etcd):
            return not held(etcd)

    def raise_revision(self, spec: Spec, values: Values, revision: int, refill: Raising) -> None:
        """See Store: by etcd's own tool, on every member's claim."""
        with well_member(self._wanted(spec, values), refill.reach.member) as (_name, etcd):
            raise_by_file(spec.namespace, f"{spec.name}-etcd", etcd, revision, refill)

    def change_members(self, spec: Spec, change: Members, work: Work) -> MemberWork:
        """See Store."""
        return MemberWork(_seats(spec), change, work)

    def objects(self, spec: Spec, values: Values) -> list[Json]:
        """A PodDisruptionBudget for the members (G42): the chart has one for the control plane only."""
        if self.members(values) < 2 or spec.defaults.disruption_budgets is False:
            return []
        name = f"{spec.name}-etcd"
        labels = {"app": "vcluster-etcd", "release": spec.name}
        return [
            {
                "apiVersion": "policy/v1",
                "kind": "PodDisruptionBudget",
                "metadata": {"name": name, "namespace": spec.namespace, "labels": labels},
                "spec": {"maxUnavailable": 1, "selector": {"matchLabels": labels}},
            }
        ]

    def scrapes(self, name: str, values: Values, paths: MetricsPaths) -> tuple[Scrape, ...]:
        """See Store. Plain http, to anyone (0.36.1, etcd-statefulset.yaml: --listen-metrics-urls)."""
        labels = {"app": "vcluster-etcd", "release": name}
        return (Scrape("etcd", "etcd", labels, METRICS_PORT, container="etcd"),)

    def checks(
        self,
        spec: Spec,
        observation: Observation,
        pods: Sequence[Pod],
        reach: Reach,
        values: Values,
    ) -> list[CheckResult]:
        """See etcd_checks. Every member is asked, those too whose StatefulSet is gone: the release counts them."""
        return member_checks(self._wanted(spec, values), _names(pods), reach.member)

    def condition(
        self,
        spec: Spec,
        observation: Observation,
        pods: Sequence[Pod],
        reach: Reach,
        values: Values,
        *,
        closely: bool = False,
    ) -> Condition | None:
        """See Store."""
        names = self._wanted(spec, values)
        (quota,) = _quota(values) or (DEFAULT_QUOTA,)
        wanted = {claim_of(name) for name in names}
        sizes = [quantity(c.size) or 0 for c in observation.claims if c.name in wanted]
        bounds = {"quota": int(quantity(quota) or 0), "volume": int(min(sizes, default=0))}
        metrics = metrics_of(spec.namespace, reach) if closely else None
        return condition_of(names, _names(pods), reach, metrics=metrics, **bounds)

    def tend(self, spec: Spec, observation: Observation, step: Step, upkeep: Upkeep) -> None:
        """See Store."""
        values = observation.live_values
        (quota,) = _quota(values) or (DEFAULT_QUOTA,)
        names = self._wanted(spec, values)
        care = MemberCare(
            spec.title,
            names,
            lambda: _names(upkeep.pods()),
            upkeep.reach,
            int(quantity(quota) or 0),
            upkeep,
        )
        care.carry_out(step)

    def _wanted(self, spec: Spec, values: Values) -> list[str]:
        """Pods of the members that there should be."""
        return list(map(_seats(spec).pod, range(max(1, self.members(values)))))

    def source(
        self, spec: Spec, pods: Sequence[Pod], reach: Reach, values: Values
    ) -> AbstractContextManager[Source]:
        """See Store."""
        return healthy_member(_names(pods), reach.member)

    def survivor(
        self, spec: Spec, observation: Observation, reach: Reach, values: Values
    ) -> AbstractContextManager[Source]:
        """See Store. A member whose claim is gone is lost, and one whose own log says so."""
        names = self._wanted(spec, values)
        claims = {claim.name for claim in observation.claims}
        gone = {name for name in names if claim_of(name) not in claims}
        told = set(map(_seats(spec).pod, observation.lost_members))
        return surviving_member(names, gone | told, reach.member)

    def takes(self, way: Way) -> Way:
        """See Store."""
        return "etcd" if way == "etcd" else "keys"

    def refill(self, spec: Spec, values: Values, refill: Refill) -> None:
        """See Store. The data of an etcd by etcd's own tool, any other key by key."""
        if refill.way == "etcd":
            members = max(1, self.members(values))
            refill_members(spec.namespace, f"{spec.name}-etcd", members, refill, refill.raise_by)
        else:
            with well_member(_names(refill.pods()), refill.reach.member) as (name, etcd):
                replace_keys(f"etcd member {name}", etcd, refill)
        refill.compare()
        with well_member(_names(refill.pods()), refill.reach.member) as (_name, etcd):
            write(etcd, refill.changes())
            if refill.way != "etcd":
                forget(etcd)


def _names(pods: Sequence[Pod]) -> list[str]:
    """The pods of the members."""
    return [pod.name for pod in pods if pod.component == "etcd"]


def _volume_findings(live: Values, values: Values) -> list[Finding]:
    """A StatefulSet cannot gain or lose its volume claim templates."""
    if _has_volumes(live) == _has_volumes(values):
        return []
    return [
        refuse(
            "G12",
            f"{'.'.join(CLAIM)}.enabled would change on the StatefulSet of the etcd members.",
            "Their volumes are immutable: Helm would stop half-way.",
            "Put vcluster_store.persistence back as it runs.",
        )
    ]


def _seats(spec: Spec) -> Seats:
    return Seats(spec.namespace, f"{spec.name}-etcd")


def _quota(values: Values) -> list[str]:
    """The size at which etcd takes no more writes, said in one argument or in two; empty where it is not understood."""
    said = "0"  # stands for the default; of several the last one counts
    arguments = map(str, at(values, *EXTRA_ARGS) or ())
    for argument in arguments:
        name, joined, value = argument.partition("=")
        if name in (f"--{QUOTA}", f"-{QUOTA}"):
            said = value if joined else next(arguments, "")
    if not said.isdecimal():
        return []
    return [said if int(said) else DEFAULT_QUOTA]


def _has_volumes(values: Values) -> bool:
    """0.36.1, templates/etcd-statefulset.yaml: here any value that is not empty counts as on."""
    templates = at(values, *STATEFUL_SET, "persistence", "volumeClaimTemplates")
    return bool(templates or at(values, *CLAIM, "enabled"))
