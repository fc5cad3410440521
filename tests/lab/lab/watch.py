# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client that watches what a ledger writes, as an informer does, and counts what it never hears of.

It lists, watches from the version of that list, and goes on from the last version that it saw whenever
the watch ends. Where the server no longer has that version it lists again.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
import urllib.parse
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from .ledger import LABEL, RETRY, Ledger, Target

GONE = 410  # the API server's answer when it no longer has the version asked for


@dataclass
class Watch:
    """Follows the objects of one run of a ledger.

    :param resumed: How often it was opened again.
    :param listed: How often that took a list: nobody hears of what came and went in between.
    """

    target: Target
    namespace: str
    run: str
    resumed: int = 0
    listed: int = 0
    _seen: set[int] = field(default_factory=set)
    _version: str = ""
    _stopped: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def of(cls, ledger: Ledger) -> Watch:
        return cls(ledger.target, ledger.namespace, ledger.run)

    def follow(self) -> None:
        """Until stop(); what fails is tried again."""
        while not self._stopped.is_set():
            try:
                if not self._version:
                    self._list()
                self._listen()
                self.resumed += 1
            except (OSError, http.client.HTTPException, ValueError):
                self._stopped.wait(RETRY)

    def stop(self) -> None:
        """It ends with the next event, or when none comes for the time of a request."""
        self._stopped.set()

    def missed(self, numbers: Collection[int], patience: float) -> set[int]:
        """Those that it has not heard of.

        :param patience: Seconds that it may take to hear of the last ones.
        """
        until = time.monotonic() + patience
        while (missed := {*numbers} - self._seen) and time.monotonic() < until:
            time.sleep(RETRY)
        return missed

    def _list(self) -> None:
        connection = self.target.connect()
        status, found = self.target.request(connection, "GET", self._path())
        connection.close()
        if status != 200:
            raise ValueError(f"the list was answered with {status}")
        for item in found["items"]:
            self._hear(item)
        self._version = found["metadata"]["resourceVersion"]

    def _listen(self) -> None:
        connection = self.target.connect()
        more = {"watch": "true", "allowWatchBookmarks": "true", "resourceVersion": self._version}
        try:
            connection.request("GET", self._path(**more), headers=dict(self.target.headers))
            answer = connection.getresponse()
            if answer.status == GONE:
                self._expired()
            elif answer.status != 200:
                raise ValueError(f"the watch was answered with {answer.status}")
            else:
                self._events(answer)
        finally:
            connection.close()

    def _events(self, answer: http.client.HTTPResponse) -> None:
        for line in answer:
            event = json.loads(line)
            found = event["object"]
            if event["type"] == "ERROR":
                if found.get("code") == GONE:
                    self._expired()
                    return
                raise ValueError(f"the watch ended with {found}")
            if event["type"] != "BOOKMARK":
                self._hear(found)
            self._version = found["metadata"]["resourceVersion"]
            if self._stopped.is_set():
                return

    def _expired(self) -> None:
        self._version = ""
        self.listed += 1

    def _hear(self, item: dict[str, Any]) -> None:
        self._seen.add(int(item["data"]["number"]))

    def _path(self, **more: str) -> str:
        query = urllib.parse.urlencode({"labelSelector": f"{LABEL}={self.run}", **more})
        return f"/api/v1/namespaces/{self.namespace}/configmaps?{query}"
