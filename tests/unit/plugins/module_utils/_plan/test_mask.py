# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is hidden before anything is shown, and what is not (G38)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paper import keys

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.plan import Change
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.mask import (
    hidden_texts,
    mask,
    mask_change,
    without_texts,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.values import (
    build,
    leaves,
    pointer,
)

SECRET = "s3cr/et"


@pytest.mark.parametrize(
    "value",
    [
        {"dataSource": SECRET},
        {"env": [{"name": "DB_PASSWORD", "value": SECRET}]},
        {"a": f"postgres://user:{SECRET}@db:5432/x"},
        {"extraArgs": [f"--db-password={SECRET}"]},
        {"apiKey": [SECRET]},
    ],
)
def test_g38_what_looks_secret_is_hidden(value: Any) -> None:
    assert "s3cr" not in str(mask(value))
    assert "(hidden" in str(mask(value))


def test_g38_vaulted_places_are_hidden_within_lists_and_from_above() -> None:
    tree = {"env": [{"name": "A", "value": SECRET}], "b": {"c": SECRET}, "d": "shown"}
    assert mask(tree, ["/env/0/value", "/b"]) == {
        "env": [{"name": "A", "value": "(hidden)"}],
        "b": "(hidden)",
        "d": "shown",
    }


def test_g38_a_change_is_masked_by_where_it_stands() -> None:
    shown = mask_change(Change("/b/c", "old", SECRET), ["/b"])
    assert (shown.before, shown.after) == ("(hidden)", "(hidden)")
    assert mask_change(Change("vcluster_version", "0.35.3", "0.36.1")).after == "0.36.1"


def test_g38_names_of_secrets_and_plain_values_stay_readable() -> None:
    tree = {"secretName": "etcd", "a": {"$secret": {"name": "db", "key": "dsn"}}, "on": True}
    assert mask(tree) == {"secretName": "etcd", "a": "(Secret db, key dsn)", "on": True}


@given(st.text("xyz", min_size=8, max_size=8), st.lists(keys, min_size=1, max_size=3))
def test_g38_the_mask_hides_what_is_secret(secret: str, path: list[str]) -> None:
    tree = build([(tuple(path), secret), (("database", "password"), secret)])
    hidden = mask(tree, [pointer(tuple(path))])
    assert secret not in json.dumps(hidden)
    assert tuple(path) in dict(leaves(hidden))


def test_g38_the_hidden_texts_are_those_that_the_mask_hides() -> None:
    tree = {
        "password": "pass-word",
        "token": 123456,
        "env": [{"name": "DSN", "value": "some-dsn"}, {"name": "A", "value": "shown"}],
        "url": "postgres://user:url-pass@db/x",
        "args": ["--key=flag-key", "--level=shown"],
        "vault": {"file": "first-line\nsecond", "on": True, "none": None},
        "ref": {"$secret": {"name": "a", "key": "b"}},
    }
    assert hidden_texts(tree, ["/vault"]) == {
        "pass-word",
        "123456",
        "some-dsn",
        "url-pass",
        "flag-key",
        "first-line",
        "second",
        "first-line\nsecond",
        "first-line\\nsecond",
    }


def test_g38_a_hidden_text_is_taken_out_wherever_it_stands_and_a_short_one_only_alone() -> None:
    texts = frozenset({"long-one", "long-one-more", "ab"})
    tree = {"a": ["x long-one-more y", "long-one", "ab", "about"], "n": 5, "b": True}
    assert without_texts(tree, texts) == {
        "a": ["x (hidden) y", "(hidden)", "(hidden)", "about"],
        "n": 5,
        "b": True,
    }
