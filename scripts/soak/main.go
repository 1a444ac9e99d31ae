// Command soak tortures a cluster of three stores on this machine, as processes with
// real disks and synced logs: clients put, get, delete and scan keys that they share,
// and every second a store is killed, as kill -9 does, and started again. Once, a
// follower loses all its data and comes back empty, with --rejoin. In the end all
// stores are killed at once. What the clients saw must be linearizable, which it is
// not if anything that was acknowledged is lost.
//
//	go run ./scripts/soak [--for 60s] [--seed 1]
//
// Exit codes: 0 all is well; 1 what the clients saw is impossible; 2 wrong usage; 3 it
// is unknown, for example because a store did not start, the search for an order took
// too long, or the run was interrupted. After 1 and 3 the logs of the stores and the
// history of the clients are in out/soak; nothing else stays.
package main

import (
	"context"
	stderrors "errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/pingcap/errors"
	"github.com/spf13/cobra"

	"github.com/labkv/labkv/internal/program"
	"github.com/labkv/labkv/lab/check"
)

// Exit codes.
const (
	exitViolation = 1
	exitUsage     = 2
	exitFailed    = 3
)

// options are the flags.
type options struct {
	period, pace  time.Duration
	clients, keys int
	rate          float64
	maxLogEntries int
	seed          uint64
	out           string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), program.Signals()...)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is main with its surroundings as parameters. It returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var o options
	asked := false
	cmd := &cobra.Command{
		Use:           "soak",
		Short:         "Kill stores of a real cluster under load, and check what clients saw",
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return err
			}
			asked = true
			return soak(cmd.Context(), &o, stdout)
		},
	}
	cmd.SetArgs(args)
	cmd.SetOut(stdout)
	flags := cmd.Flags()
	flags.DurationVar(&o.period, "for", time.Minute, "how long to kill stores")
	flags.DurationVar(&o.pace, "every", time.Second, "`time` from one kill to the next")
	flags.IntVar(&o.clients, "clients", 12, "`number` of clients")
	flags.IntVar(&o.keys, "keys", 24, "`number` of keys that they share")
	flags.Float64Var(&o.rate, "rate", 40, "operations of one client per second, at most: the check looks for an order of all of them")
	flags.IntVar(&o.maxLogEntries, "max-log-entries", 100, "`number` of entries that logs keep: few, so that a store that was away for a second needs a snapshot")
	flags.Uint64Var(&o.seed, "seed", 0, "`seed` of what is killed when (default a random one); the same seed does not give the same run")
	flags.StringVar(&o.out, "out", "out/soak", "`directory` for logs and history if something is wrong")
	err := cmd.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if ctx.Err() != nil {
		err = errInterrupted // the error is a consequence of it
	}
	fmt.Fprintln(stderr, "soak:", err)
	var violation *check.Violation
	switch {
	case !asked:
		return exitUsage
	case stderrors.As(err, &violation) && !violation.Undecided:
		return exitViolation
	}
	return exitFailed
}

func (o *options) check() error {
	switch {
	case o.period <= 0 || o.pace <= 0:
		return errors.New("--for and --every must be positive")
	case o.clients < 1 || o.keys < 1 || o.rate <= 0 || o.maxLogEntries < 1:
		return errors.New("--clients, --keys, --rate and --max-log-entries must be positive")
	}
	return nil
}
