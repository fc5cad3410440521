# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan as data and as text: nothing secret, nothing too wide, nothing left out without a word."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.finding import refuse, warn
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import (
    Applied,
    Observation,
    Release,
    Workload,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.plan import (
    Change,
    Disruption,
    Kind,
    Plan,
    Step,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import Access, Spec
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.render import (
    SHOWN_CHANGES,
    dotted,
    live_as_data,
    plan_as_data,
    plan_lines,
    table,
    wrapped,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.values import pointer

SPEC = Spec("tenant-a", "tenant-a", "vcluster-tenant-a", "hc1", Access())
SECRET = "s3cret-of-the-vault"
STEP = Step(
    Kind.VALUES,
    "1 asked for",
    (Change("/a/b", SECRET, SECRET), Change("/c/password", None, SECRET)),
    Disruption("rolling", 60, "3 pods of tenant-a restart one after the other"),
    "values",
    "0.36.1",
    {"a": {"b": SECRET}, "c": {"password": SECRET}, "d": [1]},
)


def text_of(plan: Plan, *secret_paths: str) -> str:
    return "\n".join(plan_lines(SPEC.host, plan, secret_paths))


def changed(*changes: Change) -> str:
    return text_of(Plan((replace(STEP, changes=changes),)))


def test_g38_a_plan_as_data_or_text_hides_what_is_secret() -> None:
    plan = Plan((STEP,), (warn("G20", "what"),), ("/x",), "d" * 20)
    data = plan_as_data(plan, ("/a/b",))
    assert SECRET not in json.dumps(data) + text_of(plan, "/a/b")
    assert data["steps"][0]["values"] == {
        "a": {"b": "(hidden)"},
        "c": {"password": "(hidden)"},
        "d": [1],
    }
    assert (data["kinds"], data["digest"], data["foreign"]) == (["values"], "d" * 20, ["/x"])


def test_a_step_without_values_has_none() -> None:
    plan = Plan((Step(Kind.PROVE, "proved again"),))
    assert plan_as_data(plan, ())["steps"][0]["values"] is None
    assert text_of(plan) == "  tenant-a: prove\n    prove: proved again"
    assert text_of(Plan()) == "  tenant-a: nothing to do"


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (Change("/a/b", None, 1), "~ a.b: 1"),
        (Change("/a/b", 1, None, "removed"), "- a.b: 1 -> unset (gone from the inventory)"),
        (Change("/a/b", True, False, "drift"), "! a.b: true -> false (by hand)"),
        (Change("/a/b", None, [{"x": 1}], "default"), '+ a.b: [{"x": 1}] (default)'),
        (Change("vcluster_version", "0.35.3", "0.36.1"), "~ vcluster_version: 0.35.3 -> 0.36.1"),
        (Change("/a~1b/c", "x", "y"), "~ a/b.c: x -> y"),
    ],
)
def test_a_change_says_path_before_after_and_why(change: Change, line: str) -> None:
    assert f"      {line}" in changed(change).splitlines()


def test_many_changes_are_counted_and_long_values_cut() -> None:
    changes = [Change(f"/key{number}", None, "x" * 500) for number in range(SHOWN_CHANGES + 3)]
    text = changed(*changes)
    assert text.count("~ key") == SHOWN_CHANGES
    assert "... and 3 more, see the plan file" in text
    assert "x" * 118 not in text
    assert "... and" not in changed(*changes[:SHOWN_CHANGES])


def test_findings_say_fact_reason_and_way_out_and_foreign_values_are_named() -> None:
    findings = (refuse("G05", "what", "why", "way out"), warn("G20", "careful"))
    lines = text_of(Plan((), findings, ("/networking/podCIDR",))).splitlines()
    assert lines == [
        "  tenant-a: refused",
        "    refused [G05] what",
        "      why",
        "      way out",
        "    warning [G20] careful",
        "    kept, not asked for: networking.podCIDR",
    ]


@given(st.lists(st.text("ab~/", min_size=1, max_size=3), min_size=1, max_size=3))
def test_a_path_is_shown_as_it_was_written(path: list[str]) -> None:
    assert dotted(pointer(tuple(path))) == ".".join(path)


@given(st.text("ab \n", max_size=300))
def test_text_keeps_to_80_columns_and_loses_no_word(text: str) -> None:
    lines = wrapped(text, "  ", "    ")
    words = text.split()
    assert " ".join(lines).split() == words
    if all(len(word) <= 76 for word in words):
        assert all(len(line) <= 80 for line in lines)


def test_a_table_is_aligned_and_cuts_the_widest_with_a_mark() -> None:
    assert table([("NAME", "STATE"), ("tenant-a", "ok")]) == ["NAME      STATE", "tenant-a  ok"]
    lines = table([("NAME", "CLUSTER", "STATE"), ("n" * 90, "c" * 20, "proved")])
    assert max(len(line) for line in lines) <= 80
    assert "~" in lines[1]
    assert lines[1].endswith("proved")
    assert "c" * 20 in lines[1]


def plane(**images: str) -> Workload:
    return Workload("control_plane", "StatefulSet", "t", 3, 2, 3, 3, images=images)


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("ghcr.io/loft-sh/vcluster-pro:0.36.1", "0.36.1"),
        ("registry.example.net:5000/vcluster-pro:0.36.1", "0.36.1"),
        ("registry.example.net:5000/vcluster-pro", ""),
        ("", ""),
    ],
)
def test_versions_are_read_from_the_images_that_run(image: str, version: str) -> None:
    found = live_as_data(Observation(workloads=(plane(syncer=image, kubernetes="k:v1.36.3"),)))
    assert (found["version"], found["kubernetes"]) == (version, "1.36.3")


@pytest.mark.parametrize(
    ("release", "revision", "status", "proved"),
    [
        (None, 0, "absent", False),
        (Release(3, "deployed"), 3, "deployed", False),
        (Release(3, "failed", applied=Applied("d", 3)), 3, "failed", True),
        (Release(3, "deployed", applied=Applied("d", 2)), 3, "deployed", False),
    ],
)
def test_g49_only_the_label_of_its_own_revision_is_a_proof(
    release: Release | None, revision: int, status: str, proved: bool
) -> None:
    found: dict[str, Any] = live_as_data(Observation(release=release))
    assert (found["revision"], found["release"], found["proved"]) == (revision, status, proved)


def test_the_store_is_told_where_the_values_were_read() -> None:
    etcd = {"controlPlane": {"backingStore": {"etcd": {"deploy": {"enabled": True}}}}}
    for values, store in ((None, ""), ({}, "sqlite"), (etcd, "etcd_deployed")):
        found = live_as_data(Observation(release=Release(3, "deployed", values=values)))
        assert found["store"] == store
    assert live_as_data(Observation())["store"] == ""


def test_replicas_count_what_is_ready_of_the_newest_template() -> None:
    etcd = Workload("etcd", "StatefulSet", "t-etcd", 3, ready=3, updated=1)
    found = live_as_data(Observation(workloads=(plane(), etcd)))
    assert (found["replicas"], found["members"]) == ("2/3", "1/3")
    assert live_as_data(Observation())["replicas"] == ""
