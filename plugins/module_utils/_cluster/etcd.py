# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One etcd member through its JSON gateway: POST to the client port, numbers are strings (seen on 3.6)."""

from __future__ import annotations

import re
from binascii import a2b_base64, b2a_base64
from collections.abc import Iterator, Sequence

from .._core.care import NOSPACE
from .._core.errors import ApiError
from .._core.etcd import KeyChange, Member, MemberStatus
from .._core.ports import Api, Json

ALL = "AA=="  # a zero byte: from it to itself stands for every key (etcd, RangeRequest)
COMPACTED = "required revision has been compacted"
# How a status names an alarm among its errors (3.5 and 3.6); asking for alarms alone waits for a quorum.
ALARM = re.compile(r"alarm:([A-Z]+)")
NOT_IN_STEP = "can only promote a learner member which is in sync with leader"
NO_LEARNER = "can only promote a learner member"
# Seconds for what reads or writes all of a database: at 10 MB a second enough for 8 GB, the most that etcd is made for.
REWRITE_SECONDS = 900.0


class EtcdGateway:
    """One member (see the port `Etcd`).

    Args:
        api: Sends the requests; its title names the member.
    """

    def __init__(self, api: Api) -> None:
        self._api = api

    def members(self) -> tuple[Member, ...]:
        """See Etcd. Without a quorum check: what this member knows, also when it stands alone."""
        answer = self._api.create("/v3/cluster/member/list", {"linearizable": False})
        return tuple(_member(member) for member in answer.get("members", ()))

    def status(self) -> MemberStatus:
        """See Etcd."""
        answer = self._api.create("/v3/maintenance/status", {})
        header = answer["header"]
        return MemberStatus(
            id=header["member_id"],
            version=answer.get("version", ""),
            leader=answer.get("leader", "0"),
            db_size=int(answer.get("dbSize", 0)),
            quota=int(answer.get("dbSizeQuota", 0)),
            revision=int(header.get("revision", 0)),
            raft_index=int(answer.get("raftIndex", 0)),
            learner=bool(answer.get("isLearner", False)),
            alarms=tuple(sorted({*ALARM.findall(" ".join(answer.get("errors", ())))})),
            in_use=int(answer.get("dbSizeInUse", 0)),
        )

    def hash(self, revision: int) -> tuple[int, int]:
        """See Etcd."""
        body: Json = {"revision": str(revision)}
        try:
            answer = self._api.create("/v3/maintenance/hashkv", body)
        except ApiError as error:
            if error.status != 404:
                raise
            # Until 3.5 both hashes had one path.
            answer = self._api.create("/v3/maintenance/hash", body)
        return int(answer.get("hash", 0)), int(answer.get("compact_revision", 0))

    def count(self, revision: int = 0, prefix: bytes = b"") -> tuple[int, int] | None:
        """See Etcd."""
        body: Json = {**_range(prefix), "count_only": True, "revision": str(revision)}
        try:
            answer = self._api.create("/v3/kv/range", body)
        except ApiError as error:
            if COMPACTED in error.what:
                return None
            raise
        # Numbers that are zero are left out.
        return int(answer["header"].get("revision", 0)), int(answer.get("count", 0))

    def write(self, changes: Sequence[KeyChange]) -> None:
        """See Etcd."""
        self._api.create("/v3/kv/txn", {"success": [_operation(*change) for change in changes]})

    def delete(self, prefix: bytes) -> None:
        """See Etcd."""
        self._api.create("/v3/kv/deleterange", _range(prefix))

    def snapshot(self) -> Iterator[bytes]:
        """See Etcd."""
        for answer in self._api.stream("/v3/maintenance/snapshot", {}):
            if "result" not in answer:
                message = (answer.get("error") or {}).get("message", "no reason given")
                raise ApiError(500, f"The etcd member ended its snapshot: {message}", "Run again.")
            yield a2b_base64(answer["result"].get("blob", ""))

    def add_learner(self, peer_url: str) -> Member:
        """See Etcd."""
        body: Json = {"peerURLs": [peer_url], "isLearner": True}
        return _member(self._api.create("/v3/cluster/member/add", body)["member"])

    def promote(self, member: str) -> bool:
        """See Etcd."""
        try:
            self._api.create("/v3/cluster/member/promote", {"ID": member})
        except ApiError as error:
            if NOT_IN_STEP in error.what:
                return False
            # The answer to a first attempt was lost on the way.
            if NO_LEARNER not in error.what:
                raise
        return True

    def remove(self, member: str) -> None:
        """See Etcd."""
        try:
            self._api.create("/v3/cluster/member/remove", {"ID": member})
        except ApiError as error:
            if error.status != 404:
                raise

    def move_leader(self, member: str) -> None:
        """See Etcd."""
        self._api.create("/v3/maintenance/transfer-leadership", {"targetID": member})

    def compact(self, revision: int) -> None:
        """See Etcd."""
        try:
            self._api.create(
                "/v3/kv/compaction", {"revision": str(revision), "physical": True}, REWRITE_SECONDS
            )
        except ApiError as error:
            if COMPACTED not in error.what:
                raise

    def defragment(self) -> None:
        """See Etcd."""
        self._api.create("/v3/maintenance/defragment", {}, REWRITE_SECONDS)

    def disarm(self) -> None:
        """See Etcd."""
        path = "/v3/maintenance/alarm"
        found = self._api.create(path, {"action": "GET", "alarm": NOSPACE})
        for raised in found.get("alarms", ()):
            body = {"action": "DEACTIVATE", "memberID": raised["memberID"], "alarm": NOSPACE}
            self._api.create(path, body)


def _range(prefix: bytes) -> Json:
    """All keys with a prefix; it must not end in a byte of all ones."""
    if not prefix:
        return {"key": ALL, "range_end": ALL}
    return {"key": _text(prefix), "range_end": _text(prefix[:-1] + bytes([prefix[-1] + 1]))}


def _operation(key: bytes, value: bytes | None) -> Json:
    if value is None:
        return {"request_delete_range": {"key": _text(key)}}
    return {"request_put": {"key": _text(key), "value": _text(value)}}


def _text(data: bytes) -> str:
    return b2a_base64(data, newline=False).decode()


def _member(member: Json) -> Member:
    return Member(
        id=member["ID"],
        name=member.get("name", ""),
        learner=bool(member.get("isLearner", False)),
        peer_urls=tuple(member.get("peerURLs", ())),
    )
