// The syncer of the lab's vCluster: it keeps the contract of the vendor's program of that name and
// runs a real API server and controller manager. README.md says what it leaves out.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// stopLimit leaves a moment of the 15 seconds that the chart grants the pod.
const stopLimit = 12 * time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "FATAL", err)
		os.Exit(1)
	}
	slog.Info("ended as asked")
}
