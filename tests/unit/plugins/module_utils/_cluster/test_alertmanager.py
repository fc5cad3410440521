# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Silences: bounded by Alertmanager's clock, for names as they are, and nothing is asked twice."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from alertmanager_service import Service

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.alertmanager import (
    Alertmanager,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import FleetError


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    yield service
    service.close()


def made(service: Service) -> str:
    server = Alertmanager(service.url, "t0ken", None)
    labels = [("vcluster", ["a.b", "c"]), ("namespace", ["n"])]
    silence, ends = server.silence(labels, 30, "me", "run 1")
    assert ends.replace(microsecond=0) == datetime(2026, 9, 1, 10, 30, tzinfo=UTC)
    return silence


def test_it_ends_by_itself_by_the_clock_of_the_server(service: Service) -> None:
    """The Date header is years from the clock of this machine."""
    body = service.silences[made(service)]
    assert (body["startsAt"], body["endsAt"]) == ("2026-09-01T10:00:00Z", "2026-09-01T10:30:00Z")
    assert (body["createdBy"], body["comment"]) == ("me", "run 1")


def test_only_these_names_are_silenced(service: Service) -> None:
    names, namespaces = service.silences[made(service)]["matchers"]
    assert names["isRegex"] is names["isEqual"] is True
    fits = [bool(re.fullmatch(names["value"], name)) for name in ("a.b", "c", "aXb", "cc", "")]
    assert fits == [True, True, False, False, False]
    assert (namespaces["name"], namespaces["value"]) == ("namespace", "n")


def test_it_is_ended(service: Service) -> None:
    silence = made(service)
    Alertmanager(service.url, "t0ken", None).end(silence)
    assert service.silences == {}
    assert {header for _method, _path, header in service.asked} == {"Bearer t0ken"}


def test_an_error_is_told_after_one_attempt(service: Service) -> None:
    service.status = 503
    with pytest.raises(FleetError, match=r"Alertmanager http.* 503: said the service"):
        Alertmanager(service.url, None, None).silence([], 1, "me", "")
    assert len(service.asked) == 1
