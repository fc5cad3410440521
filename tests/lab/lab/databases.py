# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Database servers beside host clusters: PostgreSQL 15 and MariaDB 10.11 of Debian, which speak TLS only.

Each is in namespaces of its own. It is ready when its object is there, and gone after `close`, or when the tests end in
any other way. Its data outlives `stop` and `kill`, and goes with its folder; that of a fixed size goes with the server.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from .command import LabError, write_private
from .contained import HERE, NOBODY, Contained
from .database_client import Kind, Login
from .pki import Authority
from .toolchain import DATABASE_PACKAGES, debian_packages

LOOPBACK = "127.0.0.1"
ADMINISTRATOR = "lab"
DATA = HERE / "data"
READY_LIMIT = 60.0  # seconds, from its start; it may have a crash to recover from
POLL = 0.05
_SMALL = ("--skip-name-resolve", "--innodb-log-file-size=32M", "--innodb-buffer-pool-size=32M")


class Server(ABC):
    """A server that runs. `login` is that of its administrator, with a random password.

    :param folder: For its data, its keys and its log `program.log`; made if missing.
    :param address: Where it listens: pods of a host cluster reach the gateway of its network, and no loopback.
    :param size: Bytes that its data may take, for tests with a full disk; an empty server takes 50 MB. None: no limit.
        PostgreSQL ends itself on a full disk, as it has no room for its log; MariaDB goes on and refuses.
    :param authority: Signs its certificate, for the address and localhost; default: one of its own in the folder.
    :param source: A server to copy, and to follow from then on; used by `follower`.
    :raises LabError: It could not be installed, or was not ready in time.
    """

    kind: ClassVar[Kind]
    login: Login

    def __init__(
        self,
        folder: Path,
        address: str = LOOPBACK,
        *,
        size: int | None = None,
        authority: Authority | None = None,
        source: Server | None = None,
    ) -> None:
        debian_packages(DATABASE_PACKAGES)
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.size = folder, size
        self.authority = authority or Authority.create(folder / "authority", f"{self.kind} of lab")
        password = source.login.password if source else secrets.token_urlsafe(24)
        certificate = self.authority.certificate
        self.login = Login(
            self.kind, address, free_port(address), certificate, ADMINISTRATOR, password
        )
        self._issue()
        self._give("data", None)
        self._contained = Contained(folder, {"data": size} if size else None)
        with self._closing_on_failure():
            self._create(source)
            self.start()
            self._follow(source)

    @contextlib.contextmanager
    def _closing_on_failure(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.close()
            raise

    def change_authority(self, authority: Authority) -> None:
        """Start it again with a certificate of another authority; `login` has that from now on."""
        self.stop()
        self.authority = authority
        self.login = replace(self.login, ca_cert=authority.certificate)
        self._issue()
        self.start()

    def _issue(self) -> None:
        names = (self.login.address, "localhost")
        pair = self.authority.issue(f"server-{self.folder.name}", self.kind, hosts=names)
        files = {"tls.crt": pair.certificate, "tls.key": pair.key, "ca.crt": self.login.ca_cert}
        for name, path in files.items():
            self._give(name, path.read_bytes())

    def start(self) -> None:
        """Start it, and wait until it answers its administrator."""
        self._contained.start(self._argv())
        deadline = time.monotonic() + READY_LIMIT
        while True:
            try:
                self._answers()
                return
            except LabError as error:
                what = f"{self.kind} at {self.login.address}:{self.login.port}"
                if not self.running():
                    raise LabError(f"{what} ended at once\n{self._contained.log()}") from error
                if time.monotonic() > deadline:
                    raise LabError(f"{what} is not ready: {error}") from error
                time.sleep(POLL)

    def _answers(self) -> None:
        # Not before it listens: a client of its own waits far longer between two tries.
        with contextlib.closing(socket.socket()) as probe:
            if probe.connect_ex((self.login.address, self.login.port)):
                raise LabError("it does not listen")
        self.login.sql("SELECT 1")

    @abstractmethod
    def stop(self) -> None:
        """End it cleanly; clients are cut off."""

    def kill(self) -> None:
        """End all its processes by SIGKILL, as a machine that loses power would."""
        self._contained.stop(signal.SIGKILL)

    def restart(self) -> None:
        self.stop()
        self.start()

    def resize(self, size: int) -> None:
        """Give a server that was made with `size` another; one whose full disk ended it needs a `start` then."""
        self._contained.resize("data", size)

    def running(self) -> bool:
        return self._contained.running()

    def close(self) -> None:
        """End it without ceremony, for good; a second time is no error."""
        self._contained.close()

    @abstractmethod
    def read_only(self, on: bool) -> None:
        """Let all but the administrator read only, or write again; open connections too."""

    def follower(self, folder: Path) -> Server:
        """A second server that follows this one, which from now on acknowledges only what both have.

        :raises LabError: This one was made with `size`.
        """
        if self.size:
            raise LabError(f"{self.folder}: a server of a fixed size has no follower")
        second = type(self)(folder, self.login.address, authority=self.authority, source=self)
        with second._closing_on_failure():
            self._wait_for_follower()
        return second

    @abstractmethod
    def promote(self) -> None:
        """Let a follower go its own way and write, with all that the first acknowledged. The first must be down."""

    @abstractmethod
    def _create(self, source: Server | None) -> None:
        """Make the data; from those of `source` where it says so."""

    @abstractmethod
    def _argv(self) -> list[str]:
        """The command line of the server."""

    @abstractmethod
    def _follow(self, source: Server | None) -> None:
        """What a follower needs done after its start."""

    @abstractmethod
    def _wait_for_follower(self) -> None:
        """From now on wait for the follower before acknowledging; returns when it has caught up."""

    def _give(self, name: str, content: bytes | str | None) -> Path:
        """A file, or a folder where `content` is None, of the account that the server runs as; its path inside."""
        path = self.folder / name
        if content is None:
            path.mkdir(mode=0o700, exist_ok=True)
        else:
            write_private(path, content)
        os.chown(path, NOBODY, NOBODY)
        return HERE / name

    def _until(self, question: str, answer: str) -> None:
        """Wait until the server answers that, in its own words."""
        deadline = time.monotonic() + READY_LIMIT
        while (said := self.login.sql(question).strip()) != answer:
            if time.monotonic() > deadline:
                where = f"{self.kind} at {self.login.address}:{self.login.port}"
                raise LabError(f"{where}: {question!r} is still {said!r}, must become {answer!r}")
            time.sleep(POLL)


class PostgreSQL(Server):
    """PostgreSQL 15."""

    kind = "postgresql"
    _PROGRAMS = Path("/usr/lib/postgresql/15/bin")

    def stop(self) -> None:
        self._contained.stop(signal.SIGINT)  # "fast": SIGTERM waits for clients to leave

    def read_only(self, on: bool) -> None:
        state = "on" if on else "off"
        # The session's own value, since it is under what it changes.
        self.login.sql(
            f"ALTER SYSTEM SET default_transaction_read_only = {state}; SELECT pg_reload_conf();"
        )
        self._until("SHOW default_transaction_read_only", state)

    def promote(self) -> None:
        self.login.sql("SELECT pg_promote(true, 60)", limit=70)
        self._until("SELECT pg_is_in_recovery()", "f")

    def _create(self, source: Server | None) -> None:
        every = "all all scram-sha-256"
        self._give("pg_hba.conf", f"hostssl all {every}\nhostssl replication {every}\n")
        if source is None:
            password = self._give("password", self.login.password)
            argv = ["--auth=scram-sha-256", f"--pwfile={password}", f"--username={ADMINISTRATOR}"]
            argv += [f"--pgdata={DATA}", "--encoding=UTF8", "--no-locale", "--no-sync"]
            self._contained.run([self._PROGRAMS / "initdb", *argv])
        else:
            # Its own copy of the authority: that of the tests is not for the account it runs as.
            environment = replace(source.login, ca_cert=HERE / "ca.crt").libpq()
            argv = [f"--pgdata={DATA}", "--write-recovery-conf", "--checkpoint=fast", "--no-sync"]
            self._contained.run([self._PROGRAMS / "pg_basebackup", *argv], environment=environment)

    def _argv(self) -> list[str]:
        settings = {
            "listen_addresses": self.login.address,
            "port": self.login.port,
            "unix_socket_directories": "",
            "hba_file": HERE / "pg_hba.conf",
            "ssl": "on",
            "ssl_cert_file": HERE / "tls.crt",
            "ssl_key_file": HERE / "tls.key",
            "shared_buffers": "32MB",
        }
        argv = [str(self._PROGRAMS / "postgres"), "-D", str(DATA)]
        return argv + [
            word for name, value in settings.items() for word in ("-c", f"{name}={value}")
        ]

    def _follow(self, source: Server | None) -> None:
        """It does by itself, by what pg_basebackup wrote."""

    def _wait_for_follower(self) -> None:
        self.login.sql("ALTER SYSTEM SET synchronous_standby_names = '*'; SELECT pg_reload_conf();")
        self._until("SELECT string_agg(sync_state, ',') FROM pg_stat_replication", "sync")


class MariaDB(Server):
    """MariaDB 10.11."""

    kind = "mysql"
    _followed = False

    def stop(self) -> None:
        self._contained.stop(signal.SIGTERM)

    def read_only(self, on: bool) -> None:
        self.login.sql(f"SET GLOBAL read_only = {int(on)}")

    def promote(self) -> None:
        self.login.sql("STOP SLAVE IO_THREAD")  # no more comes in; what did is still to be applied
        self._until(
            "SELECT COUNT(*) FROM information_schema.PROCESSLIST "
            "WHERE STATE LIKE 'Slave has read all relay log%'",
            "1",
        )
        self.login.sql("STOP SLAVE; RESET SLAVE ALL; SET GLOBAL read_only = 0")

    def _create(self, source: Server | None) -> None:
        # A follower starts empty: it gets all that its source ever wrote to its binary log.
        statements = (
            "SET sql_log_bin = 0",
            f"CREATE USER IF NOT EXISTS {ADMINISTRATOR} IDENTIFIED BY '{self.login.password}'",
            f"GRANT ALL PRIVILEGES ON *.* TO {ADMINISTRATOR} WITH GRANT OPTION",
        )
        self._give("init.sql", "".join(f"{statement};\n" for statement in statements))
        argv = [f"--datadir={DATA}", "--skip-test-db", "--auth-root-authentication-method=normal"]
        self._contained.run(["mariadb-install-db", "--no-defaults", *argv, *_SMALL])

    def _argv(self) -> list[str]:
        settings = {
            "datadir": DATA,
            "socket": "/run/mariadb.sock",
            "pid-file": "/run/mariadb.pid",
            "bind-address": self.login.address,
            "port": self.login.port,
            "ssl-ca": HERE / "ca.crt",
            "ssl-cert": HERE / "tls.crt",
            "ssl-key": HERE / "tls.key",
            "require-secure-transport": "ON",
            "init-file": HERE / "init.sql",
            "server-id": self.login.port,
            "rpl-semi-sync-slave-enabled": "ON",
            "rpl-semi-sync-master-enabled": "ON" if self._followed else "OFF",
            "rpl-semi-sync-master-timeout": 24 * 3600 * 1000,  # ms, then it would go on alone
            "rpl-semi-sync-master-wait-point": "AFTER_SYNC",
        }
        options = [f"--{name}={value}" for name, value in settings.items()]
        # With a binary log on a full disk commits wait for room; without one they fail, as is to be seen.
        log = [] if self.size else ["--log-bin=binary"]
        return ["mariadbd", "--no-defaults", *options, *log, *_SMALL]

    def _follow(self, source: Server | None) -> None:
        if source is None:
            return
        login = source.login
        position = login.sql("SELECT @@gtid_binlog_pos").strip()
        self.login.sql(
            f"SET GLOBAL read_only = 1; CHANGE MASTER TO MASTER_HOST = '{login.address}', "
            f"MASTER_PORT = {login.port}, MASTER_USER = '{login.user}', "
            f"MASTER_PASSWORD = '{login.password}', MASTER_SSL = 1, "
            f"MASTER_SSL_CA = '{HERE / 'ca.crt'}', MASTER_SSL_VERIFY_SERVER_CERT = 1, "
            "MASTER_USE_GTID = slave_pos, MASTER_CONNECT_RETRY = 1; START SLAVE"
        )
        self._until(f"SELECT MASTER_GTID_WAIT('{position}', 1)", "0")

    def _wait_for_follower(self) -> None:
        self._followed = True
        self.login.sql("SET GLOBAL rpl_semi_sync_master_enabled = 1")
        self._until(
            "SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS "
            "WHERE VARIABLE_NAME = 'Rpl_semi_sync_master_clients'",
            "1",
        )


def free_port(address: str) -> int:
    """A port of the address that nothing listens on."""
    with contextlib.closing(socket.socket()) as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])
