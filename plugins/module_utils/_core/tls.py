# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The certificates of one backing-store server: what there is to be, and what of it is due."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

AUTHORITY, SERVER, CLIENT = "ca", "server", "client"
LEAVES = (SERVER, CLIENT)
PARTS = (AUTHORITY, *LEAVES)
# The keys of each Secret: whom to trust, the certificate, its key.
TRUST, CERTIFICATE, KEY = "ca.crt", "tls.crt", "tls.key"
# The collection verifies servers through port-forwards by this name.
LOCAL = "localhost"
AUTHORITY_DAYS = 3650
# So that an authority that is replaced before it could not sign for so long any more is a few years old.
MOST_DAYS = 1000
# A common name has 64 characters (RFC 5280, ub-common-name), and so the Secrets' prefix these.
LONGEST_NAME = 64 - len(f"-{CLIENT}")


@dataclass(frozen=True)
class Wanted:
    """The certificates asked for.

    Attributes:
        namespace: Of the Secrets.
        name: Prefix of the Secrets.
        hosts: Names and addresses of the server's certificate, LOCAL among them, each in one spelling.
        days: For how long a certificate is issued.
        renew_before: Days before its end at which it is issued anew.
    """

    namespace: str
    name: str
    hosts: tuple[str, ...]
    days: int = 365
    renew_before: int = 30

    def secret(self, part: str) -> str:
        """The name of a Secret."""
        return f"{self.name}-{part}"

    def hosts_of(self, part: str) -> frozenset[str]:
        """The names and addresses in the certificate of a part: only a server has some."""
        return frozenset(self.hosts if part == SERVER else ())


@dataclass(frozen=True)
class SeenLeaf:
    """A certificate that is there and not damaged: it parses, its key fits, and it has the usages of its part.

    Attributes:
        name: Its common name.
        hosts: Its names and addresses.
        ends: When it ends.
        signed: Whether an authority that is trusted signed it.
    """

    name: str
    hosts: frozenset[str]
    ends: datetime
    signed: bool


@dataclass(frozen=True)
class Seen:
    """What there is.

    Attributes:
        authority_ends: When the authority ends that can sign; None where there is none, or it is damaged.
        leaves: The certificate of each part; None where there is none, or it is damaged.
    """

    authority_ends: datetime | None
    leaves: Mapping[str, SeenLeaf | None]


@dataclass(frozen=True)
class Due:
    """A pair to be issued.

    Attributes:
        part: Which.
        why: In words.
    """

    part: str
    why: str


def due(wanted: Wanted, seen: Seen, now: datetime) -> tuple[Due, ...]:
    """What is to be issued, in this order.

    An authority is replaced while it can still sign: what is due is signed by the old one before, and what is not
    stays, so that by the time the new one signs anything, everybody has had months to learn that it is trusted.
    """
    soon = now + timedelta(days=wanted.renew_before)
    leaves = tuple(_leaves(wanted, seen, soon))
    ends = seen.authority_ends
    if ends is None:
        return (Due(AUTHORITY, "missing or damaged"), *leaves)
    authority = Due(AUTHORITY, f"ends on {ends:%Y-%m-%d}")
    if ends <= soon:
        return (authority, *leaves)
    if ends <= soon + timedelta(days=wanted.days):
        return (*leaves, authority)
    return leaves


def _leaves(wanted: Wanted, seen: Seen, soon: datetime) -> Iterator[Due]:
    for part in LEAVES:
        if why := _why(wanted, part, seen.leaves.get(part), soon):
            yield Due(part, why)


def _why(wanted: Wanted, part: str, leaf: SeenLeaf | None, soon: datetime) -> str:
    """Why a certificate is not good any more; empty for a good one."""
    if leaf is None:
        return "missing or damaged"
    if leaf.ends <= soon:
        return f"ends on {leaf.ends:%Y-%m-%d}"
    if leaf.name != wanted.secret(part) or leaf.hosts != wanted.hosts_of(part):
        return "has other names"
    return "" if leaf.signed else "another authority signed it"
