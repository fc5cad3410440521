# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An Alertmanager that keeps silences, or answers as it is told."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Service:
    """The part of Alertmanager's API v2 that is about silences.

    Attributes:
        silences: What was asked for, by id; what was ended is gone.
        status: Of every answer; another one than 200 keeps nothing.
        date: The Date header of the answers.
        asked: Method, path and Authorization header of each request.
    """

    def __init__(self) -> None:
        self.silences: dict[str, dict[str, Any]] = {}
        self.status = 200
        self.date = "Tue, 01 Sep 2026 10:00:00 GMT"
        self.asked: list[tuple[str, str, str | None]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/alerts"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        if method == "POST" and path == "/alerts/api/v2/silences":
            name = f"silence-{len(self.asked)}"
            self.silences[name] = body
            return {"silenceID": name}
        if method == "DELETE":
            self.silences.pop(path.removeprefix("/alerts/api/v2/silence/"))
        return {}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        service = self

        class Handler(BaseHTTPRequestHandler):
            def _all(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length) or b"{}")
                service.asked.append((self.command, self.path, self.headers["Authorization"]))
                found = {"message": "said the service"}
                if service.status == 200:
                    found = service.answer(self.command, self.path, body)
                content = json.dumps(found).encode()
                self.send_response_only(service.status)
                self.send_header("Date", service.date)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_DELETE = _all

            def log_message(self, *_args: Any) -> None:
                """Say nothing."""

        return Handler
