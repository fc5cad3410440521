# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From arguments to the access to a host cluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._core.errors import Refused
from .._core.finding import Finding, refuse
from .._core.spec import Access


def access_from(arguments: Mapping[str, Any]) -> tuple[Access, str]:
    """The access of a module that works on a host cluster, and what messages call that.

    Args:
        arguments: Of the module, None counting as not given.

    Raises:
        Refused: With every mistake found.
    """
    given = {name: value for name, value in arguments.items() if value is not None}
    if findings := access_findings(given):
        raise Refused(tuple(findings))
    access = access_of(given)
    return access, str(given.get("cluster") or cluster_name(access))


def access_of(typed: Mapping[str, Any]) -> Access:
    """The access that some arguments ask for."""
    return Access(
        kubeconfig=typed.get("kubeconfig"),
        context=typed.get("context"),
        host=typed.get("api_host"),
        token=typed.get("api_token"),
        ca_cert=typed.get("api_ca_cert"),
    )


def cluster_name(access: Access) -> str:
    """The context, the file of the kubeconfig or the address: what a reader knows the host cluster by."""
    if access.context:
        return access.context
    if access.host:
        return access.host.removeprefix("https://")
    if access.kubeconfig:
        file = access.kubeconfig.rstrip("/").rsplit("/", 1)
        # .../hc1/kubeconfig tells nothing by its own name.
        generic = file[-1] in ("kubeconfig", "config") and len(file) == 2
        return file[0].rsplit("/", 1)[-1] if generic else file[-1].split(".", 1)[0] or file[-1]
    return "default"


def access_findings(typed: Mapping[str, Any]) -> list[Finding]:
    """What is wrong with the options of an access."""
    findings = []
    if "api_host" in typed and ("kubeconfig" in typed or "context" in typed):
        findings.append(
            refuse(
                "spec",
                "vcluster_api_host and vcluster_kubeconfig or vcluster_context are given.",
                "",
                "Keep one.",
            )
        )
    if "api_host" in typed and not typed["api_host"].startswith("https://"):
        findings.append(
            refuse(
                "spec",
                f"vcluster_api_host is {typed['api_host']!r}.",
                "",
                "It begins with https://.",
            )
        )
    for name in ("api_token", "api_ca_cert"):
        if name in typed and "api_host" not in typed:
            findings.append(refuse("spec", f"vcluster_{name} is given without vcluster_api_host."))
    return findings
