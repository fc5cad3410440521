# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Databases that were built or raised, and the real kine that goes on with them."""

from __future__ import annotations

import base64
import json
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster import (
    sqlite_file,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.contents import (
    Contents,
    Tally,
)
from lab.parts import build

pytestmark = pytest.mark.apiserver
BY = 1_000_000_000


class RealKine:
    """The program, as the lab builds it, on a socket; its compactor does all it can every second."""

    def __init__(self, programs: Mapping[str, Path], folder: Path, database: Path) -> None:
        self.socket, self.path = folder / "kine.sock", folder / "kine.log"
        self._client = [str(programs["etcdctl"]), f"--endpoints=unix://{self.socket}"]
        command = [
            str(programs["kine"]),
            f"--listen-address=unix://{self.socket}",
            f"--endpoint=sqlite://{database}?_journal=WAL&cache=shared&_busy_timeout=30000&_txlock=immediate",
            "--metrics-bind-address=0",
            "--compact-interval=1s",
            "--compact-min-retain=0",
        ]
        with self.path.open("w") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        self.until(self.socket.exists)

    def __enter__(self) -> RealKine:
        return self

    def __exit__(self, *_error: object) -> None:
        # What it had not checkpointed stays in its log.
        self._process.kill()
        self._process.wait(timeout=30)

    @property
    def log(self) -> str:
        return self.path.read_text()

    def until(self, holds: Callable[[], bool]) -> None:
        end = time.monotonic() + 30
        while not holds():
            assert time.monotonic() < end, self.log
            time.sleep(0.1)

    def ask(self, *arguments: str, stdin: str = "") -> dict[str, Any]:
        done = self._etcdctl(*arguments, "--write-out=json", stdin=stdin)
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def delete(self, key: str) -> None:
        """As an API server does it: kine serves no other deletion."""
        (pair,) = self.ask("get", key)["kvs"]
        words = f'mod("{key}") = "{pair["mod_revision"]}"\n\ndel {key}\n\nget {key}\n\n'
        assert self.ask("txn", stdin=words)["succeeded"]

    def refusal(self, *arguments: str) -> str:
        done = self._etcdctl(*arguments, check=False)
        return done.stdout + done.stderr

    def _etcdctl(
        self, *arguments: str, stdin: str = "", check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self._client, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=30,
            check=check,
        )

    def contents(self) -> tuple[int, Contents]:
        """Its revision and all that it serves."""
        answer = self.ask("get", "/", "--prefix")
        tally = Tally()
        for pair in answer["kvs"]:
            tally.add(base64.b64decode(pair["key"]), base64.b64decode(pair.get("value", "")))
        return answer["header"]["revision"], tally.contents


@pytest.fixture(scope="module")
def programs() -> dict[str, Path]:
    """For the module, because each test has a cache folder of its own."""
    return build(["kine", "etcdctl"])


def test_g61_the_real_kine_takes_one_built_of_keys_up(
    programs: dict[str, Path], tmp_path: Path
) -> None:
    items = [(f"/registry/{number}".encode(), b"x") for number in range(12)]
    with sqlite_file.built(items, BY, ()) as ready:
        (tmp_path / "state.db").write_bytes(ready.read())
    with RealKine(programs, tmp_path, tmp_path / "state.db") as kine:
        assert "compacted" in kine.refusal("watch", "/registry/", "--prefix", "--rev=100")
        again = kine.ask("put", "/registry/0", "again")["header"]["revision"]
        assert again == BY + 2, "after the key that kine itself writes"
        kine.delete("/registry/5")
        keys = {
            base64.b64decode(pair["key"]).decode()
            for pair in kine.ask("get", "/registry/", "--prefix")["kvs"]
        }
        assert "GAP" not in kine.log
    assert keys == {f"/registry/{n}" for n in range(12) if n != 5} | {"/registry/health"}


def test_g61_the_real_kine_takes_a_raised_one_up_and_goes_on(
    programs: dict[str, Path], tmp_path: Path
) -> None:
    path = tmp_path / "state.db"
    with RealKine(programs, tmp_path, path) as kine:
        for number in range(30):
            kine.ask("put", f"/registry/{number % 12}", f"value {number}")
        for number in range(3):
            kine.delete(f"/registry/{number}")
        seen, served = kine.contents()
    sqlite_file.merge(path)
    with path.open("rb") as file:
        was = sqlite_file.inspect(file)
    assert (was.revision, was.contents) == (seen, served)
    ready = tmp_path / "ready"
    ready.mkdir()
    with path.open("rb") as file, sqlite_file.prepared(file, BY, ()) as raised:
        (ready / "state.db").write_bytes(raised.read())
    with RealKine(programs, ready, ready / "state.db") as kine:
        assert kine.contents() == (seen + BY, served)
        assert "compacted" in kine.refusal("watch", "/registry/", "--prefix", f"--rev={seen}")
        assert "compacted" in kine.refusal("get", "/registry/5", f"--rev={seen}")
        assert kine.ask("put", "/registry/0", "again")["header"]["revision"] == seen + BY + 1
        kine.delete("/registry/5")
        # From just below the raised revision on: one step, and not a million of them.
        kine.until(lambda: "COMPACT compacted from" in kine.log)
        assert f"COMPACT compacted from {seen + BY - 1} to" in kine.log
        assert "in 1 transactions" in kine.log
        assert "GAP" not in kine.log
        keys = {
            base64.b64decode(pair["key"]).decode()
            for pair in kine.ask("get", "/", "--prefix")["kvs"]
        }
    wanted = {f"/registry/{number}" for number in (0, 3, 4, *range(6, 12))} | {"/registry/health"}
    assert keys == wanted, "what was deleted stays so, whatever kine compacts"
