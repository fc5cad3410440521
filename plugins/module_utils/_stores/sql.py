# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""PostgreSQL and MySQL (MariaDB): kine's table in a database of a server that others run.

Two ways in, the same table behind both. By `kine`: pods beside the control plane (roles/backend_database) that speak
etcd's protocol, so the open-source release takes them for an external etcd (seen with 0.36.1). By the `vendor`'s own
`backingStore.database.external`, which needs a licence.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from .._core.care import Condition
from .._core.check import CheckResult
from .._core.databases import SqlDatabase, SqlState
from .._core.errors import FleetError, Unreachable
from .._core.finding import Finding
from .._core.lines.line import MetricsPaths
from .._core.observation import Observation, Pod
from .._core.ports import Reach
from .._core.scrape import Scrape, backend_scrape, plane_scrapes
from .._core.snapshot import Way
from .._core.spec import Spec
from .base import PERSISTENCE, REPLICAS, Usual, at, tree, truthy, without
from .database_external import EXTERNAL as VENDOR
from .etcd_external import EXTERNAL as ETCD
from .etcd_external import KINE, client_mount, external_values, without_volume
from .findings import licensed, unknown_options
from .refill import Refill
from .source import Source, copied_source
from .sql_checks import condition_of, kine_latencies, kine_pods, made_for, sql_checks
from .sql_refill import refill_table
from .store import Options, Values

POSTGRESQL = ("postgres", "postgresql")
MYSQL = ("mysql",)
AUTHORITY = "database-ca"  # volume with the certificate that the database is verified by
FILES = ("ca.crt", "tls.crt", "tls.key")
CREDENTIALS = ("type", "host", "port", "database", "username", "password", "data_source", "ca.crt")


class Sql(Usual):
    """See Store.

    Args:
        name: In `vcluster_store.type`.
        schemes: Of kine's and the vendor's data sources.
    """

    way: Way | None = "sqlite"

    def __init__(self, name: str, schemes: tuple[str, ...]) -> None:
        self.type = name
        self._schemes = schemes

    def enabled(self, values: Values) -> bool:
        """See Store. Behind kine, where its client's files are mounted tells which database it is."""
        return self._behind_kine(values) or self._by_vendor(values)

    def values(self, name: str, options: Options) -> dict[str, Any]:
        """See Store."""
        if _vendor(options):
            return self._vendor_values(name)
        kine = self.kine(name)
        return external_values(f"{kine}:2379", (f"{kine}-client", FILES), self._volume)

    def references(self, name: str, options: Options) -> dict[str, Any]:
        """See Store. The chart copies it into the release and the configuration's Secret (G38)."""
        if not _vendor(options):
            return {}
        reference = {"name": self._secret(name), "key": "data_source"}
        return tree(((*VENDOR, "dataSource"), {"$secret": reference}))

    def options_in(self, values: Values) -> dict[str, Any] | None:
        """See Store. A data source of somebody else's stays as it is."""
        return {} if self._behind_kine(values) else None

    def option_findings(self, options: Options) -> list[Finding]:
        """See Store."""
        return unknown_options(self.type, ("via",), options)

    def secrets(self, name: str, options: Options) -> dict[str, tuple[str, ...]]:
        """See Store."""
        found: dict[str, tuple[str, ...]] = {self._secret(name): CREDENTIALS}
        return found if _vendor(options) else {**found, f"{self.kine(name)}-client": FILES}

    def identity(self, values: Values) -> str:
        """See Store. By the vendor: server and database, whoever logs in. Behind kine the name says it all."""
        if not self._by_vendor(values):
            return ""
        return str(at(values, *VENDOR, "dataSource")).rpartition("@")[2].partition("?")[0]

    def findings(self, values: Values) -> list[Finding]:
        """G33: the vendor's way needs a licence."""
        return [licensed(self.type)] if self._by_vendor(values) else []

    def as_copy(self, values: Values) -> dict[str, Any]:
        """See Store: one replica on SQLite, whose file is what snapshots of this store are."""
        return without(self.left(values), REPLICAS)

    def left(self, values: Values) -> dict[str, Any]:
        """See Store."""
        copy = without_volume(without_volume(values, self._volume), AUTHORITY)
        return without(copy, ETCD, VENDOR)

    def empty(self, spec: Spec, values: Values, reach: Reach) -> bool:
        """See Store. kine writes a key of its own when it makes its table."""
        with self._own(spec, reach) as (database, _state):
            return not database.used()

    def empty_out(self, spec: Spec, reach: Reach) -> None:
        """See Store. The database and its login stay: fleetops.vcluster.backends drops them."""
        with self._own(spec, reach) as (database, _state):
            database.clear()

    def checks(
        self,
        spec: Spec,
        observation: Observation,
        pods: Sequence[Pod],
        reach: Reach,
        values: Values,
    ) -> list[CheckResult]:
        """kine's pods, and what the server says, asked from the controller; skipped with the reason where it cannot."""
        found = (
            kine_pods(reach.workload("Deployment", self.kine(spec.name)))
            if self._behind_kine(values)
            else []
        )
        try:
            with reach.sql(self._secret(spec.name)) as database:
                return [*found, *sql_checks(spec, database.state())]
        except Unreachable as error:
            return [*found, CheckResult("sql", "skip", f"cannot be asked from here: {error}")]
        except FleetError as error:
            return [*found, CheckResult("sql", "fail", str(error))]

    @contextmanager
    def source(
        self, spec: Spec, pods: Sequence[Pod], reach: Reach, values: Values
    ) -> Iterator[Source]:
        """See Store: from the controller."""
        with self._own(spec, reach) as (database, state):
            yield copied_source(database.title, database, state.revision, state.server)

    def takes(self, way: Way) -> Way:
        """See Store."""
        return "sqlite"

    def refill(self, spec: Spec, values: Values, refill: Refill) -> None:
        """See Store."""
        with self._own(spec, refill.reach) as (database, _state):
            refill_table(spec.namespace, self.kine(spec.name), database, refill)

    def _vendor_values(self, name: str) -> dict[str, Any]:
        authority = [{"key": "ca.crt", "path": "ca.crt"}]
        source = {"secretName": self._secret(name), "items": authority}
        mount = {"name": AUTHORITY, "mountPath": f"/{AUTHORITY}", "readOnly": True}
        return tree(
            ((*VENDOR, "enabled"), True),
            ((*VENDOR, "caFile"), f"/{AUTHORITY}/ca.crt"),
            ((*PERSISTENCE, "addVolumes"), [{"name": AUTHORITY, "secret": source}]),
            ((*PERSISTENCE, "addVolumeMounts"), [mount]),
        )

    def scrapes(self, name: str, values: Values, paths: MetricsPaths) -> tuple[Scrape, ...]:
        """See Store: kine's pods, which say it in plain text; by the vendor kine runs in the control plane."""
        if self._by_vendor(values):
            return plane_scrapes(name, "kine", paths.kine)
        return (backend_scrape("kine", self.kine(name)),)

    def condition(
        self,
        spec: Spec,
        observation: Observation,
        pods: Sequence[Pod],
        reach: Reach,
        values: Values,
        *,
        closely: bool = False,
    ) -> Condition | None:
        """See Store. The API server compacts it, and the server gives back what is free: neither is done from here."""
        try:
            with reach.sql(self._secret(spec.name)) as database:
                found = condition_of(database.title, database.state())
        except FleetError as error:
            return Condition("its database", trouble=str(error))
        if not closely or not self._behind_kine(values):
            return found
        endpoint = f"{self.kine(spec.name)}:2379"
        return replace(found, latencies=tuple(kine_latencies(endpoint, reach)))

    def kine(self, name: str) -> str:
        """The name of the Deployment of kine, of its Service and its budget; `name` is the vCluster's."""
        return f"{name}-kine-{self.type}"

    def _secret(self, name: str) -> str:
        return f"{name}-{self.type}"

    @contextmanager
    def _own(self, spec: Spec, reach: Reach) -> Iterator[tuple[SqlDatabase, SqlState]]:
        """The database and what it says, which has to have been made for this vCluster.

        Raises:
            FleetError: It is another one's.
        """
        secret = self._secret(spec.name)
        with reach.sql(secret) as database:
            state = database.state()
            if not made_for(spec, state):
                whose = f"that of {state.owner}" if state.owner else "nobody's by its mark"
                raise FleetError(
                    f"{spec.title}: {database.title} is {whose}.",
                    f"See Secret {spec.namespace}/{secret}; fleetops.vcluster.backends makes it.",
                )
            yield database, state

    @property
    def _volume(self) -> str:
        return f"{KINE[1:]}{self.type}"

    def _behind_kine(self, values: Values) -> bool:
        mounted = client_mount(values).startswith(f"/{self._volume}/")
        return mounted and truthy(at(values, *ETCD, "enabled"))

    def _by_vendor(self, values: Values) -> bool:
        scheme = str(at(values, *VENDOR, "dataSource") or "").partition("://")[0]
        return truthy(at(values, *VENDOR, "enabled")) and scheme in self._schemes


def _vendor(options: Options) -> bool:
    return options.get("via") == "vendor"
