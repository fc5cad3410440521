# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How one check is run, and what it looks at."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import Unreachable
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import Pod
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.checks.scene import (
    Scene,
    Verdict,
    all_of,
    run,
)


def test_an_error_on_the_way_is_a_failure_with_its_words() -> None:
    def away() -> Verdict:
        raise Unreachable("tenant-a-0 does not answer.")

    found = run("api_ready", away)
    assert (found.id, found.status, found.evidence) == (
        "api_ready",
        "fail",
        "tenant-a-0 does not answer.",
    )


def test_a_defect_fails_its_own_check_and_ends_no_proof() -> None:
    def broken() -> Verdict:
        raise KeyError("items")

    found = run("api_ready", broken)
    assert (found.id, found.status) == ("api_ready", "fail")
    assert found.evidence.startswith("Internal error, please report it: KeyError: 'items' (test_")


def test_all_problems_are_told_and_none_is_a_pass() -> None:
    assert all_of(["one", "two"], "seen") == ("fail", "one; two")
    assert all_of([], "seen") == ("pass", "seen")


def test_planes_are_control_planes_that_stay(scene: Scene) -> None:
    more = (
        Pod("control_plane", "tenant-a-2", deleting=True),
        Pod("control_plane", "tenant-a-3"),
        Pod("etcd", "tenant-a-etcd-0", ready=True),
    )
    found = replace(scene, live=replace(scene.live, pods=(*scene.live.pods, *more)))
    assert [pod.name for pod in found.planes] == ["tenant-a-0", "tenant-a-1", "tenant-a-3"]
