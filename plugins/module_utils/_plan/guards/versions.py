# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guards on versions: the chart line and the tenant's Kubernetes."""

from __future__ import annotations

from collections.abc import Iterator

from ..._core.finding import Finding, refuse, warn
from ..._core.lines.registry import LINES, line_of, minor_of, order_of
from .case import Case


def chart_hop(case: Case) -> Iterator[Finding]:
    """G16: the chart goes up, one line at a time, and only to lines that are known."""
    target = case.chart.version
    if line_of(target) is None:
        yield refuse(
            "spec",
            f"vcluster_version is {target}: this collection does not know that line.",
            "",
            f"Known lines: {', '.join(line.name for line in LINES)}.",
        )
        return
    if case.running is None:
        return
    if order_of(target) < order_of(case.running):
        yield refuse(
            "G16",
            f"vcluster_version {target} is below the running {case.running}.",
            "A chart does not go down: the store and the tenant's objects do not go back with it.",
            f"Set vcluster_version to {case.running} or later.",
        )
    elif minor_of(target)[1] - minor_of(case.running)[1] > 1:
        between = f"{minor_of(case.running)[0]}.{minor_of(case.running)[1] + 1}"
        yield refuse(
            "G16",
            f"vcluster_version {target} skips lines: {case.running} is running.",
            "The vendor supports one line at a time.",
            f"Set vcluster_version to a release of {between} first.",
        )


def kubernetes_hop(case: Case) -> Iterator[Finding]:
    """G16 for the tenant's Kubernetes: up, and one minor at a time."""
    if case.kubernetes is None or case.target_kubernetes is None:
        return
    now, target = minor_of(case.kubernetes), minor_of(case.target_kubernetes)
    if order_of(case.target_kubernetes) < order_of(case.kubernetes):
        yield refuse(
            "G16",
            f"Tenant Kubernetes {case.target_kubernetes} is below the running {case.kubernetes}.",
            "Objects stored by a newer API server are not readable for an older one.",
            f"Set vcluster_kubernetes_version to {case.kubernetes} or later.",
        )
    elif target[1] - now[1] > 1:
        yield refuse(
            "G16",
            f"Tenant Kubernetes {case.target_kubernetes} skips minors: {case.kubernetes} is running.",
            "Kubernetes upgrades one minor at a time.",
            f"Set vcluster_kubernetes_version to a {now[0]}.{now[1] + 1} release first.",
        )


def host_skew(case: Case) -> Iterator[Finding]:
    """G20: tenant 1.33 or lower on host 1.34 or higher leaves synced pods NotReady (vendor issue 3578)."""
    tenant = case.target_kubernetes or case.kubernetes
    host = case.observation.host_version
    if tenant is None or host is None or minor_of(tenant) > (1, 33) or host < (1, 34):
        return
    pair = f"Tenant Kubernetes {tenant} on host Kubernetes {host[0]}.{host[1]}"
    why = "Synced pods stay NotReady with this pair."
    moves = case.new or case.kubernetes is None or minor_of(tenant) != minor_of(case.kubernetes)
    if moves:
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


VERSION_GUARDS = (chart_hop, kubernetes_hop, host_skew, broken_patch)
