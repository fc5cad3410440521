# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The source file of the plugin `fleet`, its cache, and hosts that other sources have."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import (
    FleetError,
    Unreachable,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import Access
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.discover import (
    Discovered,
    Row,
    Target,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.host_names import (
    Place,
    Written,
)
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._fleet_source import (
    KnownHost,
    cached,
    clusters_of,
    from_cache,
    places_of,
    written_hosts,
)

WEST = Target("west", Access(kubeconfig="/k/west"))
EAST = Target("east", Access(host="https://east:6443", token="s3cret-token"))
TARGETS = [WEST, EAST]
ROWS = (Row("a", "n", {"fleetops_store": "sqlite"}),)


def known(variables: dict[str, Any], *groups: str) -> KnownHost:
    return KnownHost("h", frozenset(groups), variables)


def resolve(value: Any) -> Any:
    """Templates on paper: `=text` stands for text, `!` for one that cannot be resolved."""
    if value == "!":
        raise ValueError("undefined")
    return value[1:] if isinstance(value, str) and value.startswith("=") else value


def test_a_template_is_resolved_to_look_and_only_a_token_stays_one() -> None:
    entry = {"name": "east", "api_host": "=https://east:6443", "api_token": "=s3cret-token"}
    (cluster,) = clusters_of([entry], resolve)
    assert cluster.target == EAST
    assert cluster.variables == {
        "vcluster_cluster": "east",
        "vcluster_api_host": "https://east:6443",
        "vcluster_api_token": "=s3cret-token",
    }
    assert not cluster.silent


def test_g38_a_token_in_clear_is_not_handed_on() -> None:
    entry = {"name": "east", "api_host": "https://east:6443", "api_token": "s3cret-token"}
    (cluster,) = clusters_of([entry], resolve)
    assert cluster.target.access.token == "s3cret-token"
    assert cluster.silent and "vcluster_api_token" not in cluster.variables


def test_a_mistake_says_which_entry_it_is_in() -> None:
    with pytest.raises(FleetError, match=r"clusters\[1\]: .*kubeconfg"):
        clusters_of([{"kubeconfig": "/k/a"}, {"kubeconfg": "/k/b"}], resolve)


def test_the_cache_gives_back_what_answered_and_holds_no_way_to_it() -> None:
    found = [Discovered(WEST, ROWS), Discovered(EAST, error=Unreachable("Away."))]
    content = cached(found, ())
    assert "s3cret" not in str(content) and "/k/west" not in str(content)
    assert from_cache(content, TARGETS, ()) == [Discovered(WEST, ROWS)]


@pytest.mark.parametrize(
    ("target", "namespaces"),
    [
        (Target("west", Access(kubeconfig="/k/other")), ()),
        (Target("other", WEST.access), ()),
        (WEST, ("n",)),
    ],
)
def test_a_cache_that_answers_something_else_is_not_taken(
    target: Target, namespaces: tuple[str, ...]
) -> None:
    assert from_cache(cached([Discovered(WEST, ROWS)], ()), [target], namespaces) == []


@pytest.mark.parametrize("content", [None, [], "x", {}])
def test_a_cache_that_was_damaged_is_empty(content: Any) -> None:
    assert from_cache(content, TARGETS, ()) == []


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, Written("h", "h", "vcluster-h", "")),
        ({"other": 1}, Written("h", "h", "vcluster-h", "")),
        ({"vcluster_replicas": 3}, Written("h", "h", "vcluster-h", None)),
        ({"vcluster_name": "a"}, Written("h", "a", "vcluster-a", None)),
        ({"vcluster_namespace": "=n"}, Written("h", "h", "n", None)),
        ({"vcluster_namespace": "!"}, Written("h", "h", "vcluster-h", None)),
        ({"vcluster_kubeconfig": "/k/west"}, Written("h", "h", "vcluster-h", "west")),
        ({"vcluster_kubeconfig": "/k/third"}, Written("h", "h", "vcluster-h", "")),
        (
            {"vcluster_kubeconfig": "/k/west", "vcluster_context": "x"},
            Written("h", "h", "vcluster-h", ""),
        ),
        (
            {"vcluster_api_host": "https://east:6443"},
            Written("h", "h", "vcluster-h", "east"),
        ),
        (
            {"vcluster_kubeconfig": "/k/x", "vcluster_cluster": "west"},
            Written("h", "h", "vcluster-h", "west"),
        ),
    ],
)
def test_what_a_written_host_stands_for(variables: dict[str, Any], expected: Written) -> None:
    assert list(written_hosts([known(variables)], TARGETS, resolve)) == [expected]


def test_a_group_of_its_name_is_the_host_cluster_where_the_variables_do_not_say() -> None:
    (host,) = written_hosts([known({}, "west")], TARGETS, resolve)
    assert host.cluster == "west"
    (host,) = written_hosts([known({}, "west", "east")], TARGETS, resolve)
    assert host.cluster == ""
    (host,) = written_hosts([known({"vcluster_kubeconfig": "/k/x"}, "west")], TARGETS, resolve)
    assert host.cluster == ""


def test_a_way_in_the_home_folder_is_the_same_however_it_is_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    target = Target("west", Access(kubeconfig="~/.kube/west"))
    variables = {"vcluster_kubeconfig": "/home/me/.kube/west"}
    (host,) = written_hosts([known(variables)], [target], resolve)
    assert host.cluster == "west"


def test_places_know_their_rows() -> None:
    assert places_of([Discovered(WEST, ROWS)]) == {Place("west", "n", "a"): ROWS[0]}
