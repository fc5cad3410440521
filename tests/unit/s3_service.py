# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An S3 service that answers as it is told."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.bucket import Bucket
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import S3

SECRET = "s3cret-s3cret-s3cret"
STARTED = "<InitiateMultipartUploadResult><UploadId>7</UploadId></InitiateMultipartUploadResult>"


def error(code: str, message: str = "Something.") -> str:
    return f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"


class Service:
    """An S3 service that answers as it is told and keeps what it was asked.

    Attributes:
        answers: Status and body by method, in order and the last one again and again; 200 and nothing otherwise.
        asked: Method, path and headers.
    """

    def __init__(self) -> None:
        self.answers: dict[str, list[tuple[int, str]]] = {}
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.target = Bucket(
            S3(
                "backups",
                endpoint=f"http://127.0.0.1:{self._server.server_address[1]}",
                access_key="me",
                secret_key=SECRET,
                session_token=f"{SECRET}-token",
            )
        )
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        service = self

        class Handler(BaseHTTPRequestHandler):
            def handle_one_request(self) -> None:
                self.raw_requestline = self.rfile.readline()
                if not self.raw_requestline or not self.parse_request():
                    self.close_connection = True
                    return
                headers = {key.lower(): value for key, value in self.headers.items()}
                if "100-continue" in headers.get("expect", ""):
                    self.send_response_only(100)
                    self.end_headers()
                self.rfile.read(int(headers.get("content-length", 0)))
                service.asked.append((self.command, self.path, headers))
                answers = service.answers.get(self.command, [(200, "")])
                status, body = answers.pop(0) if len(answers) > 1 else answers[0]
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("ETag", '"1"')
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_args: Any) -> None:
                pass

        return Handler
