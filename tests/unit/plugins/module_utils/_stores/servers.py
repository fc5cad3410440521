# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A database server on paper, and kine before it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import IO, Any

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.databases import SqlState
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import Unreachable
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import Workload
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.ports import Backend

OWNER = "vcluster-tenant/tenant 0a1b"
STATE = SqlState("PostgreSQL 15.18", OWNER, 500, 400, 900, 3 << 20, 6, 65, True)
CREDENTIALS = "tenant-postgresql"
SLOW = """\
# TYPE kine_sql_time_seconds histogram
kine_sql_time_seconds_bucket{error_code="",name="a",le="0.256"} 0
kine_sql_time_seconds_bucket{error_code="",name="a",le="0.512"} 500
kine_sql_time_seconds_bucket{error_code="",name="a",le="+Inf"} 500
"""


def kine(replicas: int, ready: int, image: str = "kine") -> Workload:
    """The Deployment of kine."""
    counts = {"replicas": replicas, "ready": ready, "updated": replicas, "total": replicas}
    return Workload(
        component="",
        kind="Deployment",
        name="tenant-kine-postgresql",
        generation=1,
        observed_generation=1,
        images={"kine": image},
        config_hash="",
        annotations={},
        **counts,
    )


@dataclass
class FakeServer:
    """See SqlDatabase; it is also the way to itself (see Reach)."""

    said: SqlState = STATE
    error: Exception | None = None
    pods: Workload | None = field(default_factory=lambda: kine(2, 2))
    holds: bytes = b"old"
    title: str = "PostgreSQL database x at db:5432"

    @contextmanager
    def sql(self, secret: str) -> Iterator[Any]:
        assert secret == CREDENTIALS
        yield self

    def workload(self, kind: str, name: str) -> Workload | None:
        assert (kind, name) == ("Deployment", "tenant-kine-postgresql")
        return self.pods

    def behind(self, endpoint: str) -> list[Backend]:
        assert endpoint == "tenant-kine-postgresql:2379"
        return [Backend("vcluster-tenant", f"tenant-kine-postgresql-{name}", 2379) for name in "ab"]

    def metrics(self, backend: Backend) -> str:
        assert backend.port == 8080
        if backend.pod == "tenant-kine-postgresql-b":
            raise Unreachable("it does not tell its metrics")
        return SLOW

    def state(self) -> SqlState:
        if self.error:
            raise self.error
        return self.said

    def snapshot(self) -> Iterator[bytes]:
        yield from (b"data", b"base")

    def count(self, revision: int) -> int | None:
        return 338

    def refill(self, content: IO[bytes]) -> None:
        self.holds = content.read()


def saying(**different: Any) -> FakeServer:
    """A server that says something else."""
    return FakeServer(replace(STATE, **different))
