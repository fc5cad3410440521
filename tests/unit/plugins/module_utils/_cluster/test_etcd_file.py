# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Snapshots of a real etcd, read without it: what is live, and what was cut off or altered."""

from __future__ import annotations

import base64
import hashlib
import json
import ssl
import subprocess
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster import etcd_file
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.api import KubernetesApi
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.etcd import EtcdGateway
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.kubeconfig import (
    Connection,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.tenant import client_tls
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.transport import (
    HostTransport,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.contents import Tally
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import FleetError
from lab.parts import build

pytestmark = pytest.mark.apiserver
PREFIX = "/snapshot-test/"
Call = Callable[[str, dict[str, Any]], dict[str, Any]]


def coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.fixture(scope="module")
def call(etcd_member: Any) -> Call:
    tls = ssl.create_default_context(cafile=str(etcd_member.authority.certificate))
    tls.load_cert_chain(etcd_member.certificate, etcd_member.key)

    def post(path: str, body: dict[str, Any]) -> dict[str, Any]:
        request = urllib.request.Request(
            f"{etcd_member.endpoint}/v3/{path}", data=json.dumps(body).encode()
        )
        with urllib.request.urlopen(request, timeout=10, context=tls) as answer:
            found: dict[str, Any] = json.load(answer)
            return found

    return post


def put(call: Call, values: dict[str, str]) -> None:
    """All of them in one transaction: one main revision with many sub revisions."""
    operations = [
        {"requestPut": {"key": coded(PREFIX + key), "value": coded(value)}}
        for key, value in values.items()
    ]
    call("kv/txn", {"success": operations})


@pytest.fixture(scope="module")
def snapshot(call: Call, etcd_member: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys written twice, deleted, and written again after that; values that fill pages of their own."""
    for first in range(0, 400, 100):
        put(call, {f"{number:04}": "x" * number for number in range(first, first + 100)})
    put(call, {"0007": "again", "large": "y" * 30000, "0008": ""})
    for key in ("0009", "0010"):
        call("kv/deleterange", {"key": coded(PREFIX + key)})
    put(call, {"0010": "back"})
    path = tmp_path_factory.mktemp("snapshot") / "etcd.db"
    command = [
        build(["etcdctl"])["etcdctl"],
        f"--endpoints={etcd_member.endpoint}",
        f"--cacert={etcd_member.authority.certificate}",
        f"--cert={etcd_member.certificate}",
        f"--key={etcd_member.key}",
        "snapshot",
        "save",
        path,
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return path


def inspected(path: Path) -> etcd_file.Snapshot:
    with path.open("rb") as file:
        return etcd_file.inspect(file)


def test_the_live_keys_and_values_are_those_of_the_store(call: Call, snapshot: Path) -> None:
    with snapshot.open("rb") as file:
        found = {
            key.decode().removeprefix(PREFIX): value.decode()
            for key, value, _lease in etcd_file.live(file)
            if key.startswith(PREFIX.encode())
        }
    wanted = {f"{number:04}": "x" * number for number in range(400) if number != 9}
    assert found == {**wanted, "0007": "again", "large": "y" * 30000, "0008": "", "0010": "back"}


def test_count_revision_and_digest_are_those_of_the_store(call: Call, snapshot: Path) -> None:
    everything = {"key": coded("\0"), "range_end": coded("\0")}
    answer = call("kv/range", everything)
    tally = Tally()
    for pair in answer["kvs"]:
        tally.add(base64.b64decode(pair["key"]), base64.b64decode(pair.get("value", "")))
    found = inspected(snapshot)
    assert found.contents == tally.contents
    assert found.revision == int(answer["header"]["revision"])


def test_the_gateways_stream_is_the_same_snapshot(
    etcd_member: Any, snapshot: Path, tmp_path: Path
) -> None:
    host = urlsplit(etcd_member.endpoint)
    tls = client_tls(
        etcd_member.authority.certificate.read_bytes(),
        etcd_member.certificate.read_bytes(),
        etcd_member.key.read_bytes(),
    )
    connection = Connection(etcd_member.endpoint, tls, None, None, lambda: None, host.netloc)
    api = KubernetesApi("etcd", HostTransport(lambda: connection))
    path = tmp_path / "streamed.db"
    path.write_bytes(b"".join(EtcdGateway(api).snapshot()))
    assert inspected(path) == inspected(snapshot)


def altered(snapshot: Path, change: Callable[[bytearray], None], *, sum_too: bool = False) -> Path:
    """A copy with another content; `sum_too`: whoever changed it made the sum right again."""
    content = bytearray(snapshot.read_bytes())
    change(content)
    if sum_too:
        content[-32:] = hashlib.sha256(content[:-32]).digest()
    path = snapshot.with_name("altered.db")
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("length", [0, 31, 512, 8192, -4096, -33, -32, -1])
def test_one_that_was_cut_off_is_never_taken(snapshot: Path, length: int) -> None:
    def cut(content: bytearray) -> None:
        del content[length:]

    with pytest.raises(FleetError, match="etcd database is damaged"):
        inspected(altered(snapshot, cut))


def test_one_altered_byte_is_seen(snapshot: Path) -> None:
    def flip(content: bytearray) -> None:
        content[len(content) // 2] ^= 1

    with pytest.raises(FleetError, match="sum is not that"):
        inspected(altered(snapshot, flip))


def test_damaged_pages_end_in_words_and_never_in_a_traceback(snapshot: Path) -> None:
    """With a right sum: whatever the pages say, reading ends, in the same numbers or in an error."""
    whole = inspected(snapshot)
    size = snapshot.stat().st_size
    for at in range(8192, size - 32, size // 60):

        def spoil(content: bytearray, at: int = at) -> None:
            content[at : at + 24] = bytes([0xFF] * 24)

        try:
            found = inspected(altered(snapshot, spoil, sum_too=True))
        except FleetError as error:
            assert "etcd database is damaged" in str(error)
        else:
            assert found.revision <= 1 << 64
    assert inspected(snapshot) == whole


def test_what_is_no_database_is_said(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    content = b"x" * 8192
    path.write_bytes(content + hashlib.sha256(content).digest())
    with pytest.raises(FleetError, match="no whole meta page"):
        inspected(path)


def test_a_restore_that_raises_the_revision_keeps_the_same_contents(
    snapshot: Path, tmp_path: Path
) -> None:
    """etcd's own tool leaves a change without a key at the raised revision."""
    command = [
        build(["etcdutl"])["etcdutl"],
        "snapshot",
        "restore",
        snapshot,
        f"--data-dir={tmp_path / 'restored'}",
        "--bump-revision=1000000",
        "--mark-compacted",
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    content = (tmp_path / "restored/member/snap/db").read_bytes()
    path = tmp_path / "with-its-sum.db"
    path.write_bytes(content + hashlib.sha256(content).digest())
    found, before = inspected(path), inspected(snapshot)
    assert found.contents == before.contents
    assert found.revision == before.revision + 1_000_000
