# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks of the serving certificate: days left, and the names it is valid for."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from ..._core.check import CheckResult
from ..._core.errors import ApiError
from ..._core.ports import Replica
from .scene import Scene, Verdict, all_of, run

# The syncer renews at its start when 90 days or less are left (vCluster 0.36, pkg/certs).
WARN_DAYS = 30


@dataclass(frozen=True)
class Certificate:
    """What a replica's serving certificate says."""

    ends: datetime
    names: tuple[str, ...]


def checks(scene: Scene) -> Iterator[CheckResult]:
    """All checks of this file, in order."""
    found: dict[str, Certificate] = {}
    result = run("certificates", lambda: certificates(scene, found))
    first = min((certificate.ends for certificate in found.values()), default=None)
    yield replace(result, facts={"ends": first.isoformat()}) if first else result
    yield run("service_names", lambda: service_names(scene, found))


def certificates(scene: Scene, found: dict[str, Certificate]) -> Verdict:
    """Days left on the certificate of every replica, by the host cluster's clock (G55); fills `found`."""
    problems, days = [], []
    for name, replica in scene.replicas.items():
        found[name] = served(replica)
        left = (found[name].ends - scene.host.now).days
        days.append(left)
        if left < 0:
            problems.append(f"{name}: expired {-left} days ago")
    if not days:
        return "skip", "no replica answers"
    if not problems and min(days) < WARN_DAYS:
        return "warn", f"{min(days)} days left; restarting the control plane renews it"
    return all_of(problems, f"{min(days)} days left")


def service_names(scene: Scene, found: dict[str, Certificate]) -> Verdict:
    """The names by which workloads on the host cluster call the Service are in the certificate (G35)."""
    if scene.spec.defaults.service_names is False:
        return "skip", "vcluster_defaults.service_names is off"
    if not found:
        return "skip", "no certificate was read"
    service = f"{scene.spec.name}.{scene.spec.namespace}.svc"
    wanted = (service, f"{service}.cluster.local")
    problems = [
        f"{name} is not valid for {host}"
        for name, seen in found.items()
        for host in wanted
        if host not in seen.names
    ]
    return ("warn", "; ".join(problems)) if problems else ("pass", ", ".join(wanted))


def served(replica: Replica) -> Certificate:
    """The certificate of the connection to a replica, verified for `localhost` by its handshake.

    Raises:
        FleetError: The replica does not answer.
    """
    if not replica.certificate:
        with suppress(ApiError):  # whatever it says, the handshake is done
            replica.text("/livez")
    peer = replica.certificate
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(peer["notAfter"])), UTC)
    names = tuple(str(entry[1]) for entry in peer.get("subjectAltName", ()))
    return Certificate(ends, names)
