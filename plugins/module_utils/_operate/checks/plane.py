# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks of the control plane: rollout, every API server, identities, leader, placement, budgets."""

from __future__ import annotations

from collections.abc import Iterator

from ..._cluster.leases import age, leader_lease, leader_of
from ..._core.at_once import at_once
from ..._core.autoscaling import HORIZONTAL
from ..._core.check import CheckResult
from ..._core.errors import ApiError
from ..._core.ports import Json
from .scene import Scene, Verdict, all_of, run

IDENTITIES = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases"
# Seconds that an API server's identity lease is valid (kube-apiserver renews it every 10).
IDENTITY_LASTS = 60
IDENTITY_LABEL = "apiserver.kubernetes.io/identity=kube-apiserver"


def checks(scene: Scene) -> Iterator[CheckResult]:
    """All checks of this file, in order."""
    yield run("rollout", lambda: rollout(scene))
    yield run("pods", lambda: pods(scene))
    yield run("api_ready", lambda: api_ready(scene))
    yield run("api_identity", lambda: api_identity(scene))
    yield run("kubeconfig_secret", lambda: kubeconfig_secret(scene))
    yield run("leader", lambda: leader(scene))
    yield run("placement", lambda: placement(scene))
    yield run("disruption_budgets", lambda: disruption_budgets(scene))
    yield run("autoscaler", lambda: autoscaler(scene))


def rollout(scene: Scene) -> Verdict:
    """Each workload runs the newest template with all its replicas (G49)."""
    if not scene.live.workloads:
        return "fail", "there is no Deployment and no StatefulSet of this vCluster"
    problems = [
        f"{w.kind} {w.name}: {w.current} of {w.replicas} ready"
        for w in scene.live.workloads
        if not w.settled
    ]
    return all_of(
        problems,
        ", ".join(f"{w.kind} {w.name} {w.ready}/{w.replicas}" for w in scene.live.workloads),
    )


def pods(scene: Scene) -> Verdict:
    """Each pod is ready; one that is not is named with what it is doing."""
    problems = [f"{pod.name}: {pod.state}" for pod in scene.live.pods if not pod.ready]
    aside = ", ".join(f"{pod.name} ({pod.state})" for pod in scene.live.aside)
    note = f"; replaced and left aside: {aside}" if aside else ""
    return all_of(problems, f"{len(scene.live.pods)} ready{note}")


def api_ready(scene: Scene) -> Verdict:
    """/readyz at every replica, through its own port-forward."""
    problems = [f"{name}: {error}" for name, error in scene.unreached.items()]
    problems += [f"{name}: {why}" for name, why in scene.unready.items() if why]
    if not scene.replicas and not problems:
        problems.append("no control-plane pod is ready")
    return all_of(problems, f"ok at {', '.join(scene.replicas)}")


def api_identity(scene: Scene) -> Verdict:
    """Each API server has registered itself: an identity Lease of its host name, renewed lately (G32).

    A replica that is gone leaves its Lease behind for up to an hour, so live pods are looked up, not counted (seen
    with chart 0.36.1, tenant Kubernetes 1.34).
    """
    problems = []
    query = {"labelSelector": IDENTITY_LABEL}
    for name, found in at_once(scene.replicas, lambda api: api.get(IDENTITIES, query)).items():
        leases = {
            lease["metadata"].get("labels", {}).get("kubernetes.io/hostname"): lease
            for lease in found["items"]
        }
        for pod in scene.planes:
            if pod.name not in leases:
                problems.append(f"{pod.name} has no identity lease, asked at {name}")
            elif (seconds := age(leases[pod.name], scene.replicas[name].now)) > IDENTITY_LASTS:
                problems.append(
                    f"{pod.name} renewed its identity lease {seconds:.0f} s ago, asked at {name}"
                )
    if not scene.replicas:
        return "skip", "no replica answers"
    return all_of(problems, f"{len(scene.planes)} registered")


def kubeconfig_secret(scene: Scene) -> Verdict:
    """The leader wrote Secret vc-NAME (G31)."""
    name = f"vc-{scene.spec.name}"
    found = scene.host.find(f"/api/v1/namespaces/{scene.spec.namespace}/secrets/{name}")
    return (
        ("pass", f"Secret {name}")
        if found
        else ("fail", f"Secret {name} does not exist: no leader has written it")
    )


def leader(scene: Scene) -> Verdict:
    """The syncer's Lease is fresh and held by a live pod (G31); one configured replica elects nobody."""
    plane = next((w for w in scene.live.workloads if w.component == "control_plane"), None)
    if plane is None or plane.replicas < 2:
        return "skip", "one replica holds no election"
    name = leader_lease(scene.spec.name)
    lease = scene.host.find(
        f"/apis/coordination.k8s.io/v1/namespaces/{scene.spec.namespace}/leases/{name}"
    )
    if lease is None:
        return "fail", f"Lease {name} does not exist"
    found = leader_of(lease, scene.host.now)
    owner = next((pod.name for pod in scene.planes if found.holder.startswith(f"{pod.name}-")), "")
    if not owner:
        return "fail", f"Lease {name} is held by {found.holder or 'nobody'}, which is no live pod"
    if not found.fresh:
        return (
            "fail",
            f"Lease {name} was renewed {found.age:.0f} s ago by {owner}; it lasts {found.lasts} s",
        )
    return "pass", owner


def placement(scene: Scene) -> Verdict:
    """Replicas and members spread over nodes where there is more than one (G41)."""
    try:
        nodes = [n for n in scene.host.list("/api/v1/nodes") if not n["spec"].get("unschedulable")]
    except ApiError as error:
        if not error.forbidden:
            raise
        return "skip", "no right to list nodes"
    if len(nodes) < 2:
        return "skip", "the host cluster has one schedulable node"
    problems, seen = [], []
    for component in ("control_plane", "etcd"):
        pods = [
            pod
            for pod in scene.live.pods
            if pod.component == component and pod.node and not pod.deleting
        ]
        used = {pod.node for pod in pods}
        if len(pods) > 1 and len(used) == 1:
            problems.append(f"all {len(pods)} pods of {component} run on node {used.pop()}")
        elif len(pods) > 1:
            seen.append(f"{component} on {len(used)} nodes")
    return ("warn", "; ".join(problems)) if problems else ("pass", ", ".join(seen) or "single pods")


def disruption_budgets(scene: Scene) -> Verdict:
    """Each workload of several pods has a budget, and it allows a disruption while all is well (G42)."""
    several = [w for w in scene.live.workloads if w.replicas > 1]
    if not several:
        return "skip", "no workload has more than one pod"
    if scene.spec.defaults.disruption_budgets is False:
        return "skip", "vcluster_defaults.disruption_budgets is off"
    found = scene.host.get(
        f"/apis/policy/v1/namespaces/{scene.spec.namespace}/poddisruptionbudgets"
    )["items"]
    missing, blocked, seen = [], [], []
    for workload in several:
        app = "vcluster-etcd" if workload.component == "etcd" else "vcluster"
        budget = next((b for b in found if _selects(b, app, scene.spec.name)), None)
        if budget is None:
            missing.append(f"{workload.kind} {workload.name} has no PodDisruptionBudget")
        elif not budget.get("status", {}).get("disruptionsAllowed"):
            blocked.append(
                f"PodDisruptionBudget {budget['metadata']['name']} allows no disruption now"
            )
        else:
            seen.append(budget["metadata"]["name"])
    if missing or blocked:
        return "warn", "; ".join(missing + blocked)
    return "pass", ", ".join(seen)


def autoscaler(scene: Scene) -> Verdict:
    """The HorizontalPodAutoscaler of the control plane gets its numbers (G10)."""
    found, scaled = scene.observation.autoscaler(HORIZONTAL.kind), scene.spec.autoscaling
    asked = scaled is not None and scaled.horizontal
    if found is None and not asked:
        return "skip", "there is none"
    release = scene.observation.release
    # While a plan or a restore is carried out it may be still to come, and nothing else waits for it.
    done = release is not None and release.finished and not scene.observation.paused
    ours = asked and done
    if found is None:
        return (
            "fail" if ours else "warn",
            "the HorizontalPodAutoscaler that is asked for is not there",
        )
    if found.trouble:
        words = f"{found.kind} {found.name} does not work: {found.trouble}"
        return "fail" if ours else "warn", words
    return "pass", f"{found.kind} {found.name}, {found.least} to {found.most} replicas"


def _selects(budget: Json, app: str, release: str) -> bool:
    labels = budget["spec"].get("selector", {}).get("matchLabels", {})
    return bool(labels.get("app") == app and labels.get("release") == release)
