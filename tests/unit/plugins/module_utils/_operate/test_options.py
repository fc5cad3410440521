# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the options of a module to a Spec, and what it makes known as secret."""

from __future__ import annotations

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.context import Context
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.options import spec_of


def test_a_spec_teaches_its_token_and_its_vaulted_values() -> None:
    context = Context()
    spec_of(
        {
            "name": "t",
            "api_host": "https://h",
            "api_token": "t0ken-text",
            "values": {"a": [{"b": "vaulted-text"}]},
            "secret_paths": ["/a/0/b", "/gone"],
        },
        context,
    )
    masked = context.secrets.mask("t0ken-text vaulted-text")
    assert "t0ken-text" not in masked
    assert "vaulted-text" not in masked


def test_g38_a_spec_teaches_what_opens_its_snapshots() -> None:
    context = Context()
    key = {"access_key": "some-access", "secret_key": "some-secret", "session_token": "some-token"}
    spec_of({"name": "t", "snapshots": {"s3": {"bucket": "b", **key}}}, context)
    spec_of({"name": "t", "snapshots": {"directory": "/b", "identity": "some-identity"}}, context)
    masked = context.secrets.mask("some-access some-secret some-token some-identity")
    assert [word for word in ("access", "secret", "token", "identity") if word in masked] == [
        "access"
    ]


def test_a_spec_is_made_of_the_arguments_and_not_of_the_options_beside_them() -> None:
    found = spec_of(
        {
            "name": "t",
            "host": "inventory-name",
            "replicas": None,
            "from_inventory": True,
            "planned": "f" * 20,
            "dest": "/nowhere",
            "secret_paths": None,
        },
        Context(),
    )
    assert (found.host, found.name, found.replicas) == ("inventory-name", "t", None)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/a/0/b", "in-a-list"),
        ("/c~1d", "under-a-slash"),
        ("/a/1/b", None),
        ("/a/x", None),
        ("/c~1d/e", None),
    ],
)
def test_g38_a_secret_is_found_where_its_path_leads_and_nowhere_else(
    path: str, found: str | None
) -> None:
    context = Context()
    values = {"a": [{"b": "in-a-list"}], "c/d": "under-a-slash"}
    spec_of({"name": "t", "values": values, "secret_paths": [path]}, context)
    for text in ("in-a-list", "under-a-slash"):
        assert (text in context.secrets.mask(f"x {text} y")) is (text != found)
