# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Removed keys: what stands for them where that is exact, and nothing that only looks like it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.lines.registry import (
    LINES,
    removed_until,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.renames import (
    path_of_key,
    rename_findings,
    renamed,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.values import (
    ABSENT,
    build,
    leaves,
    read,
)

SLEEP = {
    "enabled": True,
    "timeZone": "UTC",
    "autoSleep": {"afterInactivity": "1h", "exclude": {"selector": {"labels": {"a": "b"}}}},
    "autoWakeup": {"schedule": "0 7 * * *"},
}
AWAKE = {
    "timezone": "UTC",
    "afterInactivity": "1h",
    "exclude": {"selector": {"labels": {"a": "b"}}},
    "wakeup": {"schedule": "0 7 * * *"},
}


@pytest.mark.parametrize(
    ("version", "values", "result"),
    [
        ("0.31.3", {"sleepMode": SLEEP}, {"sleepMode": SLEEP}),
        ("0.32.0", {"sleepMode": SLEEP}, {"sleep": {"auto": AWAKE}}),
        ("0.36.1", {"sleepMode": {**SLEEP, "enabled": False}}, {}),
        ("0.36.1", {"sleepMode": {"timeZone": "UTC"}}, {}),
        (
            "0.32.3",
            {
                "external": {
                    "platform": {
                        "project": "default",
                        "apiKey": {"secretName": "key"},
                        "autoSleep": {"afterInactivity": 60, "autoWakeup": {"schedule": "x"}},
                        "autoDelete": {"afterInactivity": 3600},
                        "autoSnapshot": {
                            "enabled": True,
                            "schedule": "y",
                            "storage": {"type": "s3", "s3": {"url": "s3://b/p"}},
                        },
                    }
                }
            },
            {
                "platform": {"project": "default", "apiKey": {"secretName": "key"}},
                "sleep": {"auto": {"afterInactivity": "60s", "wakeup": {"schedule": "x"}}},
                "deletion": {"auto": {"afterInactivity": "3600s"}},
                "snapshots": {
                    "auto": {
                        "schedule": "y",
                        "storage": {"type": "s3", "s3": {"url": "s3://b/p"}},
                    }
                },
            },
        ),
        (
            "0.31.0",
            {
                "policies": {
                    "networkPolicy": {
                        "enabled": True,
                        "extraControlPlaneRules": [{"to": []}],
                        "outgoingConnections": {
                            "platform": True,
                            "ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]},
                        },
                    }
                }
            },
            {
                "policies": {
                    "networkPolicy": {
                        "enabled": True,
                        "controlPlane": {"egress": [{"to": []}]},
                        "workload": {
                            "publicEgress": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}
                        },
                    }
                }
            },
        ),
        (
            "0.25.2",
            {
                "controlPlane": {
                    "distro": {
                        "k8s": {
                            "apiServer": {"image": {"tag": "v1.31.1"}, "extraArgs": ["--a"]},
                            "controllerManager": {"image": {"tag": "v1.31.1"}},
                        }
                    }
                }
            },
            {
                "controlPlane": {
                    "distro": {
                        "k8s": {"image": {"tag": "v1.31.1"}, "apiServer": {"extraArgs": ["--a"]}}
                    }
                }
            },
        ),
        (
            "0.36.1",
            {
                "sync": {"toHost": {"volumeSnapshots": {"enabled": False}}},
                "rbac": {"enableVolumeSnapshotRules": {"enabled": "auto"}},
                "telemetry": {"enabled": False},
            },
            {"telemetry": {"enabled": False}},
        ),
    ],
)
def test_g17_values_as_a_newer_chart_takes_them(
    version: str, values: dict[str, Any], result: dict[str, Any]
) -> None:
    found = renamed(values, version)
    assert (found.values, found.left) == (result, ())
    assert renamed(found.values, version).renames == ()


@pytest.mark.parametrize(
    ("version", "values", "left"),
    [
        ("0.36.1", {"sync": {"toHost": {"volumeSnapshots": {"enabled": True}}}}, None),
        ("0.32.0", {"external": {"other": 1}}, None),
        ("0.32.0", {"external": {"platform": {"autoDelete": {"afterInactivity": 0}}}}, None),
        (
            "0.31.0",
            {"policies": {"networkPolicy": {"outgoingConnections": {"platform": False}}}},
            None,
        ),
        ("0.33.0", {"controlPlane": {"distro": {"k3s": {"enabled": True}}}}, None),
        # Two parts of different releases, and two keys for one place.
        (
            "0.25.0",
            {
                "controlPlane": {
                    "distro": {
                        "k8s": {
                            "apiServer": {"image": {"tag": "v1.31.1"}},
                            "scheduler": {"image": {"tag": "v1.31.2"}},
                        }
                    }
                }
            },
            {"controlPlane": {"distro": {"k8s": {"scheduler": {"image": {"tag": "v1.31.2"}}}}}},
        ),
        (
            "0.32.0",
            {"sleepMode": SLEEP, "sleep": {"auto": {"timezone": "CET"}}},
            {"sleepMode": SLEEP},
        ),
        ("0.32.0", {"sleepMode": SLEEP, "sleep": None}, {"sleepMode": SLEEP}),
    ],
)
def test_g17_what_is_not_exact_is_left_and_named(
    version: str, values: dict[str, Any], left: dict[str, Any] | None
) -> None:
    found = renamed(values, version)
    assert len(found.left) == 1
    for path, value in leaves(values if left is None else left):
        assert read(found.values, path) == value
    renames, findings = rename_findings(values, version)
    assert {finding.guard for finding in findings} == {"G17"}
    assert len(findings) == len(renames) + 1
    assert f"Instead: {found.left[0][1].replacement}." in str(findings[-1])


def test_g17_a_key_that_moved_twice_is_named_by_where_it_is_written() -> None:
    values = {"experimental": {"sleepMode": {"enabled": True, "autoSleep": {"schedule": "x"}}}}
    renames, findings = rename_findings(values, "0.36.1")
    assert [(r.old, r.new, r.value) for r in renames] == [
        ("/experimental/sleepMode/autoSleep/schedule", "/sleep/auto/schedule", "x"),
        ("/experimental/sleepMode/enabled", None, None),
    ]
    assert ["Instead: /sleep/auto/schedule." in str(f) for f in findings] == [True, False]


def test_g17_g38_findings_name_places_and_no_values() -> None:
    storage = {"oci": {"password": "s3cret"}}
    values = {"external": {"platform": {"autoSnapshot": {"enabled": True, "storage": storage}}}}
    _renames, findings = rename_findings(values, "0.32.0")
    assert any("/snapshots/auto/storage/oci/password" in str(finding) for finding in findings)
    assert not any("s3cret" in str(finding) for finding in findings)


KEYS = [move.old for line in LINES for key in line.removed for move in key.moves]
SCALARS = st.one_of(st.booleans(), st.integers(-1, 9), st.sampled_from(["", "x"]), st.none())


@given(
    st.dictionaries(st.sampled_from([*KEYS, "telemetry.enabled"]), SCALARS, max_size=5),
    st.sampled_from([patch.version for line in LINES for patch in line.patches]),
)
def test_g17_no_value_is_lost_or_invented(found: dict[str, Any], version: str) -> None:
    values = build((path_of_key(key), value) for key, value in found.items())
    before = dict(leaves(values))
    result = renamed(values, version)
    after = dict(leaves(result.values))
    moved = {rename.old for rename in result.renames}
    stay = {path for path in before if "/" + "/".join(path) not in moved}
    assert all(after[path] == before[path] for path in stay)
    assert len(moved) == len(result.renames) == len(before) - len(stay)
    left = {key.key for _line, key in result.left}
    for _line, key in removed_until(version):
        assert (read(result.values, path_of_key(key.key)) is ABSENT) is (key.key not in left)
