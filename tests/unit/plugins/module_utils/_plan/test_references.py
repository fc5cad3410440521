# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values by reference: content in place of the name, and its place noted as secret (G38)."""

from __future__ import annotations

from typing import Any

from paper import spec

from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.references import (
    references_in,
    resolved,
)


def reference(name: str, key: str) -> dict[str, Any]:
    return {"$secret": {"name": name, "key": key}}


SECRETS = {("db", "dsn"): "mysql://x", ("db", "empty"): ""}
VALUES = {
    "dataSource": reference("db", "dsn"),
    "env": [{"name": "A", "value": reference("db", "empty")}],
    "gone": {"x/y": reference("nowhere", "k")},
    "plain": "text",
}


def read(name: str, key: str) -> str | None:
    return SECRETS.get((name, key))


def test_content_takes_the_place_of_references_in_mappings_and_lists() -> None:
    found = resolved(spec(values=VALUES), read)
    assert found.values == {
        "dataSource": "mysql://x",
        "env": [{"name": "A", "value": ""}],
        "gone": {"x/y": reference("nowhere", "k")},
        "plain": "text",
    }


def test_g38_every_place_of_a_reference_is_secret_from_then_on() -> None:
    found = resolved(spec(values=VALUES, secret_paths=["/plain"]), read)
    assert found.secret_paths == ("/plain", "/dataSource", "/env/0/value", "/gone/x~1y")


def test_the_spec_itself_keeps_its_references() -> None:
    asked = spec(values=VALUES)
    resolved(asked, read)
    assert [name for _path, name, _key in references_in(asked.values)] == ["db", "db", "nowhere"]
