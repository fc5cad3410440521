# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates as TLS itself judges them."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import yaml

from lab.pki import Authority, Pair, kubeconfig, signing_key


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.create(tmp_path / "pki", "test-ca")


def handshake(authority: Authority, server: Pair, client: Pair, host: str) -> str:
    """Common name that the server sees after a handshake in memory; both sides verify."""
    server_context = ssl.create_default_context(
        ssl.Purpose.CLIENT_AUTH, cafile=str(authority.certificate)
    )
    server_context.verify_mode = ssl.CERT_REQUIRED
    server_context.load_cert_chain(server.certificate, server.key)
    client_context = ssl.create_default_context(cafile=str(authority.certificate))
    client_context.load_cert_chain(client.certificate, client.key)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client_context.wrap_bio(to_client, to_server, server_hostname=host),
        server_context.wrap_bio(to_server, to_client, server_side=True),
    ]
    for _ in range(6):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    subject = (ends[1].getpeercert() or {})["subject"]
    return dict(pair for parts in subject for pair in parts)["commonName"]


@pytest.mark.parametrize("host", ["10.90.1.2", "kubernetes.default.svc"])
def test_client_and_server_trust_each_other(authority: Authority, host: str) -> None:
    server = authority.issue("server", "server", hosts=["10.90.1.2", "kubernetes.default.svc"])
    client = authority.issue("admin", "admin", groups=["system:masters"])
    assert handshake(authority, server, client, host) == "admin"


def test_another_host_name_is_refused(authority: Authority) -> None:
    server = authority.issue("server", "server", hosts=["10.90.1.2"])
    with pytest.raises(ssl.SSLCertVerificationError, match=r"10\.90\.1\.3"):
        handshake(authority, server, authority.issue("a", "a"), "10.90.1.3")


def test_a_client_of_another_authority_is_refused(authority: Authority, tmp_path: Path) -> None:
    server = authority.issue("server", "server", hosts=["localhost"])
    stranger = Authority.create(tmp_path / "other", "other-ca").issue("admin", "admin")
    with pytest.raises(ssl.SSLError):
        handshake(authority, server, stranger, "localhost")


def test_keys_are_private(authority: Authority) -> None:
    pairs = [authority.issue("a", "a"), signing_key(authority.directory, "tokens")]
    for key in (authority.key, *(pair.key for pair in pairs)):
        assert key.stat().st_mode & 0o777 == 0o600


def test_a_kubeconfig_stands_alone(authority: Authority, tmp_path: Path) -> None:
    pair = authority.issue("admin", "admin")
    path = kubeconfig(tmp_path / "kubeconfig", "https://10.90.1.2:6443", "hc1", authority, pair)
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert document["current-context"] == document["contexts"][0]["name"] == "hc1"
    assert str(tmp_path) not in path.read_text(encoding="utf-8")
    assert path.stat().st_mode & 0o777 == 0o600
