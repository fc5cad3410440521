# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A bucket: connections that end in the middle, pages, parts. What it shares with a directory is in test_target."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from cutting import TO_CLIENT, TO_SERVER, Cutter
from places import Place
from s3_service import SECRET, STARTED, Service

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster import bucket as module
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import FleetError
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.ports import Target
from lab.s3 import S3Server

PART = 5 << 20
CONTENT = os.urandom(3 * PART)

pytestmark = pytest.mark.usefixtures("hasty_s3")


def write(target: Target, name: str, content: bytes = CONTENT) -> None:
    target.write(name, io.BytesIO(content))


def read(target: Target, name: str) -> bytes:
    with target.open(name) as file:
        return file.read()


class Ways:
    """Ways to the server that end in the middle."""

    def __init__(self, server: S3Server) -> None:
        self._server = server
        self.opened: list[Cutter] = []

    def to(self, place: Place, direction: str, after: int, **how: bool) -> Target:
        way = Cutter(self._server.port, direction, after, **how)
        self.opened.append(way)
        return place.target(endpoint=f"https://127.0.0.1:{way.port}")


@pytest.fixture
def ways(s3_server: S3Server) -> Iterator[Ways]:
    made = Ways(s3_server)
    yield made
    for way in made.opened:
        way.close()


@pytest.mark.parametrize("reset", [True, False])
@pytest.mark.parametrize("after", [100, PART // 2, 2 * PART])
def test_a_connection_that_is_gone_while_writing_is_said_and_leaves_no_file(
    bucket: Place, ways: Ways, after: int, reset: bool
) -> None:
    target = bucket.target()
    write(target, "a/data", b"old")
    cut = ways.to(bucket, TO_SERVER, after, for_good=True, reset=reset)
    with pytest.raises(FleetError, match="a/data cannot be written in the bucket") as raised:
        write(cut, "a/data")
    assert "Check vcluster_snapshots.s3.endpoint" in raised.value.way_out
    assert ways.opened[0].cuts == 1
    assert read(target, "a/data") == b"old"
    target.sweep("a")
    assert bucket.everything() == ["a/data"]


@pytest.mark.parametrize("after", [100, PART // 2, 2 * PART])
def test_g47_a_connection_that_breaks_once_while_writing_is_made_again(
    bucket: Place, ways: Ways, after: int
) -> None:
    write(ways.to(bucket, TO_SERVER, after, for_good=False), "a/data")
    assert ways.opened[0].cuts == 1
    assert read(bucket.target(), "a/data") == CONTENT


@pytest.mark.parametrize("reset", [True, False])
@pytest.mark.parametrize("after", [PART // 2, 2 * PART])
def test_g26_a_file_that_breaks_off_while_it_is_read_is_an_error_and_no_end(
    bucket: Place, ways: Ways, after: int, reset: bool
) -> None:
    write(bucket.target(), "a/data")
    cut = ways.to(bucket, TO_CLIENT, after, for_good=False, reset=reset)
    got = 0
    with (
        pytest.raises(FleetError, match="a/data cannot be read in the bucket") as raised,
        cut.open("a/data") as file,
    ):
        while piece := file.read(1 << 16):
            got += len(piece)
    assert got < len(CONTENT)  # a reset also takes what came and was not read yet
    assert got or reset
    assert "Check vcluster_snapshots.s3.endpoint" in raised.value.way_out


PAGE = "<X><IsTruncated>{more}</IsTruncated>{items}{next}</X>"


def test_more_files_than_a_page_are_listed(service: Service) -> None:
    item = "<Contents><Key>a/{}</Key><Size>{}</Size></Contents>"
    token = "<NextContinuationToken>go-on</NextContinuationToken>"
    service.answers["GET"] = [
        (
            200,
            PAGE.format(more="true", items=item.format("1", 1) + item.format("2", 2), next=token),
        ),
        (200, PAGE.format(more="false", items=item.format("3", 3), next="")),
    ]
    found = [(file.name, file.size) for file in service.target.files("a")]
    assert found == [("a/1", 1), ("a/2", 2), ("a/3", 3)]
    first, second = (path for _method, path, _headers in service.asked)
    assert "prefix=a%2F" in first
    assert "continuation-token=go-on" in second


def test_the_folders_of_a_console_are_no_files(bucket: Place, s3_server: S3Server) -> None:
    assert bucket.snapshots.s3
    for key in ("fleet/", "fleet/a/", "fleet/a/data"):
        s3_server.client.put_object(Bucket=bucket.snapshots.s3.bucket, Key=key, Body=b"")
    assert [file.name for file in bucket.target().files("")] == ["a/data"]


def test_more_uploads_than_a_page_are_swept(service: Service) -> None:
    item = "<Upload><Key>a/{0}</Key><UploadId>{0}</UploadId></Upload>"
    after = "<NextKeyMarker>a/1</NextKeyMarker><NextUploadIdMarker>1</NextUploadIdMarker>"
    service.answers["GET"] = [
        (200, PAGE.format(more="true", items=item.format("1"), next=after)),
        (200, PAGE.format(more="false", items=item.format("2"), next="")),
    ]
    service.target.sweep("a")
    gone = [path for method, path, _headers in service.asked if method == "DELETE"]
    assert gone == ["/backups/a/1?uploadId=1", "/backups/a/2?uploadId=2"]


def test_sweep_leaves_what_others_are_writing(bucket: Place, s3_server: S3Server) -> None:
    s3 = bucket.snapshots.s3
    assert s3
    client = s3_server.client
    for key in ("fleet/a/data", "fleet/a/data", "fleet/ab/data", "others/a/data"):
        client.create_multipart_upload(Bucket=s3.bucket, Key=key)
    bucket.target().sweep("a")
    assert bucket.everything() == ["ab/data", "others/a/data"]


def test_memory_stays_small_whatever_the_size(bucket: Place) -> None:
    """Parts are 16 MiB here, as in earnest; an archive of 128 MiB goes both ways."""
    assert bucket.snapshots.s3
    options = asdict(bucket.snapshots.s3)
    code = f"""
import io, sys
sys.path[:0] = {sys.path!r}
from {module.__name__} import Bucket, S3
class Long(io.RawIOBase):
    left = 128 << 20
    def readable(self): return True
    def read(self, size):
        size = min(size, self.left)
        self.left -= size
        return bytes(size)
target = Bucket(S3(**{options!r}))
target.write("a/data", Long())
with target.open("a/data") as file:
    count = sum(len(piece) for piece in iter(lambda: file.read(1 << 18), b""))
status = open("/proc/self/status").read()
print(count, status.partition("VmHWM:")[2].split()[0])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], timeout=200, check=True, capture_output=True, text=True
    )
    count, kilobytes = map(int, done.stdout.split())
    assert count == 128 << 20
    assert kilobytes < 150_000


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_bundle_that_cannot_be_used_is_said(
    bucket: Place, tmp_path: Path, content: str | None
) -> None:
    path = tmp_path / "ca.crt"
    if content is not None:
        path.write_text(content)
    with pytest.raises(FleetError, match=r"vcluster_snapshots.s3.ca_cert .*ca.crt cannot be used"):
        list(bucket.target(ca_cert=str(path)).files(""))


def test_without_a_key_the_environment_gives_one(
    bucket: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3 = bucket.snapshots.s3
    assert s3
    assert s3.access_key
    assert s3.secret_key
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", s3.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", s3.secret_key)
    write(bucket.target(access_key=None, secret_key=None), "a/data", b"x")
    assert bucket.everything() == ["a/data"]


def test_requests_have_the_form_that_every_service_takes(service: Service) -> None:
    service.answers["POST"] = [(200, STARTED)]
    write(service.target, "a/small", b"x")
    write(service.target, "a/data", CONTENT)
    puts = [(path, headers) for method, path, headers in service.asked if method == "PUT"]
    assert [path.partition("?")[0] for path, _headers in puts] == [
        "/backups/a/small",
        *["/backups/a/data"] * 3,
    ]
    for _path, headers in puts:
        assert headers["content-md5"]
        assert not any("checksum" in name or "trailer" in name for name in headers)
        assert "chunked" not in headers.get("content-encoding", "")
    assert SECRET not in str(service.asked).replace(f"{SECRET}-token", "")
