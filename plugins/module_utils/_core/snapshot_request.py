# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A request to the vendor's controller in the control plane: a ConfigMap that says what, a Secret that says where.

Source: 0.36.1, pkg/snapshot/{controller,controllerbase,request}.go and the vendored api/v4/pkg/snapshot; the fields
that are used here are the same since 0.29.0. The leading replica works requests off one after the other, notes the
phase in the ConfigMap, and deletes the Secret in the end. Its finalizer keeps the ConfigMap for as long as it works.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from .ports import Json
from .s3_url import S3Url
from .spec import S3, Spec
from .versions import Version

# There is a controller since 0.29.0. Up to 0.30.4 it read each page of 1,000 keys at another revision, and the first
# key of a page twice (pkg/etcd/client.go).
OLDEST = Version((0, 30, 5))
COMPLETED = "Completed"
ENDED = frozenset({COMPLETED, "PartiallyFailed", "Failed", "Canceled"})
# A label of ours with the id of the archive, until that was read back: what a run that was cut off left has it.
UNPROVED = "fleetops.vcluster/unproved-archive"
NAME_LABEL = "vcluster.loft.sh/vcluster-name"
_LABEL = "vcluster.loft.sh/snapshot-request"
_NAMESPACE_LABEL = "vcluster.loft.sh/vcluster-namespace"
_REQUEST, _OPTIONS = "snapshotRequest", "snapshotOptions"
# The SDK sends nothing without a region; services other than Amazon's take this one.
_ANY_REGION = "us-east-1"


@dataclass(frozen=True)
class Request:
    """One request.

    Attributes:
        spec: Of the vCluster.
        s3: The bucket.
        id: Of the archive.
        file: Its name in the bucket's folder.
        created: RFC 3339.
    """

    spec: Spec
    s3: S3
    id: str
    file: str
    created: str

    @property
    def url(self) -> S3Url:
        """Where the archive will be."""
        return S3Url(self.s3.bucket, self.s3.key(self.file))

    @property
    def name(self) -> str:
        """Name of the ConfigMap and of the Secret."""
        return name_of(self.spec, self.id)

    def config_map(self) -> Json:
        """What is asked for."""
        document = {
            "metadata": {"name": self.name, "creationTimestamp": self.created},
            "spec": {"url": f"s3://{self.url.bucket}/{self.url.key}"},
            "status": {},
        }
        return {"kind": "ConfigMap", **self._metadata, "data": {_REQUEST: json.dumps(document)}}

    def secret(self, release: Json, ca_cert: str) -> Json:
        """How the controller gets to the bucket. Without a key it uses what its pod has.

        Args:
            release: The release as the archive shall say it.
            ca_cert: Certificates in PEM form that it trusts beside its own; empty for none.
        """
        s3 = self.s3
        asked = {
            "bucket": s3.bucket,
            "key": self.url.key,
            "region": s3.region or (_ANY_REGION if s3.endpoint else None),
            "url": s3.endpoint,
            "force-path-style": bool(s3.endpoint),
            "ca-cert": ca_cert,
            "access-key-id": s3.access_key,
            "secret-access-key": s3.secret_key,
            "session-token": s3.session_token,
        }
        options = {
            "type": "s3",
            "s3": {name: value for name, value in asked.items() if value},
            "release": release,
        }
        return {"kind": "Secret", **self._metadata, "stringData": {_OPTIONS: json.dumps(options)}}

    @property
    def _metadata(self) -> Json:
        labels = {
            _LABEL: "",
            NAME_LABEL: self.spec.name,
            _NAMESPACE_LABEL: self.spec.namespace,
            UNPROVED: self.id,
        }
        return {"apiVersion": "v1", "metadata": {"name": self.name, "labels": labels}}


@dataclass(frozen=True)
class Status:
    """How far the controller is.

    Attributes:
        phase: In its words; empty before it begins.
        error: In its words.
    """

    phase: str
    error: str


def name_of(spec: Spec, identifier: str) -> str:
    """Name of the ConfigMap and of the Secret for an archive."""
    return f"{spec.name}-snapshot-request-{identifier.rpartition('-')[2]}"


def status_of(config_map: Json) -> Status:
    """The status in a ConfigMap; one that cannot be read has not begun."""
    try:
        status = json.loads(config_map["data"][_REQUEST]).get("status") or {}
        return Status(status.get("phase") or "", (status.get("error") or {}).get("message") or "")
    except (KeyError, ValueError, AttributeError, TypeError):
        return Status("", "")
