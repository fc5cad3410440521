#!/usr/bin/python
# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: control_plane
short_description: Bring one vCluster to the state that is asked for, and prove it
version_added: 0.1.0
author: fleetops.vcluster contributors (@fleetops)
description:
  - Observes, plans, takes the lock of the vCluster, carries out each step, proves it, and goes back where the
    proof fails and the way back is safe.
  - Refuses what would lose data, before anything is changed.
  - O(run), O(by) and O(reason) go into the description of each Helm revision, run and reason into its labels
    C(fleetops.vcluster/run) and C(fleetops.vcluster/reason) too.
options:
  planned:
    description: Digest of the plan that was shown; a plan that has become another since is refused.
    type: str
  on_change:
    description: What to do when the plan is no longer O(planned).
    type: str
    choices: [refuse, replan]
    default: refuse
  view:
    description:
      - What of the plan is carried out. With V(size) only resources, members of the store and replicas, with the chart
        that runs; whatever else is asked for waits. With V(replicas) nothing but those. With V(versions) only the hops
        to the versions asked for. With V(certificates) nothing but to renew those that end soon. With V(store) the
        move to another type of store, with all that the running one holds, and the replicas that come after it. With
        V(source) nothing but to give up what that one held.
    type: str
    choices: [everything, size, replicas, versions, certificates, store, source]
    default: everything
  consent:
    description:
      - With O(view=store), inventory hosts that go back to the store they left as it was then, where the one that runs
        gives no copy; what was written since is lost to the tenant.
    type: list
    elements: str
  by_load:
    description:
      - With O(view=replicas), look at the load first, for a minute, and decide by it, where O(autoscaling.by=load).
      - RV(load) has the numbers, RV(findings) the advice on sizes; in check mode too, and whatever decides.
    type: bool
    default: false
  decision:
    description: With O(view=replicas), a count that a look at the load asks for, within the bounds of O(autoscaling).
    type: dict
    suboptions:
      replicas:
        description: The count.
        type: int
        required: true
      reason:
        description: The numbers behind it.
        type: str
        required: true
      before:
        description: The count that was there then; with another one nothing is done.
        type: int
        required: true
      at:
        description: When that was, in seconds since the epoch; ten minutes later nothing is done.
        type: int
        required: true
extends_documentation_fragment:
  - fleetops.vcluster.vcluster
  - fleetops.vcluster.access
  - fleetops.vcluster.autoscaling
  - fleetops.vcluster.vcluster.audit
  - fleetops.vcluster.vcluster.attributes
attributes:
  diff_mode:
    support: full
"""

EXAMPLES = r"""
- name: One vCluster on SQLite
  fleetops.vcluster.control_plane:
    name: tenant-a
    kubeconfig: ~/.kube/hc1
    version: 0.36.1

- name: As the inventory says
  fleetops.vcluster.control_plane:
    from_inventory: true
"""

RETURN = r"""
msg:
  description: The outcome in one sentence.
  returned: always
  type: str
outcome:
  description:
    - V(unchanged), V(planned), V(done), V(adopted) or V(rolled_back).
    - Where it failed V(refused), V(failed), V(unreachable) or V(locked).
  returned: always
  type: str
plan:
  description: The plan, secrets masked.
  returned: when it was made
  type: dict
findings:
  description: What the guards had to say. Advice on sizes, with O(by_load), has C(advice) as its C(guard).
  returned: when there is something
  type: list
  elements: dict
load:
  description: The load of all replicas between two looks, a minute apart, as their API servers count it.
  returned: with O(by_load), when a replica told it at both looks
  type: dict
  contains:
    replicas:
      description: How many told it.
      type: int
    seconds:
      description: Between the two looks.
      type: float
    requests:
      description: Requests a second by verb, all replicas together; watches, logs and the like left out.
      type: dict
      sample: {GET: 12.1, LIST: 80.4}
    p99:
      description: Seconds that all but one in a hundred of the requests took at most; null for fewer than a hundred.
      type: float
    store_p99:
      description: The same for what the API servers asked their store.
      type: float
    inflight:
      description: Requests on their way at the second look, all replicas together.
      type: float
    throttled:
      description: Answers 429 a second, all replicas together; those of a disruption budget left out.
      type: float
    store_bytes:
      description: Size of the store.
      type: int
    growth:
      description:
        - Bytes a day at the pace between the two looks.
        - That is a short while, and a file of etcd grows in steps of 16 MiB, so only what many megabytes were added in
          it means anything.
        - An API server tells the size of any one of several etcd members, so the difference may be no growth.
      type: float
    cpu:
      description: Cores that the busiest API server uses, without the rest of its pod.
      type: float
    memory:
      description: Bytes that the largest API server holds, without the rest of its pod.
      type: float
    limits:
      description:
        - What these are held against. C(requests) is for each replica.
        - C(cpu_request), C(cpu), C(memory_request) and C(memory) are those of the pod, of the values or else the chart.
        - C(store_bytes) is the quota of a deployed etcd or the volume, whichever is less. Null where there is none.
      type: dict
    before:
      description: Replicas there were.
      type: int
    wanted:
      description: Replicas that the rule asks for; null where it does not decide.
      type: int
    reason:
      description: Why another count, or why not yet; empty where nothing speaks for one.
      type: str
checks:
  description: The checks of the proof.
  returned: when they were run
  type: list
  elements: dict
  contains:
    id:
      description: Stable name of the check.
      type: str
    status:
      description: V(pass), V(warn), V(fail) or V(skip).
      type: str
    evidence:
      description: What was seen, or why it was skipped.
      type: str
    seconds:
      description: How long it took.
      type: float
    facts:
      description: What was read, for programs - C(ends) of C(certificates), C(used) and C(care) of C(store_care).
      type: dict
steps:
  description: The step kinds that are carried out and proved.
  returned: when there were steps to carry out
  type: list
  elements: str
begun:
  description:
    - The step kinds that were begun, whatever came of them.
    - One that is not among RV(steps) was cut off or is not proved.
  returned: when there were steps to carry out
  type: list
  elements: str
live:
  description:
    - What ran when it was proved last, such as C(version) of the chart and C(kubernetes), as in the plan file.
    - Empty when the last step is not proved.
  returned: when there were steps to carry out
  type: dict
began:
  description: When it got its turn, RFC 3339, in UTC by the controller's clock.
  returned: when there were steps to carry out
  type: str
  sample: "2026-01-31T13:17:24Z"
seconds:
  description: How long it took from there.
  returned: when there were steps to carry out
  type: float
"""

from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.control_plane import (
    run_control_plane,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.door import run_module
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.options import (
    CONTROL_PLANE_SPEC,
)


def main() -> None:
    """Run the engine of this module."""
    run_module(CONTROL_PLANE_SPEC, run_control_plane)


if __name__ == "__main__":
    main()
