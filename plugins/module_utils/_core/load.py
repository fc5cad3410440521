# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The load of a control plane, as its API servers count it themselves.

Names and meanings are those of kube-apiserver's metrics (1.30 to 1.36): `apiserver_request_total`,
`apiserver_request_duration_seconds`, `apiserver_current_inflight_requests`, `etcd_request_duration_seconds`,
`apiserver_storage_size_bytes` and the process metrics of every Go program.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

Key = TypeVar("Key", str, float)
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
    requests: Mapping[str, float] = field(default_factory=dict)
    throttled: float = 0.0
    latency: Buckets = field(default_factory=dict)
    store_latency: Buckets = field(default_factory=dict)
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
        seconds: Between the two; of the replica with the longest.
        requests: A second, all replicas together, by verb.
        throttled: Answers 429 a second, together.
        p99: Seconds; of requests that are no watches. None where there were too few.
        store_p99: Seconds; of what they asked the store.
        inflight: On their way at the second moment, together.
        store_bytes: The largest that one tells.
        growth: Bytes a day at the pace between the two, which is a short while: see `added`. With several members of an
            etcd an API server tells the size of any one of them (storagebackend/factory/etcd3.go): perhaps no growth.
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

    @property
    def added(self) -> float:
        """Bytes by which the store grew between the two."""
        return self.growth * self.seconds / DAY


# Fewer requests than this say nothing of a quantile.
FEWEST = 100


def sample_of(text: str, at: float) -> Sample:
    """The sample in the text that an API server gives at /metrics.

    That text has megabytes, and hundreds are read a minute: it is cut into its families, and only those that matter are
    looked into, by the form that Go's client writes (labels in order, `le` the last).

    Args:
        at: When it was asked.
    """
    families = dict(_families(text, _WANTED))
    requests: defaultdict[str, float] = defaultdict(float)
    throttled = 0.0
    for line in families.get("apiserver_request_total", ()):
        verb, below, count = _label(line, "verb").upper(), _label(line, "subresource"), _count(line)
        if not _lasts(verb, below):
            requests[verb] += count
        if below != EVICTION and _label(line, "code") == THROTTLED:
            throttled += count
    return Sample(
        at,
        dict(requests),
        throttled,
        latency=_histogram(families.get("apiserver_request_duration_seconds", ()), short=True),
        store_latency=_histogram(families.get("etcd_request_duration_seconds", ())),
        **{key: sum(map(_count, families.get(name, ()))) for name, key in _SINGLE.items()},
    )


_SINGLE = {
    "apiserver_current_inflight_requests": "inflight",
    "apiserver_storage_size_bytes": "store_bytes",
    "process_cpu_seconds_total": "cpu",
    "process_resident_memory_bytes": "memory",
    "process_start_time_seconds": "started",
}
_WANTED = {
    "apiserver_request_total",
    "apiserver_request_duration_seconds",
    "etcd_request_duration_seconds",
    *_SINGLE,
}


def latency_of(text: str, name: str) -> float | None:
    """Seconds: the p99 of a histogram in the text of any Go program, all its series together, since it was started.

    None where it is not there, or has counted too little.
    """
    lines = dict(_families(text, frozenset({name}))).get(name, ())
    return quantile(_histogram(lines))


def _families(text: str, wanted: Collection[str]) -> Iterator[tuple[str, list[str]]]:
    """Those that are looked at, by name: each stands in one piece behind its type."""
    for block in text.split("# TYPE ")[1:]:
        name = block[: block.index(" ")]
        if name in wanted:
            yield name, [line for line in block.split("\n")[1:] if line and line[0] != "#"]


def _histogram(lines: Iterable[str], *, short: bool = False) -> Buckets:
    """The counts of all its series by their upper bound.

    Args:
        short: Only of requests that do not last as long as their clients like.
    """
    totals: defaultdict[str, float] = defaultdict(float)
    series, counts = "", True
    for line in lines:
        labels, last, tail = line.partition('le="')
        if not last:
            continue  # its sum, its count
        if short and labels != series:
            series = labels
            counts = not _lasts(_label(line, "verb").upper(), _label(line, "subresource"))
        if counts:
            bound, _tail, count = tail.partition('"} ')
            totals[bound] += float(count)
    return {float(bound): count for bound, count in totals.items()}


def _lasts(verb: str, subresource: str) -> bool:
    return verb in LONG or subresource in STREAMS


def _label(line: str, name: str) -> str:
    """The value of a label; empty where there is none."""
    return line.partition(f'{name}="')[2].partition('"')[0]


def _count(line: str) -> float:
    return float(line[line.rindex(" ") :])


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
    requests: defaultdict[str, float] = defaultdict(float)
    latency: defaultdict[float, float] = defaultdict(float)
    store: defaultdict[float, float] = defaultdict(float)
    for old, new in pairs:
        # Each has been counting for a while of its own.
        _add_difference(requests, new.requests, old.requests, new.at - old.at)
        _add_difference(latency, new.latency, old.latency)
        _add_difference(store, new.store_latency, old.store_latency)
    return Load(
        replicas=len(pairs),
        seconds=max(new.at - old.at for old, new in pairs),
        requests=dict(sorted(requests.items())),
        throttled=sum(
            max(0.0, new.throttled - old.throttled) / (new.at - old.at) for old, new in pairs
        ),
        p99=quantile(latency),
        store_p99=quantile(store),
        inflight=sum(new.inflight for _old, new in pairs),
        store_bytes=max(new.store_bytes for _old, new in pairs),
        growth=max(
            (new.store_bytes - old.store_bytes) * DAY / (new.at - old.at) for old, new in pairs
        ),
        cpu=max((new.cpu - old.cpu) / (new.at - old.at) for old, new in pairs),
        memory=max(new.memory for _old, new in pairs),
    )


def _add_difference(
    total: defaultdict[Key, float],
    new: Mapping[Key, float],
    old: Mapping[Key, float],
    seconds: float = 1.0,
) -> None:
    for key, count in new.items():
        total[key] += max(0.0, count - old.get(key, 0.0)) / seconds


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
