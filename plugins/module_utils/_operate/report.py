# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of a run: what was planned, what came of it, what is left."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from .._plan.desired import KUBERNETES_TAG, REPLICAS
from .._plan.values import pointer
from .load_report import LoadLine, loads_of

GOOD = frozenset({"done", "adopted", "unchanged", "planned", "passed"})
# Nothing came of it yet; neither good nor a failure.
OPEN = frozenset({"not reached", "running"})
# What is compared before and after, by its name in `live` of the plan file and of the results.
FACTS = {
    "chart": "version",
    "kubernetes": "kubernetes",
    "store": "store",
    "replicas": "replicas",
    "members": "members",
}
State = Literal["ended", "running", "cut off"]


@dataclass(frozen=True)
class Line:
    """One vCluster of the report.

    Attributes:
        planned: Step kinds, or what kept it from being planned.
        outcome: What came of it; `not reached` when its turn did not come.
        message: Why it is not good; where it is, what its result wants to be told.
        checks: Results of its last proof.
        began: When its turn came, RFC 3339; empty when it never did.
        before: Chart, Kubernetes, type of the store, replicas, members, as far as they were there.
        after: The same, as far as it was seen after the proof; in check mode, as far as the plan says.
    """

    host: str
    cluster: str
    wave: int
    planned: tuple[str, ...]
    outcome: str
    message: str = ""
    seconds: float = 0.0
    checks: tuple[Mapping[str, Any], ...] = ()
    began: str = ""
    before: Mapping[str, str] = field(default_factory=dict)
    after: Mapping[str, str] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        """Whether nothing is left to do for it."""
        return self.outcome in GOOD

    @property
    def failed(self) -> bool:
        """Whether something kept it from what was planned."""
        return not self.good and self.outcome not in OPEN

    def untold(self, *statuses: str) -> Iterator[Mapping[str, Any]]:
        """The checks of these statuses whose evidence is not part of the message anyway."""
        for check in self.checks:
            if check["status"] in statuses and f"{check['id']}: " not in self.message:
                yield check


@dataclass(frozen=True)
class Soak:
    """How a wave was watched.

    Attributes:
        broken: Why, by inventory host.
    """

    began: str = ""
    seconds: float = 0.0
    watched: int = 0
    broken: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Wave:
    """One wave.

    Attributes:
        budget: Failures it may have.
        failed: Failures it had; refused ones are in no budget.
    """

    number: int
    budget: int = 0
    failed: int = 0
    soak: Soak | None = None


@dataclass(frozen=True)
class Seen:
    """What is known of a run beside its plan file.

    Attributes:
        outcomes: What the waves registered, by inventory host.
        halted: The wave that broke its budget, 0 when none did.
        command: What goes on from here.
        run: Id of the run.
        budgets: Failures each wave may have, by its number as a text.
        soaks: Results of the soaks, by wave.
        state: `running` and `cut off`: vClusters without a result have not failed.
        at: When it was seen, RFC 3339.
        started: vClusters whose turn came, for a run that did not end.
        last_wave: The last wave that was asked for, 0 for all.
    """

    outcomes: Mapping[str, Mapping[str, Any]]
    halted: int = 0
    command: str = ""
    run: str = ""
    budgets: Mapping[str, int] = field(default_factory=dict)
    soaks: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    state: State = "ended"
    at: str = ""
    started: frozenset[str] = frozenset()
    last_wave: int = 0


@dataclass(frozen=True)
class Report:
    """The report of a run.

    Attributes:
        unchanged: How many vClusters needed nothing.
        last_wave: The last wave that was asked for, 0 for all.
        loads: Of every vCluster whose load was looked at, also of those that needed nothing.
    """

    lines: tuple[Line, ...]
    unchanged: int
    halted: int = 0
    command: str = ""
    run: str = ""
    state: State = "ended"
    at: str = ""
    waves: tuple[Wave, ...] = ()
    last_wave: int = 0
    loads: tuple[LoadLine, ...] = ()

    @property
    def failures(self) -> tuple[Line, ...]:
        """The vClusters that failed."""
        return tuple(line for line in self.lines if line.failed)

    @property
    def left(self) -> tuple[Line, ...]:
        """The vClusters whose turn did not come."""
        return tuple(line for line in self.lines if line.outcome == "not reached")

    @property
    def checked_only(self) -> bool:
        """Whether it was a run in check mode."""
        return any(line.outcome == "planned" for line in self.lines)

    @property
    def headline(self) -> str:
        """How it went, in a few words."""
        count, done = len(self.lines), sum(line.good for line in self.lines)
        if self.state != "ended":
            word = "Still running" if self.state == "running" else "Cut off"
            return f"{word}, {done:,} of {count:,} done"
        if not count:
            return "Nothing to do"
        if self.halted:
            return f"Halted in wave {self.halted}, {done:,} of {count:,} done"
        if self.failures:
            return f"{len(self.failures):,} of {count:,} failed"
        if self.left:
            return f"{done:,} of {count:,} done"
        return f"{count:,} would change" if self.checked_only else f"All {count:,} done"

    @property
    def explanation(self) -> str:
        """What stopped it, in a sentence or two; empty for a run that went to its end."""
        if self.state == "running":
            return f"This is how far it was at {self.at}. A run that is gone was cut off there."
        if self.state == "cut off":
            return f"The run was cut off at {self.at}. The next one sees how far each vCluster got and goes on."
        if not self.halted:
            words = f"Waves after {self.last_wave} were not asked for"
            return f"{words}; {len(self.left):,} left for another run." if self.left else ""
        text = f"Halted: wave {self.halted} broke its budget; {len(self.left):,} not reached."
        wave = next((wave for wave in self.waves if wave.number == self.halted), None)
        return f"{text} {wave.failed:,} failed in it, {wave.budget:,} may." if wave else text


def build_report(plan: Mapping[str, Any], seen: Seen) -> Report:
    """The report from the plan file and what was seen of the run.

    Args:
        plan: Content of the plan file.
    """
    lines = tuple(
        _line(host, entry, seen)
        for host, entry in plan["hosts"].items()
        if entry["status"] != "unchanged" or host in seen.outcomes
    )
    return Report(
        lines,
        len(plan["hosts"]) - len(lines),
        seen.halted,
        seen.command,
        seen.run,
        seen.state,
        seen.at,
        tuple(_waves(lines, seen)),
        seen.last_wave,
        loads_of(plan),
    )


def _waves(lines: Iterable[Line], seen: Seen) -> Iterator[Wave]:
    failures: dict[int, int] = {}
    for line in lines:
        failures.setdefault(line.wave, 0)
        failures[line.wave] += line.failed and line.outcome != "refused"
    for number, failed in sorted(failures.items()):
        yield Wave(number, seen.budgets.get(str(number), 0), failed, _soak(seen.soaks.get(number)))


def _soak(result: Mapping[str, Any] | None) -> Soak | None:
    if not result or not result.get("watched"):
        return None
    return Soak(
        str(result.get("began") or ""),
        float(result.get("seconds") or 0.0),
        len(result["watched"]),
        dict(result.get("broken") or {}),
    )


def _line(host: str, entry: Mapping[str, Any], seen: Seen) -> Line:
    planned = tuple(entry["kinds"]) or (entry["status"],)
    place = {"host": host, "cluster": entry["cluster"], "wave": entry["wave"], "planned": planned}
    before = _facts(entry.get("live") or {})
    outcome = seen.outcomes.get(host)
    if outcome is None:
        word, message = _without_result(host, entry, seen)
        return Line(**place, outcome=word, message=message, before=before)
    word = str(outcome.get("outcome") or _word(outcome))
    after = _expected(entry, before) if word == "planned" else _facts(outcome.get("live") or {})
    return Line(
        **place,
        outcome=word,
        message=str(outcome.get("told" if word in GOOD else "msg", "")),
        seconds=float(outcome.get("seconds") or 0.0),
        checks=tuple(outcome.get("checks") or ()),
        began=str(outcome.get("began") or ""),
        before=before,
        after=after,
    )


def _word(outcome: Mapping[str, Any]) -> str:
    """The outcome of a result that is Ansible's own."""
    if outcome.get("unreachable"):
        return "unreachable"
    return "failed" if outcome.get("failed") else "done"


def _without_result(host: str, entry: Mapping[str, Any], seen: Seen) -> tuple[str, str]:
    if seen.state == "ended":
        last = seen.halted or seen.last_wave
        if last and entry["wave"] > last:
            return "not reached", ""
        return "failed", "Its task gave no result: its worker died, or it was never run."
    if host not in seen.started:
        return "not reached", ""
    if seen.state == "running":
        return "running", ""
    return "cut off", "The run was cut off while this one had its turn."


def _facts(live: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(live[key]) for name, key in FACTS.items() if live.get(key)}


def _expected(entry: Mapping[str, Any], before: Mapping[str, str]) -> dict[str, str]:
    """What would run after the plan, as far as its steps say."""
    steps = entry.get("steps") or ()
    versions = [step["version"] for step in steps if step.get("version")]
    changes = {c["path"]: c["after"] for step in steps for c in step.get("changes") or ()}
    tag = changes.get("vcluster_kubernetes_version") or changes.get(pointer(KUBERNETES_TAG))
    found = {
        "chart": versions[-1] if versions else None,
        "kubernetes": str(tag).removeprefix("v") if tag else None,
        "store": changes.get("vcluster_store.type"),
        "replicas": changes.get(pointer(REPLICAS)),
    }
    return {**before, **{name: str(value) for name, value in found.items() if value}}


def grouped(lines: Iterable[Line]) -> list[tuple[Line, tuple[str, ...]]]:
    """Lines with the same outcome and words as one: the first of them, and the names of all."""
    groups: dict[tuple[str, str], list[Line]] = {}
    for line in lines:
        # Two that say nothing, or have checks of their own, are not the same.
        same = line.message if line.message and not line.checks else line.host
        groups.setdefault((line.outcome, same), []).append(line)
    return [(found[0], tuple(line.host for line in found)) for found in groups.values()]


def short(text: str, most: int) -> str:
    """The text, cut with a count: a tool's whole output belongs into the JSON."""
    rest = len(text) - most
    return f"{text[:most]} ... ({rest:,} more characters)" if rest > 0 else text


def names(hosts: Iterable[str], most: int = 5) -> str:
    """Names, cut with a count."""
    given = list(hosts)
    rest = len(given) - most
    return ", ".join(given[:most]) + (f" and {rest:,} more" if rest > 0 else "")


def report_data(report: Report) -> dict[str, Any]:
    """The report as JSON."""
    return {
        "run": report.run,
        "state": report.state,
        "at": report.at,
        "headline": report.headline,
        "explanation": report.explanation,
        "command": report.command,
        "halted": report.halted,
        "unchanged": report.unchanged,
        "waves": [asdict(wave) for wave in report.waves],
        "loads": {load.host: {**load.data, "advice": load.advice} for load in report.loads},
        "hosts": {line.host: asdict(line) for line in report.lines},
        "failed": [line.host for line in report.failures],
        "not_reached": [line.host for line in report.left],
    }
