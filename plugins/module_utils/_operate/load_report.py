# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The load of control planes as data, and each of its numbers against its limit in words: the same for every report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import inf
from typing import Any

from .._core.load import DAY
from .._plan.load_advice import FULL, MB, Verdict
from .._plan.load_rule import RELAXED, STORE_SECONDS, TURNED_AWAY
from .render import WIDTH, table, wrapped

# vClusters whose load is told in text; the files have all.
MOST_TOLD = 40
MOST_VERBS = 3  # that are told beside their sum
SHORT_NAMES = {"requests/s": "req/s", "store p99": "sp99"}
LEGEND = (
    "requests for each replica, p99 and sp99 (the store's) in ms, CPU in cores, memory and store in MB; "
    "! is too much:"
)


def load_as_data(verdict: Verdict) -> dict[str, Any]:
    """The load of one vCluster for files and results."""
    size, rule = verdict.size, verdict.limits
    return {
        **_rounded(asdict(verdict.load)),
        "limits": {
            "requests": rule.requests,
            "p99": rule.latency_ms / 1000,
            "store_p99": STORE_SECONDS,
            "throttled": TURNED_AWAY,
            "cpu_request": size.cpu_request,
            "cpu": size.cpu_limit,
            "memory_request": size.memory_request,
            "memory": size.memory_limit,
            "store_bytes": size.store_room,
        },
        "before": size.replicas,
        "wanted": verdict.wanted,
        "reason": verdict.reason,
    }


def _rounded(value: Any) -> Any:
    """Numbers as exact as they are: to the thousandth, bytes to the byte."""
    if isinstance(value, Mapping):
        return {key: _rounded(below) for key, below in value.items()}
    if isinstance(value, float):
        return round(value) if abs(value) >= MB else round(value, 3)
    return value


@dataclass(frozen=True)
class LoadLine:
    """The load of one vCluster in a report.

    Attributes:
        data: As in the plan file.
        advice: What a person should think of.
    """

    host: str
    data: Mapping[str, Any]
    advice: tuple[str, ...] = ()

    @property
    def said(self) -> tuple[str, ...]:
        """Decision and advice, as far as there is some."""
        advice = (f"advice: {text}" for text in self.advice)
        return (*filter(None, (self.decision,)), *advice)

    @property
    def decision(self) -> str:
        """What the rule says; empty where it does not decide, or nothing speaks for another count."""
        before, wanted, reason = self.data["before"], self.data["wanted"], self.data["reason"]
        if wanted is None or not reason:
            return ""
        stays = f"{before} replica{'' if before == 1 else 's'} stay{'s' if before == 1 else ''}"
        return f"{stays if wanted == before else f'{before} -> {wanted} replicas'}: {reason}"

    @property
    def need(self) -> tuple[bool, bool, float]:
        """How much there is to see: decisions and what is above a limit, then advice, then what is merely high."""
        found = gauges(self.data)
        urgent = bool(self.decision) or any(gauge.grade == "over" for gauge in found)
        highest = max((gauge.share or 0.0) / gauge.high for gauge in found)
        return urgent, bool(self.advice), highest


def loads_of(plan: Mapping[str, Any]) -> tuple[LoadLine, ...]:
    """Those of a plan file, those with most to see first."""
    found = (
        LoadLine(host, entry["load"], tuple(_advice(entry)))
        for host, entry in plan["hosts"].items()
        if entry.get("load")
    )
    return tuple(sorted(found, key=lambda load: load.need, reverse=True))


def _advice(entry: Mapping[str, Any]) -> Iterator[str]:
    for finding in entry.get("findings") or ():
        if finding["guard"] == "advice":
            yield finding["what"].removesuffix(".")


@dataclass(frozen=True)
class Gauge:
    """One number of a load against its limit.

    Attributes:
        value: As short as it says something.
        words: The same with its limit, where there is one, and its unit.
        more: What else is to be said.
        share: Of the limit; None where there is none.
        high: Share from which on it is too much; endless where it is a share of a request.
        mark: Where the request stands, as a share of the limit; None where there are not both.
    """

    name: str
    value: str
    words: str
    more: str = ""
    share: float | None = None
    high: float = 1.0
    mark: float | None = None

    @property
    def grade(self) -> str:
        """`good`, `near` or `over` its limit; `plain` without one."""
        if self.share is None:
            return "plain"
        if self.share > self.high:
            return "over"
        requested = self.mark is not None and self.share > self.high * self.mark
        return "near" if requested or self.share > RELAXED else "good"


def gauges(data: Mapping[str, Any]) -> tuple[Gauge, ...]:
    """The numbers of a load, in the order in which they are read."""
    limits, each = data["limits"], sum(data["requests"].values()) / data["replicas"]
    memory = (data["memory"], limits["memory_request"], limits["memory"])
    by_verb = ", ".join(f"{verb} {short_number(rate)}" for verb, rate in verbs(data)[:MOST_VERBS])
    inflight = short_number(data["inflight"])
    return (
        replace(_against("requests/s", each, limits["requests"]), more=by_verb),
        _time("p99", data["p99"], limits["p99"]),
        _time("store p99", data["store_p99"], limits["store_p99"]),
        Gauge("inflight", inflight, inflight),
        _against("429/s", data["throttled"], limits["throttled"]),
        _resource("CPU", "", data["cpu"], limits["cpu_request"], limits["cpu"]),
        _resource("memory", " MB", *(value and value / MB for value in memory)),
        _store(data),
    )


def _against(
    name: str, value: float, limit: float | None, unit: str = "", high: float = 1.0
) -> Gauge:
    number = short_number(value)
    if not limit:
        return Gauge(name, number, f"{number}{unit}")
    words = f"{number} of {short_number(limit)}{unit}"
    return Gauge(name, number, words, share=value / limit, high=high)


def _time(name: str, seconds: float | None, limit: float) -> Gauge:
    if seconds is None:
        return Gauge(name, "-", "too few requests")
    return _against(name, seconds * 1000, limit * 1000, " ms")


def _resource(
    name: str, unit: str, used: float, request: float | None, limit: float | None
) -> Gauge:
    found = _against(name, used, limit or request, unit, FULL if limit else inf)
    if limit and request:
        return replace(found, more=f"{short_number(request)} requested", mark=request / limit)
    return replace(found, more="requested") if request else found


def _store(data: Mapping[str, Any]) -> Gauge:
    room = data["limits"]["store_bytes"]
    added = data["growth"] * data["seconds"] / DAY / MB
    more = f"{added:+.1f} in {data['seconds']:.0f} s" if abs(added) >= 0.1 else ""
    found = _against("store", data["store_bytes"] / MB, room and room / MB, " MB", FULL)
    return replace(found, more=more)


def short_number(value: float) -> str:
    """Two digits that matter, at least."""
    return f"{value:.0f}" if value >= 9.95 or value == int(value) else f"{value:.2g}"


def load_span(loads: Sequence[LoadLine]) -> str:
    """How long they were looked at."""
    spans = sorted({round(load.data["seconds"]) for load in loads})
    return f"{spans[0]} s" if len(spans) == 1 else f"{spans[0]} to {spans[-1]} s"


def verbs(data: Mapping[str, Any]) -> list[tuple[str, float]]:
    """Requests a second for each replica by verb, the most first; what is next to nothing left out."""
    found = ((verb, rate / data["replicas"]) for verb, rate in data["requests"].items())
    return sorted((item for item in found if item[1] >= 0.05), key=lambda item: -item[1])


def load_lines(loads: Sequence[LoadLine]) -> Iterator[str]:
    """The load in lines of 80 columns: a table, and what there is to say beside it."""
    yield from wrapped(f"Load over {load_span(loads)}, {LEGEND}")
    shown = loads[:MOST_TOLD]
    heads = ["vCluster", *(SHORT_NAMES.get(g.name, g.name) for g in gauges(shown[0].data))]
    rows = ([load.host, *map(_cell, gauges(load.data))] for load in shown)
    yield from (f"  {line}" for line in table([heads, *rows], WIDTH - 2))
    if len(loads) > MOST_TOLD:
        yield f"  ... and {len(loads) - MOST_TOLD:,} more with less to see, see the files"
    for load in shown:
        for text in load.said:
            yield from wrapped(f"{load.host}: {text}", "  ", "    ")


def _cell(gauge: Gauge) -> str:
    return f"{gauge.value}{'!' if gauge.grade == 'over' else ''}"
