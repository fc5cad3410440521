# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The API client: raw JSON over pooled connections, no typed models."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode

from .._core.errors import ApiError, FleetError, Unreachable
from .._core.ports import Json, Process
from .forward import forward
from .kubeconfig import Connection
from .libraries import urllib3
from .process import executed
from .retry import Attempts, Patience
from .transport import HostTransport, Silent, Transport, silent

PAGE = 500
FIELD_MANAGER = "fleetops.vcluster"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
# Statuses that a server gives when it is busy or restarting; everything else is an answer.
BUSY = frozenset({429, 500, 502, 503, 504})


class KubernetesApi:
    """An API server (see the port `Api`).

    A request that was answered with 429 or 5xx, or not at all, is sent again, whatever its method: a `create` may then
    meet its own first attempt as 409.

    Args:
        title: How messages name the server, for example `Host cluster hc1`.
        transport: Sends the requests.
        patience: How long a request is tried again.
    """

    def __init__(self, title: str, transport: Transport, patience: Patience | None = None) -> None:
        self._title = title
        self._transport = transport
        self._patience = patience or Patience()
        self._clock: tuple[datetime, float] | None = None

    def get(self, path: str, params: Mapping[str, str] | None = None) -> Json:
        """See Api."""
        return self._json("GET", path, params)

    def text(self, path: str, params: Mapping[str, str] | None = None) -> str:
        """See Api."""
        answer = self._answer("GET", path, params, headers={"Accept": "*/*"})
        return bytes(answer.data).decode(errors="replace")

    def find(self, path: str) -> Json | None:
        """See Api."""
        try:
            return self.get(path)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def list(
        self, path: str, params: Mapping[str, str] | None = None, *, metadata_only: bool = False
    ) -> Iterator[Json]:
        """See Api. A continuation that expired (410) goes on with the newer one that the server offers."""
        headers = {"Accept": METADATA_LIST} if metadata_only else {}
        query = {**(params or {}), "limit": str(PAGE)}
        while True:
            answer = self._answer("GET", path, query, headers=headers, accepted=(410,))
            document = self._parse(answer, "GET", path)
            fresh = document.get("metadata", {}).get("continue", "")
            if answer.status == 410 and not fresh:
                raise self._error(answer, "GET", path)
            yield from document.get("items") or ()
            if not fresh:
                return
            query["continue"] = fresh

    def create(self, path: str, body: Json, read: float = 0.0) -> Json:
        """See Api."""
        return self._json("POST", path, body=body, read=read)

    def replace(self, path: str, body: Json) -> Json:
        """See Api."""
        return self._json("PUT", path, body=body)

    def merge(self, path: str, body: Json) -> Json:
        """See Api."""
        return self._json("PATCH", path, body=body, kind="application/merge-patch+json")

    def apply(self, path: str, body: Json, *, check: bool = False) -> Json:
        """See Api."""
        params = {"fieldManager": FIELD_MANAGER, "force": "true"}
        if check:
            params["dryRun"] = "All"
        return self._json("PATCH", path, params, body, "application/apply-patch+yaml")

    def delete(self, path: str, *, orphan: bool = False) -> None:
        """See Api."""
        params = {"propagationPolicy": "Orphan"} if orphan else None
        self._answer("DELETE", path, params, accepted=(404,))

    def watch(self, path: str, params: Mapping[str, str], seconds: float) -> Iterator[Json]:
        """See Api. An ERROR event (410: the start is too old) is raised as ApiError; a stream that breaks just ends."""
        query = {**params, "watch": "1", "timeoutSeconds": str(max(1, round(seconds)))}
        answer = self._answer("GET", path, query, read=seconds + 5, stream=True)
        try:
            for line in _until_it_breaks(_lines(answer)):
                event: Json = json.loads(line)
                if event.get("type") == "ERROR":
                    status = event.get("object", {})
                    text = f"{self._title}: the watch of {path} ended: {status.get('message')}"
                    raise ApiError(int(status.get("code", 500)), text)
                yield event
        finally:
            answer.close()

    def stream(self, path: str, body: Json) -> Iterator[Json]:
        """See Api."""
        headers = {"Content-Type": "application/json"}
        answer = self._answer("POST", path, body=body, headers=headers, stream=True)
        try:
            for line in _lines(answer):
                document: Json = json.loads(line)
                yield document
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise Unreachable(
                f"{self._title}: the answer to {path} broke off: {silent(error).reason}.",
                "Run again.",
            ) from error
        finally:
            answer.close()

    def forward(self, namespace: str, pod: str, port: int) -> AbstractContextManager[Any]:
        """See Api. Only the API of a host cluster can forward."""
        return forward(self._connection, namespace, pod, port)

    def execute(
        self, namespace: str, pod: str, command: Sequence[str]
    ) -> AbstractContextManager[Process]:
        """See Api. Only the API of a host cluster can run a command."""
        return executed(self._connection, namespace, pod, command)

    @property
    def _connection(self) -> Connection:
        if not isinstance(self._transport, HostTransport):
            raise FleetError(f"{self._title}: only a host cluster's API server has a way to pods.")
        return self._transport.connection

    @property
    def now(self) -> datetime:
        """See Api. Asks the server when it has not answered anything yet."""
        if self._clock is None:
            self.get("/version")
        if self._clock is None:
            raise Unreachable(f"{self._title}: its answers carry no Date header.")
        moment, taken = self._clock
        return moment + timedelta(seconds=time.monotonic() - taken)

    def _json(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None = None,
        body: Json | None = None,
        kind: str = "application/json",
        read: float = 0.0,
    ) -> Json:
        headers = {"Content-Type": kind} if body is not None else {}
        answer = self._answer(method, path, params, body, headers, read=read)
        return self._parse(answer, method, path)

    def _answer(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None = None,
        body: Json | None = None,
        headers: Mapping[str, str] | None = None,
        accepted: tuple[int, ...] = (),
        read: float = 0.0,
        stream: bool = False,
    ) -> Any:
        """Send until there is an answer that is worth returning: 2xx, or a status in `accepted`."""
        target = f"{path}?{urlencode(params)}" if params else path
        everything = {"Accept": "application/json", "User-Agent": FIELD_MANAGER, **(headers or {})}
        if not stream:
            everything["Accept-Encoding"] = "gzip"
        payload = json.dumps(body).encode() if body is not None else None
        timeout = (self._patience.connect, read or self._patience.read)
        attempts = Attempts(self._patience)
        renewed = False
        while True:
            try:
                answer = self._transport.send(method, target, everything, payload, timeout, stream)
            except Silent as failure:
                if failure.certain or not attempts.again(self._patience.silent):
                    raise self._unreachable(method, path, failure, attempts) from failure
                continue
            self._note_time(answer)
            if answer.status < 300 or answer.status in accepted:
                return answer
            if answer.status == 401 and not renewed and self._transport.renew():
                renewed = True
                continue
            if answer.status in BUSY and attempts.again(self._patience.busy, _retry_after(answer)):
                continue
            raise self._error(answer, method, path, attempts.count)

    def _note_time(self, answer: Any) -> None:
        date = answer.headers.get("Date")
        if date:
            self._clock = (parsedate_to_datetime(date).astimezone(UTC), time.monotonic())

    def _parse(self, answer: Any, method: str, path: str) -> Json:
        try:
            document = json.loads(answer.data)
        except ValueError as error:
            raise ApiError(
                answer.status, f"{self._title}: {method} {path} was not answered with JSON."
            ) from error
        if not isinstance(document, dict):
            raise ApiError(
                answer.status, f"{self._title}: {method} {path} was not answered with an object."
            )
        return document

    def _error(self, answer: Any, method: str, path: str, tries: int = 1) -> FleetError:
        message = _message(answer)
        if answer.status == 401:
            return Unreachable(
                f"{self._title} refuses the credentials ({method} {path}: 401 {message}).",
                "Renew them: log in again, or replace the kubeconfig or token.",
            )
        tried = f" after {tries} attempts" if tries > 1 else ""
        what = f"{self._title}: {method} {path} was answered with {answer.status}{tried}: {message}"
        if answer.status == 403:
            return ApiError(
                403, what, "Grant the right, see the minimal ClusterRole in the documentation."
            )
        return ApiError(answer.status, what)

    def _unreachable(
        self, method: str, path: str, failure: Silent, attempts: Attempts
    ) -> Unreachable:
        return Unreachable(
            f"{self._title} cannot be reached: {failure.reason} "
            f"({method} {path}, {attempts.count} attempts in {attempts.seconds:.0f} s).",
            "Check the address, the network between and the server's health.",
        )


def _retry_after(answer: Any) -> float:
    """Seconds the server asked for; the HTTP-date form is not used by Kubernetes and counts as none."""
    value = answer.headers.get("Retry-After", "")
    return float(value) if value.isdigit() else 0.0


def _message(answer: Any) -> str:
    """The message of a Status, or the start of whatever came instead."""
    data = answer.data or b""
    try:
        document = json.loads(data)
    except ValueError:
        document = None
    if isinstance(document, dict) and document.get("message"):
        return str(document["message"])
    return " ".join(bytes(data).decode(errors="replace").split())[:500] or str(answer.reason)


def _lines(answer: Any) -> Iterator[bytes]:
    """The lines of a stream."""
    rest = b""
    for piece in answer.stream(65536, decode_content=True):
        *lines, rest = (rest + piece).split(b"\n")
        yield from (line for line in lines if line)


def _until_it_breaks(lines: Iterator[bytes]) -> Iterator[bytes]:
    """The lines of a watch: when it breaks, the caller watches again."""
    try:
        yield from lines
    except Exception as error:
        if silent(error).certain:
            raise
