# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names that a vCluster can have."""

from __future__ import annotations

import pytest
from paper import spec

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import Refused
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.guards.identity import (
    name_findings,
)


def test_g40_names_that_get_too_long() -> None:
    with pytest.raises(Refused) as refused:
        spec(name="a" * 47)
    assert {finding.guard for finding in refused.value.findings} == {"G40"}


@pytest.mark.parametrize("name", ["on", "y", "null", "123", "1e3"])
def test_g58_names_that_yaml_reads_as_something_else(name: str) -> None:
    with pytest.raises(Refused) as refused:
        spec(name=name)
    assert refused.value.findings[0].guard in ("G58", "spec")


@pytest.mark.parametrize(
    ("name", "namespace", "guards"),
    [
        ("a", "a", []),
        ("a" * 40, "n" * 63, []),
        ("tenant-1", "1st", []),
        ("a" * 41, "ns", ["G40"]),
        ("yes", "ns", ["G58"]),
        ("1a", "ns", ["G58"]),
        ("", "ns", ["spec"]),
        ("Tenant", "ns", ["spec"]),
        ("tenant-", "ns", ["spec"]),
        ("tenant\n", "ns", ["spec"]),
        ("tenant.a", "ns", ["spec"]),
        ("tenant", "n" * 64, ["spec"]),
        ("tenant", "-n", ["spec"]),
        ("tenant", "", ["spec"]),
        ("Tenant" * 10, "N", ["spec", "spec", "G40"]),
    ],
)
def test_both_names_have_a_form_and_a_length(name: str, namespace: str, guards: list[str]) -> None:
    assert [finding.guard for finding in name_findings(name, namespace)] == guards


@pytest.mark.parametrize("name", ["a" * 41, "a" * 60])
def test_g40_each_name_that_is_too_long_is_shown_with_its_length(name: str) -> None:
    (finding,) = name_findings(name, "ns")
    longest = f"vcluster-{name}-cert-rotation"
    assert f"{longest} ({len(longest)} of 63)" in finding.what


@pytest.mark.parametrize(
    "namespace", ["123", "0755", "1e3", "1e-3", "0x1f", "0o17", "0b11", "on", "null", "true", "y"]
)
def test_g58_namespaces_that_yaml_reads_as_something_else(namespace: str) -> None:
    (finding,) = name_findings("tenant", namespace)
    assert (finding.guard, namespace in finding.what) == ("G58", True)


@pytest.mark.parametrize(
    "namespace", ["1st", "1e3x", "2024-01-01", "0x", "0xyz", "e3", "one", "1-2"]
)
def test_g58_its_good_neighbours_are_let_through(namespace: str) -> None:
    assert name_findings("tenant", namespace) == []
