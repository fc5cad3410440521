# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A restored pod waits for a node; a restored copy owns nothing on the host. All else stays as it was."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import FleetError
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.wire import get
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.rewrite import (
    batches,
    rewritten,
    unscheduled,
)

POD = b"/registry/pods/default/a"


def field(number: int, content: bytes) -> bytes:
    assert len(content) < 0x80
    return bytes([number << 3 | 2, len(content)]) + content


def stored(*, node: bytes = b"node-1", phase: bytes = b"Running", deleted: bool = False) -> bytes:
    """A pod as an API server stores it: name, node, restart policy, phase."""
    metadata = field(1, b"a") + (field(9, b"\x08\x01") if deleted else b"")
    spec = field(3, b"Always") + (field(10, node) if node else b"")
    pod = field(1, metadata) + field(2, spec) + (field(3, field(1, phase)) if phase else b"")
    kind = field(1, b"v1") + field(2, b"Pod")
    return b"k8s\x00" + field(1, kind) + field(2, pod) + field(3, b"") + field(4, b"")


def test_a_pod_that_ran_waits_for_a_node() -> None:
    assert unscheduled(stored()) == stored(node=b"", phase=b"")
    assert unscheduled(stored(node=b"", phase=b"")) == stored(node=b"", phase=b"")


@pytest.mark.parametrize(
    "value",
    [stored(phase=b"Succeeded"), stored(phase=b"Failed"), stored(deleted=True)],
    ids=["succeeded", "failed", "deleted"],
)
def test_a_pod_that_has_ended_is_not_run_again(value: bytes) -> None:
    assert unscheduled(value) == value


def test_a_pod_stored_as_json() -> None:
    pod = {"metadata": {"name": "a"}, "spec": {"nodeName": "n", "x": 1}, "status": {"phase": "x"}}
    found = json.loads(unscheduled(json.dumps(pod).encode()))
    assert found == {"metadata": {"name": "a"}, "spec": {"x": 1}}
    pod["status"]["phase"] = "Failed"
    value = json.dumps(pod).encode()
    assert unscheduled(value) == value


@pytest.mark.parametrize("value", [b"k8s:enc:aescbc:v1:key:xyz", b"k8s\x00\x0a\x7f", b""])
def test_a_pod_that_cannot_be_read_is_named(value: bytes) -> None:
    if value.startswith(b"k8s\x00"):
        value += b"cut off"
    with pytest.raises(FleetError, match="/registry/pods/default/a cannot be read"):
        list(rewritten([(POD, value)], elsewhere=False))


def test_what_is_no_pod_stays() -> None:
    others = [
        (b"/registry/podtemplates/default/a", stored()),
        (b"/registry/leases/a", b"k8s\x00"),
        (b"/vcluster/mappings/v1/Pod/a", b"{}"),
    ]
    assert list(rewritten([*others, (POD, stored())], elsewhere=False)) == [
        (POD, unscheduled(stored()))
    ]


def test_elsewhere_nothing_on_the_host_belongs_to_it() -> None:
    mapping = (b"/vcluster/mappings/v1/Pod/a", b"{}")
    assert list(rewritten([mapping], elsewhere=True)) == [(mapping[0], None)]


def test_elsewhere_services_may_have_the_addresses_of_the_host() -> None:
    """A range that the tenant made for itself is its own."""
    ranges = [b"/registry/servicecidrs/kubernetes", b"/registry/ranges/serviceips"]
    own = b"/registry/servicecidrs/more"
    items = [(key, b"k8s\x00") for key in (*ranges, own)]
    assert list(rewritten(items, elsewhere=True)) == [(key, None) for key in ranges]
    assert list(rewritten(items, elsewhere=False)) == []


@given(
    st.lists(st.tuples(st.binary(max_size=9), st.none() | st.integers(0, 700_000)), max_size=300)
)
def test_lots_hold_all_in_order_and_none_is_too_large(plan: list[tuple[bytes, int | None]]) -> None:
    changes = [(key, None if size is None else bytes(size)) for key, size in plan]
    lots = list(batches(changes))
    assert [change for lot in lots for change in lot] == changes
    for lot in lots:
        assert 0 < len(lot) <= 100
        size = sum(len(key) + len(value or b"") for key, value in lot)
        assert size <= 1 << 20 or len(lot) == 1


def test_the_name_of_the_pod_is_still_there() -> None:
    raw = get(unscheduled(stored())[4:], 2) or b""
    assert get(get(raw, 1) or b"", 1) == b"a"
