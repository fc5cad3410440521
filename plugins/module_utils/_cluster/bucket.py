# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A bucket of an S3 service that keeps snapshots."""

from __future__ import annotations

import base64
import hashlib
import io
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import IO, Any

from .._core.errors import FleetError
from .._core.ports import Stored
from .._core.spec import S3
from .bucket_errors import AT, botocore, explained, require
from .streams import buffered
from .targets import proper

PART = 16 << 20  # bytes; one is in memory at a time, and a service takes 10,000 of them: 156 GiB
CONNECT, READ = 10, 60  # seconds: a connection, TLS included; between two pieces of an answer
ATTEMPTS = 4


class Bucket:
    """See the port `Target`. A file is an object, which is there when all of it was sent.

    Args:
        s3: Which bucket, and how to reach it.

    Raises:
        FleetError: The library is missing.
    """

    def __init__(self, s3: S3) -> None:
        require()
        self._s3 = s3

    @property
    def title(self) -> str:
        """See Target."""
        folder = self._s3.key("")
        place = f"{self._s3.bucket}/{folder}" if folder else self._s3.bucket
        return f"bucket {place}{f' at {self._s3.endpoint}' if self._s3.endpoint else ''}"

    def write(self, name: str, content: IO[bytes]) -> None:
        """See Target."""
        key = self._key(name)
        with explained(name, "written", self.title):
            part = _filled(content)
            if len(part) < PART:
                self._client.put_object(**self._at, Key=key, **_body(part))
            else:
                self._write_parts(key, part, content)

    def _write_parts(self, key: str, part: bytes, content: IO[bytes]) -> None:
        upload = self._client.create_multipart_upload(**self._at, Key=key)["UploadId"]
        this: dict[str, Any] = {**self._at, "Key": key, "UploadId": upload}
        tags: list[dict[str, Any]] = []
        try:
            while part:
                number = len(tags) + 1
                answer = self._client.upload_part(**this, PartNumber=number, **_body(part))
                tags.append({"PartNumber": number, "ETag": answer["ETag"]})
                part = _filled(content)
            self._client.complete_multipart_upload(**this, MultipartUpload={"Parts": tags})
        except BaseException:
            with suppress(Exception):  # `sweep` does it later
                self._client.abort_multipart_upload(**this)
            raise

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """See Target."""
        with explained(name, "read", self.title):
            body = self._client.get_object(**self._at, Key=self._key(name))["Body"]
        try:
            yield buffered(_Reading(body, name, self.title))
        finally:
            body.close()

    def written(self, name: str) -> datetime:
        """See Target."""
        with explained(name, "read", self.title):
            found = self._client.head_object(**self._at, Key=self._key(name))
        moment: datetime = found["LastModified"]
        return moment

    def files(self, prefix: str) -> Iterator[Stored]:
        """See Target."""
        with explained(prefix, "listed", self.title):
            for found in self._listed("list_objects_v2", "Contents", prefix):
                if not found["Key"].endswith("/"):  # consoles draw folders with these
                    yield Stored(found["Key"].removeprefix(self._folder("")), found["Size"])

    def delete(self, name: str) -> None:
        """See Target."""
        with explained(name, "deleted", self.title):
            self._client.delete_object(**self._at, Key=self._key(name))

    def sweep(self, prefix: str) -> None:
        """See Target."""
        with explained(prefix, "cleaned", self.title):
            for left in list(self._listed("list_multipart_uploads", "Uploads", prefix)):
                with suppress(self._client.exceptions.NoSuchUpload):
                    self._client.abort_multipart_upload(
                        **self._at, Key=left["Key"], UploadId=left["UploadId"]
                    )

    @cached_property
    def _client(self) -> Any:
        s3 = self._s3
        config = botocore.config.Config(
            connect_timeout=CONNECT,
            read_timeout=READ,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            s3={"addressing_style": "path" if s3.endpoint else "auto"},
            # Many services refuse the checksums that are new since 1.36; manifests have their own.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        return botocore.session.get_session().create_client(
            "s3",
            region_name=s3.region,
            endpoint_url=s3.endpoint,
            verify=_bundle(s3.ca_cert) if s3.ca_cert else None,
            aws_access_key_id=s3.access_key,
            aws_secret_access_key=s3.secret_key,
            aws_session_token=s3.session_token,
            config=config,
        )

    @property
    def _at(self) -> dict[str, str]:
        return {"Bucket": self._s3.bucket}

    def _listed(self, call: str, what: str, prefix: str) -> Iterator[dict[str, Any]]:
        pages = self._client.get_paginator(call).paginate(**self._at, Prefix=self._folder(prefix))
        return (found for page in pages for found in page.get(what, ()))

    def _folder(self, prefix: str) -> str:
        """What the keys of everything below a folder begin with."""
        folder = self._s3.key(proper(prefix, self.title) if prefix else "")
        return f"{folder}/" if folder else ""

    def _key(self, name: str) -> str:
        return self._s3.key(proper(name, self.title))


class _Reading(io.RawIOBase):
    """An object's content; a connection that breaks off is an error, never an end."""

    def __init__(self, body: Any, name: str, title: str) -> None:
        self._body, self._name, self._title = body, name, title

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with explained(self._name, "read", self._title):
            data = self._body.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _filled(content: IO[bytes]) -> bytes:
    """The next part of a stream; shorter only where it ends."""
    part = bytearray()
    while len(part) < PART and (piece := content.read(PART - len(part))):
        part += piece
    return bytes(part)


def _body(part: bytes) -> dict[str, Any]:
    """A body with the sum that every service checks; buckets with object lock ask for it."""
    sum_ = hashlib.md5(part, usedforsecurity=False).digest()
    return {"Body": part, "ContentMD5": base64.b64encode(sum_).decode()}


def _bundle(path: str) -> str:
    """The path of a CA bundle that can be used."""
    found = str(Path(path).expanduser())
    try:
        ssl.create_default_context(cafile=found)
    except OSError as error:
        raise FleetError(
            f"{AT}.ca_cert {path} cannot be used: {error.strerror or error}.",
            "It is a file of certificates in PEM form.",
        ) from error
    return found
