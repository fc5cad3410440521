# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guards on versions: of a new vCluster, and of what is asked for with them. `_plan.hops` speaks of their moves."""

from __future__ import annotations

from collections.abc import Iterator

from ..._core.finding import Finding, refuse, warn
from ..._core.lines.registry import LINES, line_of
from ..._core.versions import version_of
from ..._stores.registry import store_in
from ..distro import distro_in
from ..values import pointer
from ..ways import K3S_ENDS, K3S_MOVES
from .case import Case


def known_line(case: Case) -> Iterator[Finding]:
    """The line of the chart is known."""
    if line_of(case.chart.version) is None:
        yield refuse(
            "spec",
            f"vcluster_version is {case.chart.version}: this collection does not know that line.",
            "",
            f"Known lines: {', '.join(line.name for line in LINES)}.",
        )


def host_skew(case: Case) -> Iterator[Finding]:
    """G20: tenant 1.33 or lower on host 1.34 or higher leaves synced pods NotReady (vendor issue 3578)."""
    now, target = version_of(case.kubernetes or ""), version_of(case.target_kubernetes or "")
    tenant, host = target or now, case.observation.host_version
    if tenant is None or host is None or tenant.minor > (1, 33) or host < (1, 34):
        return
    name = case.target_kubernetes if target else case.kubernetes
    pair = f"Tenant Kubernetes {name} on host Kubernetes {host[0]}.{host[1]}"
    why = "Synced pods stay NotReady with this pair."
    if case.new:
        yield refuse("G20", f"{pair}.", why, "Choose 1.34 or later, or set vcluster_allow: [G20].")
    else:
        yield warn("G20", f"{pair}.", why, "Move the tenant to 1.34.")


def broken_patch(case: Case) -> Iterator[Finding]:
    """G60: values that must not be switched on with some patches."""
    line = line_of(case.chart.version)
    for broken in line.broken if line else ():
        if (
            case.chart.version in broken.versions
            and case.value(tuple(broken.key.split("."))) is True
        ):
            yield refuse(
                "G60",
                f"{broken.key} is on with chart {case.chart.version}.",
                broken.what,
                f"Free of it: {broken.fixed}.",
            )


def newer_by_hand(case: Case) -> Iterator[Finding]:
    """G25: somebody raised the store's servers past Helm, which would take them down again with any change."""
    path, etcd = store_in(case.effective).version_path, case.observation.workload("etcd")
    if case.new or path is None or etcd is None:
        return
    asked, live = version_of(str(case.value(path)).partition("@")[0]), version_of(etcd.tag("etcd"))
    if asked and live and asked.numbers < live.numbers:
        yield refuse(
            "G25",
            f"{etcd.kind} {etcd.name} runs {etcd.tag('etcd')}, and its values say {case.value(path)}.",
            "An older one does not read what a newer one wrote.",
            f"Write {etcd.tag('etcd')} into vcluster_values at {pointer(path)}.",
        )


def other_distro(case: Case) -> Iterator[Finding]:
    """G21: another distro finds none of the tenant's data, but for k8s after k3s, of which it takes them over."""
    now, then = distro_in(case.effective_live), distro_in(case.effective)
    if case.new or now == then:
        return
    line = line_of(case.chart.version)
    what = f"The tenant's Kubernetes would be {then}, {now} runs."
    if (now, then) != ("k3s", "k8s") or not line or not K3S_MOVES <= line.minor <= K3S_ENDS:
        way_out = "Keep it, or install a new vCluster and move what is in it."
        if (now, then) == ("k3s", "k8s"):
            way_out = "Do it on a chart from 0.25 to 0.32."
        yield refuse("G21", what, "The tenant would be empty.", way_out)
        return
    found, wanted = version_of(case.kubernetes or ""), version_of(case.target_kubernetes or "")
    if not found or not wanted or found.minor != wanted.minor:
        minor = f"1.{found.minor[1]}" if found else "the minor that runs"
        why = "The chart's default would decide, and a minor must not be skipped with it."
        yield refuse("G21", what, why, f"Set vcluster_kubernetes_version to a release of {minor}.")
    elif case.spec.rollback != "never":
        why = "The vendor's image takes over data and certificates, and there is no way back."
        way_out = (
            "Take a snapshot (fleetops.vcluster.backup), then set vcluster_rollback: never for it."
        )
        yield refuse("G21", what, why, way_out)


def other_releases(case: Case) -> Iterator[Finding]:
    """G21: the releases of k3s and k0s have a suffix, which the variable does not take."""
    distro = distro_in(case.effective)
    if distro != "k8s" and case.spec.kubernetes_version:
        yield refuse(
            "G21",
            f"vcluster_kubernetes_version is {case.spec.kubernetes_version}, and the tenant's Kubernetes is {distro}.",
            "Its releases have names of their own, such as v1.32.1-k3s1.",
            f"Write one into vcluster_values at /controlPlane/distro/{distro}/image/tag instead.",
        )


VERSION_GUARDS = (
    known_line,
    host_skew,
    broken_patch,
    newer_by_hand,
    other_distro,
    other_releases,
)
