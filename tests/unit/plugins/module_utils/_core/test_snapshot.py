# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Manifests survive being written and read; what is no manifest is never taken for one."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.contents import Contents
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import FleetError
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.snapshot import (
    FORMAT,
    Manifest,
    Part,
    from_text,
    to_text,
)

MANIFEST = Manifest(
    id="20260317T093000Z-1a2b3c4d",
    name="tenant-a",
    namespace="vcluster-tenant-a",
    cluster="west",
    taken_at=datetime(2026, 3, 17, 9, 30, tzinfo=UTC),
    way="etcd",
    store="etcd_deployed",
    store_version="3.6.8",
    chart_version="0.36.1",
    kubernetes_version="1.36.3",
    revision=4711,
    contents=Contents(338, "ab" * 32),
    recipients=("age1abc",),
    parts={"data": Part(1024, "cd" * 32), "private": Part(99, "ef" * 32)},
    run="r1",
    by="somebody@somewhere",
    reason="CHG-1",
    safety_of="",
    verified_at=datetime(2026, 3, 17, 9, 31, tzinfo=UTC),
)


def changed(**more: Any) -> str:
    return json.dumps({**json.loads(to_text(MANIFEST)), **more})


@pytest.mark.parametrize(
    "manifest", [MANIFEST, replace(MANIFEST, recipients=(), reason="", parts={})]
)
def test_what_was_written_is_read(manifest: Manifest) -> None:
    assert from_text(to_text(manifest), "here") == manifest


def test_times_are_written_in_utc() -> None:
    east = MANIFEST.taken_at.astimezone(timezone(timedelta(hours=5)))
    assert to_text(replace(MANIFEST, taken_at=east)) == to_text(MANIFEST)
    assert json.loads(to_text(MANIFEST))["taken_at"] == "2026-03-17T09:30:00Z"


def test_one_of_a_newer_version_says_so() -> None:
    with pytest.raises(FleetError, match=f"manifest here has the format {FORMAT + 1}"):
        from_text(changed(format=FORMAT + 1, more="unheard of"), "here")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "damaged"),
        ("[]", "it has no format"),
        ("{}", "it has no format"),
        (to_text(MANIFEST)[:-40], "damaged"),
        (changed(id="../../etc"), "no id"),
        (changed(way="rsync"), "no way to take one"),
        (changed(contents={"keys": 1, "digest": "short"}), "no digest"),
        (changed(taken_at="2026-03-17T09:30:00"), "no time zone"),
        (changed(parts={"data": {"size": 1}}), "'sha256' is missing"),
        (changed(contents=None), "damaged"),
        (changed(revision="many"), "damaged"),
    ],
)
def test_what_is_no_manifest_is_said(text: str, words: str) -> None:
    with pytest.raises(FleetError, match=words):
        from_text(text, "here")
