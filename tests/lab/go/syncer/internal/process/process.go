// Package process runs the programs of the control plane: all die with this one, and this one
// ends when one of them does that is not started again.
package process

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// Program is one program to run.
type Program struct {
	Name string   // for messages
	Path string   // executable
	Args []string // without the name
	Env  []string // in addition to the environment of this process

	// Again is the pause before the program is started again when it ended; 0 tells Ended instead.
	Again time.Duration
}

// Group runs programs and stops them in the reverse order of their start.
type Group struct {
	running []*running
	ended   chan error
}

// running is a program that was started; a program started again is the same one with a new process.
type running struct {
	program Program
	stop    chan struct{} // closed when it is to end
	done    chan struct{} // closed when it ended for good

	mutex   sync.Mutex
	process *os.Process
}

// NewGroup returns an empty group.
func NewGroup() *Group {
	return &Group{ended: make(chan error, 8)}
}

// Ended delivers the error of each program that ended for good; nobody asks them to but Stop.
func (g *Group) Ended() <-chan error { return g.ended }

// Start starts a program; its output goes where this process's output goes.
func (g *Group) Start(program Program) error {
	child := &running{program: program, stop: make(chan struct{}), done: make(chan struct{})}
	started := make(chan error, 1)
	go child.run(started, g.ended)
	if err := <-started; err != nil {
		return fmt.Errorf("start %s: %w", program.Name, err)
	}
	g.running = append(g.running, child)
	return nil
}

// run is the life of the program; started gets the outcome of its first start.
func (r *running) run(started, ended chan<- error) {
	// The kernel sends Pdeathsig when the thread that forked ends, not the process.
	runtime.LockOSThread()
	defer close(r.done)
	command, err := r.launch()
	started <- err
	for err == nil {
		err = command.Wait()
		if err == nil {
			err = errors.New("exit status 0")
		}
		if r.program.Again == 0 {
			break
		}
		slog.Info("starting a program again", "program", r.program.Name, "ended", err.Error())
		select {
		case <-r.stop:
			return
		case <-time.After(r.program.Again):
		}
		command, err = r.launch()
	}
	ended <- fmt.Errorf("%s ended: %w", r.program.Name, err)
}

func (r *running) launch() (*exec.Cmd, error) {
	command := exec.Command(r.program.Path, r.program.Args...)
	command.Env = append(os.Environ(), r.program.Env...)
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	select {
	case <-r.stop:
		return nil, errors.New("asked to end")
	default:
	}
	err := command.Start()
	r.process = command.Process
	return command, err
}

// signal reaches the process of the moment; an error means that it is gone already.
func (r *running) signal(signal os.Signal) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	_ = r.process.Signal(signal)
}

// Stop asks the programs to end, the last started first, and kills what is left when the time is
// up. Each gets its turn before the next, as a store must outlive what writes to it.
func (g *Group) Stop(limit time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	for i := len(g.running) - 1; i >= 0; i-- {
		child := g.running[i]
		child.end()
		select {
		case <-child.done:
		case <-ctx.Done():
			child.signal(syscall.SIGKILL)
			<-child.done
		}
	}
}

// end lets nothing start any more and asks the process to end.
func (r *running) end() {
	r.mutex.Lock()
	close(r.stop)
	r.mutex.Unlock()
	r.signal(syscall.SIGTERM)
}
