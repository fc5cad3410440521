# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in renders what the vendor's chart renders."""

from __future__ import annotations

from typing import Any

import pytest
from facts import Contract, changed, compared, differences, fields, is_below

from lab import chart


def expected(version: str, case: str) -> set[tuple[str, str]]:
    """Return the known differences of one case as pairs of object and path."""
    return {
        (entry["object"], entry["path"])
        for entry in differences("rendered")
        if version in entry["versions"] and case in entry["cases"]
    }


@pytest.mark.parametrize("helm", ["helm4", "helm3"])
def test_case(contract: Contract, template: Any, version: str, case: str, helm: str) -> None:
    ours = template(version, contract.values(case), helm=helm).objects()
    theirs = contract.rendered(version, case)
    assert ours.keys() == theirs.keys()
    found = {(name, path) for name in ours for path in changed(ours[name], theirs[name])}
    assert found == expected(version, case)


def test_fields_are_all_there(contract: Contract) -> None:
    """A field that no rendered object has is a slip of the pen: it would compare nothing."""
    paths: dict[str, set[str]] = {}
    for line in chart.lines().values():
        for case in contract.cases(line.version):
            for item in contract.rendered(line.version, case).values():
                paths.setdefault(item["kind"], set()).update(compared(item))
    for kind, field in fields():
        assert kind in {"*", *paths}, f"no case renders a {kind}"
        seen = set().union(*paths.values()) if kind == "*" else paths[kind]
        assert any(is_below(path, field) for path in seen), f"{kind} {field}: in no rendered object"


@pytest.mark.parametrize("host", ["1.26.0", "1.32.0", "1.33.0", "1.35.0", "1.36.0"])
def test_host_version(contract: Contract, template: Any, version: str, host: str) -> None:
    """The same values render differently on some host versions, and only there."""
    base = template(version, {}).objects()
    other = template(version, {}, host=host).objects()
    effects = contract.read("index.json")["versions"][version]["host_version_effects_sqlite"][host]
    expected_paths = {(item["object"], path) for item in effects for path in item["paths"]}
    found = {(name, path) for name in base for path in changed(base[name], other[name])}
    reduced = {
        next(
            ((name, at) for item, at in expected_paths if item == name and is_below(path, at)),
            (name, path),
        )
        for name, path in found
    }
    assert reduced == expected_paths


def test_release_names(contract: Contract, template: Any) -> None:
    """Helm takes names that make invalid Services: checking each derived name is our job."""
    names = contract.read("fails.json")["release_names"]
    values = contract.values(names["case"])
    for name, fact in names["names"].items():
        if name.startswith("-"):
            continue  # a flag to Helm's command line, whatever the chart
        done = template(names["version"], values, release=name)
        assert (done.code == 0) == fact["helm_accepts"], f"{name}: {done.error}"
        if fact["helm_accepts"]:
            services = {key for key in done.objects() if key.startswith("Service/")}
            wrong = {f"Service/{service}" for service in fact["service_names_not_dns_1035"]}
            assert wrong <= services, name
