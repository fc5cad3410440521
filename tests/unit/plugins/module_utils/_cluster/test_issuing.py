# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates that are issued: programs trust them, and what is damaged is seen."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.issuing import (
    Authority,
    end_of,
    facts,
    issue,
    new_authority,
    read_authority,
    seen,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.tls import (
    AUTHORITY,
    AUTHORITY_DAYS,
    CLIENT,
    SERVER,
    Wanted,
)

# Handshakes are checked by the machine's clock.
NOW = datetime.now(UTC).replace(microsecond=0)
WANTED = Wanted("ns", "t-store", ("localhost", "t-store.ns.svc", "10.0.0.1", "fd00::1"))
Data = dict[str, bytes]


@pytest.fixture(scope="module")
def authority() -> Authority:
    return new_authority(WANTED, {}, NOW)


@pytest.fixture(scope="module")
def secrets(authority: Authority) -> dict[str, Data]:
    leaves = {part: issue(WANTED, part, authority, NOW) for part in (SERVER, CLIENT)}
    return {AUTHORITY: authority.data, **leaves}


def shake_hands(folder: Path, server: Data, client: Data, name: str = "localhost") -> None:
    """Mutual TLS in memory, as strict as Python 3.13 is."""
    contexts = []
    for role, data in ((ssl.PROTOCOL_TLS_SERVER, server), (ssl.PROTOCOL_TLS_CLIENT, client)):
        context = ssl.SSLContext(role)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=data["ca.crt"].decode())
        (folder / "pair").write_bytes(data["tls.crt"] + data["tls.key"])
        context.load_cert_chain(folder / "pair")
        contexts.append(context)
    inward, outward = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        contexts[0].wrap_bio(inward, outward, server_side=True),
        contexts[1].wrap_bio(outward, inward, server_hostname=name),
    ]
    for _turn in range(4):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    assert all(end.version() for end in ends)
    ends[1].write(b"x")  # TLS 1.3: the server has checked the client only now
    assert ends[0].read(1) == b"x"


@pytest.mark.parametrize("name", ["localhost", "t-store.ns.svc", "10.0.0.1", "fd00::1"])
def test_server_and_client_trust_each_other(
    tmp_path: Path, secrets: dict[str, Data], name: str
) -> None:
    shake_hands(tmp_path, secrets[SERVER], secrets[CLIENT], name)


def test_a_server_is_a_client_of_its_peers(tmp_path: Path, secrets: dict[str, Data]) -> None:
    shake_hands(tmp_path, secrets[SERVER], secrets[SERVER])


def test_a_client_is_no_server(tmp_path: Path, secrets: dict[str, Data]) -> None:
    with pytest.raises(ssl.SSLError):
        shake_hands(tmp_path, secrets[CLIENT], secrets[CLIENT])


def test_another_name_is_not_served(tmp_path: Path, secrets: dict[str, Data]) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(tmp_path, secrets[SERVER], secrets[CLIENT], "elsewhere")


def test_who_learnt_of_the_new_authority_trusts_both(
    tmp_path: Path, authority: Authority, secrets: dict[str, Data]
) -> None:
    newer = new_authority(WANTED, authority.data, NOW)
    told = {part: {**secrets[part], "ca.crt": newer.trust} for part in (SERVER, CLIENT)}
    server, client = (issue(WANTED, part, newer, NOW) for part in (SERVER, CLIENT))
    shake_hands(tmp_path, told[SERVER], client)
    shake_hands(tmp_path, server, told[CLIENT])
    shake_hands(tmp_path, server, client)
    with pytest.raises(ssl.SSLError):
        shake_hands(tmp_path, server, secrets[CLIENT])


def test_what_was_issued_is_read_back(secrets: dict[str, Data]) -> None:
    found = seen(secrets, NOW)
    assert found.authority_ends == NOW + timedelta(days=AUTHORITY_DAYS)
    server, client = found.leaves[SERVER], found.leaves[CLIENT]
    assert server and client
    assert (server.name, server.hosts) == ("t-store-server", frozenset(WANTED.hosts))
    assert (client.name, client.hosts) == ("t-store-client", frozenset())
    assert server.signed and client.signed
    assert server.ends == end_of(secrets[SERVER]) == NOW + timedelta(days=365)


def test_nothing_outlives_its_authority(authority: Authority) -> None:
    late = NOW + timedelta(days=AUTHORITY_DAYS - 10)
    assert end_of(issue(WANTED, SERVER, authority, late)) == end_of(authority.data)


@pytest.mark.parametrize(
    ("part", "damage"),
    [
        (SERVER, {"tls.crt": b"garbage"}),
        (SERVER, {"tls.key": b""}),
        (SERVER, "another pair's key"),
        (SERVER, "the client's pair"),
        (CLIENT, {"tls.key": b"garbage"}),
        (AUTHORITY, {"tls.key": b"garbage"}),
        (AUTHORITY, {"ca.crt": b""}),
        (AUTHORITY, "another pair's key"),
        (AUTHORITY, "the client's pair"),
    ],
)
def test_damage_is_seen(secrets: dict[str, Data], part: str, damage: Data | str) -> None:
    if damage == "the client's pair":
        damage = secrets[CLIENT]
    elif isinstance(damage, str):
        damage = {"tls.key": secrets[CLIENT]["tls.key"]}
    found = seen({**secrets, part: {**secrets[part], **damage}}, NOW)
    assert (found.authority_ends if part == AUTHORITY else found.leaves[part]) is None


def test_a_lost_key_of_the_authority_leaves_what_it_signed(secrets: dict[str, Data]) -> None:
    damaged = {**secrets[AUTHORITY], "tls.key": b""}
    newer = new_authority(WANTED, damaged, NOW)
    leaf = seen({**secrets, AUTHORITY: newer.data}, NOW).leaves[SERVER]
    assert leaf and leaf.signed


def test_what_a_stranger_signed_is_not_signed(secrets: dict[str, Data]) -> None:
    stranger = issue(WANTED, SERVER, new_authority(WANTED, {}, NOW), NOW)
    leaf = seen({**secrets, SERVER: stranger}, NOW).leaves[SERVER]
    assert leaf and not leaf.signed


def test_an_authority_that_ended_is_not_trusted_any_more(authority: Authority) -> None:
    late = NOW + timedelta(days=AUTHORITY_DAYS + 1)
    newer = new_authority(WANTED, authority.data, late)
    assert len(newer.trusted) == 1
    found = read_authority(newer.data)
    assert found and found.trust == newer.trust


def test_facts_hold_no_key(secrets: dict[str, Data]) -> None:
    told = str(facts(secrets[SERVER]))
    assert "t-store.ns.svc" in told and "PRIVATE" not in told
    assert facts({"tls.crt": b"x"}) == {"certificate": "damaged"}
