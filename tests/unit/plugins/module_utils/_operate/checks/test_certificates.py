# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates of a real TLS server on loopback, reached as through a port-forward."""

from __future__ import annotations

import base64
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import Observation
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import Access, Spec
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.checks import certificates
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.checks.scene import Scene
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.pods import Live

SPEC = Spec("t", "t", "vcluster-t", "hc1", Access())
NAMES = ["localhost", "t.vcluster-t.svc", "t.vcluster-t.svc.cluster.local"]
PEM = serialization.Encoding.PEM


def certificate(folder: Path, names: list[str], days: int) -> Path:
    """A self-signed certificate with its key in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=days, hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "both.pem"
    path.write_bytes(private + made.public_bytes(PEM))
    return path


class Host:
    """The host's API: the Secret with the authority, and sockets to the server."""

    def __init__(self, path: Path, now: datetime) -> None:
        self.now = now
        self._path = path
        self._server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._server.load_cert_chain(path)

    def find(self, path: str) -> dict[str, Any]:
        text = self._path.read_text()
        authority = text[text.index("-----BEGIN CERTIFICATE") :].encode()
        return {"data": {"certificate-authority": base64.b64encode(authority).decode()}}

    @contextmanager
    def forward(self, namespace: str, pod: str, port: int) -> Iterator[socket.socket]:
        near, far = socket.socketpair()

        def serve() -> None:
            try:
                with self._server.wrap_socket(far, server_side=True) as served:
                    served.recv(1)
            except OSError:
                far.close()

        threading.Thread(target=serve, daemon=True).start()
        with near:
            yield near


def checks(
    folder: Path, names: list[str], days: int, now: datetime | None = None
) -> dict[str, Any]:
    host: Any = Host(certificate(folder, names, days), now or datetime.now(UTC))
    reach: Any = None
    replica: Any = None
    scene = Scene(SPEC, Observation(), Live((), (), ""), host, reach, {"t-0": replica}, {})
    return {check.id: check for check in certificates.checks(scene)}


def test_a_good_certificate_passes_with_its_days(tmp_path: Path) -> None:
    found = checks(tmp_path, NAMES, 300)
    assert (found["certificates"].status, found["service_names"].status) == ("pass", "pass")
    assert found["certificates"].evidence == "300 days left"
    assert set(found["certificates"].facts) == {"ends"}


def test_a_certificate_near_its_end_is_a_warning(tmp_path: Path) -> None:
    assert checks(tmp_path, NAMES, 10)["certificates"].status == "warn"


def test_g55_days_are_counted_by_the_host_clusters_clock(tmp_path: Path) -> None:
    later = datetime.now(UTC) + timedelta(days=400)
    assert checks(tmp_path, NAMES, 300, later)["certificates"].status == "fail"


def test_g35_a_service_name_that_is_missing_is_named(tmp_path: Path) -> None:
    found = checks(tmp_path, ["localhost"], 300)["service_names"]
    assert found.status == "warn"
    assert "t.vcluster-t.svc" in found.evidence


@pytest.mark.parametrize("names", [["elsewhere"]])
def test_a_certificate_that_cannot_be_verified_fails(tmp_path: Path, names: list[str]) -> None:
    found = checks(tmp_path, names, 300)["certificates"]
    assert found.status == "fail"
    assert "TLS handshake" in found.evidence
