# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets that values refer to, read when they are needed (G38)."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from fakes import FakeApi, World

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import Refused
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.context import (
    Context,
    Secrets,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.options import spec_of
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.references import (
    with_secrets,
)

PATH = "/api/v1/namespaces/vcluster-tenant-a/secrets"


class Counting(FakeApi):
    """Counts the looks."""

    looks = 0

    def find(self, path: str) -> Any:
        self.looks += 1
        return super().find(path)


def reference(name: str, key: str) -> dict[str, Any]:
    return {"$secret": {"name": name, "key": key}}


def test_g38_content_is_read_once_a_secret_and_masked_from_then_on() -> None:
    world, secrets = World(), Secrets()
    data = {
        key: base64.b64encode(text.encode()).decode()
        for key, text in {"dsn": "mysql://u:pässword@db", "user": "reader"}.items()
    }
    world.objects[f"{PATH}/db"] = {"data": data}
    api = Counting(world, "tenant-a", "vcluster-tenant-a")
    values = {"a": reference("db", "dsn"), "b": [reference("db", "user"), reference("db", "no")]}
    asked = spec_of({"name": "tenant-a", "values": values}, Context())
    found = with_secrets(asked, api, secrets)
    assert found.values == {
        "a": "mysql://u:pässword@db",
        "b": ["reader", reference("db", "no")],
    }
    assert api.looks == 1
    assert "pässword" not in secrets.mask("dialled mysql://u:pässword@db")
    assert "reader" not in secrets.mask("as reader")


def test_g38_a_secret_that_is_not_there_leaves_its_reference() -> None:
    world = World()
    world.objects[f"{PATH}/empty"] = {"metadata": {}}
    api = FakeApi(world, "tenant-a", "vcluster-tenant-a")
    values = {"a": reference("gone", "k"), "b": reference("empty", "k")}
    asked = spec_of({"name": "tenant-a", "values": values}, Context())
    assert with_secrets(asked, api, Secrets()).values == values


def test_g38_content_that_is_no_text_is_refused_by_name_and_not_shown() -> None:
    world = World()
    data = {"key": base64.b64encode(b"s3cr\xff").decode()}
    world.objects[f"{PATH}/keystore"] = {"data": data}
    api = FakeApi(world, "tenant-a", "vcluster-tenant-a")
    asked = spec_of({"name": "tenant-a", "values": {"a": reference("keystore", "key")}}, Context())
    with pytest.raises(Refused) as refused:
        with_secrets(asked, api, Secrets())
    (finding,) = refused.value.findings
    assert finding.guard == "G38"
    assert "key key of Secret vcluster-tenant-a/keystore" in finding.what
    assert "s3cr" not in str(finding)
