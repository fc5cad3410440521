# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The load that API servers tell, from the text of their metrics."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.load import (
    Sample,
    load_between,
    quantile,
    sample_of,
)

INF = float("inf")
TEXT = """\
# HELP apiserver_request_total [STABLE] Counter of apiserver requests
# TYPE apiserver_request_total counter
apiserver_request_total{code="200",component="apiserver",dry_run="",group="",resource="pods",scope="namespace",subresource="",verb="LIST",version="v1"} 40
apiserver_request_total{code="200",component="apiserver",subresource="log",verb="GET"} 80
apiserver_request_total{code="200",component="apiserver",verb="WATCH"} 900
apiserver_request_total{code="201",component="apiserver",verb="POST"} 10
apiserver_request_total{code="429",component="apiserver",subresource="eviction",verb="POST"} 70
apiserver_request_total{code="429",component="apiserver",verb="LIST"} 2
# HELP apiserver_request_duration_seconds [STABLE] Response latency
# TYPE apiserver_request_duration_seconds histogram
apiserver_request_duration_seconds_bucket{component="apiserver",verb="LIST",le="0.1"} 30
apiserver_request_duration_seconds_bucket{component="apiserver",verb="LIST",le="+Inf"} 42
apiserver_request_duration_seconds_sum{component="apiserver",verb="LIST"} 3
apiserver_request_duration_seconds_count{component="apiserver",verb="LIST"} 42
apiserver_request_duration_seconds_bucket{component="apiserver",verb="WATCH",le="+Inf"} 900
apiserver_request_duration_seconds_bucket{component="apiserver",subresource="log",verb="GET",le="+Inf"} 80
# HELP apiserver_request_sli_duration_seconds [ALPHA] Another one, of the same form
# TYPE apiserver_request_sli_duration_seconds histogram
apiserver_request_sli_duration_seconds_bucket{component="apiserver",verb="LIST",le="+Inf"} 99
# HELP etcd_request_duration_seconds [ALPHA] Etcd request latency
# TYPE etcd_request_duration_seconds histogram
etcd_request_duration_seconds_bucket{operation="get",type="pods",le="0.005"} 7
etcd_request_duration_seconds_bucket{operation="list",type="pods",le="0.005"} 3
# HELP apiserver_current_inflight_requests [STABLE] Requests on their way
# TYPE apiserver_current_inflight_requests gauge
apiserver_current_inflight_requests{request_kind="mutating"} 1
apiserver_current_inflight_requests{request_kind="readOnly"} 4
# HELP apiserver_storage_size_bytes [STABLE] Size of the storage database file
# TYPE apiserver_storage_size_bytes gauge
apiserver_storage_size_bytes{storage_cluster_id="etcd-0"} 2.4e+07
# HELP process_cpu_seconds_total [STABLE] CPU time
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total 12.5
# HELP process_cpu_seconds_total_of_another Not it
# TYPE process_cpu_seconds_total_of_another gauge
process_cpu_seconds_total_of_another 99
# HELP process_resident_memory_bytes [STABLE] Memory
# TYPE process_resident_memory_bytes gauge
process_resident_memory_bytes 3.2e+08
# HELP process_start_time_seconds [STABLE] Begin
# TYPE process_start_time_seconds gauge
process_start_time_seconds 1.7e+09
"""  # noqa: E501


def test_a_sample_is_what_one_server_counted() -> None:
    found = sample_of(TEXT, 7.0)
    assert found.requests == {"LIST": 42, "POST": 80}
    assert found.started == 1.7e9
    assert (found.throttled, found.inflight, found.store_bytes) == (2, 5, 2.4e7)
    assert found.latency == {0.1: 30, INF: 42}
    assert found.store_latency == {0.005: 10}
    assert (found.at, found.cpu, found.memory) == (7.0, 12.5, 3.2e8)


def test_a_text_that_tells_nothing_is_an_empty_sample() -> None:
    assert sample_of("", 1.0) == Sample(1.0)


def test_nothing_else_is_read_than_the_makers_parser_reads() -> None:
    """Of a text with every family, labels with odd characters among them."""
    labels = [
        f'component="apiserver",group="{group}",resource="{name}",verb="{verb}"'
        for group in ("", "example.com")
        for name in ("pods", "odd} 7 {\\\\le")
        for verb in ("GET", "LIST", "WATCH", "PATCH")
    ]
    lines = ["# TYPE apiserver_request_total counter"]
    lines += [
        f'apiserver_request_total{{code="{code}",{series}}} {17 * place + code}'
        for place, series in enumerate(labels)
        for code in (200, 429)
    ]
    lines += ["# TYPE apiserver_request_duration_seconds histogram"]
    lines += [
        f'apiserver_request_duration_seconds_bucket{{{series},le="{bound}"}} {place + number}'
        for place, series in enumerate(labels)
        for number, bound in enumerate(("0.005", "1", "+Inf"))
    ]
    text = "\n".join([*lines, ""])
    requests, throttled, latency = Counter[str](), 0.0, Counter[float]()
    for family in text_string_to_metric_families(text):
        for found in family.samples:
            verb = found.labels["verb"]
            throttled += found.value if found.labels.get("code") == "429" else 0
            if verb != "WATCH" and found.name == "apiserver_request_total":
                requests[verb] += int(found.value)
            elif verb != "WATCH":
                latency[float(found.labels["le"])] += int(found.value)
    read = sample_of(text, 1.0)
    assert (read.requests, read.throttled, read.latency) == (requests, throttled, latency)
    assert requests and throttled and latency


def sample(at: float, requests: int, **more: float) -> Sample:
    latency = Counter({0.1: requests // 2, 1.0: requests, INF: requests})
    single = {"cpu": at, "store_bytes": 1e6 * at, **more}
    return Sample(at, Counter({"LIST": requests}), latency=latency, **single)  # type: ignore[arg-type]


def test_the_load_is_what_lies_between_two_samples_of_all_replicas() -> None:
    before = {"a": sample(0, 1000), "b": sample(0, 0), "gone": sample(0, 5)}
    after = {"a": sample(60, 4000), "b": sample(60, 3000, throttled=6), "new": sample(60, 9)}
    found = load_between(before, after)
    assert found
    assert (found.replicas, found.seconds, found.rate) == (2, 60, 100)
    assert found.requests == {"LIST": 100}
    assert found.throttled == pytest.approx(0.1)
    assert found.p99 == pytest.approx(0.982)
    assert found.store_p99 is None
    assert found.growth == pytest.approx(86400e6)
    assert found.cpu == 1


def test_each_replica_counts_over_its_own_seconds() -> None:
    """One that was asked again after twice the time has twice the requests, and no other rate."""
    one, other = sample(60, 3000, throttled=6), sample(120, 6000, throttled=12)
    found = load_between({"a": sample(0, 0), "b": sample(0, 0)}, {"a": one, "b": other})
    assert found
    assert (found.rate, found.seconds) == (100, 120)
    assert found.throttled == pytest.approx(0.2)
    assert found.growth == pytest.approx(86400e6)
    assert found.added == pytest.approx(120e6)


def test_a_server_that_was_restarted_in_between_is_left_out() -> None:
    before, after = {"a": sample(0, 1000, started=1)}, {"a": sample(60, 1010, started=2)}
    assert load_between(before, after) is None
    assert load_between({}, {}) is None


@pytest.mark.parametrize(
    ("buckets", "found"),
    [
        ({}, None),
        ({0.1: 99, INF: 99}, None),
        ({0.1: 1000, INF: 1000}, 0.099),
        ({0.1: 0, 0.2: 1000, INF: 1000}, 0.199),
        ({0.1: 900, 1.0: 900, INF: 1000}, 1.0),
    ],
)
def test_quantiles_lie_where_promql_has_them(buckets: dict[float, float], found: float) -> None:
    assert quantile(buckets) == (None if found is None else pytest.approx(found))


@given(st.lists(st.floats(0.001, 50), min_size=200, max_size=400))
def test_a_quantile_lies_in_the_bucket_of_the_value(values: list[float]) -> None:
    bounds = [0.005, 0.1, 1.0, 10.0, 60.0, INF]
    found = quantile({bound: sum(value <= bound for value in values) for bound in bounds})
    true = sorted(values)[-(-99 * len(values) // 100) - 1]
    upper = next(bound for bound in bounds if true <= bound)
    assert found is not None
    assert max([0.0, *(b for b in bounds if b < upper)]) <= found <= upper
