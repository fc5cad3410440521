# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Variables into a Spec: types, names, references, and that all mistakes come at once."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import Refused
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.inventory import spec_from


def mistakes(**arguments: Any) -> str:
    with pytest.raises(Refused) as refused:
        spec_from({"host": "tenant", **arguments})
    return "\n".join(map(str, refused.value.findings))


def test_the_inventory_host_names_vcluster_and_namespace() -> None:
    found = spec_from({"host": "tenant", "kubeconfig": "/clusters/hc1/kubeconfig"})
    assert (found.name, found.namespace, found.cluster) == ("tenant", "vcluster-tenant", "hc1")


def test_templates_give_text_where_numbers_and_switches_are_meant() -> None:
    found = spec_from(
        {"host": "tenant", "replicas": "3", "defaults": {"resources": "no"}, "version": None}
    )
    assert found.replicas == 3
    assert found.defaults.resources is False
    assert found.version is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"replicas": "many"}, "vcluster_replicas is 'many', not a whole number"),
        ({"replicas": True}, "not a whole number"),
        ({"version": 0.36}, "vcluster_version is 0.36, not text (quote it)"),
        ({"version": "v0.36.1"}, "without a v"),
        ({"kubernetes_version": "1.36"}, "It looks like 1.36.0"),
        ({"state": "absent"}, "Known: present"),
        ({"store": {"type": "sqlserver"}}, "Known: sqlite"),
        ({"store": {"members": 3}}, "vcluster_store.type is missing"),
        ({"store": "sqlite"}, "not a mapping"),
        ({"pull_secrets": [1]}, "not text"),
        ({"timeouts": {"total": 0}}, "seconds below 1"),
        ({"nonsense": 1}, "vcluster_nonsense is unknown"),
        ({"api_host": "http://x"}, "It begins with https://"),
        ({"api_token": "t"}, "without vcluster_api_host"),
        ({"api_host": "https://x", "context": "y"}, "Keep one"),
        ({"snapshots": {"directory": "/b", "s3": {"bucket": "b"}}}, "Keep one"),
        ({"snapshots": {"claim": {"name": "c"}}}, "vcluster_snapshots.claim.namespace is missing"),
        (
            {"snapshots": {"claim": {"name": "../c", "namespace": "n"}}},
            "vcluster_snapshots.claim.name is '../c'",
        ),
        (
            {"snapshots": {"directory": "/b", "claim": {"name": "c", "namespace": "n"}}},
            "vcluster_snapshots.directory and vcluster_snapshots.claim are given",
        ),
        ({"snapshots": {"s3": {"prefix": "p"}}}, "vcluster_snapshots.s3.bucket is missing"),
        ({"snapshots": {"s3": "b"}}, "not a mapping"),
        (
            {"snapshots": {"s3": {"bucket": "b", "access_key": "k"}}},
            "s3.access_key is given without vcluster_snapshots.s3.secret_key",
        ),
        (
            {"snapshots": {"s3": {"bucket": "b", "secret_key": "k"}}},
            "s3.secret_key is given without vcluster_snapshots.s3.access_key",
        ),
        (
            {"snapshots": {"s3": {"bucket": "b", "session_token": "k"}}},
            "s3.session_token is given without vcluster_snapshots.s3.access_key",
        ),
        ({"values": {"a": {"$secret": {"name": "db"}}}}, "no valid reference"),
        (
            {"values": {"a": [{"$secret": {"name": "db", "key": "k"}, "b": 1}]}},
            "no valid reference",
        ),
        ({"values": {1: "a"}}, "Quote it"),
        ({"allow": ["G03"]}, "cannot be lifted"),
        ({"expose": {"address": "https://x.y"}}, "vcluster_expose.address is 'https://x.y'"),
        ({"expose": {"address": "x.y/path"}}, "a host name or host:port"),
        ({"expose": {"address": "x.y:"}}, "a host name or host:port"),
        ({"expose": {"address": "x.y:0"}}, "a host name or host:port"),
        ({"expose": {"address": "x.y:65536"}}, "a host name or host:port"),
        ({"expose": {"address": "fd00::1"}}, "[fd00::1]"),
        ({"expose": {"address": "[fd00::1"}}, "[fd00::1]"),
        ({"expose": {"address": "[fd00:::1]"}}, "[fd00::1]"),
        ({"expose": {"address": "-x.y"}}, "a host name or host:port"),
        ({"expose": {"address": "x y"}}, "a host name or host:port"),
    ],
)
def test_a_mistake_is_named(arguments: dict[str, Any], words: str) -> None:
    assert words in mistakes(**arguments)


@pytest.mark.parametrize(
    "endpoint",
    ["s3.example.com", "https://", "ftp://x", "https://me:s3cr3t@x", "https://x?y", "https://x y"],
)
def test_g38_an_endpoint_that_is_no_address_is_refused_and_not_shown(endpoint: str) -> None:
    found = mistakes(snapshots={"s3": {"bucket": "b", "endpoint": endpoint}})
    assert "vcluster_snapshots.s3.endpoint is no address" in found
    assert "s3cr3t" not in found


@pytest.mark.parametrize(
    "endpoint", ["https://s3.example.com", "http://127.0.0.1:9000/", "https://[fd00::1]:1/a/b"]
)
def test_an_endpoint_is_an_address_of_the_web(endpoint: str) -> None:
    found = spec_from({"host": "t", "snapshots": {"s3": {"bucket": "b", "endpoint": endpoint}}})
    assert found.snapshots.s3 is not None
    assert found.snapshots.s3.endpoint == endpoint


def test_all_mistakes_come_at_once_and_no_token_is_shown() -> None:
    found = mistakes(replicas="many", state="gone", api_token={"hidden": "s3cr3t"})
    assert found.count("\n") == 2
    assert "s3cr3t" not in found


@pytest.mark.parametrize("name", ["on", "y", "null", "123", "1tenant"])
def test_g58_names_that_yaml_or_dns_reads_otherwise(name: str) -> None:
    assert "G58" in mistakes(name=name)


def test_g40_the_longest_name_whose_leases_are_not_shortened() -> None:
    assert spec_from({"name": "a" * 40}).name == "a" * 40
    assert "G40" in mistakes(name="a" * 41)


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("tenant.example.net", "tenant.example.net"),
        ("tenant.example.net:8443", "tenant.example.net"),
        ("192.0.2.7:443", "192.0.2.7"),
        ("[fd00::1]", "fd00::1"),
        ("[fd00::1]:443", "fd00::1"),
        ("t", "t"),
        ("", None),
    ],
)
def test_an_exposed_address_has_a_host_with_or_without_a_port(
    address: str, host: str | None
) -> None:
    expose = spec_from({"host": "tenant", "expose": {"address": address}}).expose
    assert expose and expose.host == host
