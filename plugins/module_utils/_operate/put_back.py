# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The chart and the values of an earlier revision again."""

from __future__ import annotations

from dataclasses import replace

from .._core.observation import OURS, SCALED_LABEL, STUCK, Observation, Release
from .._core.ports import HostCluster, Json, Note
from .._core.spec import Spec
from .._plan.autoscaling import scaled_to, with_count
from .pods import look

# Seconds that one helm command may take; it waits for nothing, so this is its talk with the API server.
HELM_SECONDS = 300


def put_back(spec: Spec, host: HostCluster, observation: Observation, base: Release) -> None:
    """Run Helm; not its rollback where that would undo more than the step did.

    Args:
        observation: From before the step.
        base: The revision.
    """
    live = replace(observation, workloads=look(host.api, spec).workloads)
    if scaled_to(spec, live) is None and spec.decision is None:
        host.helm.rollback(spec.name, spec.namespace, base.revision, HELM_SECONDS)
        return
    values, labels = base.values or {}, {}
    if spec.decision:
        # The next look waits, as after any change: a rollback would bring the label of that revision.
        labels[SCALED_LABEL] = scaled_label(host, spec.decision.before)
    else:
        values = with_count(spec, live, values)
    chart = host.helm.pull(spec.chart, base.chart_version or "")
    newest = host.observe(spec).release
    if newest and newest.status in STUCK:  # Helm does not go on from there (G23).
        host.forget(spec, newest.revision)
    note = Note(f"{OURS}back to revision {base.revision}", labels)
    host.helm.upgrade(spec.name, spec.namespace, chart, values, HELM_SECONDS, note)


def scaled_label(host: HostCluster, replicas: int) -> str:
    """What the label of a decision by load says; see Scaled."""
    return f"{replicas}-at-{host.api.now.timestamp():.0f}"


def servers_back(spec: Spec, host: HostCluster, base: Release) -> None:
    """The store's servers are those of that revision, and stopped where they were others: those may have changed their
    files (G25)."""
    live = {workload.name: workload.images for workload in look(host.api, spec).workloads}
    for asked in base.workloads:
        if asked.component != "etcd" or live.get(asked.name) == asked.images:
            continue
        path = f"/apis/apps/v1/namespaces/{spec.namespace}/statefulsets/{asked.name}"
        containers: list[Json] = [
            {**container, "image": asked.images.get(container["name"], container["image"])}
            for container in host.api.get(path)["spec"]["template"]["spec"]["containers"]
        ]
        template = {"spec": {"containers": containers}}
        host.api.merge(path, {"spec": {"replicas": 0, "template": template}})
