# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which certificates are due, and in which order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.tls import (
    AUTHORITY,
    AUTHORITY_DAYS,
    CLIENT,
    MOST_DAYS,
    SERVER,
    Seen,
    SeenLeaf,
    Wanted,
    due,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
WANTED = Wanted("ns", "t-store", ("localhost", "t-store"))
HOSTS = frozenset(WANTED.hosts)


def after(days: float) -> datetime:
    return NOW + timedelta(days=days)


def server(
    days: float = 300, hosts: frozenset[str] = HOSTS, name: str = "t-store-server", by: bool = True
) -> SeenLeaf:
    return SeenLeaf(name, hosts, after(days), by)


GOOD = {SERVER: server(), CLIENT: server(hosts=frozenset(), name="t-store-client")}


def parts(authority: float | None, **leaves: SeenLeaf | None) -> list[str]:
    seen = Seen(None if authority is None else after(authority), {**GOOD, **leaves})
    return [one.part for one in due(WANTED, seen, NOW)]


@pytest.mark.parametrize(
    ("authority", "leaves", "expected"),
    [
        pytest.param(2000, {}, [], id="all is good"),
        pytest.param(2000, {"server": None}, [SERVER], id="damaged"),
        pytest.param(2000, {"server": server(31)}, [], id="a month and a day"),
        pytest.param(2000, {"server": server(30)}, [SERVER], id="a month"),
        pytest.param(2000, {"server": server(-1)}, [SERVER], id="ended"),
        pytest.param(2000, {"server": server(hosts=HOSTS | {"x"})}, [SERVER], id="a host more"),
        pytest.param(2000, {"server": server(hosts=frozenset())}, [SERVER], id="hosts fewer"),
        pytest.param(2000, {"client": server()}, [CLIENT], id="the name of another"),
        pytest.param(2000, {"server": server(by=False)}, [SERVER], id="of another authority"),
        pytest.param(None, {}, [AUTHORITY], id="the authority's key is lost"),
        pytest.param(
            None, {"server": None, "client": None}, [AUTHORITY, SERVER, CLIENT], id="nothing there"
        ),
        pytest.param(396, {}, [], id="the authority signs once more in full"),
        pytest.param(395, {}, [AUTHORITY], id="it could not: what it signed stays"),
        pytest.param(395, {"server": server(3)}, [SERVER, AUTHORITY], id="the old one signs first"),
        pytest.param(30, {"server": server(3)}, [AUTHORITY, SERVER], id="it is too late for that"),
    ],
)
def test_what_is_due(
    authority: float | None, leaves: dict[str, SeenLeaf | None], expected: list[str]
) -> None:
    assert parts(authority, **leaves) == expected


def test_a_new_authority_is_never_due_whatever_is_asked_for() -> None:
    most = Wanted("ns", "t-store", WANTED.hosts, MOST_DAYS, MOST_DAYS - 1)
    fresh = {
        part: SeenLeaf(leaf.name, leaf.hosts, after(MOST_DAYS), True) for part, leaf in GOOD.items()
    }
    assert due(most, Seen(after(AUTHORITY_DAYS), fresh), NOW) == ()


def test_the_reason_is_told() -> None:
    seen = Seen(after(2000), {**GOOD, SERVER: server(3)})
    assert [one.why for one in due(WANTED, seen, NOW)] == ["ends on 2026-01-04"]
