# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compress and encrypt what a snapshot holds: zstd inside age (age-encryption.org/v1), so that `age` and `zstd` open it
without us."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any, cast

from .._core.errors import FleetError
from .streams import PIECE, stage

LEVEL = 3  # zstd's own default
MISSING = ""

try:
    import pyrage  # type: ignore[import-not-found,import-untyped,unused-ignore]
    import zstandard  # type: ignore[import-not-found,import-untyped,unused-ignore]
except ImportError as missing:
    MISSING = str(missing)
    pyrage = zstandard = None


@dataclass(frozen=True)
class Pair:
    """A key pair for one use.

    Attributes:
        recipient: The public key.
        identity: The secret key.
    """

    recipient: str
    identity: str = field(repr=False)


def fresh_pair() -> Pair:
    """A key pair that opens what is written now: reading back needs nobody's secret key."""
    _require()
    identity = pyrage.x25519.Identity.generate()
    return Pair(str(identity.to_public()), str(identity))


@contextmanager
def sealed(content: IO[bytes], recipients: Sequence[str]) -> Iterator[IO[bytes]]:
    """The stream as it lies in a target.

    Args:
        recipients: age public keys (`age1...`); compressed only where there are none.

    Raises:
        FleetError: A library is missing, or a recipient is none.
    """
    _require()
    with zstandard.ZstdCompressor(level=LEVEL).stream_reader(content, read_size=PIECE) as packed:
        if not recipients:
            yield cast("IO[bytes]", packed)
            return
        keys = [_recipient(text) for text in recipients]
        with stage(lambda source, sink: pyrage.encrypt_io(source, sink, keys), packed) as found:
            yield found


@contextmanager
def unsealed(stored: IO[bytes], identities: Sequence[str], encrypted: bool) -> Iterator[IO[bytes]]:
    """The content of what lies in a target. It is whole when its end was reached without an error.

    Args:
        identities: age secret keys (`AGE-SECRET-KEY-1...`).
        encrypted: Whether the manifest names recipients.

    Raises:
        FleetError: No key opens it; while it is read: it is damaged.
    """
    _require()
    if not encrypted:
        yield _unpacked(stored)
        return
    keys = [_identity(text) for text in identities]
    if not keys:
        raise FleetError(
            "The snapshot is encrypted and no key is given.",
            "Set vcluster_snapshots.identity to a reference to the age secret key.",
        )

    def decrypt(source: IO[bytes], sink: IO[bytes]) -> None:
        try:
            pyrage.decrypt_io(source, sink, keys)
        except pyrage.DecryptError as error:
            if "No matching keys" in str(error):
                raise FleetError(
                    "The key that is given does not open the snapshot.",
                    "vcluster_snapshots.identity has to be the secret key of one of its recipients.",
                ) from error
            raise damaged(error) from error
        except OSError as error:
            raise damaged(error) from error

    with stage(decrypt, stored) as packed:
        yield _unpacked(packed)


def _unpacked(packed: IO[bytes]) -> IO[bytes]:
    # Across frames: to the very end of the source, where its sum is checked.
    reader = zstandard.ZstdDecompressor().stream_reader(
        packed, read_size=PIECE, read_across_frames=True
    )
    return cast("IO[bytes]", _Words(reader))


class _Words:
    """The decompressed stream, its errors in words."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader

    def read(self, size: int = -1) -> bytes:
        try:
            return bytes(self._reader.read(size))
        except zstandard.ZstdError as error:
            raise damaged(error) from error


def damaged(error: object) -> FleetError:
    """The error of content that cannot be opened."""
    return FleetError(f"The snapshot is damaged: {error}.", "Use another snapshot.")


def _recipient(text: str) -> Any:
    try:
        return pyrage.x25519.Recipient.from_str(text)
    except pyrage.RecipientError as error:
        raise FleetError(
            f"vcluster_snapshots.recipients: {text!r} is no age public key: {error}.",
            "`age-keygen` makes a pair; the public one begins with age1.",
        ) from error


def _identity(text: str) -> Any:
    try:
        return pyrage.x25519.Identity.from_str(text.strip())
    except pyrage.IdentityError as error:
        # Never the text: it is, or was meant to be, the secret key.
        raise FleetError(
            "vcluster_snapshots.identity is no age secret key.",
            "`age-keygen` makes one; it begins with AGE-SECRET-KEY-1.",
        ) from error


def _require() -> None:
    if MISSING:
        raise FleetError(
            f"A Python library for snapshots cannot be imported: {MISSING}.",
            "Install `pyrage` and `zstandard` for the Python that runs Ansible.",
        )
