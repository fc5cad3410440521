# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From what there is of an etcd of our own to what is asked for: the steps, or why there are none."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from .._core.backend_etcd import MOST, EtcdSpec, SeenEtcd
from .._core.errors import Refused
from .._core.finding import Finding, refuse
from .._core.plan import Change, Disruption, Growth, Kind, Members, Step, Turn
from .._core.quantity import quantity
from .._core.spec import Spec
from .._core.versions import Version, version_of
from .._stores.etcd_seats import claim_of
from .._stores.findings import even_count
from .._stores.registry import endpoint_of
from .access import access_findings, access_of, cluster_name
from .guards.lift import lifted
from .membership import Course, course

# The chart's etcd begins with /livez and /readyz, which 3.5 has since this patch.
OLDEST = Version((3, 5, 11))
# A member of 3.6 takes no data of an older 3.5 than this (etcd.io, upgrade to 3.6).
BEFORE_3_6 = Version((3, 5, 20))
RESTART = 15  # seconds that one member is away for, estimated
_NAME = re.compile(r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?")
_RETENTION = re.compile(r"[1-9]\d*[smh]?")
_AS_THEY_ARE = (
    "members",
    "size",
    "storage_class",
    "image",
    "version",
    "quota",
    "compaction",
    "resources",
    "service_type",
    "service_annotations",
    "issuer",
    "days",
    "renew_before",
)
_ACCESS = ("kubeconfig", "context", "api_host", "api_token", "api_ca_cert")


def etcd_from(spec: Spec, options: Mapping[str, Any]) -> EtcdSpec:
    """The etcd of a vCluster that some options ask for.

    Args:
        options: Those of the argument `etcd`, None counting as not given.

    Raises:
        Refused: With every mistake found.
    """
    given = {name: value for name, value in options.items() if value is not None}
    elsewhere = {name: given[name] for name in _ACCESS if name in given}
    access = access_of(elsewhere) if elsewhere else spec.access
    etcd = EtcdSpec(
        owner=f"{spec.namespace}/{spec.name}",
        cluster=given.get("cluster") or (cluster_name(access) if elsewhere else spec.cluster),
        access=access,
        name=given.get("name", f"{spec.name}-store"),
        namespace=given.get("namespace", spec.namespace),
        hosts=tuple(given.get("hosts", ())),
        pull_secrets=spec.pull_secrets or (),
        **{
            **({"image": f"{spec.image_registry}/etcd"} if spec.image_registry else {}),
            **{name: given[name] for name in _AS_THEY_ARE if name in given},
        },
    )
    found = [*access_findings(elsewhere), *_option_findings(etcd), *_store_findings(spec, etcd)]
    if refused := [one for one in lifted(found, spec.allow) if one.severity == "refuse"]:
        raise Refused(tuple(refused))
    return etcd


def _option_findings(etcd: EtcdSpec) -> Iterator[Finding]:
    if not _NAME.fullmatch(etcd.name):
        form = "It is the name of a StatefulSet: a to z, 0 to 9 and -, a letter first, 40 characters at most."
        yield refuse("spec", f"etcd.name is {etcd.name!r}.", "", form)
    if not 1 <= etcd.members <= MOST:
        yield refuse("spec", f"etcd.members is {etcd.members}: it is 1 to {MOST}.")
    yield from even_count(etcd.members, "etcd members")
    size, quota = quantity(etcd.size), quantity(etcd.quota)
    for name, text, number in (("size", etcd.size, size), ("quota", etcd.quota, quota)):
        if number is None or number <= 0:
            yield refuse("spec", f"etcd.{name} is {text!r}.", "", "It looks like 8Gi.")
    if size and quota and quota > size:
        yield refuse(
            "G43",
            f"etcd.quota {etcd.quota} is more than etcd.size {etcd.size}.",
            "The volume would be full before etcd refuses writes.",
            "Leave room for its log and for defragmentation.",
        )
    if not _RETENTION.fullmatch(etcd.compaction):
        yield refuse("spec", f"etcd.compaction is {etcd.compaction!r}.", "", "It looks like 1h.")
    version = version_of(etcd.version)
    if version is None:
        yield refuse("spec", f"etcd.version is {etcd.version!r}.", "", "It looks like 3.6.8-0.")
    elif version.numbers < OLDEST.numbers:
        yield refuse("spec", f"etcd.version {etcd.version} is older than {OLDEST}.")
    if etcd.issuer and not etcd.issuer.get("name"):
        yield refuse("spec", "etcd.issuer has no name.")


def _store_findings(spec: Spec, etcd: EtcdSpec) -> Iterator[Finding]:
    """The vCluster's own variables name another store than this one."""
    endpoint = endpoint_of(spec)
    same = {etcd.endpoint, etcd.endpoint.replace(":", ".svc:")}
    same |= {f"{host}:2379" for host in etcd.hosts}
    if etcd.namespace == spec.namespace:
        same.add(f"{etcd.name}:2379")
    if (
        endpoint
        and etcd.service_type == "ClusterIP"
        and endpoint.removeprefix("https://") not in same
    ):
        yield refuse(
            "spec",
            f"vcluster_store.endpoint is {endpoint}, and this etcd is at {etcd.endpoint}.",
            "The vCluster would not use it.",
            "Set the endpoint, or etcd.name and etcd.namespace.",
        )


def findings(etcd: EtcdSpec, seen: SeenEtcd) -> tuple[Finding, ...]:
    """Why nothing is done."""
    found = [*_owners(etcd, seen), *_claims(etcd, seen), *_version(etcd, seen)]
    if not found and seen.workload and not seen.begun:
        found += _members(etcd, seen)
    return tuple(found)


def _owners(etcd: EtcdSpec, seen: SeenEtcd) -> Iterator[Finding]:
    if seen.strangers:
        yield refuse(
            "spec",
            f"{etcd.title}: somebody else made {', '.join(seen.strangers)}.",
            "They are not overwritten.",
            "Choose another etcd.name.",
        )
    others = {owner for owner in seen.owners.values() if owner != etcd.owner}
    if others:
        yield refuse(
            "spec",
            f"{etcd.title} holds the data of vCluster {', '.join(sorted(others))}, not of {etcd.owner}.",
            "Two vClusters on one store read and delete each other's keys.",
            "Give each a store of its own: choose another etcd.name.",
        )


def _claims(etcd: EtcdSpec, seen: SeenEtcd) -> Iterator[Finding]:
    """G12: claims do not shrink nor change class. G14: claims without StatefulSet."""
    if seen.workload:
        asked, there = quantity(etcd.size), quantity(seen.size)
        if asked is not None and there is not None and asked < there:
            what = f"{etcd.title}: etcd.size would go from {seen.size} down to {etcd.size}."
            yield refuse("G12", what, "Claims never shrink.", f"Set it to {seen.size}.")
        if etcd.storage_class and etcd.storage_class != seen.storage_class:
            yield refuse(
                "G12",
                f"{etcd.title}: etcd.storage_class would go from {seen.storage_class} to {etcd.storage_class}.",
                "The claims of a StatefulSet keep their class.",
                "Leave it as it is.",
            )
        return
    strangers = sorted(name for name, owner in seen.claims.items() if owner != etcd.owner)
    if strangers:
        yield refuse(
            "G14",
            f"{etcd.title}: claims of somebody else's are there: {', '.join(strangers)}.",
            "Their data would come back to life.",
            "Delete them where nobody needs them, or choose another etcd.name.",
        )
    elif seen.claims and len(seen.claims) != etcd.members:
        yield refuse(
            "G14",
            f"{etcd.title}: its StatefulSet is gone, and the claims of {len(seen.claims)} members are there.",
            f"They hold the data of the vCluster; {etcd.members} members would not be the same cluster.",
            f"Set etcd.members to {len(seen.claims)}, or delete the claims to begin without data.",
        )


def _version(etcd: EtcdSpec, seen: SeenEtcd) -> Iterator[Finding]:
    """G18: never down, one minor at a time, to 3.6 from a 3.5 that it understands."""
    now, then = _running(seen), version_of(etcd.version)
    if now is None or then is None or now == then:
        return
    what = f"{etcd.title}: etcd would go from {now} to {then}."
    if then.numbers < now.numbers:
        yield refuse("G18", what, "It does not go down: its data would not be read.", "Restore.")
    elif then.minor not in (now.minor, (now.minor[0], now.minor[1] + 1)):
        yield refuse("G18", what, "It takes one minor at a time.", "Go over each minor.")
    elif now.minor == (3, 5) and then.minor == (3, 6) and now.numbers < BEFORE_3_6.numbers:
        way = f"Go to {BEFORE_3_6} or later within 3.5 first."
        yield refuse("G18", what, f"3.6 takes the data of {BEFORE_3_6} or later.", way)


def _members(etcd: EtcdSpec, seen: SeenEtcd) -> Iterator[Finding]:
    """G06: without a quorum, or where the members disagree, nothing is changed."""
    if seen.members and seen.members.trouble:
        yield refuse(
            "G06",
            f"{etcd.title}: {seen.members.trouble}.",
            "Nothing is changed on such a store.",
            "Let its pods start, see their logs; where they are lost, restore a snapshot into a new one.",
        )
    elif not seen.quorum:
        yield refuse(
            "G06",
            f"{etcd.title} has no quorum: no majority of its members answers and knows a leader.",
            "Nothing is changed on such a store.",
            "Let its pods start, see their logs; where a majority is lost, restore a snapshot into a new one.",
        )
    elif unknown := _course(etcd, seen).unknown:
        pods = ", ".join(f"{etcd.name}-{number}" for number in unknown)
        yield refuse(
            "G05",
            f"{etcd.title}: {pods} are no members of it, and nothing tells why.",
            "They may hold another store's data.",
            "See their logs.",
        )


def steps(etcd: EtcdSpec, seen: SeenEtcd) -> tuple[Step, ...]:
    """What is done, in order; empty where all is as asked for."""
    if not seen.workload or seen.begun:
        count = seen.pods or etcd.members
        begins = _install(etcd, seen, count)
        if count == etcd.members:
            return (begins,)
        joins = (_member_step(Members(n, n + 1), seen) for n in range(count, etcd.members))
        goes = [_member_step(Members(count, etcd.members), seen)] if etcd.members < count else ()
        return (begins, *joins, *goes)
    way = _course(etcd, seen)
    mend = [_member_step(move, seen) for move in way.mend]
    scale = [_member_step(move, seen) for move in way.scale]
    others = [*_changes(etcd, seen), *_growth(etcd, seen)]
    # What a run that was cut off began is finished first: until then nothing else can be proved.
    return (*mend, *scale, *others) if _unfinished(seen) else (*mend, *others, *scale)


def _unfinished(seen: SeenEtcd) -> bool:
    """Whether somebody joins, or is gone and has a pod still."""
    members = seen.members
    return bool(members and (members.learners or members.voters != frozenset(range(seen.pods))))


def _install(etcd: EtcdSpec, seen: SeenEtcd, count: int) -> Step:
    members = f"{count} member{'s' if count > 1 else ''}"
    why = "not there yet"
    if seen.workload:
        why = "begun by a run that was cut off"
    elif seen.claims:
        why = "not there any more, with the claims that are"
    reason = f"etcd {etcd.version}, {members}: {why}"
    return Step(Kind.INSTALL, reason, version=etcd.version)


def _changes(etcd: EtcdSpec, seen: SeenEtcd) -> Iterator[Step]:
    """The objects; only what is in the pods restarts them, one after the other."""
    # Whoever changes the members writes down who they are.
    mine = [name for name in seen.differs if not name.startswith("ConfigMap")]
    differs = mine if _unfinished(seen) else seen.differs
    if not differs:
        return
    now = _running(seen)
    rolls = any(name.startswith("StatefulSet") for name in differs)
    cost = _rolling(etcd, seen.pods) if rolls else Disruption()
    if now != version_of(etcd.version) and rolls:
        change = Change("etcd.version", str(now), etcd.version)
        reason = f"etcd {now} -> {etcd.version}"
        yield Step(Kind.ETCD_HOP, reason, (change,), cost, version=etcd.version)
    else:
        reason = f"not as asked for: {', '.join(differs)}"
        yield Step(Kind.VALUES, reason, (), cost, version=etcd.version)


def _growth(etcd: EtcdSpec, seen: SeenEtcd) -> Iterator[Step]:
    asked, there = quantity(etcd.size), quantity(seen.size)
    if asked is None or there is None or asked <= there:
        return
    claims = tuple(claim_of(f"{etcd.name}-{number}") for number in range(seen.pods))
    growth = Growth("etcd", etcd.name, claims, etcd.size)
    change = Change("etcd.size", seen.size, etcd.size)
    reason = f"claims {seen.size} -> {etcd.size}; they never shrink again"
    yield Step(Kind.RESIZE, reason, (change,), growth=growth, version=etcd.version)


def _member_step(move: Members, seen: SeenEtcd) -> Step:
    change = Change("etcd.members", move.before, move.after)
    if move.turn is Turn.REPLACE:
        number = move.lost[0]
        why = seen.lost.get(number, "it never joined")
        return Step(Kind.REPLACE_MEMBER, f"member {number} is lost: {why}", members=move)
    kind = Kind.SCALE_IN if move.after < move.before else Kind.SCALE_OUT
    if move.turn is Turn.RETURN:
        reason = f"members that are counted come back: {move.before} -> {move.after} pods"
    else:
        reason = f"etcd members {move.before} -> {move.after}"
    return Step(kind, reason, (change,), members=move)


def _course(etcd: EtcdSpec, seen: SeenEtcd) -> Course:
    return course(seen.members, seen.pods, etcd.members, seen.lost)


def _rolling(etcd: EtcdSpec, pods: int) -> Disruption:
    if pods == 1:
        return Disruption("outage", RESTART, f"the only pod of {etcd.name} restarts")
    words = f"{pods} pods of {etcd.name} restart one after the other, about {RESTART} s each"
    return Disruption("rolling", RESTART * pods, words)


def _running(seen: SeenEtcd) -> Version | None:
    return version_of(seen.workload.tag("etcd")) if seen.workload else None
