# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What --diff shows, and what it never shows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from fakes import FakeHelm, World


def test_diff_shows_values_and_hides_the_content_of_secrets(run: Any) -> None:
    result = run(check=True, diff=True, values={"controlPlane": {"coredns": {"enabled": True}}})
    values, objects = result["diff"]
    assert "coredns" in values["after"]
    assert "config.yaml: '********'" in objects["after"]


def shown(run: Any, **more: Any) -> dict[str, tuple[str, str]]:
    """What --diff shows, by title."""
    result = run(check=True, diff=True, **more)
    return {d["after_header"]: (d["before"], d["after"]) for d in result["diff"]}


TITLE = "vcluster-tenant-a/tenant-a"


def test_every_step_that_runs_helm_is_shown_after_the_one_before(run: Any, world: World) -> None:
    world.deploy("tenant-a", "0.35.3", {"telemetry": {"enabled": False}})
    found = shown(run, kubernetes_version="1.36.1", rollback="never")
    assert [title.removeprefix(f"{TITLE} ") for title in found] == [
        "values of chart_hop",
        "objects of chart_hop",
        "values of kubernetes_hop",
        "objects of kubernetes_hop",
    ]
    hop, kubernetes = (found[f"{TITLE} values of {kind}_hop"] for kind in ("chart", "kubernetes"))
    assert hop[0] == "telemetry:\n  enabled: false\n"
    assert kubernetes[0] == hop[1]
    assert "tag: v1.36.1" in kubernetes[1]


def test_a_proof_changes_nothing_and_shows_nothing(run: Any, world: World) -> None:
    world.deploy("tenant-a", "0.36.1", {})
    assert shown(run) == {}


def test_g38_secrets_of_the_release_before_are_hidden_like_those_after(
    run: Any, world: World
) -> None:
    manifest = """
---
kind: Secret
data: {config.yaml: s3cret-of-old}
stringData: {plain: s3cret-of-old}
---
kind: ConfigMap
data: {a: shown}
---
"""
    world.deploy("tenant-a", "0.36.1", {"controlPlane": {"password": "s3cret-of-old"}})
    world.releases[-1] = replace(world.releases[-1], manifest=manifest)
    found = shown(run, values={"telemetry": {"enabled": False}})
    assert "s3cret-of-old" not in str(found)
    before, _after = found[f"{TITLE} objects of values"]
    assert "a: shown" in before
    assert before.count("'********'") == 2


def test_g38_what_is_hidden_in_the_values_is_hidden_in_the_objects(
    run: Any, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the chart renders it: env and extraArgs as they are, anything in a manifest of one's own."""
    plane = {
        "env": [
            {"name": "DB_PASSWORD", "value": "s3cret-env"},
            {"name": "LEVEL", "value": "debug"},
        ],
        "extraArgs": ["--db-password=s3cret-arg", "--level=debug"],
    }
    values = {
        "controlPlane": {"statefulSet": plane},
        "database": {"dataSource": "mysql://u:s3cret-url@db/x", "password": 24681357},
        "manifests": "say: s3cret-env",
    }

    def template(self: FakeHelm, *args: Any) -> list[dict[str, Any]]:
        containers = [{"env": plane["env"], "args": plane["extraArgs"], "image": "x:1"}]
        pod = {"spec": {"containers": containers}}
        data = {"a": "pw=24681357", "b": 'x "s3cret-env"\n  s3cret-url', "c": "shown"}
        return [
            {"kind": "Deployment", "spec": {"template": pod}},
            {"kind": "ConfigMap", "data": data},
        ]

    monkeypatch.setattr(FakeHelm, "template", template)
    found = shown(run, values=values)
    text = str(found)
    assert not [word for word in ("s3cret", "24681357") if word in text]
    after = found[f"{TITLE} objects of install"][1]
    for word in ("DB_PASSWORD", "--db-password=", "debug", "x:1", "c: shown", "--level=debug"):
        assert word in after


def test_g38_the_objects_of_the_release_before_are_hidden_by_its_own_values(
    run: Any, world: World
) -> None:
    env = [{"name": "API_TOKEN", "value": "s3cret-of-old"}]
    world.deploy("tenant-a", "0.36.1", {"controlPlane": {"statefulSet": {"env": env}}})
    manifest = "kind: ConfigMap\ndata: {a: the s3cret-of-old}\n"
    world.releases[-1] = replace(world.releases[-1], manifest=manifest)
    found = shown(run, values={"telemetry": {"enabled": False}})
    assert "s3cret-of-old" not in str(found)
