# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates that end soon, or have ended, are renewed while a client writes."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from by_hand import CLUSTER, in_namespace
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from harness import Fleet, Lab
from scaling import under_load

pytestmark = [
    pytest.mark.lab,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.usefixtures("anew"),
]

NAME = "it-dated"
AUTHORITIES = {"etcd-": "etcd-ca", "apiserver-etcd-": "etcd-ca", "front-proxy-": "front-proxy-ca"}
Entries = dict[str, bytes]


def asking(members: int, replicas: int) -> dict[str, Any]:
    return {
        "vcluster_version": "0.36.1",
        "vcluster_kubernetes_version": "1.36.3",
        "vcluster_replicas": replicas,
        "vcluster_store": {"type": "etcd_deployed", "members": members},
    }


@pytest.fixture
def fleet(make_fleet: Any) -> Any:
    """A fleet of one, with so many members and replicas."""

    def made(members: int, replicas: int) -> Fleet:
        return make_fleet({CLUSTER: {NAME: asking(members, replicas)}})  # type: ignore[no-any-return]

    return made


def secret(lab: Lab, name: str) -> Entries:
    found = json.loads(in_namespace(lab, NAME, "get", "secret", name, "--output=json"))
    return {entry: base64.b64decode(value) for entry, value in found["data"].items()}


def ends(entries: Entries, entry: str) -> datetime:
    return x509.load_pem_x509_certificate(entries[entry]).not_valid_after_utc


def age(lab: Lab, days: float) -> None:
    """What the authorities signed for servers and clients ends in so many days, whatever runs with it by now."""
    entries = secret(lab, f"{NAME}-certs")
    leaves = [name for name in entries if name.endswith(".crt") and not name.endswith("ca.crt")]
    until = datetime.now(UTC) + timedelta(days=days)
    data = {name: base64.b64encode(_signed(entries, name, until)).decode() for name in leaves}
    patch = json.dumps({"data": data})
    in_namespace(lab, NAME, "patch", "secret", f"{NAME}-certs", "--type=merge", f"--patch={patch}")


def _signed(entries: Entries, name: str, until: datetime) -> bytes:
    """The same certificate with another end."""
    by = next((ca for prefix, ca in AUTHORITIES.items() if name.startswith(prefix)), "ca")
    old = x509.load_pem_x509_certificate(entries[name])
    key = serialization.load_pem_private_key(entries[f"{by}.key"], password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    builder = (
        x509.CertificateBuilder()
        .subject_name(old.subject)
        .issuer_name(old.issuer)
        .public_key(old.public_key())
        .serial_number(old.serial_number + 1)
        .not_valid_before(until - timedelta(days=365))
        .not_valid_after(until)
    )
    for extension in old.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def renewed(lab: Lab, before: Entries) -> None:
    """A year again, signed by the same authorities, and the exported kubeconfig with it."""
    after, later = secret(lab, f"{NAME}-certs"), datetime.now(UTC) + timedelta(days=300)
    for entry in ("apiserver.crt", "etcd-server.crt", "front-proxy-client.crt"):
        assert ends(after, entry) > later
    for entry in ("ca.crt", "etcd-ca.crt", "sa.key"):
        assert after[entry] == before[entry]
    assert ends(secret(lab, f"vc-{NAME}"), "client-certificate") > later


def test_g36_g37_they_are_renewed_under_load_and_the_restart_is_no_drift(
    fleet: Any, lab: Lab, tmp_path: Path
) -> None:
    made = fleet(3, 2)
    made.play("site").succeeded()
    before, exported = secret(lab, f"{NAME}-certs"), secret(lab, f"vc-{NAME}")
    age(lab, 12.5)
    assert "12 days left" in made.play("verify", "-v").succeeded().output
    told = made.play("status").succeeded().output
    assert f"Certificates end within 30 days: {NAME}" in told
    assert "renew_certificates: certificate" in made.play("certificates", "--check").output
    assert ends(secret(lab, f"{NAME}-certs"), "apiserver.crt") < datetime.now(UTC) + timedelta(13)
    with under_load(lab, NAME, tmp_path, "certificates renewed", 10.0, 10.0) as ledger:
        assert "renew_certificates" in made.play("certificates").succeeded().output
    assert (ledger.report.lost, ledger.report.failed) == (0, 0)
    renewed(lab, before)
    assert secret(lab, f"vc-{NAME}")["client-certificate"] != exported["client-certificate"]
    again = made.play("certificates").succeeded().output
    assert "0 to renew, 1 unchanged" in again
    assert "changed=0" in made.play("site").succeeded().output
    assert "Certificates end" not in made.play("status").succeeded().output


def test_g36_what_has_ended_is_renewed_too(fleet: Any, lab: Lab, tmp_path: Path) -> None:
    """Members that restarted meanwhile take nobody's certificate any more; nothing that was written is lost."""
    made = fleet(1, 1)
    made.play("site").succeeded()
    before = secret(lab, f"{NAME}-certs")
    with under_load(lab, NAME, tmp_path, "certificates that have ended") as ledger:
        age(lab, -1.0)
        day = f"{datetime.now(UTC) - timedelta(1):%Y-%m-%d}"
        in_namespace(lab, NAME, "delete", "pod", f"{NAME}-etcd-0")
        verified = " ".join(made.play("verify").failed().output.split())
        assert f"expired on {day}" in verified, verified
        made.play("certificates").succeeded()
    assert ledger.report.lost == 0
    renewed(lab, before)
