# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys, certificates and kubeconfigs of one host cluster."""

from __future__ import annotations

import base64
import datetime
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from .command import write_private

LIFETIME = datetime.timedelta(days=365)
BACKDATED = datetime.timedelta(hours=1)  # for clocks that are a little behind


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, as the PEM files that the programs read."""

    certificate: Path
    key: Path


@dataclass(frozen=True)
class Authority:
    """A certificate authority kept as DIRECTORY/ca.crt and DIRECTORY/ca.key."""

    directory: Path

    @property
    def certificate(self) -> Path:
        return self.directory / "ca.crt"

    @property
    def key(self) -> Path:
        return self.directory / "ca.key"

    @classmethod
    def create(cls, directory: Path, common_name: str) -> Authority:
        """Make a new authority; one that stands in the directory is replaced."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _name(common_name, ())
        builder = _builder(subject, subject, key.public_key()).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        builder = builder.add_extension(_key_usage(authority=True), critical=True)
        # Python 3.13 verifies strictly: an authority and what it issues must name the key.
        own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        builder = builder.add_extension(own, critical=False)
        authority = cls(directory)
        write_private(authority.key, _pem_key(key))
        certificate = builder.sign(key, hashes.SHA256())
        write_private(authority.certificate, certificate.public_bytes(serialization.Encoding.PEM))
        return authority

    def issue(
        self,
        file_name: str,
        common_name: str,
        *,
        groups: Iterable[str] = (),
        hosts: Iterable[str] = (),
    ) -> Pair:
        """Issue a certificate for client and server use.

        :param file_name: Stem of the two files in the authority's directory.
        :param common_name: The user that Kubernetes sees.
        :param groups: The groups that Kubernetes sees (organisations of the subject).
        :param hosts: DNS names and IP addresses that the certificate serves.
        """
        signer = serialization.load_pem_private_key(self.key.read_bytes(), password=None)
        assert isinstance(signer, ec.EllipticCurvePrivateKey)
        root = x509.load_pem_x509_certificate(self.certificate.read_bytes())
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_name(common_name, groups), root.subject, key.public_key())
        builder = builder.add_extension(
            x509.BasicConstraints(ca=False, path_length=None), critical=True
        )
        builder = builder.add_extension(_key_usage(authority=False), critical=True)
        signed_by = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
        builder = builder.add_extension(signed_by, critical=False)
        usages = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        names = [_general_name(host) for host in hosts]
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        pair = Pair(self.directory / f"{file_name}.crt", self.directory / f"{file_name}.key")
        write_private(pair.key, _pem_key(key))
        certificate = builder.sign(signer, hashes.SHA256())
        write_private(pair.certificate, certificate.public_bytes(serialization.Encoding.PEM))
        return pair


def signing_key(directory: Path, file_name: str) -> Pair:
    """Make a bare key pair (service account tokens); the `certificate` is the public key."""
    key = ec.generate_private_key(ec.SECP256R1())
    pair = Pair(directory / f"{file_name}.pub", directory / f"{file_name}.key")
    write_private(pair.key, _pem_key(key))
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    write_private(pair.certificate, public)
    return pair


def kubeconfig(path: Path, server: str, cluster: str, authority: Authority, user: Pair) -> Path:
    """Write a kubeconfig with everything embedded, so that it can be copied anywhere."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": cluster,
        "clusters": [
            {
                "name": cluster,
                "cluster": {
                    "server": server,
                    "certificate-authority-data": _base64(authority.certificate),
                },
            }
        ],
        "users": [
            {
                "name": cluster,
                "user": {
                    "client-certificate-data": _base64(user.certificate),
                    "client-key-data": _base64(user.key),
                },
            }
        ],
        "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": cluster}}],
    }
    return write_private(path, yaml.safe_dump(document, sort_keys=False))


def _builder(
    subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + LIFETIME)
    )


def _name(common_name: str, groups: Iterable[str]) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    return x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem_key(key: ec.EllipticCurvePrivateKey) -> bytes:
    # Kubernetes reads PKCS#8 everywhere but for service account signing, which wants SEC 1.
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )


def _base64(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
