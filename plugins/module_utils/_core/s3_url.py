# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`s3://BUCKET/KEY`, as the vendor's tool takes it (0.36.1, pkg/snapshot/options.go): the key as in any URL."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

_SCHEME = "s3://"


@dataclass(frozen=True)
class S3Url:
    """Where an object is.

    Attributes:
        options: Whether the text had options after a question mark; they may hold keys, so they are not kept.
    """

    bucket: str
    key: str
    options: bool = False

    def __str__(self) -> str:
        return f"{_SCHEME}{self.bucket}/{quote(self.key)}"


def parse(text: str) -> S3Url | None:
    """The place in a text; None when it is no such URL."""
    if not text.startswith(_SCHEME):
        return None
    parts = urlsplit(text)
    return S3Url(parts.netloc, unquote(parts.path.removeprefix("/")), bool(parts.query))
