# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One program in namespaces of its own: started, killed and started again when told to.

`Contained` runs `python -m lab.contained FOLDER` as PID 1 of new PID and mount namespaces. Its end, and so that of who
started it, ends everything in them, and unmounts what was mounted there.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .command import LabError, last_lines, run
from .process import PACKAGE_ROOT

HERE = Path("/run/contained")  # where the folder is inside, whoever may enter those above it
LOG = "program.log"  # in the folder
NOBODY = 65534
CLOSE_LIMIT = 20.0  # seconds


class Contained:
    """The namespaces, and at most one program that stays.

    :param folder: Seen inside as `HERE`; has the program's log.
    :param tmpfs: Folders below it, by name, that are a file system of their own, and how many bytes each holds; only
        programs inside see what is in them.
    """

    def __init__(self, folder: Path, tmpfs: Mapping[str, int] | None = None) -> None:
        self._folder = folder
        folder.chmod(0o711)  # nobody has to pass through; those above it are none of its business
        namespaces = ["--pid", "--fork", "--kill-child", "--mount", "--mount-proc"]
        with (folder / LOG).open("ab") as log:
            self._process = subprocess.Popen(
                ["unshare", *namespaces, sys.executable, "-m", "lab.contained", str(folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, "PYTHONPATH": str(PACKAGE_ROOT)},
                start_new_session=True,  # Ctrl-C is for the tests, not for what they test
            )
        self._ask("mount", tmpfs=dict(tmpfs or {}))

    def run(
        self,
        argv: Sequence[str | Path],
        *,
        environment: Mapping[str, str] | None = None,
        limit: float = 60,
    ) -> None:
        """Run a command to its end, as nobody.

        :raises LabError: It failed, or took more than `limit` seconds.
        """
        self._ask(
            "run", argv=list(map(str, argv)), environment=dict(environment or {}), limit=limit
        )

    def start(self, argv: Sequence[str | Path], *, root: bool = False) -> None:
        """Start the program, as nobody unless `root`; it must not run yet."""
        self._ask("start", argv=list(map(str, argv)), root=root)

    def stop(self, number: signal.Signals, limit: float = 30) -> None:
        """End the program with a signal and wait for it; one that has ended is no error.

        SIGKILL is for all its processes at once.

        :raises LabError: It did not end within `limit` seconds.
        """
        self._ask("stop", number=int(number), limit=limit)

    def running(self) -> bool:
        return bool(self._ask("running"))

    def resize(self, name: str, size: int) -> None:
        """Give one of `tmpfs` another size, in bytes."""
        self._ask("resize", name=name, size=size)

    def close(self) -> None:
        """End all of it; a second time is no error."""
        self._process.communicate(timeout=CLOSE_LIMIT)

    def log(self) -> str:
        """The last lines of the log, to stand under a message."""
        return last_lines(self._folder / LOG)

    def _ask(self, what: str, **arguments: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps([what, arguments]) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except (BrokenPipeError, ValueError):
            line = ""
        if not line:
            raise LabError(f"{self._folder}: nothing runs there any more\n{self.log()}")
        answer = json.loads(line)
        if "error" in answer:
            raise LabError(f"{self._folder}: {answer['error']}\n{self.log()}")
        return answer["value"]


class _Inside:
    """What PID 1 does of what `Contained` asks for."""

    def __init__(self, folder: Path) -> None:
        self._program: subprocess.Popen[bytes] | None = None
        run(["mount", "-t", "tmpfs", "-o", "mode=1777", "tmpfs", "/run"])
        HERE.mkdir()
        run(["mount", "--bind", folder, HERE])

    def mount(self, tmpfs: dict[str, int]) -> None:
        for name, size in tmpfs.items():
            options = f"size={size},mode=0700,uid={NOBODY},gid={NOBODY}"
            run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", HERE / name])

    def resize(self, name: str, size: int) -> None:
        run(["mount", "-o", f"remount,size={size}", HERE / name])

    def run(self, argv: list[str], environment: dict[str, str], limit: float) -> None:
        with (HERE / LOG).open("ab") as log:
            code = subprocess.run(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                timeout=limit,
                check=False,
                **_account(root=False, more=environment),
            ).returncode
        if code:
            raise LabError(f"exit code {code}: {' '.join(argv)}")

    def start(self, argv: list[str], root: bool) -> None:
        if self.running():
            raise LabError(f"runs already, so cannot be started: {argv[0]}")
        with (HERE / LOG).open("ab") as log:
            self._program = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **_account(root=root)
            )

    def stop(self, number: int, limit: float) -> None:
        if self._program is None:
            return
        if number == signal.SIGKILL:
            os.kill(-1, signal.SIGKILL)  # of all there are here but this one
        elif self.running():
            self._program.send_signal(number)
        try:
            self._program.wait(limit)
        except subprocess.TimeoutExpired as error:
            raise LabError(f"no end {limit:.0f} s after signal {number}") from error
        self._program = None
        _bury()

    def running(self) -> bool:
        return self._program is not None and self._program.poll() is None


def _account(*, root: bool, more: Mapping[str, str] | None = None) -> dict[str, Any]:
    if root:
        return {}
    environment = {**os.environ, "HOME": str(HERE), **(more or {})}
    return {"user": NOBODY, "group": NOBODY, "extra_groups": [], "env": environment}


def _bury() -> None:
    """Wait for the orphans of an ended program: they are ours, and a zombie still holds its locks."""
    try:
        while os.waitpid(-1, 0)[0]:
            pass
    except ChildProcessError:
        pass


def main() -> None:
    inside = _Inside(Path(sys.argv[1]))
    for line in sys.stdin:
        what, arguments = json.loads(line)
        try:
            answer = {"value": getattr(inside, what)(**arguments)}
        except (LabError, OSError, subprocess.SubprocessError) as error:
            answer = {"error": str(error)}
        print(json.dumps(answer), flush=True)
    os.kill(-1, signal.SIGKILL)


if __name__ == "__main__":
    main()
