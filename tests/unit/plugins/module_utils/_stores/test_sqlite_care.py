# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The care of a SQLite file, against ports on paper."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any, cast

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.care import MIB, Maintenance
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.databases import (
    FileSizes,
    Whole,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import (
    ApiError,
    FleetError,
    Unreachable,
    Unsettled,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores import sqlite_care
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.sqlite_care import (
    condition_of,
    vacuum,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.work import Upkeep

STORAGE = f'# TYPE apiserver_storage_size_bytes gauge\napiserver_storage_size_bytes{{x="0"}} {300 * MIB}\n'
SIZES = FileSizes(1000 * MIB, 700 * MIB, 5000 * MIB)
KINE = "# TYPE kine_sql_time_seconds histogram\n" + "".join(
    f'kine_sql_time_seconds_bucket{{error="",le="{bound}"}} {count}\n'
    for bound, count in (("0.1", 90), ("0.5", 200), ("+Inf", 200))
)


@dataclass
class Plane:
    """A control plane, its database and what was done, in order."""

    sizes_: FileSizes | Exception = SIZES
    kine: str = KINE
    files: tuple[Whole, ...] | Exception = ()
    log: list[str] = field(default_factory=list)
    away: bool = False

    @contextmanager
    def replica(self, pod: str) -> Iterator[Plane]:
        if self.away:
            raise Unreachable(f"{pod} is away.")
        yield self

    def text(self, path: str) -> str:
        if path == "/metrics":
            return STORAGE
        if not self.kine:
            raise ApiError(404, "no such page")
        return self.kine

    @contextmanager
    def database(self) -> Iterator[Plane]:
        yield self

    def sizes(self) -> FileSizes:
        if isinstance(self.sizes_, Exception):
            raise self.sizes_
        return self.sizes_

    def rewritten(self) -> tuple[Whole, ...]:
        self.log.append("rewritten")
        if isinstance(self.files, Exception):
            raise self.files
        return self.files

    @contextmanager
    def stopped(self) -> Iterator[None]:
        self.log.append("stopped")
        try:
            yield
        finally:
            self.log.append("started")


def condition(plane: Plane, *, closely: bool = True) -> Any:
    reach = cast("Any", plane)
    return condition_of("data-a-0", ["a-0"], reach, 5000 * MIB, closely=closely)


def test_g44_closely_seen_it_has_the_size_of_its_file() -> None:
    found = condition(Plane())
    (part,) = found.parts
    assert (part.size, part.used, found.volume) == (1000 * MIB, 300 * MIB, 5000 * MIB)
    assert (found.trouble, found.rewrite) == ("", "vacuum")
    (latency,) = found.latencies
    assert latency.speed == "sql"
    assert 0.4 < latency.seconds < 0.5


def test_otherwise_what_is_in_use_is_told_by_the_api_server_and_no_pod_is_made() -> None:
    found = condition(Plane(sizes_=AssertionError("a pod")), closely=False)
    assert (found.size, found.used, found.latencies) == (300 * MIB, 300 * MIB, ())


def test_a_kine_that_has_no_metrics_tells_no_latency() -> None:
    assert condition(Plane(kine="")).latencies == ()


@pytest.mark.parametrize(
    "error", [Unsettled("it is for one pod alone."), ApiError(403, "no right.")]
)
def test_without_a_look_at_the_file_nothing_is_done_to_it(error: Exception) -> None:
    found = condition(Plane(sizes_=error))
    assert found.rewrite == ""
    assert found.used == 300 * MIB
    assert str(error).rstrip(".") in found.advice[0]


def test_g44_without_room_beside_it_it_cannot_be_rewritten() -> None:
    found = condition(Plane(sizes_=FileSizes(1000 * MIB, 700 * MIB, 900 * MIB)))
    assert found.trouble == (
        "its volume has 900 MiB left, and a rewrite needs 1000 MiB beside the file"
    )


def test_one_that_does_not_answer_is_in_trouble() -> None:
    assert "a-0 is away" in condition(Plane(away=True)).trouble
    assert condition_of("c", [], cast("Any", Plane()), 0, closely=True).trouble


def whole(text: bytes) -> Whole:
    @contextmanager
    def opened() -> Iterator[IO[bytes]]:
        yield io.BytesIO(text)

    return Whole(opened, len(text), "0" * 64)


def upkeep(plane: Plane) -> Upkeep:
    fake = cast("Any", plane)
    return Upkeep(
        fake,
        fake,
        list,
        lambda _what, _holds: None,
        lambda _text: None,
        wanted=Maintenance(),
        held=lambda: plane.log.append("held"),
        stopped=plane.stopped,
        shell_image="syncer:1",
    )


def test_g44_the_files_take_their_place_in_order_while_it_is_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plane = Plane(files=(whole(b"merged"), whole(b"fresh")))

    def placed(namespace: str, name: str, delivery: Any, *, same: bool) -> None:
        with delivery.content() as file:
            plane.log.append(f"{namespace}/{name} {file.read().decode()} {same}")

    monkeypatch.setattr(sqlite_care, "refill_database", placed)
    vacuum("vcluster-a", "a", upkeep(plane))
    assert plane.log == [
        "stopped",
        "rewritten",
        "held",
        "vcluster-a/a merged True",
        "held",
        "vcluster-a/a fresh True",
        "started",
    ]


def test_g44_what_is_damaged_is_left_alone_and_serves_again() -> None:
    plane = Plane(files=FleetError("The SQLite database is damaged."))
    with pytest.raises(FleetError, match="damaged"):
        vacuum("vcluster-a", "a", upkeep(plane))
    assert plane.log == ["stopped", "rewritten", "started"]
