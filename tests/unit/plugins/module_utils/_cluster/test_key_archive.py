# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The portable archive: what another tool wrote is read, what was cut off or altered never is."""

from __future__ import annotations

import base64
import gzip
import io
import json
import tarfile
from typing import IO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.key_archive import (
    Release,
    inspect,
    live,
    release,
    write,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import FleetError

PODS = "/registry/pods/default/"
STORE = {
    b"/registry/configmaps/default/a": b"first",
    b"/registry/configmaps/default/b": b"",
    f"{PODS}{'x' * 90}".encode(): b"a name that needs a prefix or a record",
    f"{PODS}{'y' * 250}".encode(): bytes(range(256)) * 5,
    b"/registry/secrets/default/\xc3\xbcber": b"not ASCII",
}
VALUES = {"sync": {"toHost": {"ingresses": {"enabled": True}}}}
RELEASE = Release("tenant-a", "vcluster-tenant-a", "vcluster", "0.36.1", VALUES)
# As the vendor's tool writes it: the values are base64 of YAML.
SAID = {
    "releaseName": "tenant-a",
    "releaseNamespace": "vcluster-tenant-a",
    "chartName": "vcluster",
    "chartVersion": "0.36.1",
    "values": base64.b64encode(b"sync:\n  toHost: {ingresses: {enabled: true}}\n").decode(),
}
REQUEST = {"metadata": {"name": "tenant-a-snapshot-request-x"}}


def packed(
    members: dict[bytes, bytes], kind: int = tarfile.PAX_FORMAT, compress: bool = True
) -> bytes:
    """An archive by Python's own tar writer, as any other tool would make it."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz" if compress else "w", format=kind) as archive:
        for name, value in members.items():
            header = tarfile.TarInfo(name.decode())
            header.size = len(value)
            archive.addfile(header, io.BytesIO(value))
    return file.getvalue()


def written() -> bytes:
    file = io.BytesIO()
    write(file, STORE.items(), RELEASE)
    return file.getvalue()


def keys_in(file: IO[bytes]) -> dict[bytes, bytes]:
    return {key: value for key, value, _lease in live(file)}


@pytest.mark.parametrize("kind", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_what_another_tool_wrote_is_read(kind: int) -> None:
    assert keys_in(io.BytesIO(packed(STORE, kind))) == STORE


def test_the_members_that_describe_it_are_no_keys() -> None:
    about = {
        b"/vcluster/snapshot/release": json.dumps(SAID).encode(),
        b"/vcluster/snapshot/request/v1beta1": json.dumps(REQUEST).encode(),
    }
    file = io.BytesIO(packed({**about, **STORE}))
    found = inspect(file)
    assert found.contents.keys == len(STORE)
    assert found.contents == inspect(io.BytesIO(packed(STORE))).contents
    assert release(file) == RELEASE
    assert release(io.BytesIO(packed(STORE))) is None
    assert release(io.BytesIO(packed({}))) is None


def test_what_kubernetes_keeps_with_a_lease_does_not_last() -> None:
    leased = {
        b"/registry/events/default/e": b"1",
        b"/registry/masterleases/10.0.0.1": b"2",
    }
    found = inspect(io.BytesIO(packed({**leased, **STORE})))
    assert found.contents.keys == len(STORE) + 2
    assert found.lasting == inspect(io.BytesIO(packed(STORE))).lasting


def test_what_is_written_is_read_by_any_tar_reader_with_the_release_first() -> None:
    with tarfile.open(fileobj=io.BytesIO(written()), mode="r:gz") as archive:
        names = archive.getnames()
        assert names[0].lstrip("/") == "vcluster/snapshot/release"
        assert len(names) == 1 + len(STORE)
        member = archive.extractfile(archive.getmembers()[1])
        assert member and member.read() == b"first"


@given(
    st.dictionaries(
        st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1),
        st.binary(),
        max_size=8,
    )
)
def test_every_key_and_value_survives(store: dict[str, bytes]) -> None:
    found = {f"/registry/{key}".encode(): value for key, value in store.items()}
    file = io.BytesIO()
    contents = write(file, found.items(), RELEASE)
    assert keys_in(file) == found
    assert inspect(file).contents == contents
    assert release(file) == RELEASE


def test_the_same_store_gives_the_same_bytes() -> None:
    assert written() == written()


@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_one_that_was_cut_off_is_never_taken(part: float) -> None:
    whole = written()
    with pytest.raises(FleetError, match="archive is damaged"):
        inspect(io.BytesIO(whole[: int(len(whole) * part)]))


def test_one_that_was_cut_off_before_it_was_compressed_is_never_taken() -> None:
    plain = gzip.decompress(written())
    for length in (512, len(plain) - 1024, len(plain) - 512):
        with pytest.raises(FleetError, match="cut off"):
            inspect(io.BytesIO(gzip.compress(plain[:length])))


def test_one_altered_byte_is_seen_unless_it_means_nothing() -> None:
    """Some bits of a compressed stream are padding."""
    whole = bytearray(written())
    contents = inspect(io.BytesIO(bytes(whole))).contents
    seen = 0
    for at in range(10, len(whole)):
        whole[at] ^= 0x20
        try:
            assert inspect(io.BytesIO(bytes(whole))).contents == contents
        except FleetError:
            seen += 1
        whole[at] ^= 0x20
    assert seen > 0.95 * (len(whole) - 10)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"no archive at all", "Not a gzipped file"),
        (gzip.compress(b"x" * 2048), "no sum or size"),
    ],
    ids=["plain", "no tar"],
)
def test_what_is_no_archive_is_said(content: bytes, words: str) -> None:
    with pytest.raises(FleetError, match=words):
        inspect(io.BytesIO(content))


@pytest.mark.parametrize(
    "said", [b"{", b"[]", b'{"releaseName": "a"}', json.dumps({**SAID, "values": "e2E="}).encode()]
)
def test_a_release_that_cannot_be_read_is_said(said: bytes) -> None:
    with pytest.raises(FleetError, match="release cannot be read"):
        release(io.BytesIO(packed({b"/vcluster/snapshot/release": said})))


def test_a_link_is_no_key() -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        header = tarfile.TarInfo("/registry/a")
        header.type, header.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(header)
    with pytest.raises(FleetError, match="member of the kind '2'"):
        inspect(io.BytesIO(file.getvalue()))


def test_a_key_that_a_page_repeats_counts_once_as_it_came_last() -> None:
    """Before 0.30.5 the vendor's tool began each page with the last key of the one before."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, value in (("a", b"1"), ("b", b"2"), ("b", b"3"), ("c", b"4")):
            header = tarfile.TarInfo(f"/registry/{name}")
            header.size = len(value)
            archive.addfile(header, io.BytesIO(value))
    found = [(key, value) for key, value, _lease in live(file)]
    assert found == [(b"/registry/a", b"1"), (b"/registry/b", b"3"), (b"/registry/c", b"4")]
    assert inspect(file).contents.keys == 3


def test_the_database_of_an_embedded_etcd_is_no_empty_archive() -> None:
    """Nobody's store is filled with the nothing that is beside it, whatever its size."""
    about = {b"/vcluster/snapshot/release": json.dumps(SAID).encode()}
    file = io.BytesIO(packed({**about, b"/vcluster/snapshot/db": b"bolt"}))
    assert release(file) == RELEASE
    with pytest.raises(FleetError, match="database of an embedded etcd"):
        inspect(file)
