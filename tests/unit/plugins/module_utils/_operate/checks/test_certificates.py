# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the certificates of a vCluster say; transport and handshake are in test_tenant."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from signed import certificate, encoded

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import (
    ApiError,
    Unreachable,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import Observation
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import Access, Spec
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.checks import certificates
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.checks.scene import Scene
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.pods import Live

SPEC = Spec("t", "t", "vcluster-t", "hc1", Access())
NAMES = ["localhost", "t.vcluster-t.svc", "t.vcluster-t.svc.cluster.local"]
NOW = datetime(2026, 3, 17, 9, 30, tzinfo=UTC)


class Replica:
    """Shows its certificate once it was asked something."""

    def __init__(self, names: list[str], days: int, error: Exception | None = None) -> None:
        ends = NOW + timedelta(days=days, hours=1)
        self._peer = {
            "notAfter": ends.strftime("%b %d %H:%M:%S %Y GMT"),
            "subjectAltName": tuple(("DNS", name) for name in names),
        }
        self._error = error
        self.certificate: dict[str, Any] = {}

    def text(self, path: str) -> str:
        if isinstance(self._error, Unreachable):
            raise self._error
        self.certificate = self._peer
        if self._error:
            raise self._error
        return "ok"


def checks(
    *replicas: Replica, now: datetime = NOW, secret: dict[str, datetime] | None = None
) -> dict[str, Any]:
    data = {name: encoded(certificate(ends)) for name, ends in (secret or {}).items()}
    secrets = {"/api/v1/namespaces/vcluster-t/secrets/t-certs": {"data": data}}
    host: Any = SimpleNamespace(now=now, find=secrets.get)
    named: Any = {f"t-{number}": replica for number, replica in enumerate(replicas)}
    reach: Any = None
    scene = Scene(SPEC, Observation(), Live((), (), ""), host, reach, named, {})
    return {check.id: check for check in certificates.checks(scene)}


def test_a_good_certificate_passes_with_its_days() -> None:
    found = checks(Replica(NAMES, 301), Replica(NAMES, 300))
    assert (found["certificates"].status, found["service_names"].status) == ("pass", "pass")
    assert found["certificates"].evidence == "t-1: 300 days left"
    assert found["certificates"].facts == {"ends": (NOW + timedelta(days=300, hours=1)).isoformat()}


def test_a_certificate_near_its_end_is_a_warning() -> None:
    assert checks(Replica(NAMES, 10))["certificates"].status == "warn"


def test_g55_days_are_counted_by_the_host_clusters_clock() -> None:
    found = checks(Replica(NAMES, 300), now=NOW + timedelta(days=400))
    assert found["certificates"].status == "fail"
    day = f"{NOW + timedelta(days=300, hours=1):%Y-%m-%d}"
    assert found["certificates"].evidence == f"t-0: expired on {day}"


def test_g36_the_first_to_end_is_named_whatever_the_replicas_serve() -> None:
    ends = NOW + timedelta(days=20, hours=1)
    secret = {"etcd-peer.crt": ends, "apiserver.crt": NOW + timedelta(days=200)}
    found = checks(Replica(NAMES, 300), secret=secret)["certificates"]
    words = "etcd-peer.crt: 20 days left; fleetops.vcluster.certificates renews it"
    assert (found.status, found.evidence) == ("warn", words)
    assert found.facts == {"ends": ends.isoformat()}


def test_g36_an_authority_near_its_end_is_a_warning_that_no_restart_helps() -> None:
    secret = {"ca.crt": NOW + timedelta(days=5, hours=1)}
    found = checks(Replica(NAMES, 300), secret=secret)["certificates"]
    assert found.status == "warn"
    assert found.evidence.startswith("ca.crt: 5 days left; vcluster certs rotate-ca")
    assert found.facts == {"ends": (NOW + timedelta(days=300, hours=1)).isoformat()}


def test_g36_a_certificate_that_has_ended_fails() -> None:
    end = NOW - timedelta(hours=2)
    secret = {"apiserver-etcd-client.crt": end}
    found = checks(Replica(NAMES, 300), secret=secret)["certificates"]
    words = f"apiserver-etcd-client.crt: expired on {end:%Y-%m-%d}"
    assert (found.status, found.evidence) == ("fail", words)


def test_g35_a_service_name_that_is_missing_is_named() -> None:
    found = checks(Replica(["localhost"], 300))["service_names"]
    assert found.status == "warn"
    assert "t.vcluster-t.svc" in found.evidence


def test_an_api_that_is_not_well_shows_its_certificate_all_the_same() -> None:
    sick = Replica(NAMES, 300, ApiError(500, "livez says no"))
    assert checks(sick)["certificates"].status == "pass"


def test_a_replica_that_is_not_trusted_fails() -> None:
    bad = Replica(NAMES, 300, Unreachable("its certificate is not trusted"))
    found = checks(bad)["certificates"]
    assert found.status == "fail"
    assert "not trusted" in found.evidence
