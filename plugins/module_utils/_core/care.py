# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a store is: its size, what it takes for nothing, how fast it grows, how slow its disk is (G43, G44)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

MIB = 1024 * 1024
DAY = 86400
NOSPACE, CORRUPT = "NOSPACE", "CORRUPT"  # alarms of etcd
# Revisions that a compaction keeps: who reads a list page by page, or watches and is so far behind, goes on.
MARGIN = 1000
# With as little free there is nothing to win, however near the limit is.
WORTH = 10

Speed = Literal["fsync", "commit", "sql"]
SPEEDS: dict[Speed, str] = {
    "fsync": "sync of the write-ahead log",
    "commit": "commit of the backend",
    "sql": "SQL statement",
}


@dataclass(frozen=True)
class Maintenance:
    """When a store is due for care (`vcluster_maintenance`).

    Attributes:
        fragmentation: Percent of a file that is free, from which it is rewritten; both this and `free_mib` hold.
        free_mib: MiB of it that are free. Less is filled again by the next compaction of a busy tenant.
        full: Percent of the quota, or of the volume, from which less than that is reason enough, and from which it is
            reported.
        compaction_lag: Revisions that are not compacted, from which etcd is told to. An API server does it every
            5 minutes up to where it was 5 minutes before: with 100 writes a second it is up to 60,000 behind.
        days: It is reported that a store will be full within so many days.
        fsync_ms: p99 of etcd's syncs of the write-ahead log, above which the disk is called slow (etcd.io, FAQ).
        commit_ms: p99 of the commits of its backend (the same).
        sql_ms: p99 of the statements of kine.
        allow_outage: A control plane may be stopped to rewrite the file of its store.
    """

    fragmentation: int = 30
    free_mib: int = 100
    full: int = 60
    compaction_lag: int = 100_000
    days: int = 30
    fsync_ms: int = 10
    commit_ms: int = 25
    sql_ms: int = 100
    allow_outage: bool = False

    def limit(self, speed: Speed) -> int:
        """The limit of a latency in milliseconds."""
        return {"fsync": self.fsync_ms, "commit": self.commit_ms, "sql": self.sql_ms}[speed]


@dataclass(frozen=True)
class Part:
    """What a store keeps its data in: a member's database, a file, a table.

    Attributes:
        size: Bytes on disk.
        used: Bytes of them that hold something.
    """

    name: str
    size: int
    used: int

    @property
    def free(self) -> int:
        """Bytes that a rewrite gives back."""
        return max(0, self.size - self.used)

    @property
    def share(self) -> float:
        """Percent of it that is free."""
        return 100 * self.free / self.size if self.size else 0.0


@dataclass(frozen=True)
class Latency:
    """How long the disk, or the database, takes.

    Attributes:
        name: Of the part.
        seconds: p99 since it was started.
    """

    name: str
    speed: Speed
    seconds: float


@dataclass(frozen=True)
class Condition:
    """How a store is, as far as it tells.

    Attributes:
        title: What messages call it.
        parts: See Part; empty where it tells nothing.
        quota: Bytes at which it takes no more writes; 0 for none.
        volume: Bytes of its volume; 0 where it has none of its own, or that is not known.
        keys: How many it holds.
        revision: Its revision.
        compacted: The revision up to which it was compacted.
        alarms: What its members have raised.
        trouble: Why no work on it is begun; empty where nothing is in the way.
        latencies: See Latency; empty where nobody asked, or nobody tells.
        advice: What else should be known of it, each a sentence without its full stop.
        compacts: It is told to compact from here.
        rewrite: How what is free is given back: `defragment`, part by part while it serves; `vacuum`, with the control
            plane stopped; none where that is not done from here.
    """

    title: str
    parts: tuple[Part, ...] = ()
    quota: int = 0
    volume: int = 0
    keys: int | None = None
    revision: int | None = None
    compacted: int | None = None
    alarms: tuple[str, ...] = ()
    trouble: str = ""
    latencies: tuple[Latency, ...] = ()
    advice: tuple[str, ...] = ()
    compacts: bool = False
    rewrite: Literal["", "defragment", "vacuum"] = ""

    @property
    def size(self) -> int:
        """Bytes of the largest part."""
        return max((part.size for part in self.parts), default=0)

    @property
    def used(self) -> int:
        """Bytes that hold something, of the part with the most."""
        return max((part.used for part in self.parts), default=0)

    @property
    def room(self) -> int:
        """Bytes that bound it; 0 where nothing does that is known."""
        return min(filter(None, (self.quota, self.volume)), default=0)

    @property
    def bound(self) -> str:
        """What bounds it, in words."""
        return "quota" if self.quota and self.room == self.quota else "volume"

    @property
    def lag(self) -> int:
        """Revisions that are not compacted; 0 where that is not known."""
        if self.revision is None or self.compacted is None:
            return 0
        return max(0, self.revision - self.compacted)

    def loose(self, part: Part, wanted: Maintenance) -> bool:
        """Whether a part is due for a rewrite."""
        if part.share >= wanted.fragmentation and part.free >= wanted.free_mib * MIB:
            return True
        near = self.room and 100 * part.size >= wanted.full * self.room
        return bool(near) and part.share >= WORTH


@dataclass(frozen=True)
class Point:
    """How much a store held at a moment.

    Attributes:
        at: Seconds since the epoch, by the host cluster's clock.
        used: Bytes.
    """

    at: int
    used: int


KEPT = 8  # a week of them, and today's
APART = (
    20 * 3600
)  # seconds between two: one a day, also when the daily run begins earlier than yesterday's
FEWEST = 3  # a line through two of them fits always
FARTHEST = 3650  # days; what is farther away than that is not told by a week


def with_point(points: Sequence[Point], point: Point) -> tuple[Point, ...]:
    """The points with one more, if it is time for it; the oldest ones go.

    Those of a clock that was put back since are left out.
    """
    kept = [known for known in sorted(points, key=lambda one: one.at) if known.at <= point.at]
    if kept and point.at - kept[-1].at < APART:
        return tuple(kept)
    return (*kept, point)[-KEPT:]


def growth(points: Iterable[Point]) -> float | None:
    """Bytes a day, by least squares; None where too few points tell it."""
    found = sorted(points, key=lambda one: one.at)
    if len(found) < FEWEST or found[0].at == found[-1].at:
        return None
    days = [(point.at - found[0].at) / DAY for point in found]
    middle = sum(days) / len(days)
    level = sum(point.used for point in found) / len(found)
    above = sum(
        (day - middle) * (point.used - level) for day, point in zip(days, found, strict=True)
    )
    return above / sum((day - middle) ** 2 for day in days)


def full_at(condition: Condition, points: Iterable[Point], now: datetime) -> datetime | None:
    """When a store that grows on like that is full; None where it does not grow, or nothing tells.

    Args:
        points: Without today's size, which the condition has.
        now: By the host cluster's clock.
    """
    pace = growth(points)
    if pace is None or pace <= 0 or not condition.room:
        return None
    days = max(0, condition.room - condition.used) / pace
    return now + timedelta(days=days) if days <= FARTHEST else None
