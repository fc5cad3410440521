# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts are built once for each content of their sources, wholly or not at all."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from lab import parts
from lab.command import LabError
from lab.paths import cache
from lab.toolchain import Go

TOOLCHAIN = Go(Path("/usr/bin/go"), "go1.26.6 linux/amd64")
MAIN = """package main

import (
	"fmt"
	"os"
	"path/filepath"
)

var greeting = "unset"

func main() { fmt.Println(filepath.Base(os.Args[0]), greeting) }
"""


@pytest.fixture
def part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> parts.Part:
    """A module of two programs, the only part there is."""
    monkeypatch.setenv("FLEETOPS_LAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(parts, "MODULES", tmp_path / "go")
    folder = tmp_path / "go" / "greeter"
    folder.mkdir(parents=True)
    (folder / "go.mod").write_text("module lab/greeter\n\ngo 1.26.0\n")
    (folder / "main.go").write_text(MAIN)
    programs = {"hello": "hello", "bye-1.35": "bye"}
    part = parts.Part("greeter", programs, variables={"main.greeting": "set"})
    monkeypatch.setattr(parts, "PARTS", {"greeter": part})
    monkeypatch.setattr(parts, "PROGRAMS", dict.fromkeys(programs, part))
    return part


def test_the_key_follows_sources_flags_programs_and_toolchain(part: parts.Part) -> None:
    key = part.digest(TOOLCHAIN)
    others = [
        part.digest(replace(TOOLCHAIN, version="go1.26.7 linux/amd64")),
        replace(part, variables={"main.greeting": "other"}).digest(TOOLCHAIN),
        replace(part, programs={"hello": "hello"}).digest(TOOLCHAIN),
        replace(part, package="./cmd").digest(TOOLCHAIN),
        replace(part, tags="other").digest(TOOLCHAIN),
    ]
    for name in ("main.go", "go.mod", "internal/new.go"):
        (part.sources / name).parent.mkdir(exist_ok=True)
        with (part.sources / name).open("a") as source:
            source.write("// changed\n")
        others.append(part.digest(TOOLCHAIN))
    assert len({key, *others}) == 1 + len(others)


def test_the_key_ignores_tests_and_times(part: parts.Part) -> None:
    key = part.digest(TOOLCHAIN)
    (part.sources / "main_test.go").write_text("package main\n")
    (part.sources / "main.go").touch()
    assert part.digest(TOOLCHAIN) == key


def test_programs_act_by_the_name_they_are_called_by(part: parts.Part) -> None:
    built = parts.build()
    said = {name: _output(path) for name, path in built.items()}
    assert said == {"hello": "hello set\n", "bye-1.35": "bye set\n"}


def test_a_second_build_only_looks(
    part: parts.Part, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    first = parts.build(["hello"])
    log = capfd.readouterr().err
    assert "building greeter (about 1 min when the caches are empty) ..." in log
    assert "built greeter in " in log
    monkeypatch.setattr(parts, "_compile", None)  # calling it would fail
    assert parts.build(["greeter"]) == {**first, "bye-1.35": first["hello"].with_name("bye")}
    assert capfd.readouterr().err == ""


def test_builders_at_the_same_time_build_once(
    part: parts.Part, capfd: pytest.CaptureFixture[str]
) -> None:
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: parts.build(), range(4)))
    assert all(result == results[0] for result in results)
    assert capfd.readouterr().err.count("building greeter") == 1


def test_a_failed_build_shows_its_end_and_leaves_nothing(part: parts.Part) -> None:
    (part.sources / "main.go").write_text(MAIN.replace("fmt.Println", "fmt.Nothing"))
    with pytest.raises(LabError, match=r"(?s)greeter: go build failed in .*fmt\.Nothing"):
        parts.build()
    assert list((cache() / "programs").iterdir()) == []
    (part.sources / "main.go").write_text(MAIN)
    assert _output(parts.build()["hello"]) == "hello set\n"


def test_only_the_last_lines_of_a_log_are_shown(
    part: parts.Part, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noisy = _script(tmp_path / "go-noisy", "seq 1 100; exit 3")
    monkeypatch.setattr(parts, "go", lambda: Go(noisy, "go1.26.6 linux/amd64"))
    with pytest.raises(LabError) as failure:
        parts.build()
    message = str(failure.value).splitlines()
    assert "exit status 3" in message[0]
    assert message[1:] == [str(number) for number in range(61, 101)]


def test_a_build_without_end_is_ended(
    part: parts.Part, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    endless = _script(tmp_path / "go-endless", "exec sleep 60")
    monkeypatch.setattr(parts, "go", lambda: Go(endless, "go1.26.6 linux/amd64"))
    monkeypatch.setattr(parts, "BUILD_TIMEOUT", 0.2)
    with pytest.raises(LabError, match=r"took more than 0\.2 s"):
        parts.build()


def test_an_unknown_name_lists_the_known_ones(part: parts.Part) -> None:
    with pytest.raises(LabError, match=r"helo: no program or part .* bye-1\.35, greeter, hello"):
        parts.build(["helo"])


def test_a_part_without_module_says_so(part: parts.Part) -> None:
    (part.sources / "go.mod").unlink()
    with pytest.raises(LabError, match=r"no go\.mod there, so greeter can't be built"):
        parts.build()


def _output(program: Path) -> str:
    return subprocess.run([program], capture_output=True, text=True, timeout=10, check=True).stdout


def _script(path: Path, body: str) -> Path:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path
