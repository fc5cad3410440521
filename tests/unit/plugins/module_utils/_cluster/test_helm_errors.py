# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of rewording helm's errors; the texts are Helm 3.22's and 4.3's."""

from __future__ import annotations

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.helm_errors import explain

SCHEMA = """Error: UPGRADE FAILED: values don't meet the specifications of the schema(s) in the following chart(s):
vcluster:
- at '/controlPlane': additional properties 'foo' not allowed
- at '': additional properties 'nope' not allowed
"""


def test_the_causes_of_a_schema_error_come_first() -> None:
    error = explain(["upgrade", "a", "chart"], SCHEMA)
    assert error.what == (
        "helm upgrade a failed: values the chart's schema refuses: "
        "at '/controlPlane': additional properties 'foo' not allowed; "
        "at the top: additional properties 'nope' not allowed"
    )


def test_warnings_before_the_error_are_left_out() -> None:
    output = 'level=WARN msg="unable to find exact version"\nError: release: not found\n'
    assert explain(["rollback", "a"], output).what == "helm rollback a failed: release: not found"


@pytest.mark.parametrize(
    ("output", "way_out"),
    [
        (
            "Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress",
            "begins with a repair",
        ),
        ('Error: secrets is forbidden: User "x" cannot list', "minimal ClusterRole"),
        (
            'Error: looks like "u" is not a valid chart repository or cannot be reached',
            "vcluster_chart",
        ),
        ("Error: weather", ""),
    ],
)
def test_ways_out(output: str, way_out: str) -> None:
    found = explain(["upgrade", "a"], output).way_out
    assert way_out in found
    assert bool(found) == bool(way_out)


def test_a_program_that_says_nothing() -> None:
    assert explain(["version", "--template", "x"], "").what == "helm version failed: no output"
    assert explain(["pull", "a"], "panic: oh\nno").what == "helm pull a failed: panic: oh no"
