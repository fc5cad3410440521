# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Copy the SQLite database of a control plane that runs (see the port `Database`).

A pod on the same claim copies, in this order: the header of the write-ahead log, the database, the log, the header
again. Database and log together are then a consistent state with all that was committed before, if the header is the
same both times, because of what SQLite says of its log (https://sqlite.org/walformat.html, and walRestartHdr and
walFrames in its src/wal.c):

* Whoever begins the log anew writes a new header first, with other salts. With the same header the log only grew.
* A checkpoint takes pages from the log to the database, and only such as were committed to it. So each page that
  changed, or was half written, while the database was read has a frame in a log that was copied after it, and SQLite
  takes it from there.
* What was committed before has its frames in the log, or in the database since the log was begun. Frames that were
  being written have no right checksum, or no commit after them, and do not count.

Without a log that has a header nothing is proved: it may have been begun and ended in between. Only where no control
plane runs, before and after, there is nothing to prove.

The pod copies into a folder of its own before it sends anything: what has to fit between two restarts of the log is a
copy on one machine, not a transfer.
"""

from __future__ import annotations

import hashlib
import secrets
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from .._core.contents import Snapshot
from .._core.databases import FileSizes, Whole
from .._core.errors import FleetError, TimedOut, Unsettled
from .._core.observation import POD_ENDED
from .._core.ports import Api, Json
from .._stores.claim_pod import WORK, ClaimPod
from . import sqlite_file
from .streams import PIECE, Pieces, buffered, write

ALONE = "ReadWriteOncePod"
COPY, SEND = "copy", "send"
FILE = "state.db"  # 0.36.1; the log lies beside it as state.db-wal
HEADER = 32
MAGIC = 0x377F0682  # and one more where the checksums are big-endian
VERSION = 3007000
TRIES = 5
SECONDS = 2  # between two of them
PAUSE = 0.5
LONGEST_LINE = 100


@dataclass(frozen=True)
class Parts:
    """What a pod copied.

    Attributes:
        before: The header of the log before anything else was read; empty where there was no log.
        after: The same in the end.
        log: The first bytes of the copied log.
    """

    before: bytes
    after: bytes
    log: bytes

    @property
    def consistent(self) -> bool:
        """Whether the log was the same one all the time."""
        return whole(self.before) and self.before == self.log == self.after


class SqliteCopy:
    """See Database.

    Args:
        api: Of the host cluster.
        namespace: Of the vCluster.
        name: Of the vCluster.
        folder: Where the copy lies; nobody else looks there.
        seconds: How long the pod may take to start and to copy.
    """

    def __init__(self, api: Api, namespace: str, name: str, folder: Path, seconds: float) -> None:
        self._api = api
        self._title = f"SQLite of vCluster {namespace}/{name}"
        self._path = f"/apis/apps/v1/namespaces/{namespace}/statefulsets/{name}"
        self._pods = f"/api/v1/namespaces/{namespace}/pods"
        self._claims = f"/api/v1/namespaces/{namespace}/persistentvolumeclaims"
        self._folder = folder
        self._seconds = seconds
        self._held: Snapshot | None = None

    def snapshot(self) -> Iterator[bytes]:
        """See Database."""
        for left in self._folder.iterdir():
            left.unlink()
        self._copy()
        copy = self._folder / FILE
        try:
            sqlite_file.merge(copy)
            with copy.open("rb") as file:
                self._held = sqlite_file.inspect(file)
        except FleetError as error:
            raise FleetError(
                f"{self._title}: the copy is not fit to be kept. {error.what}",
                "Run again; if it stays so, the database in the volume is damaged: restore a snapshot.",
            ) from error
        with copy.open("rb") as file:
            while piece := file.read(PIECE):
                yield piece

    def sizes(self) -> FileSizes:
        """See Database."""
        plane = _Plane.seen(self._api, self._path, self._pods)
        place = self._place(plane)
        found: list[tuple[bytes, bytes]] = []

        def taken(socket: Any, sizes: Sequence[int]) -> None:
            stream = socket.makefile("rb")
            found.append((*(b"".join(_pieces(stream, size)) for size in sizes),))  # type: ignore[arg-type]

        self._sent(place, plane, _look(place.folder), LOOK_NAMES, taken)
        head, text = found[0]
        (page,) = struct.unpack(">H", head[16:18])
        (free,) = struct.unpack(">I", head[36:40])
        size, left = (int(word) for word in text.split())
        return FileSizes(size, free * (65536 if page == 1 else page), left * 1024)

    def rewritten(self) -> tuple[Whole, ...]:
        """See Database."""
        for left in self._folder.iterdir():
            left.unlink()
        if not self._copy():
            raise FleetError(f"{self._title}: its control plane runs.", "Run again.")
        copy, fresh = self._folder / FILE, self._folder / "fresh.db"
        log = self._folder / f"{FILE}-wal"
        logged = log.exists() and log.stat().st_size > 0
        sqlite_file.merge(copy)
        sqlite_file.vacuumed(copy, fresh)
        return tuple(map(_whole, (copy, fresh) if logged else (fresh,)))

    def count(self, revision: int) -> int | None:
        """See Database."""
        return self._held.contents.keys if self._held else None

    def _copy(self) -> bool:
        """The folder has a database and a log that fit together when this returns.

        Returns:
            Whether the control plane was stopped all the time.
        """
        plane = _Plane.seen(self._api, self._path, self._pods)
        place = self._place(plane)
        command = _copy(place.folder, 1 if plane.stopped else TRIES)
        found: list[Parts] = []

        def taken(socket: Any, sizes: Sequence[int]) -> None:
            found.append(self._taken(socket.makefile("rb"), sizes))

        self._sent(place, plane, command, _NAMES, taken)
        if plane.stopped and plane == _Plane.seen(self._api, self._path, self._pods):
            return True
        if not found[0].consistent:
            raise self._unsettled(
                f"its write-ahead log was begun anew during each of {TRIES} tries"
                if whole(found[0].before)
                else "it has no write-ahead log that would prove a copy"
            )
        return False

    def _place(self, plane: _Plane) -> ClaimPod:
        """The claim, to which a second pod gets."""
        place = ClaimPod(self._api, self._until, plane.stateful_set, 0, "syncer")
        if not plane.stopped and ALONE in place.claim_template["spec"].get("accessModes", ()):
            raise self._unsettled(f"its volume is {ALONE}, for one pod alone")
        if self._api.find(f"{self._claims}/{place.claim}") is None:
            raise FleetError(
                f"{self._title}: its claim {place.claim} does not exist.",
                "Without its volume there is nothing to copy.",
            )
        return place

    def _sent(
        self,
        place: ClaimPod,
        plane: _Plane,
        command: Sequence[str],
        names: Sequence[str],
        taken: Callable[[Any, Sequence[int]], None],
    ) -> None:
        """What a command in a pod beside the control plane has written into its work folder is taken from there."""
        password = secrets.token_hex(32)
        pod = copy_pod(place, plane.node, command, names, password)
        name = pod["metadata"]["name"]

        def met(socket: Any) -> bool:
            sizes = _asked(socket, password)
            if sizes:
                taken(socket, sizes)
            return bool(sizes)

        with place.running(pod) as path:
            self._until(f"pod {name} to read the volume", lambda: place.met(path, SEND, met))

    def _taken(self, stream: IO[bytes], sizes: Sequence[int]) -> Parts:
        """What the pod sends."""
        before, database, log, after = sizes
        head = b"".join(_pieces(stream, before))
        path, beside = self._folder / FILE, self._folder / f"{FILE}-wal"
        write(path, buffered(Pieces(_pieces(stream, database))))
        write(beside, buffered(Pieces(_pieces(stream, log))))
        with beside.open("rb") as file:
            copied = file.read(HEADER)
        return Parts(head, b"".join(_pieces(stream, after)), copied)

    def _unsettled(self, why: str) -> Unsettled:
        return Unsettled(
            f"{self._title} cannot be copied while it runs: {why}.",
            "Take the snapshot when less is written, or set vcluster_snapshots.allow_outage: true to have the control "
            "plane stopped for the copy.",
        )

    def _until(self, what: str, holds: Callable[[], bool]) -> None:
        end = time.monotonic() + self._seconds
        while not holds():
            if time.monotonic() > end:
                raise TimedOut(
                    f"{self._title}: waited {self._seconds:.0f} s for {what}.",
                    "Look at the pods and events of the namespace.",
                )
            time.sleep(PAUSE)


@dataclass(frozen=True)
class _Plane:
    """The control plane at one moment.

    Attributes:
        stateful_set: As it is.
        generation: Another one once somebody changed it.
        stopped: It has no pod and shall have none.
        node: Where its pod is; empty where there is none. A volume that one node has is there for a second pod.
    """

    stateful_set: Json = field(compare=False)
    generation: int
    stopped: bool
    node: str

    @classmethod
    def seen(cls, api: Api, path: str, pods: str) -> _Plane:
        found = api.get(path)
        labels = found["spec"]["selector"]["matchLabels"]
        selector = ",".join(f"{key}={value}" for key, value in labels.items())
        running = [
            pod
            for pod in api.list(pods, {"labelSelector": selector})
            if (pod.get("status") or {}).get("phase") not in POD_ENDED  # still listed for a moment
        ]
        nodes = [pod["spec"].get("nodeName", "") for pod in running]
        stopped = found["spec"].get("replicas") == 0 and not running
        return cls(found, found["metadata"]["generation"], stopped, next(iter(nodes), ""))


def copy_pod(
    place: ClaimPod, node: str, command: Sequence[str], names: Sequence[str], password: str
) -> Json:
    """It copies into a folder of its own, and then sends what it has there.

    Args:
        node: Where it has to run; empty for anywhere.
        command: What copies.
        names: Of the files that it sends then.
        password: Who knows it gets the copy.
    """
    image, sum_of_it = place.own["image"], hashlib.sha256(password.encode()).hexdigest()
    return place.manifest(
        "copy",
        [place.step(COPY, image, command, _read_only(place.data), place.work)],
        place.step(SEND, image, place.send(names, sum_of_it), place.work),
        # It has nothing to finish, and what reads at its other end ends it.
        terminationGracePeriodSeconds=1,
        **({"nodeName": node} if node else {}),
    )


def _look(folder: str) -> list[str]:
    """The header of the database (https://sqlite.org/fileformat.html), its size, and KiB left of the volume."""
    database = f"{folder}/{FILE}"
    left = f"df -P -k {folder}/ | tail -n 1 | awk '{{print $4}}'"
    sizes = f'echo "$(wc -c < {database}) $({left})" > sizes'
    return ["sh", "-c", f"cd {WORK}; head -c 100 {database} > header && {sizes}"]


def _copy(folder: str, tries: int) -> list[str]:
    """Again when the log was begun anew meanwhile. Whether the last copy is any good is for its reader to say."""
    database, log = f"{folder}/{FILE}", f"{folder}/{FILE}-wal"
    header = f"head -c {HEADER} {log} 2>/dev/null"
    once = (
        f"{header} > before; cat {database} > database || exit 1; : > log; "
        f"[ ! -e {log} ] || cat {log} > log || exit 1; {header} > after"
    )
    proved = f'[ "$(wc -c < before)" -eq {HEADER} ] && cmp -s before after'
    again = f"[ $try -lt {tries} ] || exit 0; try=$((try + 1)); sleep {SECONDS}"
    return ["sh", "-c", f"cd {WORK}; try=1; while {once}; ! {{ {proved}; }}; do {again}; done"]


_NAMES, LOOK_NAMES = ("before", "database", "log", "after"), ("header", "sizes")


def _asked(socket: Any, password: str) -> list[int]:
    """The sizes of what the pod sends; none while nobody listens."""
    line = b""
    try:
        socket.sendall(f"{password}\n".encode())
        while not line.endswith(b"\n") and len(line) < LONGEST_LINE and (byte := socket.recv(1)):
            line += byte
    except (BrokenPipeError, ConnectionResetError):
        return []
    if line and not line.endswith(b"\n"):
        raise _broken("the sizes did not come")
    return [int(word) for word in line.split()]


def _whole(path: Path) -> Whole:
    with path.open("rb") as file:
        sum_of_it = hashlib.file_digest(file, "sha256").hexdigest()

    def opened() -> IO[bytes]:
        return path.open("rb")

    return Whole(opened, path.stat().st_size, sum_of_it)


def _read_only(mount: Json) -> Json:
    return {**mount, "readOnly": True}


def whole(header: bytes) -> bool:
    """Whether this is the header of a write-ahead log, with its right checksum."""
    if len(header) != HEADER:
        return False
    magic, version = struct.unpack(">2I", header[:8])
    if magic & ~1 != MAGIC or version != VERSION:
        return False
    words = struct.unpack(f"{'>' if magic & 1 else '<'}6I", header[:24])
    first = second = 0
    for one, other in zip(words[::2], words[1::2], strict=True):
        first = (first + one + second) & 0xFFFFFFFF
        second = (second + other + first) & 0xFFFFFFFF
    return (first, second) == struct.unpack(">2I", header[24:])


def _pieces(stream: IO[bytes], size: int) -> Iterator[bytes]:
    """The next bytes of the stream, so many exactly."""
    left = size
    while left:
        try:
            piece = stream.read(min(PIECE, left))
        except OSError as error:
            raise _broken(error) from error
        if not piece:
            raise _broken(f"{left} of {size} bytes did not come")
        left -= len(piece)
        yield piece


def _broken(why: object) -> FleetError:
    return FleetError(
        f"The connection to the pod that copies the database broke: {why}.", "Run again."
    )
