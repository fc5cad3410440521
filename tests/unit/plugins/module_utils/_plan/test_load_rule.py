# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rule by which load decides over replicas."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.load import Load
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import Autoscaling
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.load_rule import decided

QUIET = Load(0, 60.0, {"LIST": 20.0}, 0.0, 0.05, 0.01, 2, 5e6, 0.0, 0.2, 3e8)
ASKED = Autoscaling(5, by="load", requests=100, latency_ms=1000, cool_down=600)


def busy(rate: float, **more: float) -> Load:
    return replace(QUIET, requests={"GET": rate / 2, "POST": rate / 2}, **more)


@pytest.mark.parametrize(
    ("load", "replicas", "since", "wanted", "words"),
    [
        (busy(500, replicas=3), 3, None, 4, "167 requests/s for each replica, above 100"),
        (busy(500, replicas=3), 3, 200.0, 4, "above 100"),
        (busy(500, replicas=3), 3, 10.0, 3, "10 s ago, of 180"),
        (busy(250, replicas=2), 3, None, 4, "125 requests/s"),
        (busy(20, replicas=2), 3, None, 3, "2 of 3 replicas told it"),
        (busy(10, p99=1.5, store_p99=0.5), 2, None, 2, None),
        (busy(20, p99=0.4), 2, None, 2, None),
        (busy(20), 7, None, 5, "max is 5"),
        (busy(900), 7, 10.0, 5, "max is 5"),
        (busy(20), 1, None, 2, "vcluster_replicas is 2"),
        (busy(10, p99=1.5), 2, None, 3, "p99 1500 ms, above 1000"),
        (busy(10, throttled=0.5), 2, None, 3, "turned away"),
        (busy(900), 5, None, 5, "5 is the most"),
        (busy(20), 4, None, 3, "one less will do"),
        (busy(20), 4, 700.0, 3, "one less will do"),
        (busy(20), 4, 60.0, 4, "60 s ago, of 600"),
        (busy(20, p99=0.7), 4, None, 4, None),
        (busy(20, throttled=0.2), 2, None, 3, "turned away"),
        (busy(20), 2, None, 2, None),
        (busy(20, p99=None), 3, None, 2, "7 requests/s"),
        (busy(300), 4, None, 4, None),
    ],
)
def test_the_rule_by_its_table(
    load: Load, replicas: int, since: float | None, wanted: int, words: str | None
) -> None:
    """Without words nothing speaks for another count."""
    count, reason = decided(_told_by(load, replicas), ASKED, 2, replicas, since)
    assert count == wanted
    assert words in reason if words else reason == "", reason


def _told_by(load: Load, replicas: int) -> Load:
    """By all of them, unless the case says otherwise."""
    return replace(load, replicas=load.replicas or replicas)


loads = st.builds(
    busy,
    st.floats(0, 2000),
    p99=st.none() | st.floats(0, 5),
    throttled=st.sampled_from([0.0, 0.05, 3.0]),
)


@given(load=loads, replicas=st.integers(1, 9), since=st.none() | st.floats(0, 5000))
def test_it_stays_within_its_bounds_and_goes_by_one(
    load: Load, replicas: int, since: float | None
) -> None:
    found, _reason = decided(_told_by(load, replicas), ASKED, 2, replicas, since)
    assert 2 <= found <= 5
    if 2 <= replicas <= 5:
        assert abs(found - replicas) <= 1
    else:
        assert found == min(max(replicas, 2), 5)


@given(load=loads, replicas=st.integers(2, 5))
def test_a_load_that_stays_the_same_never_makes_it_swing(load: Load, replicas: int) -> None:
    """What takes a replica away would not ask for it again, the others having its part of the load."""
    found, _reason = decided(_told_by(load, replicas), ASKED, 2, replicas, None)
    if found < replicas:
        slower = None if load.p99 is None else load.p99 * replicas / found
        shared = replace(load, replicas=found, p99=slower)
        assert decided(shared, ASKED, 2, found, None)[0] <= found
