# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When the certificates of a vCluster end, as its Secrets have them (G36)."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from datetime import UTC, datetime

from .._core.certificates import AUTHORITIES, EXPORTED, Certificates
from .._core.errors import FleetError
from .._core.ports import Api
from .libraries import parse, yaml


def certificates(api: Api, namespace: str, name: str) -> Certificates:
    """The certificates of Secret `NAME-certs`, those within its kubeconfigs, and the one of Secret `vc-NAME`.

    What cannot be read as a certificate is left out: the programs that would use it say so themselves.
    """
    found = dict(_ends(api, namespace, f"{name}-certs"))
    leaves = {entry: ends for entry, ends in found.items() if entry not in AUTHORITIES}
    leaves |= dict(_ends(api, namespace, f"vc-{name}"))
    return Certificates(leaves, {entry: found[entry] for entry in AUTHORITIES if entry in found})


def _ends(api: Api, namespace: str, secret: str) -> Iterator[tuple[str, datetime]]:
    found = api.find(f"/api/v1/namespaces/{namespace}/secrets/{secret}") or {}
    for entry, value in sorted((found.get("data") or {}).items()):
        if ends := _end(entry, b64decode(value)):
            yield entry, ends


def _end(entry: str, content: bytes) -> datetime | None:
    """When the certificate of an entry ends; None where it is none."""
    try:
        # It takes 40 ms, and a fleet in which nothing differs needs none of it.
        from cryptography import x509
    except ImportError as missing:
        raise FleetError(
            f"Certificates cannot be read: {missing}.",
            "Install `cryptography` for the Python that runs Ansible; ansible-core brings it.",
        ) from missing
    try:
        if entry.endswith(".conf"):
            user = parse(content)["users"][0]["user"]
            content = b64decode(user["client-certificate-data"])
        elif not entry.endswith((".crt", EXPORTED)):
            return None
        certificate = x509.load_pem_x509_certificate(content)
    except (yaml.YAMLError, ValueError, LookupError, TypeError):
        return None
    return certificate.not_valid_after_utc.astimezone(UTC)
