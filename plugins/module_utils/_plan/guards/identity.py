# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names that a vCluster can have."""

from __future__ import annotations

import re

from ..._core.finding import Finding, refuse

# Services must be DNS-1035 labels, and the chart names Services after the release.
_LABEL = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_DNS_LABEL = 63
_HELM_NAME = 53  # helm.sh/helm, chartutil.ValidateReleaseName

# The chart writes metadata.name and namespace unquoted (0.36.1, templates/*.yaml), so YAML 1.1 reads these as
# something else. A name begins with a letter and is no number; a namespace may be one.
_YAML_WORDS = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null"))
_YAML_NUMBER = re.compile(r"\d+(e-?\d+)?|0x[0-9a-f]+|0o[0-7]+|0b[01]+")

# Longest names that the chart and the syncer derive; lease names are shortened by a hash above 63 characters
# (vCluster 0.36, pkg/leaderelection), and then nobody finds the lease of this vCluster any more.
_DERIVED = ("{name}-etcd-headless", "vc-workload-{name}", "vcluster-{name}-cert-rotation")


def name_findings(name: str, namespace: str) -> list[Finding]:
    """G40 (lengths), G58 (names that YAML does not read as text), and the form of both names."""
    findings = []
    if name in _YAML_WORDS or (name and name[0].isdigit()):
        findings.append(
            refuse(
                "G58",
                f"vcluster_name is {name!r}.",
                "The chart prints it unquoted, and YAML or DNS does not take it as a name.",
                "Begin it with a letter and make it no YAML word.",
            )
        )
    elif not _LABEL.fullmatch(name):
        findings.append(
            refuse(
                "spec",
                f"vcluster_name is {name!r}.",
                "Services are named after it.",
                "Use lower-case letters, digits and '-', beginning with a letter; the default is the inventory name.",
            )
        )
    if namespace in _YAML_WORDS or _YAML_NUMBER.fullmatch(namespace):
        findings.append(
            refuse(
                "G58",
                f"vcluster_namespace is {namespace!r}.",
                "The chart prints it unquoted, and YAML does not read it as text.",
                "Make it no number and no YAML word.",
            )
        )
    elif not _NAMESPACE.fullmatch(namespace) or len(namespace) > _DNS_LABEL:
        findings.append(
            refuse(
                "spec",
                f"vcluster_namespace is {namespace!r}.",
                "",
                f"Use lower-case letters, digits and '-', at most {_DNS_LABEL}.",
            )
        )
    return findings + _length_findings(name)


def _length_findings(name: str) -> list[Finding]:
    too_long = [f"{name} ({len(name)} of {_HELM_NAME})"] if len(name) > _HELM_NAME else []
    for form in _DERIVED:
        derived = form.format(name=name)
        if len(derived) > _DNS_LABEL:
            too_long.append(f"{derived} ({len(derived)} of {_DNS_LABEL})")
    if not too_long:
        return []
    return [
        refuse(
            "G40",
            f"vcluster_name {name!r} makes names too long: {', '.join(too_long)}.",
            "Leases would be shortened, and Services refused.",
            "Choose a shorter vcluster_name.",
        )
    ]
