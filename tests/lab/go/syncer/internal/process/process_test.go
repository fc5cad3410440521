package process

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func shell(name, script string) Program {
	return Program{Name: name, Path: "/bin/sh", Args: []string{"-c", script}}
}

func TestAProgramThatEndsIsTold(t *testing.T) {
	for script, want := range map[string]string{"exit 3": "one ended: exit status 3", "exit 0": "one ended: exit status 0"} {
		group := NewGroup()
		if err := group.Start(shell("one", script)); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-group.Ended():
			if err.Error() != want {
				t.Fatalf("got %q, want %q", err, want)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("nobody told")
		}
	}
}

func TestAProgramIsStartedAgain(t *testing.T) {
	folder := t.TempDir()
	first, second := filepath.Join(folder, "first"), filepath.Join(folder, "second")
	script := "if test -e " + first + "; then : > " + second + "; exec sleep 60; fi; : > " + first + "; exit 1"
	program := shell("often", script)
	program.Again = time.Millisecond
	group := NewGroup()
	if err := group.Start(program); err != nil {
		t.Fatal(err)
	}
	await(t, second)
	group.Stop(10 * time.Second)
	select {
	case err := <-group.Ended():
		t.Fatalf("told as an end: %v", err)
	default:
	}
}

func TestAMissingProgramIsAnError(t *testing.T) {
	err := NewGroup().Start(Program{Name: "none", Path: "/nowhere"})
	if err == nil || !strings.Contains(err.Error(), "start none") {
		t.Fatalf("got %v", err)
	}
}

func TestStopEndsTheLastFirstAndKillsTheDeaf(t *testing.T) {
	folder := t.TempDir()
	log, ready := filepath.Join(folder, "log"), filepath.Join(folder, "ready-")
	group := NewGroup()
	for _, name := range []string{"first", "second"} {
		script := "trap 'echo " + name + " >> " + log + "; exit 0' TERM; : > " + ready + name + "; while :; do sleep 0.05; done"
		if err := group.Start(shell(name, script)); err != nil {
			t.Fatal(err)
		}
	}
	deaf := "trap '' TERM; : > " + ready + "deaf; while :; do sleep 0.05; done"
	deafGroup := NewGroup()
	if err := deafGroup.Start(shell("deaf", deaf)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"first", "second", "deaf"} {
		await(t, ready+name)
	}
	group.Stop(10 * time.Second)
	text, err := os.ReadFile(log)
	if err != nil || string(text) != "second\nfirst\n" {
		t.Fatalf("order %q, error %v", text, err)
	}
	start := time.Now()
	deafGroup.Stop(200 * time.Millisecond)
	if took := time.Since(start); took > 5*time.Second {
		t.Fatalf("the deaf one was given %s", took)
	}
}

func await(t *testing.T, file string) {
	t.Helper()
	for range 200 {
		if _, err := os.Stat(file); err == nil {
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	t.Fatalf("%s did not appear", file)
}
