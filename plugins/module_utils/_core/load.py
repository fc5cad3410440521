# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The load of a control plane, as its API servers count it themselves.

Names and meanings are those of kube-apiserver's metrics (1.30 to 1.36): `apiserver_request_total`,
`apiserver_request_duration_seconds`, `apiserver_current_inflight_requests`, `etcd_request_duration_seconds`,
`apiserver_storage_size_bytes` and the process metrics of every Go program.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

Key = TypeVar("Key", str, float)
# One line of a metric that is looked at: name, labels, value.
_LINE = re.compile(
    r"^(apiserver_request_total|apiserver_request_duration_seconds_bucket|etcd_request_duration_seconds_bucket"
    r"|apiserver_current_inflight_requests|apiserver_storage_size_bytes|process_cpu_seconds_total"
    r"|process_resident_memory_bytes|process_start_time_seconds)(?:\{([^}]*)\})? (\S+)",
    re.MULTILINE,
)
_LABEL = re.compile(r'(\w+)="([^"]*)"')
# These last as long as their clients like: they say nothing of speed.
LONG = frozenset({"WATCH", "CONNECT", "WATCHLIST"})
STREAMS = frozenset({"log", "exec", "attach", "portforward", "proxy"})  # subresources
EVICTION = "eviction"  # its 429 is a disruption budget's
QUANTILE = 0.99
THROTTLED = "429"
DAY = 86400

Buckets = Mapping[float, float]


@dataclass(frozen=True)
class Sample:
    """What one API server had counted at a moment.

    Attributes:
        at: Seconds, by any clock that goes on.
        requests: By verb, since it started; no watches.
        throttled: Answers 429.
        latency: Requests that took at most so many seconds, by that bound.
        store_latency: The same for what it asked its store.
        inflight: Requests on their way.
        store_bytes: Size of the store; 0 where it does not tell.
        cpu: Seconds it has used.
        memory: Bytes it holds.
        started: When it began, in seconds since the epoch.
    """

    at: float
    requests: Counter[str] = field(default_factory=Counter)
    throttled: float = 0.0
    latency: Counter[float] = field(default_factory=Counter)
    store_latency: Counter[float] = field(default_factory=Counter)
    inflight: float = 0.0
    store_bytes: float = 0.0
    cpu: float = 0.0
    memory: float = 0.0
    started: float = 0.0


@dataclass(frozen=True)
class Load:
    """The load of all replicas between two samples.

    Attributes:
        replicas: How many answered both times.
        seconds: Between the two.
        requests: A second, all replicas together, by verb.
        throttled: Answers 429 a second, together.
        p99: Seconds; of requests that are no watches. None where there were too few.
        store_p99: Seconds; of what they asked the store.
        inflight: On their way at the second moment, together.
        store_bytes: The largest that one tells.
        growth: Bytes a day, from the difference of the two.
        cpu: Cores that the busiest one uses.
        memory: Bytes that the largest one holds.
    """

    replicas: int
    seconds: float
    requests: Mapping[str, float]
    throttled: float
    p99: float | None
    store_p99: float | None
    inflight: float
    store_bytes: float
    growth: float
    cpu: float
    memory: float

    @property
    def rate(self) -> float:
        """Requests a second, all replicas together."""
        return sum(self.requests.values())


# Fewer requests than this say nothing of a quantile.
FEWEST = 100


def sample_of(text: str, at: float) -> Sample:
    """The sample in the text that an API server gives at /metrics.

    Args:
        at: When it was asked.
    """
    found = Sample(at)
    single = dict.fromkeys(("throttled", *_SINGLE.values()), 0.0)
    for name, labels, number in _LINE.findall(text):
        said, value = dict(_LABEL.findall(labels)), float(number)
        verb, below = said.get("verb", "").upper(), said.get("subresource", "")
        lasts = verb in LONG or below in STREAMS
        if name == "apiserver_request_total":
            if not lasts:
                found.requests[verb] += value  # type: ignore[assignment]
            away = said.get("code") == THROTTLED and below != EVICTION
            single["throttled"] += value if away else 0
        elif name == "apiserver_request_duration_seconds_bucket":
            if not lasts:
                found.latency[_bound(said)] += value  # type: ignore[assignment]
        elif name == "etcd_request_duration_seconds_bucket":
            found.store_latency[_bound(said)] += value  # type: ignore[assignment]
        else:
            single[_SINGLE[name]] += value
    return Sample(
        at, found.requests, latency=found.latency, store_latency=found.store_latency, **single
    )


_SINGLE = {
    "apiserver_current_inflight_requests": "inflight",
    "apiserver_storage_size_bytes": "store_bytes",
    "process_cpu_seconds_total": "cpu",
    "process_resident_memory_bytes": "memory",
    "process_start_time_seconds": "started",
}


def _bound(labels: Mapping[str, str]) -> float:
    return float(labels["le"].replace("+Inf", "inf"))


def load_between(before: Mapping[str, Sample], after: Mapping[str, Sample]) -> Load | None:
    """The load between two samples of each replica; None where no replica answered both times.

    One that was started in between has counted less than before, and is left out.
    """
    pairs = [
        (before[name], after[name])
        for name in before.keys() & after.keys()
        if after[name].started == before[name].started and after[name].at > before[name].at
    ]
    if not pairs:
        return None
    seconds = max(new.at - old.at for old, new in pairs)
    requests: Counter[str] = Counter()
    latency: Counter[float] = Counter()
    store: Counter[float] = Counter()
    for old, new in pairs:
        _add_difference(requests, new.requests, old.requests)
        _add_difference(latency, new.latency, old.latency)
        _add_difference(store, new.store_latency, old.store_latency)
    return Load(
        replicas=len(pairs),
        seconds=seconds,
        requests={verb: count / seconds for verb, count in sorted(requests.items())},
        throttled=sum(max(0.0, new.throttled - old.throttled) for old, new in pairs) / seconds,
        p99=quantile(latency),
        store_p99=quantile(store),
        inflight=sum(new.inflight for _old, new in pairs),
        store_bytes=max(new.store_bytes for _old, new in pairs),
        growth=max(new.store_bytes - old.store_bytes for old, new in pairs) * DAY / seconds,
        cpu=max((new.cpu - old.cpu) / (new.at - old.at) for old, new in pairs),
        memory=max(new.memory for _old, new in pairs),
    )


def _add_difference(
    total: Counter[Key], new: Mapping[Key, float], old: Mapping[Key, float]
) -> None:
    for key, count in new.items():
        total[key] += max(0.0, count - old.get(key, 0.0))  # type: ignore[assignment]


def quantile(buckets: Buckets, wanted: float = QUANTILE) -> float | None:
    """The quantile of a histogram, by linear interpolation as PromQL's histogram_quantile has it.

    Args:
        buckets: Cumulative counts by their upper bound, `inf` among them.
    """
    bounds = sorted(buckets)
    total = buckets[bounds[-1]] if bounds else 0
    if total < FEWEST:
        return None
    rank, low, below = wanted * total, 0.0, 0.0
    for bound, count in _cumulative(bounds, buckets):
        if count >= rank:
            if bound == float("inf"):
                return low
            share = (rank - below) / (count - below) if count > below else 1.0
            return low + (bound - low) * share
        low, below = bound, count
    return low


def _cumulative(bounds: list[float], buckets: Buckets) -> Iterator[tuple[float, float]]:
    """Never falling: two samples are not taken at one moment for all buckets."""
    highest = 0.0
    for bound in bounds:
        highest = max(highest, buckets[bound])
        yield bound, highest
