# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guards on versions: the chart line and the tenant's Kubernetes."""

from __future__ import annotations

from collections.abc import Iterator

from ..._core.finding import Finding, refuse, warn
from ..._core.lines.registry import LINES, line_of
from ..._core.versions import version_of
from ..desired import kubernetes_path
from ..values import ABSENT, read
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
    now, then = version_of(case.running), version_of(target)
    if now is None or then is None:
        yield refuse(
            "G16",
            f"The running chart has the version {case.running}, which cannot be compared with {target}.",
            "A chart must not go down, nor skip a line.",
            "Move it to a release of the vendor's chart with helm first.",
        )
    elif then.order < now.order:
        yield refuse(
            "G16",
            f"vcluster_version {target} is below the running {case.running}.",
            "A chart does not go down: the store and the tenant's objects do not go back with it.",
            f"Set vcluster_version to {case.running} or later.",
        )
    elif then.minor[1] - now.minor[1] > 1:
        between = f"{now.minor[0]}.{now.minor[1] + 1}"
        yield refuse(
            "G16",
            f"vcluster_version {target} skips lines: {case.running} is running.",
            "The vendor supports one line at a time.",
            f"Set vcluster_version to a release of {between} first.",
        )


def kubernetes_hop(case: Case) -> Iterator[Finding]:
    """G16 for the tenant's Kubernetes: up, and one minor at a time."""
    now, target = version_of(case.kubernetes or ""), version_of(case.target_kubernetes or "")
    if now is None or target is None:
        return
    # The suffix of an image says how it was built, not how new it is.
    if target.numbers < now.numbers:
        yield refuse(
            "G16",
            f"Tenant Kubernetes {case.target_kubernetes} is below the running {case.kubernetes}.",
            "Objects stored by a newer API server are not readable for an older one.",
            f"Set vcluster_kubernetes_version to {case.kubernetes} or later.",
        )
    elif target.minor[1] - now.minor[1] > 1:
        yield refuse(
            "G16",
            f"Tenant Kubernetes {case.target_kubernetes} skips minors: {case.kubernetes} is running.",
            "Kubernetes upgrades one minor at a time.",
            f"Set vcluster_kubernetes_version to a {now.minor[0]}.{now.minor[1] + 1} release first.",
        )


def kubernetes_known(case: Case) -> Iterator[Finding]:
    """G16, G19: what nobody can tell is neither moved nor held."""
    if case.new or case.kubernetes is not None:
        return
    pinned = read(case.values, kubernetes_path(case.values)) is not ABSENT
    hop = case.running != case.chart.version and not pinned
    if hop or case.changed(kubernetes_path(case.effective)):
        yield refuse(
            "G16",
            "The tenant's Kubernetes would move, and neither its image nor the release tells what runs.",
            "It must not go down, nor skip a minor.",
            "Give the image of the container kubernetes a tag such as v1.36.0, with helm and the version that runs.",
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
    if case.new or now is None or tenant.minor != now.minor:
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


VERSION_GUARDS = (chart_hop, kubernetes_hop, kubernetes_known, host_skew, broken_patch)
