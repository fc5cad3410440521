# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates of a backing-store server, read and issued with `cryptography`; as PEM they stand in Secrets."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from .._core.errors import FleetError
from .._core.tls import (
    AUTHORITY,
    AUTHORITY_DAYS,
    CERTIFICATE,
    KEY,
    LEAVES,
    SERVER,
    TRUST,
    Seen,
    SeenLeaf,
    Wanted,
)

try:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    MISSING = ""
except ImportError as error:
    MISSING = str(error)

Data = Mapping[str, bytes]  # of a Secret, decoded

BACKDATED = timedelta(hours=1)  # for clocks that are a little behind


def require() -> None:
    """Raise FleetError when `cryptography` is missing."""
    if MISSING:
        raise FleetError(
            f"Certificates cannot be issued: {MISSING}.",
            "Install `cryptography` for the Python that runs Ansible; ansible-core brings it.",
        )


@dataclass(frozen=True)
class Authority:
    """An authority that can sign.

    Attributes:
        certificate: Its own.
        key: Its private key. Secret.
        trusted: It, and those before it that have not ended.
    """

    certificate: Any
    key: Any
    trusted: tuple[Any, ...]

    @property
    def data(self) -> dict[str, bytes]:
        """As its Secret holds it."""
        return {
            TRUST: self.trust,
            CERTIFICATE: _pem(self.certificate),
            KEY: _pem_key(self.key),
        }

    @property
    def trust(self) -> bytes:
        """Whom to trust, as everybody's `ca.crt`."""
        return b"".join(_pem(certificate) for certificate in self.trusted)


def seen(secrets: Mapping[str, Data], now: datetime) -> Seen:
    """What stands in the Secrets of each part; what is damaged counts as not there."""
    authority = read_authority(secrets.get(AUTHORITY, {}))
    trusted = _trusted(secrets.get(AUTHORITY, {}), now)
    return Seen(
        authority.certificate.not_valid_after_utc.astimezone(UTC) if authority else None,
        {part: _leaf(part, secrets.get(part, {}), trusted) for part in LEAVES},
    )


def read_authority(data: Data) -> Authority | None:
    """The authority in a Secret; None where there is none that can sign."""
    pair = _pair(data)
    trusted = _certificates(data.get(TRUST, b""))
    if pair is None or not trusted or trusted[0] != pair[0] or not _may_sign(pair[0]):
        return None
    return Authority(*pair, trusted)


def signer(data: Data) -> Authority:
    """The authority in a Secret.

    Raises:
        FleetError: There is none that can sign.
    """
    authority = read_authority(data)
    if authority is None:
        raise FleetError("The authority cannot sign: its Secret is damaged.", "Run again.")
    return authority


def new_authority(wanted: Wanted, before: Data, now: datetime) -> Authority:
    """An authority in the place of the one in `before`, which stays trusted until it ends."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _subject(wanted.secret(AUTHORITY))
    builder = _builder(name, name, key, now, now + timedelta(days=AUTHORITY_DAYS))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(signs=True), critical=True)
    certificate = builder.sign(key, hashes.SHA256())
    return Authority(certificate, key, (certificate, *_trusted(before, now)))


def issue(wanted: Wanted, part: str, authority: Authority, now: datetime) -> dict[str, bytes]:
    """The content of the Secret of a server or client; it ends no later than its authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    ends = min(
        now + timedelta(days=wanted.days), authority.certificate.not_valid_after_utc.astimezone(UTC)
    )
    builder = _builder(_subject(wanted.secret(part)), authority.certificate.subject, key, now, ends)
    builder = builder.add_extension(
        x509.BasicConstraints(ca=False, path_length=None), critical=True
    )
    builder = builder.add_extension(_usage(signs=False), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage(_purposes(part)), critical=False)
    signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    builder = builder.add_extension(signer, critical=False)
    if hosts := sorted(wanted.hosts_of(part)):
        names = x509.SubjectAlternativeName([_general_name(host) for host in hosts])
        builder = builder.add_extension(names, critical=False)
    certificate = builder.sign(authority.key, hashes.SHA256())
    return {TRUST: authority.trust, CERTIFICATE: _pem(certificate), KEY: _pem_key(key)}


def end_of(data: Data) -> datetime | None:
    """When the certificate in a Secret ends; None where it is none."""
    found = _certificates(data.get(CERTIFICATE, b""))
    return found[0].not_valid_after_utc.astimezone(UTC) if found else None


def facts(data: Data) -> dict[str, Any]:
    """What a reader may know of the certificate in a Secret."""
    found = _certificates(data.get(CERTIFICATE, b""))
    if not found:
        return {"certificate": "damaged"}
    return {
        "name": _common_name(found[0]),
        "hosts": sorted(_hosts(found[0])),
        "not_after": found[0].not_valid_after_utc,
        "trusts_until": [one.not_valid_after_utc for one in _certificates(data.get(TRUST, b""))],
    }


def _leaf(part: str, data: Data, trusted: tuple[Any, ...]) -> SeenLeaf | None:
    pair = _pair(data)
    if pair is None:
        return None
    certificate = pair[0]
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (x509.ExtensionNotFound, ValueError):
        return None
    if set(usage) != set(_purposes(part)):
        return None
    return SeenLeaf(
        _common_name(certificate),
        _hosts(certificate),
        certificate.not_valid_after_utc.astimezone(UTC),
        any(_signed_by(certificate, authority) for authority in trusted),
    )


def _trusted(data: Data, now: datetime) -> tuple[Any, ...]:
    """The authorities that an authority's Secret says to trust and that have not ended, be it damaged otherwise."""
    return tuple(
        one
        for one in _certificates(data.get(TRUST, b""))
        if _may_sign(one) and one.not_valid_after_utc.astimezone(UTC) > now
    )


def _pair(data: Data) -> tuple[Any, Any] | None:
    """A certificate and its key; None where they are none, or do not fit each other."""
    found = _certificates(data.get(CERTIFICATE, b""))
    try:
        key = serialization.load_pem_private_key(data.get(KEY, b""), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return (found[0], key) if found and found[0].public_key() == key.public_key() else None


def _certificates(pem: bytes) -> tuple[Any, ...]:
    try:
        return tuple(x509.load_pem_x509_certificates(pem))
    except ValueError:
        return ()


def _signed_by(certificate: Any, authority: Any) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _may_sign(certificate: Any) -> bool:
    try:
        found = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except (x509.ExtensionNotFound, ValueError):
        return False
    return bool(found.value.ca)


def _hosts(certificate: Any) -> frozenset[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return frozenset()
    return frozenset(str(name.value) for name in names)


def _common_name(certificate: Any) -> str:
    found = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else ""


def _purposes(part: str) -> list[Any]:
    """A server of several members is a client of the others (etcd's peers)."""
    server = [ExtendedKeyUsageOID.SERVER_AUTH] if part == SERVER else []
    return [*server, ExtendedKeyUsageOID.CLIENT_AUTH]


def _builder(subject: Any, issuer: Any, key: Any, now: datetime, ends: datetime) -> Any:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(ends)
        # Python 3.13 verifies strictly: an authority and what it issues must name the key.
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _subject(common_name: str) -> Any:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _general_name(host: str) -> Any:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _usage(*, signs: bool) -> Any:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: Any) -> bytes:
    content: bytes = certificate.public_bytes(serialization.Encoding.PEM)
    return content


def _pem_key(key: Any) -> bytes:
    content: bytes = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return content
