# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How tests reach a database server, and SQL by its own client: psql or mariadb, as a process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .command import run

Kind = Literal["postgresql", "mysql"]
PSQL = Path("/usr/lib/postgresql/15/bin/psql")  # the one of the server's release
MARIADB = Path("/usr/bin/mariadb")
CONNECT_LIMIT = 5  # seconds


@dataclass(frozen=True)
class Login:
    """An account of a server. TLS is verified; no server of the lab speaks without it.

    :param kind: What the server speaks; MariaDB is `mysql`.
    :param ca_cert: PEM file of the authority that signed its certificate.
    """

    kind: Kind
    address: str
    port: int
    ca_cert: Path
    user: str
    password: str

    def sql(self, statements: str, database: str = "", *, limit: float = 30) -> str:
        """Run statements, each on its own unless they make a transaction; returns bare rows.

        :param statements: Given on standard input: they may hold passwords.
        :param database: Default: that of the server's own (PostgreSQL), none (MariaDB).
        :raises LabError: One of them failed, and none after it was run; or there was no end after `limit` seconds.
        """
        if self.kind == "postgresql":
            argv, environment = self._psql(database or "postgres")
        else:
            argv, environment = self._mariadb(database)
        return run(argv, stdin=statements, timeout=limit, environment=environment)

    def _psql(self, database: str) -> tuple[list[str | Path], Mapping[str, str]]:
        environment = {**self.libpq(), "PGDATABASE": database}
        options = ["--no-psqlrc", "--quiet", "--no-align", "--tuples-only"]
        return [PSQL, *options, "--set=ON_ERROR_STOP=1"], environment

    def libpq(self) -> dict[str, str]:
        """The environment of PostgreSQL's own programs."""
        return {
            "PGHOST": self.address,
            "PGPORT": str(self.port),
            "PGUSER": self.user,
            "PGPASSWORD": self.password,
            "PGSSLMODE": "verify-full",
            "PGSSLROOTCERT": str(self.ca_cert),
            "PGCONNECT_TIMEOUT": str(CONNECT_LIMIT),
        }

    def _mariadb(self, database: str) -> tuple[list[str | Path], Mapping[str, str]]:
        argv: list[str | Path] = [
            MARIADB,
            "--no-defaults",
            f"--host={self.address}",
            f"--port={self.port}",
            "--protocol=tcp",
            f"--user={self.user}",
            f"--ssl-ca={self.ca_cert}",
            "--ssl-verify-server-cert",
            f"--connect-timeout={CONNECT_LIMIT}",
            "--batch",
            "--skip-column-names",
        ]
        return [*argv, *([database] if database else [])], {"MYSQL_PWD": self.password}
