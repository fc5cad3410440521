# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run is for. Each verb makes a plan of the same form, so waves, budgets and report are the same for all."""

from __future__ import annotations

from .._core.errors import Refused
from .._core.finding import refuse
from .._core.observation import Observation
from .._core.plan import Kind, Plan, Step
from .._core.ports import HostCluster
from .._core.spec import Spec
from .._plan.digest import digest, unchanged
from .._plan.guards.snapshots import snapshot_findings
from .context import Context
from .planning import Planned, observe_and_plan
from .restore import restore_plan


class Verb:
    """Only looks.

    Attributes:
        words: What is said of the vClusters that have steps.
    """

    words = "to look at"

    def plan(
        self, spec: Spec, seen: Observation, host: HostCluster, context: Context
    ) -> Planned | None:
        """The plan of one vCluster; None when nothing is to be done.

        Args:
            seen: By the light pass.
        """
        return None


class Site(Verb):
    """Brings a vCluster to the state that is asked for."""

    words = "to change"

    def plan(
        self, spec: Spec, seen: Observation, host: HostCluster, context: Context
    ) -> Planned | None:
        """See Verb."""
        return None if unchanged(spec, seen) else observe_and_plan(spec, host, context)


class Backup(Verb):
    """Takes a snapshot."""

    words = "to save"

    def plan(
        self, spec: Spec, seen: Observation, host: HostCluster, context: Context
    ) -> Planned | None:
        """See Verb."""
        observation = host.observe(spec)
        findings = snapshot_findings(spec, observation)
        refused = any(finding.severity == "refuse" for finding in findings)
        step = Step(Kind.SNAPSHOT, f"to {spec.snapshots.directory}, read back")
        steps = () if refused else (step,)
        plan = Plan(steps, findings, digest=digest([steps, findings]))
        return Planned(spec, spec, observation, plan)


class Restore(Verb):
    """Puts a snapshot back.

    Args:
        snapshot: Its id, or `latest`.
    """

    words = "to restore"

    def __init__(self, snapshot: str) -> None:
        self._snapshot = snapshot

    def plan(
        self, spec: Spec, seen: Observation, host: HostCluster, context: Context
    ) -> Planned | None:
        """See Verb."""
        observation, findings, step = restore_plan(spec, host, context, self._snapshot)
        steps = (step,) if step else ()
        plan = Plan(steps, findings, digest=digest([steps, findings]))
        return Planned(spec, spec, observation, plan)


LOOK, SITE, BACKUP = Verb(), Site(), Backup()
VERBS = ("site", "backup", "restore")


def verb_named(name: str, snapshot: str | None) -> Verb:
    """The verb of a plan's options.

    Args:
        name: One of VERBS.
        snapshot: What is restored.

    Raises:
        Refused: A restore that names no snapshot.
    """
    if name != "restore":
        return BACKUP if name == "backup" else SITE
    if not snapshot:
        what = "A restore names its snapshot."
        way_out = "Set fleetops_snapshot to its id, or to latest."
        raise Refused((refuse("spec", what, "What was written since is lost.", way_out),))
    return Restore(snapshot)
