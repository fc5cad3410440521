# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guards on values that the chart accepts and the pod does not survive, or that no upgrade can change."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ..._core.finding import Finding, refuse, warn
from ..._core.quantity import quantity
from ..._core.versions import version_of
from ..claims import CLAIM, ETCD, PLANE, ROOTS, SIZE, claim_sizes, stateful_set
from ..desired import EXTRA_NAMES, KUBERNETES_TAG, KUBERNETES_VERSION, REPLICAS
from ..values import Path
from .case import Case

POLICY: Path = ("scheduling", "podManagementPolicy")
EVICTION: Path = ("controlPlane", "advanced", "podDisruptionBudget", "unhealthyPodEvictionPolicy")

# Immutable in a StatefulSet (apps/v1): the upgrade would fail half-way.
_IMMUTABLE: tuple[Path, ...] = (
    (*CLAIM, "storageClass"),
    (*CLAIM, "accessModes"),
    ("persistence", "volumeClaimTemplates"),
    POLICY,
)
_BUDGET_LIMIT = re.compile(r"[1-9]\d*|([1-9]\d?|100)%")
# client-go waits up to so many times retryPeriod.
_JITTER = 1.2
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def immutable(case: Case) -> Iterator[Finding]:
    """G12: fields of a StatefulSet that cannot be changed in place."""
    if case.new:
        return
    for component, root in ROOTS.items():
        workload = stateful_set(case.observation, component)
        if workload is None:
            continue
        for below in _IMMUTABLE:
            path = (*root, *below)
            if case.changed(path):
                yield refuse(
                    "G12",
                    f"{'.'.join(path)} would change on StatefulSet {workload.name}.",
                    "The field is immutable: Helm would stop half-way.",
                    "Put the old value back.",
                )


def claims_shrink(case: Case) -> Iterator[Finding]:
    """G12: claims never shrink."""
    if case.new:
        return
    for change in claim_sizes(case.observation, case.effective_live, case.effective):
        if change.before and change.after and change.after < change.before:
            path = change.path
            yield refuse(
                "G12",
                f"{'.'.join(path)} would shrink from {_read_live(case, path)} to {case.value(path)}.",
                "Volumes do not shrink.",
                "Put the old size back, or restore a snapshot into a new vCluster.",
            )


def workload_kind(case: Case) -> Iterator[Finding]:
    """G13: volumeClaim.enabled turns a Deployment into a StatefulSet and back."""
    path = (*PLANE, *CLAIM, "enabled")
    if not case.new and case.changed(path):
        yield warn(
            "G13",
            f"{'.'.join(path)} changes from {_read_live(case, path)!r} to {case.value(path)!r}.",
            "The kind of the workload may flip: Helm makes the new one and removes the old one.",
            "Both are looked for afterwards.",
        )


def _read_live(case: Case, path: Path) -> Any:
    node: Any = case.effective_live
    for key in path:
        node = node.get(key, {}) if isinstance(node, dict) else {}
    return node


def replica_count(case: Case) -> Iterator[Finding]:
    """G59: the chart renders 0 and -1 replicas and members (0.36.1, accepted without a word)."""
    for path, variable in (
        (REPLICAS, "vcluster_replicas"),
        ((*ETCD, "highAvailability", "replicas"), "vcluster_store.members"),
    ):
        count = case.value(path, 1)
        if not isinstance(count, int) or isinstance(count, bool) or count < 1:
            yield refuse(
                "G59", f"{'.'.join(path)} is {count!r}.", "", f"Set {variable} to 1 or more."
            )


def claim_size(case: Case) -> Iterator[Finding]:
    """G59: the size of a claim is any text to the schema (0.36.1); the API server refuses it half-way."""
    for root in (PLANE, ETCD):
        asked = case.value((*root, *SIZE))
        if asked is not None and not (quantity(str(asked)) or 0) > 0:
            path = ".".join((*root, *SIZE))
            yield refuse("G59", f"{path} is {asked!r}.", "", "It looks like 5Gi.")


def exported_kubeconfigs(case: Case) -> Iterator[Finding]:
    """G59: what templates/_exportKubeConfig.tpl refuses while Helm runs (0.30 to 0.36), told before."""
    # Guards come before the schema: a section of the wrong type is left to that.
    found = case.value(("exportKubeConfig", "additionalSecrets"), [])
    more = found if isinstance(found, list) else []
    one = case.value(("exportKubeConfig", "secret"), {})
    single = one if isinstance(one, dict) else {}
    if more and any(str(single.get(key) or "").strip() for key in ("name", "namespace")):
        yield refuse(
            "G59",
            "exportKubeConfig has both secret and additionalSecrets.",
            "Helm would refuse them.",
            "Move the secret into additionalSecrets.",
        )
    for index, entry in enumerate(more):
        if isinstance(entry, dict) and not any(
            str(entry.get(key) or "").strip() for key in ("name", "namespace")
        ):
            yield refuse(
                "G59",
                f"exportKubeConfig.additionalSecrets[{index}] has no name and no namespace.",
                "Helm would refuse it.",
                "Give it a name.",
            )


def accepted_and_broken(case: Case) -> Iterator[Finding]:
    """G59: words that the schema takes as any string (0.34 to 0.36)."""
    for path, good in _WORDS:
        found = case.value(path)
        if found is not None and found not in good:
            choices = ", ".join(str(choice) for choice in good)
            yield refuse(
                "G59",
                f"{'.'.join(path)} is {found!r}.",
                "The chart takes it, and means something else by it.",
                f"Choose one of {choices}.",
            )


_WORDS: tuple[tuple[Path, tuple[Any, ...]], ...] = (
    ((*PLANE, *CLAIM, "enabled"), ("auto", True, False, "true", "false")),
    ((*PLANE, *POLICY), ("Parallel", "OrderedReady")),
    ((*ETCD, *POLICY), ("Parallel", "OrderedReady")),
    ((*PLANE, *CLAIM, "retentionPolicy"), ("Retain", "Delete")),
    ((*ETCD, *CLAIM, "retentionPolicy"), ("Retain", "Delete")),
    (EVICTION, ("IfHealthyBudget", "AlwaysAllow")),
)


def kubernetes_tag(case: Case) -> Iterator[Finding]:
    """G59: an image tag that is no version; `distro.k8s.version` would silently win over the tag."""
    tags = {path: case.value(path) for path in (KUBERNETES_TAG, KUBERNETES_VERSION)}
    for path, tag in tags.items():
        if tag and not _is_tag(str(tag)):
            yield refuse(
                "G59", f"{'.'.join(path)} is {tag!r}.", "No such image.", "It looks like v1.36.0."
            )
    tag, version = tags.values()
    if version and version != tag and case.changed(KUBERNETES_TAG):
        yield refuse(
            "G59",
            f"{'.'.join(KUBERNETES_TAG)} is {tag!r} and {'.'.join(KUBERNETES_VERSION)} is {version!r}.",
            "The version wins without a word.",
            "Keep one of them; an empty version lets the tag decide.",
        )


def _is_tag(text: str) -> bool:
    """Whether a text is the tag of a version, a digest after it allowed."""
    tag, at, digest = text.partition("@")
    form = tag.startswith("v") and "+" not in tag and version_of(tag) is not None
    return form and (not at or _DIGEST.fullmatch(digest) is not None)


def disruption_budget(case: Case) -> Iterator[Finding]:
    """G59, G42: a budget of 0 is dropped by the chart or blocks every drain; with both limits one wins silently."""
    budget = case.value(("controlPlane", "advanced", "podDisruptionBudget"), {})
    if not isinstance(budget, dict) or budget.get("enabled") is not True:
        return
    limits = {
        key: budget[key]
        for key in ("minAvailable", "maxUnavailable")
        if budget.get(key) is not None
    }
    good = [limit for limit in limits.values() if _BUDGET_LIMIT.fullmatch(str(limit))]
    if len(limits) != 1 or not good:
        yield refuse(
            "G59",
            f"controlPlane.advanced.podDisruptionBudget has {limits or 'no limit'}.",
            "The chart drops 0, and a budget without a limit protects nothing.",
            "Give exactly one of minAvailable and maxUnavailable: 1 or more, or a percentage from 1% to 100%.",
        )


def kubeconfig_server(case: Case) -> Iterator[Finding]:
    """G59: the pod refuses an address without a scheme (pkg/config/validation.go)."""
    server = case.value(("exportKubeConfig", "server"))
    if server and not re.match(r"https?://", str(server)):
        yield refuse(
            "G59",
            f"exportKubeConfig.server is {server!r}.",
            "The pod does not start with it.",
            "It begins with https://.",
        )


def lease_times(case: Case) -> Iterator[Finding]:
    """G59: what leader election asks of its times (client-go, leaderelection.NewLeaderElector)."""
    found = case.value((*PLANE, "highAvailability"), {})
    section: dict[str, Any] = found if isinstance(found, dict) else {}
    keys = ("leaseDuration", "renewDeadline", "retryPeriod")
    times = [section[key] for key in keys if key in section]
    whole = all(isinstance(time, int) and not isinstance(time, bool) and time > 0 for time in times)
    if whole and len(times) == len(keys):
        whole = times[0] > times[1] > times[2] * _JITTER
    if not whole:
        yield refuse(
            "G59",
            f"leaseDuration, renewDeadline, retryPeriod are {times}.",
            "No leader can be elected.",
            f"Whole seconds, leaseDuration above renewDeadline, and that above {_JITTER} times retryPeriod.",
        )


def expose_complete(case: Case) -> Iterator[Finding]:
    """An Ingress needs a host name, and it must be one that the certificate carries."""
    expose = case.spec.expose
    if expose and expose.type == "ingress" and not expose.address:
        yield refuse(
            "spec",
            "vcluster_expose.type is ingress without an address.",
            "",
            "Set vcluster_expose.address.",
        )
    elif expose and expose.host and expose.host not in case.value(EXTRA_NAMES, []):
        yield refuse(
            "G35",
            f"{expose.address} is not among the certificate's names.",
            "Clients could not verify it.",
            "Add it to controlPlane.proxy.extraSANs.",
        )


def out_of_scope(case: Case) -> Iterator[Finding]:
    """Modes of the product that have no control plane in a host cluster, or no Service to reach it."""
    for path, wanted in (
        (("controlPlane", "standalone", "enabled"), False),
        (("controlPlane", "service", "enabled"), True),
    ):
        if case.value(path, wanted) is not wanted:
            yield refuse(
                "spec",
                f"{'.'.join(path)} is {case.value(path)!r}.",
                "This collection does not cover it.",
            )


VALUE_GUARDS = (
    immutable,
    claims_shrink,
    workload_kind,
    replica_count,
    claim_size,
    exported_kubeconfigs,
    accepted_and_broken,
    kubernetes_tag,
    disruption_budget,
    kubeconfig_server,
    lease_times,
    expose_complete,
    out_of_scope,
)
