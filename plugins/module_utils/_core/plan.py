# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan: what will be done to one vCluster, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from .finding import Finding, refusals


class Kind(StrEnum):
    """The step kinds. A verb is a subset of them."""

    REPAIR = "repair"
    INSTALL = "install"
    CHART_HOP = "chart_hop"
    KUBERNETES_HOP = "kubernetes_hop"
    ETCD_HOP = "etcd_hop"
    VALUES = "values"
    MIGRATE = "store_migration"
    RETIRE_SOURCE = "retire_source"
    SCALE_OUT = "scale_out"
    SCALE_IN = "scale_in"
    RESIZE = "resize"
    REPLACE_MEMBER = "replace_member"
    AUTOSCALING = "autoscaling"
    RENEW = "renew_certificates"
    SNAPSHOT = "snapshot"
    RESTORE = "restore"
    MOVE = "move"
    DRILL = "drill"
    COMPACT = "compact"
    DEFRAGMENT = "defragment"
    DISARM = "disarm"
    VACUUM = "vacuum"
    PROVE = "prove"


class View(StrEnum):
    """What of a plan is carried out."""

    EVERYTHING = "everything"
    SIZE = "size"  # SIZING
    REPLICAS = "replicas"  # of the control plane
    VERSIONS = "versions"  # HOPS
    CERTIFICATES = "certificates"
    STORE = "store"  # another one
    SOURCE = "source"  # the store that was left for it


# The step kinds that change the size of a vCluster, or bring it back.
SIZING = frozenset(
    {Kind.SCALE_OUT, Kind.SCALE_IN, Kind.RESIZE, Kind.REPLACE_MEMBER, Kind.AUTOSCALING}
)


COUNTING = frozenset({Kind.SCALE_OUT, Kind.SCALE_IN})

# The step kinds that move a version.
HOPS = frozenset({Kind.CHART_HOP, Kind.KUBERNETES_HOP, Kind.ETCD_HOP})

# Those that go back when pods do not become ready, as when they are not proved. With what comes or goes the next run
# goes on.
RETURNING = HOPS | {Kind.REPAIR, Kind.PROVE, Kind.VALUES, Kind.RESIZE, Kind.MIGRATE}

WayBack = Literal["values", "snapshot", "store", "none"]


@dataclass(frozen=True)
class Disruption:
    """What the tenant notices.

    Attributes:
        kind: `none`; `rolling`: replicas restart one after the other; `outage`: the API is away.
        seconds: Estimated length; 0 for none.
        estimate: How `seconds` was estimated, and which pods restart.
    """

    kind: Literal["none", "rolling", "outage"] = "none"
    seconds: int = 0
    estimate: str = ""


@dataclass(frozen=True)
class Change:
    """One difference, for the reason of a step and for the diff.

    Attributes:
        path: Variable or JSON pointer of the chart value.
        before: Value on the cluster; None when absent.
        after: Value asked for; None when it is removed.
        why: `asked`, `drift`, `removed` (gone from the inventory) or `default`.
    """

    path: str
    before: Any
    after: Any
    why: Literal["asked", "drift", "removed", "default"] = "asked"


class Turn(StrEnum):
    """What happens to the members of a store in a step."""

    JOIN = "join"  # one more
    LEAVE = "leave"  # some go, for good
    REPLACE = "replace"  # one that is lost begins anew
    RETURN = "return"  # the store counts them already, only their pods come back


@dataclass(frozen=True)
class Members:
    """What a step does to the members of a store.

    Attributes:
        before: How many there are.
        after: How many there shall be: one more, or any number less.
        lost: Ordinals of members that are of no use any more: of the one that is replaced, where the counts are equal;
            of those that go, which need not be well before.
        listed: The store counts them already, only their pods come back.
    """

    before: int
    after: int
    lost: tuple[int, ...] = ()
    listed: bool = False

    @property
    def turn(self) -> Turn:
        """What that is."""
        if self.listed:
            return Turn.RETURN
        if self.before == self.after:
            return Turn.REPLACE
        return Turn.JOIN if self.after > self.before else Turn.LEAVE

    @property
    def replaced(self) -> int | None:
        """The ordinal of the member that is replaced."""
        return self.lost[0] if self.turn is Turn.REPLACE else None


@dataclass(frozen=True)
class Scaler:
    """An autoscaler that a step makes, changes or takes away.

    Attributes:
        kind: HorizontalPodAutoscaler or VerticalPodAutoscaler.
        goes: It is taken away.
    """

    kind: str
    name: str
    goes: bool = False


@dataclass(frozen=True)
class Growth:
    """Claims of a StatefulSet that grow in a step.

    Attributes:
        component: `control_plane` or `etcd`.
        workload: Name of the StatefulSet.
        claims: Their names.
        size: As a quantity, for each of them.
    """

    component: str
    workload: str
    claims: tuple[str, ...]
    size: str


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        kind: See Kind.
        reason: What differs, in one line.
        changes: The differences behind the reason; secrets are still in clear here, mask before showing.
        disruption: See Disruption.
        way_back: What happens when its proof fails. `values`: those of the last proved revision are put back;
            `snapshot`: the newest one taken of that revision is restored into the versions of then; `store`: what the
            store that was left held goes back into it; `none`.
        version: Chart version this step runs Helm with.
        values: User values this step runs Helm with; None for a step without Helm.
        members: What it does to the members of the store; None for nothing.
        growth: Claims that grow in it; None for none.
        scaler: The autoscaler that it is about; None for none.
        parts: Names of the parts of the store that it is about.
        foreign: As `Plan.foreign`, of what runs after this step; None where that is the same.
    """

    kind: Kind
    reason: str
    changes: tuple[Change, ...] = ()
    disruption: Disruption = field(default_factory=Disruption)
    way_back: WayBack = "none"
    version: str = ""
    values: Mapping[str, Any] | None = None
    members: Members | None = None
    growth: Growth | None = None
    scaler: Scaler | None = None
    parts: tuple[str, ...] = ()
    foreign: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Plan:
    """The plan of one vCluster: steps, or the findings that refuse it.

    Attributes:
        steps: In order; empty when nothing is to be done.
        findings: Warnings and refusals.
        foreign: JSON pointers of values that are kept although nobody here asked for them.
        digest: Identifies the plan: the same spec and observation give the same digest.
        complete: Nothing else is asked for; a view may have left something out.
        inventory: What to write into the inventory instead of values that the chart asked for takes no more.
        later: Steps that wait for later runs.
    """

    steps: tuple[Step, ...] = ()
    findings: tuple[Finding, ...] = ()
    foreign: tuple[str, ...] = ()
    digest: str = ""
    complete: bool = True
    inventory: tuple[Change, ...] = ()
    later: tuple[Step, ...] = ()

    @property
    def refusals(self) -> tuple[Finding, ...]:
        """The findings that end the plan."""
        return refusals(self.findings)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The step kinds, or `refused`."""
        return ("refused",) if self.refusals else tuple(step.kind.value for step in self.steps)
