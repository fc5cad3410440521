# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guards on backing stores that hold for all of them; what one store alone knows stands in `_stores`."""

from __future__ import annotations

from collections.abc import Iterator

from ..._core.finding import Finding, refuse, warn
from ..._core.plan import View
from ..._stores.base import RECOVERY
from ..._stores.registry import endpoint_of, secrets_of, store_in, store_named, stores_on
from ..membership import odd_counts
from ..revisions import redone
from .case import Case


def one_store(case: Case) -> Iterator[Finding]:
    """G04: the chart counts stores only while volumeClaim.enabled is auto; otherwise one wins silently."""
    on = [store.type for store in stores_on(case.effective)]
    if len(on) > 1:
        yield refuse(
            "G04",
            f"More than one backing store is switched on: {', '.join(on)}.",
            "One of them would win without a word, over an empty store.",
            "Say vcluster_store only, and leave controlPlane.backingStore out of vcluster_values.",
        )


def same_store(case: Case) -> Iterator[Finding]:
    """G03: another store through values is an empty vCluster in a green state."""
    if case.new:
        return
    live, wanted = store_in(case.effective_live), store_in(case.effective)
    if live.type != wanted.type:
        what = f"The backing store would change from {live.type} to {wanted.type}."
    elif live.identity(case.effective_live) != wanted.identity(case.effective):
        # An identity may hold a password (a data source): it is compared and not shown.
        what = f"The backing store {live.type} would be another one than the running."
    else:
        return
    yield refuse(
        "G03",
        what,
        "No data would be copied: the tenant would be empty, and everything green.",
        "Keep the store as it runs. To move to another type with all data: fleetops.vcluster.migrate_store.",
    )


def own_store(case: Case) -> Iterator[Finding]:
    """The syncer keeps keys of its own under one prefix for all (0.36.1, /vcluster/): two would take each other's."""
    owner, own = case.observation.store_owner, f"{case.spec.namespace}/{case.spec.name}"
    if owner and owner != own:
        yield refuse(
            "spec",
            f"The store at {endpoint_of(case.spec)} holds the data of vCluster {owner}.",
            "Two vClusters on one store read and delete each other's keys.",
            "Give each a store of its own.",
        )


def store_options(case: Case) -> Iterator[Finding]:
    """Options of `vcluster_store` that its type does not know, or lacks."""
    if case.spec.store:
        yield from store_named(case.spec.store.type).option_findings(case.spec.store.options)


def store_secrets(case: Case) -> Iterator[Finding]:
    """The Secrets a store mounts must be there first: the pods would wait for them until the end of time."""
    for name, keys in secrets_of(case.spec).items():
        found = case.observation.secrets.get(name)
        missing = [key for key in keys if key not in (found or ())]
        if missing:
            lacks = f"lacks {', '.join(missing)}" if found is not None else "does not exist"
            yield refuse(
                "spec",
                f"Secret {case.spec.namespace}/{name} of vcluster_store {lacks}.",
                "The control plane mounts it.",
                "fleetops.vcluster.backends makes those of its own; create others, with the namespace, before.",
            )


def store_rules(case: Case) -> Iterator[Finding]:
    """What the store itself has to say."""
    store = store_in(case.effective)
    yield from store.findings(case.effective)
    if not case.new and store_in(case.effective_live).type == store.type:
        yield from store.change_findings(case.effective_live, case.effective)


def left_claims(case: Case) -> Iterator[Finding]:
    """G14: a new member would come up with the data of one that was removed."""
    if case.new or not case.members:
        return
    store, seen, wanted = store_in(case.effective), case.observation.members, case.effective
    counted = max(case.members, 1 + max(seen.voters, default=-1) if seen else 0)
    beyond = store.data_claims(case.spec.name)[counted:]
    left = case.observation.claimed(beyond)
    if not left:
        return
    joins = set(left) & set(store.claims(case.spec.name, store.members(wanted)))
    yield (refuse if joins else warn)(
        "G14",
        f"Claims of earlier members are still there: {', '.join(left)}.",
        "A new member would start with their data, and could not join.",
        f"Delete them from namespace {case.spec.namespace} when the vCluster is proved without them and nothing on "
        "them is needed.",
    )


def members_told(case: Case) -> Iterator[Finding]:
    """G05, G06: nobody comes or goes while it is not known who is there, or where they would lose their data."""
    seen, course, store = case.observation.members, case.course, store_in(case.effective)
    asked = store.members(case.effective_live)
    guard = "G06" if store.members(case.effective) < case.members else "G05"
    if seen and seen.trouble and (course.all or case.members != asked):
        yield refuse(
            guard,
            f"{seen.trouble[:1].upper()}{seen.trouble[1:]}.",
            "Which of them has the tenant's data has to be known before one comes or goes.",
            "Look at them with fleetops.vcluster.verify.",
        )
    moves = bool(course.all) or _replicas_vote(case)
    if moves and not (
        store.keeps_members(case.effective) and store.keeps_members(case.effective_live)
    ):
        yield refuse(
            guard,
            "Members without volumes would come or go.",
            "Every member restarts on the way, and comes back empty.",
            "Move the tenant to a store with volumes: a backup, and a restore there.",
        )
    there = {claim.name for claim in case.observation.claims}
    listed = (range(move.before, move.after) for move in course.mend if move.listed)
    for back in (*listed, case.absent):
        claims = store.claims(case.spec.name, back.stop)[back.start :]
        if gone := [name for name in claims if name not in there]:
            yield refuse(
                "G06",
                f"Members that still vote have no pods, and their claims are gone: {', '.join(gone)}.",
                "They would come back empty, and vote on what they never saw.",
                f"Follow {RECOVERY}" if store.replicas_are_members else "Restore a snapshot.",
            )


def member_replicas(case: Case) -> Iterator[Finding]:
    """G06: replicas that are members of the store go only from one that is whole."""
    before, after = case.members, store_in(case.effective).members(case.effective)
    if not _replicas_vote(case) or after > before:
        return
    plane = case.observation.workload("control_plane")
    ready = plane.current if plane else 0
    if ready < before:
        yield refuse(
            "G06",
            f"{ready} of {before} replicas are ready, and {after} are asked for; each is a member of the store.",
            "Those that stay may lack what the others acknowledged.",
            f"Bring them back first, with vcluster_replicas at {before}. Where they do not come: {RECOVERY}",
        )
    elif after == 1:
        yield warn(
            "G06",
            f"Replica 0 alone is no quorum of {(before, *odd_counts(before, after))[-2]} members.",
            "The vendor says that the store is rebuilt from it without loss; its image is closed, nobody here saw it.",
            "Take the vendor's snapshot before (vcluster snapshot create), or stay with 3.",
        )


def _replicas_vote(case: Case) -> bool:
    """Whether replicas come or go that are members of the store."""
    live, wanted = store_in(case.effective_live), store_in(case.effective)
    if case.new or live.type != wanted.type or not wanted.replicas_are_members:
        return False
    return case.members != wanted.members(case.effective)


def lost_members(case: Case) -> Iterator[Finding]:
    """G63: lost members are replaced one by one, and only where it is known that they are lost."""
    course, good = case.course, case.observation.last_good
    if course.unknown:
        pods = ", ".join(map(str, course.unknown))
        yield refuse(
            "G63",
            f"Pods of etcd that are no members: {pods} (by ordinal), and their logs do not say why.",
            "Their claims may hold what is needed.",
            "Look at their logs; etcdctl member add, or deleting claim and pod, is for a person to decide.",
        )
    replaced = [str(move.replaced) for move in course.mend if move.replaced is not None]
    if len(replaced) > 1:
        yield refuse(
            "G63",
            f"etcd members {', '.join(replaced)} are lost.",
            "One is replaced at a time, and the others have to be well.",
            "Bring the others back first, or restore a snapshot.",
        )
    if good and redone(case.observation) and (course.mend or case.absent):
        yield refuse(
            "G25",
            f"Revision {good.revision} of chart {good.chart_version} was cut off, and members need mending.",
            "Versions move while all members are well.",
            "See what runs, and finish that upgrade with helm first.",
        )


def mended_first(case: Case) -> Iterator[Finding]:
    """G63: where only the replicas are looked at, the members have to be well."""
    if case.view is View.REPLICAS and (case.course.mend or case.course.unknown):
        yield refuse(
            "G63",
            "Members of etcd are to be mended first.",
            "Replicas would be added to a store that is not whole.",
            "Run fleetops.vcluster.site.",
        )


def nobody_to_join(case: Case) -> Iterator[Finding]:
    """G05: what tells members to join keeps the first ones from beginning."""
    if case.new and store_in(case.effective).as_new(case.values) != case.values:
        yield refuse(
            "G05",
            "The values tell the members of a new store to join one that is there (--initial-cluster-state=existing).",
            "They would wait for it for ever.",
            "Leave it out: it is put in when members are added.",
        )


STORE_GUARDS = (
    one_store,
    same_store,
    own_store,
    store_options,
    store_secrets,
    store_rules,
    left_claims,
    members_told,
    member_replicas,
    lost_members,
    mended_first,
    nobody_to_join,
)
