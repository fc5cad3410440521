// Package process runs the programs of the control plane: all die with this one, and this one
// ends when any of them does.
package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// Program is one program to run.
type Program struct {
	Name string   // for messages
	Path string   // executable
	Args []string // without the name
	Env  []string // in addition to the environment of this process
}

// Group runs programs and stops them in the reverse order of their start.
type Group struct {
	running []*running
	ended   chan error
}

type running struct {
	name    string
	command *exec.Cmd
	done    chan struct{}
}

// NewGroup returns an empty group.
func NewGroup() *Group {
	return &Group{ended: make(chan error, 8)}
}

// Ended delivers the error of each program that ended; nobody asks them to end but Stop.
func (g *Group) Ended() <-chan error { return g.ended }

// Start starts a program; its output goes where this process's output goes.
func (g *Group) Start(program Program) error {
	command := exec.Command(program.Path, program.Args...)
	command.Env = append(os.Environ(), program.Env...)
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	started := make(chan error)
	child := &running{name: program.Name, command: command, done: make(chan struct{})}
	go func() {
		// The kernel sends Pdeathsig when the thread that forked ends, not the process.
		runtime.LockOSThread()
		defer close(child.done)
		err := command.Start()
		started <- err
		if err != nil {
			return
		}
		err = command.Wait()
		if err == nil {
			err = errors.New("exit status 0")
		}
		g.ended <- fmt.Errorf("%s ended: %w", child.name, err)
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("start %s: %w", program.Name, err)
	}
	g.running = append(g.running, child)
	return nil
}

// Stop asks the programs to end, the last started first, and kills what is left when the time is
// up. Each gets its turn before the next, as a store must outlive what writes to it.
func (g *Group) Stop(limit time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	for i := len(g.running) - 1; i >= 0; i-- {
		child := g.running[i]
		_ = child.command.Process.Signal(syscall.SIGTERM) // an error means it is gone already
		select {
		case <-child.done:
		case <-ctx.Done():
			_ = child.command.Process.Kill()
			<-child.done
		}
	}
}
