# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two database servers, one following the other, and one address in front that goes to whichever is first.

No write that was acknowledged is lost when the first is killed: it waited for the second. See `Server.follower`.
"""

from __future__ import annotations

import contextlib
import sys
import time
from dataclasses import replace
from pathlib import Path

from .command import LabError
from .contained import HERE, Contained
from .databases import LOOPBACK, Server, free_port
from .proxy import set_mode

READY_LIMIT = 20.0  # seconds
CONTROL = "control.sock"


class Pair:
    """A server and its follower behind a proxy; `login` leads through it to the one that writes.

    :param server: `PostgreSQL` or `MariaDB`.
    :param folder: For both, by the names `first` and `second`.
    :param address: Where all three listen.
    :ivar first: Takes the writes, until `fail_over`.
    :ivar second: Follows, then takes the writes.
    """

    def __init__(self, server: type[Server], folder: Path, address: str = LOOPBACK) -> None:
        with contextlib.ExitStack() as stack:
            self.first = server(folder / "first", address)
            stack.callback(self.first.close)
            self.second = self.first.follower(folder / "second")
            stack.callback(self.second.close)
            self.login = replace(self.first.login, port=free_port(address))
            self._front = Contained(folder)
            stack.callback(self._front.close)
            self._control = folder / CONTROL
            self._front.start(self._proxy(), root=True)
            self._wait()
            self._closing = stack.pop_all()

    def fail_over(self) -> None:
        """Kill the first server, and lead clients to the second once that takes writes.

        Meanwhile clients are refused, as none is to reach a first one that is not sure to be dead.
        """
        self.front("cut")
        self.first.kill()
        self.second.promote()
        self.front("upstream", f"{self.second.login.address}:{self.second.login.port}")
        self.front("ok")

    def front(self, *words: str) -> None:
        """What the proxy does, in the words of `lab.proxy.set_mode`: `ok`, `cut`, `hold`, `slow MS`, `upstream`."""
        set_mode(self._control, words)

    def close(self) -> None:
        """End all three; a second time is no error."""
        self._closing.close()

    def _proxy(self) -> list[str]:
        keys = f"{HERE}/first/tls.crt:{HERE}/first/tls.key"
        settings = {
            "listen": f"{self.login.address}:{self.login.port}",
            "upstream": f"{self.first.login.address}:{self.first.login.port}",
            "serving": keys,  # unused: no mode of use here ends TLS
            "client": keys,
            "authority": f"{HERE}/first/ca.crt",
            "control": f"{HERE}/{CONTROL}",
        }
        options = [f"--{name}={value}" for name, value in settings.items()]
        return [sys.executable, "-m", "lab.proxy", *options]

    def _wait(self) -> None:
        deadline = time.monotonic() + READY_LIMIT
        while True:
            try:
                self.front("show")
                return
            except LabError as error:
                if not self._front.running() or time.monotonic() > deadline:
                    raise LabError(f"no proxy before the databases\n{self._front.log()}") from error
                time.sleep(0.05)
