# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real servers: reached by TLS alone, killed, read-only, full, followed; and nothing of them stays."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lab.command import LabError
from lab.database_client import Login
from lab.database_pair import Pair
from lab.databases import LOOPBACK, MariaDB, PostgreSQL, Server
from lab.pki import Authority
from lab.process import PACKAGE_ROOT

MEBI = 1024 * 1024
KINDS = pytest.mark.parametrize("kind", [PostgreSQL, MariaDB])
Make = Callable[..., Server]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Starts a server of the kind."""
    with contextlib.ExitStack() as stack:

        def start(kind: type[Server], name: str = "server", **options: object) -> Server:
            server = kind(tmp_path / name, **options)  # type: ignore[arg-type]
            stack.callback(server.close)
            return server

        yield start


@KINDS
def test_what_was_committed_outlives_a_kill(make: Make, kind: type[Server]) -> None:
    server = make(kind)
    login = _table(server.login)
    login.sql("INSERT INTO t VALUES ('kept')", "d")
    server.kill()
    with pytest.raises(LabError):
        login.sql("SELECT 1")
    server.start()
    server.restart()
    assert login.sql("SELECT * FROM t", "d") == "kept\n"


@KINDS
def test_a_connection_without_tls_or_with_another_authority_is_refused(
    make: Make, kind: type[Server], tmp_path: Path
) -> None:
    server = make(kind)
    user = _table(server.login)
    # The same account and password with TLS are good, below.
    refusal = {"postgresql": "no encryption", "mysql": "Access denied"}[server.kind]
    with pytest.raises(LabError, match=refusal):
        _plain(user)
    assert replace(user, address="localhost").sql("SELECT 1", "d") == "1\n"
    server.change_authority(Authority.create(tmp_path / "other", "other"))
    with pytest.raises(LabError, match=r"(?i)certificate"):
        user.sql("SELECT 1", "d")
    assert replace(user, ca_cert=server.login.ca_cert).sql("SELECT 1", "d") == "1\n"


@KINDS
def test_a_wrong_password_is_refused(make: Make, kind: type[Server]) -> None:
    with pytest.raises(LabError, match=r"(?i)password authentication failed|access denied"):
        replace(make(kind).login, password="wrong").sql("SELECT 1")


@KINDS
def test_the_password_is_in_no_command_line(make: Make, kind: type[Server]) -> None:
    server = make(kind)
    waiting = {"postgresql": "SELECT pg_sleep(1)", "mysql": "SELECT SLEEP(1)"}[server.kind]
    asking = threading.Thread(target=server.login.sql, args=(waiting,))
    asking.start()
    seen = subprocess.run(
        ["ps", "-eo", "args", "-ww"], capture_output=True, text=True, timeout=10, check=True
    ).stdout
    asking.join()
    assert str(server.login.port) in seen
    assert server.login.password not in seen
    assert waiting not in seen


@KINDS
def test_read_only_holds_for_open_connections_of_an_ordinary_account(
    make: Make, kind: type[Server]
) -> None:
    server = make(kind)
    user = _table(server.login)
    server.read_only(True)
    with pytest.raises(LabError, match=r"(?i)read.only"):
        user.sql("INSERT INTO t VALUES ('refused')", "d")
    assert user.sql("SELECT COUNT(*) FROM t", "d") == "0\n"
    server.read_only(False)
    user.sql("INSERT INTO t VALUES ('taken')", "d")


@KINDS
def test_a_full_disk_refuses_writes_until_it_grows(make: Make, kind: type[Server]) -> None:
    server = make(kind, size=128 * MEBI)
    user = _table(server.login)
    user.sql("INSERT INTO t VALUES ('kept')", "d")
    # Rows that fit a page: InnoDB gives up altogether where it has no room to take back a larger one.
    rows = "".join(f"INSERT INTO t VALUES ('{os.urandom(3500).hex()}');" for _row in range(1500))
    refusal = {"postgresql": "No space left on device", "mysql": "The table 't' is full"}
    with pytest.raises(LabError, match=refusal[server.kind]):
        for _round in range(20):
            user.sql(rows, "d")
    assert server.running() or kind is PostgreSQL
    server.resize(320 * MEBI)
    if kind is PostgreSQL:  # it may be at its recovery, in vain
        server.kill()
        server.start()
    user.sql("INSERT INTO t VALUES ('more')", "d")
    assert user.sql("SELECT * FROM t WHERE i IN ('kept', 'more') ORDER BY i", "d") == "kept\nmore\n"


@KINDS
def test_nothing_stays_of_a_closed_server(make: Make, kind: type[Server]) -> None:
    server = make(kind)
    server.close()
    server.close()
    assert not _listens(server.login)
    assert not _processes(server.folder)


@KINDS
def test_nothing_stays_of_a_server_whose_test_was_killed(
    kind: type[Server], tmp_path: Path
) -> None:
    program = (
        f"from pathlib import Path; from lab.databases import {kind.__name__} as Kind; import sys\n"
        "server = Kind(Path(sys.argv[1])); print(server.login.port, flush=True); sys.stdin.read()"
    )
    test = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "server")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": str(PACKAGE_ROOT), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        text=True,
    )
    assert test.stdout is not None
    port = int(test.stdout.readline())
    login = Login(kind.kind, LOOPBACK, port, tmp_path, "", "")
    assert _listens(login)
    test.send_signal(signal.SIGKILL)
    test.communicate(timeout=10)
    _eventually(lambda: not _listens(login) and not _processes(tmp_path))


@KINDS
def test_no_acknowledged_write_is_lost_when_the_first_of_two_dies(
    kind: type[Server], tmp_path: Path
) -> None:
    pair = Pair(kind, tmp_path)
    with contextlib.closing(pair):
        user = _table(pair.login)
        acknowledged: list[str] = []
        writing = threading.Thread(target=_write, args=(user, acknowledged))
        writing.start()
        _eventually(lambda: len(acknowledged) >= 10)
        pair.fail_over()
        user.sql("INSERT INTO t VALUES ('after')", "d")
        writing.join()
        found = set(user.sql("SELECT * FROM t", "d").split())
        assert set(acknowledged) <= found
        assert "after" in found
        assert not _listens(pair.first.login)
    assert not _processes(tmp_path)


@pytest.fixture(scope="module", params=[PostgreSQL, MariaDB])
def pair(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pair]:
    """Left by every test as it was."""
    pair = Pair(request.param, tmp_path_factory.mktemp("pair"))
    with contextlib.closing(pair):
        yield pair


def test_the_first_of_two_acknowledges_nothing_alone(pair: Pair) -> None:
    user = _table(pair.login)
    pair.second.kill()
    with pytest.raises(LabError, match="no end after 2 s"):
        user.sql("INSERT INTO t VALUES ('alone')", "d", limit=2)
    pair.second.start()
    user.sql("INSERT INTO t VALUES ('together')", "d")
    assert "together" in replace(user, port=pair.first.login.port).sql("SELECT * FROM t", "d")


def test_the_front_can_hold_and_cut(pair: Pair) -> None:
    pair.front("hold")
    with pytest.raises(LabError):
        pair.login.sql("SELECT 1", limit=2)
    pair.front("cut")
    with pytest.raises(LabError):
        pair.login.sql("SELECT 1")
    pair.front("ok")
    assert pair.login.sql("SELECT 1") == "1\n"


def _table(admin: Login) -> Login:
    """A database `d` with a table `t`, and an account that owns it and nothing else."""
    if admin.kind == "postgresql":
        admin.sql("CREATE ROLE u LOGIN PASSWORD 'pw'; CREATE DATABASE d OWNER u;")
        column = "text"
    else:
        admin.sql("CREATE DATABASE d; CREATE USER u IDENTIFIED BY 'pw'; GRANT ALL ON d.* TO u")
        column = "longtext"
    user = replace(admin, user="u", password="pw")
    user.sql(f"CREATE TABLE t (i {column})", "d")
    return user


def _write(user: Login, acknowledged: list[str]) -> None:
    """Write until it is refused, and note what was acknowledged."""
    with contextlib.suppress(LabError):
        for number in range(1000):
            user.sql(f"INSERT INTO t VALUES ('{number}')", "d")
            acknowledged.append(str(number))


def _plain(login: Login) -> None:
    """Connect without TLS."""
    if login.kind == "postgresql":
        argv = [
            "psql",
            f"host={login.address} port={login.port} user={login.user} dbname=d sslmode=disable",
        ]
        variables = {"PGPASSWORD": login.password}
    else:
        argv = ["mariadb", "--no-defaults", f"--host={login.address}", f"--port={login.port}"]
        argv += ["--protocol=tcp", f"--user={login.user}", "--skip-ssl", "--execute=SELECT 1"]
        variables = {"MYSQL_PWD": login.password}
    done = subprocess.run(
        argv,
        env={"PATH": "/usr/bin:/bin", **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )
    if done.returncode:
        raise LabError(done.stderr)


def _listens(login: Login) -> bool:
    with contextlib.closing(socket.socket()) as probe:
        return probe.connect_ex((login.address, login.port)) == 0


def _processes(folder: Path) -> list[str]:
    """Command lines that have the folder in them: those of its namespaces start with such a one."""
    seen = subprocess.run(
        ["ps", "-eo", "args", "-ww"], capture_output=True, text=True, timeout=10, check=True
    ).stdout
    return [line for line in seen.splitlines() if f"lab.contained {folder}" in line]


def _eventually(condition: Callable[[], bool]) -> None:
    done = threading.Event()
    for _round in range(200):
        if condition():
            return
        done.wait(0.05)
    raise AssertionError("did not come true within 10 s")
