# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The supervisor as PID 1 of real namespaces: order, failure, restart, orphans, the end of all."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab import process
from lab.command import LabError
from lab.unit import Mount, NodeSpec, Unit

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="namespaces need root")


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Callable[..., NodeSpec]]:
    def specify(*units: Unit, mounts: tuple[Mount, ...] = ()) -> NodeSpec:
        directory = str(tmp_path / "node")
        Path(directory).mkdir()
        return NodeSpec("node", directory, units=list(units), mounts=list(mounts))

    yield specify
    process.end(tmp_path)
    assert process.find(tmp_path) == []


def start(spec: NodeSpec) -> process.Start:
    started = process.Start(spec, own_network=False)
    started.first_process()
    started.go()
    return started


def shell(name: str, script: str, **options: object) -> Unit:
    return Unit(name, ["sh", "-c", script], **options)  # type: ignore[arg-type]


def eventually(check: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_units_start_after_what_they_depend_on(
    node: Callable[..., NodeSpec], tmp_path: Path
) -> None:
    order = tmp_path / "order"
    spec = node(
        shell("last", f"echo last >> {order}", after=["first"], once=True),
        shell("first", f"sleep 0.3; echo first >> {order}", once=True),
    )
    start(spec).wait(10)
    assert order.read_text() == "first\nlast\n"
    assert json.loads(spec.status.read_text())["state"] == "ready"


def test_a_probe_waits_for_a_server(node: Callable[..., NodeSpec], tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    listener = (
        "import socket, time; time.sleep(0.5); s = socket.socket(socket.AF_UNIX);"
        f"s.bind('{tmp_path}/s'); s.listen(); time.sleep(60)"
    )
    spec = node(
        Unit("server", [sys.executable, "-c", listener], probe=f"unix:{tmp_path}/s"),
        shell("client", f"test -S {tmp_path}/s && touch {seen}", after=["server"], once=True),
    )
    start(spec).wait(20)
    assert seen.exists()


def test_a_failed_unit_is_named_with_its_last_words(node: Callable[..., NodeSpec]) -> None:
    spec = node(
        shell("broken", "echo no such thing >&2; exit 3"),
        shell("waits", "true", after=["broken"], once=True),
    )
    spec.units[0] = Unit("broken", spec.units[0].argv, probe="unix:/nowhere")
    with pytest.raises(LabError, match=r"(?s)broken ended with code 3.*no such thing"):
        start(spec).wait(10)


def test_a_unit_that_is_never_ready_ends_the_wait(node: Callable[..., NodeSpec]) -> None:
    spec = node(shell("deaf", "exec sleep 60", probe="unix:/nowhere", limit=0.5))
    with pytest.raises(LabError, match=r"deaf not ready after .*unix:/nowhere"):
        start(spec).wait(10)


def test_a_program_that_cannot_be_started_is_named(node: Callable[..., NodeSpec]) -> None:
    with pytest.raises(LabError, match="absent cannot be started"):
        start(node(Unit("absent", ["/no/such/program"]))).wait(10)


def test_a_unit_that_ends_later_is_restarted(node: Callable[..., NodeSpec], tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    spec = node(shell("mortal", f"echo run >> {runs}; sleep 0.2"))
    start(spec).wait(10)
    eventually(lambda: runs.exists() and runs.read_text().count("run") >= 2)
    # The new run writes its line before the supervisor has noted that it started it.
    eventually(lambda: json.loads(spec.status.read_text())["units"]["mortal"]["restarts"] >= 1)


def test_orphans_leave_no_zombies(node: Callable[..., NodeSpec], tmp_path: Path) -> None:
    started = process.Start(
        node(shell("parent", "(sleep 0.2 &) ; exec sleep 60")), own_network=False
    )
    first = started.first_process()
    started.go()
    started.wait(10)

    def children() -> list[str]:
        states = []
        for pid in Path(f"/proc/{first}/task/{first}/children").read_text().split():
            # It has just ended and been reaped, before its file was opened or after.
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                states.append(Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").strip())
        return states

    eventually(lambda: children() == ["sleep 60"])


def test_mounts_are_the_nodes_own(node: Callable[..., NodeSpec], tmp_path: Path) -> None:
    (tmp_path / "covered").mkdir()
    inside = shell("inside", f"touch {tmp_path}/covered/file", once=True)
    spec = node(inside, mounts=(Mount("tmpfs", str(tmp_path / "covered")),))
    start(spec).wait(10)
    assert list((tmp_path / "covered").iterdir()) == []


def test_the_end_takes_everything_along(node: Callable[..., NodeSpec], tmp_path: Path) -> None:
    # Its own session and without a parent, as containers are.
    spec = node(shell("daemon", "(setsid sleep 3600 &); exec sleep 3600"))
    start(spec).wait(10)
    pids = {Path(f"/proc/{r.pid}/ns/pid").readlink() for r in process.find(tmp_path) if r.first}
    assert process.end(tmp_path) == 1
    for directory in Path("/proc").iterdir():
        with contextlib.suppress(OSError):  # no process, not ours to look at, or just ended
            assert (directory / "ns" / "pid").readlink() not in pids
    assert process.end(tmp_path) == 0
