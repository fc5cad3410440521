# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is sealed can be opened by its key alone, and by other tools; damage is an error."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence

import pyrage
import pytest
import zstandard

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster import seal
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.seal import (
    sealed,
    unsealed,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import FleetError

CONTENT = os.urandom(1 << 20) + b"compressible" * 100000
IDENTITY = pyrage.x25519.Identity.generate()
KEY, RECIPIENT = str(IDENTITY), str(IDENTITY.to_public())


def stored(recipients: Sequence[str] = (RECIPIENT,), content: bytes = CONTENT) -> bytes:
    with sealed(io.BytesIO(content), recipients) as stream:
        return b"".join(iter(lambda: stream.read(5000), b""))


def opened(content: bytes, identities: Sequence[str] = (KEY,), encrypted: bool = True) -> bytes:
    with unsealed(io.BytesIO(content), identities, encrypted) as stream:
        return b"".join(iter(lambda: stream.read(7000), b""))


@pytest.mark.parametrize("content", [b"", b"x", CONTENT])
def test_what_was_sealed_is_opened(content: bytes) -> None:
    assert opened(stored(content=content)) == content
    assert opened(stored((), content), encrypted=False) == content


def test_age_and_zstd_open_it_without_us() -> None:
    packed = pyrage.decrypt(stored(), [IDENTITY])
    assert zstandard.ZstdDecompressor().stream_reader(packed).read() == CONTENT


def test_it_is_compressed() -> None:
    assert len(stored()) < len(CONTENT) * 0.6


def test_each_of_several_keys_opens_it() -> None:
    other = pyrage.x25519.Identity.generate()
    content = stored((RECIPIENT, str(other.to_public())))
    assert opened(content, (str(other),)) == opened(content) == CONTENT


def test_another_key_does_not_and_is_not_told() -> None:
    other = str(pyrage.x25519.Identity.generate())
    with pytest.raises(FleetError, match="does not open the snapshot") as caught:
        opened(stored(), (other,))
    assert other not in str(caught.value)


def test_without_a_key_it_stays_closed() -> None:
    with pytest.raises(FleetError, match="encrypted and no key is given"):
        opened(stored(), ())


@pytest.mark.parametrize("length", [0, 10, 300, -70000, -1])
def test_one_that_was_cut_off_is_damaged(length: int) -> None:
    with pytest.raises(FleetError, match="snapshot is damaged"):
        opened(stored()[:length])


@pytest.mark.parametrize("at", [3, 150, 5000, -5])
def test_one_altered_byte_is_seen(at: int) -> None:
    content = bytearray(stored())
    content[at] ^= 1
    with pytest.raises(FleetError):
        opened(bytes(content))


def test_what_is_no_key_is_said_and_a_secret_one_never_shown() -> None:
    with pytest.raises(FleetError, match="'age1x' is no age public key"):
        stored(("age1x",))
    with pytest.raises(FleetError, match="no age secret key") as caught:
        opened(stored(), (KEY[:-1],))
    assert KEY[:-1] not in str(caught.value)


def test_what_is_not_compressed_is_damaged() -> None:
    with pytest.raises(FleetError, match="snapshot is damaged"):
        opened(b"plain text, whatever", (), encrypted=False)


def test_a_missing_library_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seal, "MISSING", "No module named 'pyrage'")
    with pytest.raises(FleetError, match="Install `pyrage` and `zstandard`"):
        stored()
