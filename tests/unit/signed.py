# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates that end when a test likes."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def certificate(ends: datetime) -> bytes:
    """One as PEM, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kubernetes")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(ends - timedelta(days=365))
        .not_valid_after(ends)
    )
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def kubeconfig(ends: datetime) -> bytes:
    """One with such a certificate in it."""
    content = encoded(certificate(ends))
    users = [{"name": "admin", "user": {"client-certificate-data": content}}]
    return yaml.safe_dump({"users": users}).encode()


def encoded(content: bytes) -> str:
    """As a Secret holds it."""
    return base64.b64encode(content).decode()
