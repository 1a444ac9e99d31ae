// Command soak tortures a cluster on this machine, as processes with real disks and
// synced logs: clients put, get, delete and scan keys that they share, while stores are
// killed, as kill -9 does, and started again. In the end all are killed at once. What the
// clients saw must be linearizable, which it is not if anything that was acknowledged is
// lost.
//
//	go run ./scripts/soak [--for 2m] [--seed 1]
//
// There are two kinds of clusters. One has a scheduler and five stores. Data is loaded
// until there are 50 regions. Then, besides the kills of stores and of the scheduler, one
// store loses its disk and a new one takes its place, one is added, and one is emptied
// and removed. In the end the cluster must come to rest: all regions have three peers
// that work, and serving stores have about the same number of them (demands.go).
//
// There is a bank, too: other clients, the tellers, move money between accounts, in
// transactions. They are processes, and are killed like the others. What they saw must be
// snapshot isolation, the sum of all accounts the same in each snapshot, and in the end no
// lock may be left (bank.go and teller.go, with protocol.go between them, and audit.go).
//
// The other kind, with --static, has three stores and no scheduler. Once, a follower
// loses all its data and comes back empty, with --rejoin.
//
// Exit codes: 0 all is well; 1 what the clients saw is impossible; 2 wrong usage; 3
// something else is wrong or unknown, for example because a store did not start, the
// cluster did not come to rest, the search for an order took too long, or the run was
// interrupted. After 1 and 3 the logs of all processes and the history of the clients are
// in out/soak; nothing else stays.
package main

import (
	"context"
	stderrors "errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/pingcap/errors"
	"github.com/spf13/cobra"

	"github.com/labkv/labkv/internal/program"
	"github.com/labkv/labkv/lab/check"
	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/grade"
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

	static            bool
	stores, regions   int
	tellers, accounts int
	settle            time.Duration
}

func main() {
	if os.Getenv(tellerVariable) != "" {
		// An interrupt from the terminal is for the soak, which ends its tellers.
		signal.Ignore(os.Interrupt)
		os.Exit(serveAsTeller())
	}
	// A reader of the output that has gone must not end this process without its
	// cluster.
	signal.Ignore(syscall.SIGPIPE)
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
		Short:         "Kill processes of a real cluster under load, and check what clients saw",
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !cmd.Flags().Changed("static") {
				o.static = unfinished("3")
			}
			if o.static || unfinished("4") {
				o.tellers = 0
			}
			if o.static {
				o.stores = 3
				if !cmd.Flags().Changed("for") {
					o.period = time.Minute
				}
			}
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
	flags.SortFlags = false
	flags.DurationVar(&o.period, "for", 2*time.Minute, "how long to kill stores, at least (with --static 1m)")
	flags.DurationVar(&o.pace, "every", time.Second, "`time` from one kill to the next")
	flags.IntVar(&o.clients, "clients", 12, "`number` of clients, 0 for the bank alone")
	flags.IntVar(&o.keys, "keys", 24, "`number` of keys that they share")
	flags.Float64Var(&o.rate, "rate", 40, "operations of one client per second, at most: the check looks for an order of all of them; a transaction counts for several")
	flags.IntVar(&o.maxLogEntries, "max-log-entries", 100, "`number` of entries that logs keep: few, so that a store that was away for a second needs a snapshot")
	flags.BoolVar(&o.static, "static", false, "three stores without a scheduler, as long as functions of project 3 are not written in any case")
	flags.IntVar(&o.stores, "stores", 5, "`number` of stores with a scheduler")
	flags.IntVar(&o.regions, "regions", 50, "`number` of regions that there are before the first kill, at least")
	flags.IntVar(&o.tellers, "tellers", 16, "`number` of processes that move money between accounts, 0 for no bank; with --static or as long as functions of project 4 are not written there is none in any case")
	flags.IntVar(&o.accounts, "accounts", 1000, "`number` of accounts")
	flags.DurationVar(&o.settle, "settle", 2*time.Minute, "how long the cluster may take for what it is to do by itself: to split, to replace a store, to come to rest")
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
	case o.period <= 0 || o.pace <= 0 || o.settle <= 0:
		return errors.New("--for, --every and --settle must be positive")
	case o.clients < 0 || o.tellers < 0 || o.clients+o.tellers == 0:
		return errors.New("--clients or --tellers must be positive, and neither negative; there are no tellers without a scheduler and project 4")
	case o.accounts < fewest:
		return errors.Errorf("--accounts %d is too few: money is moved between %d and more", o.accounts, fewest)
	case o.keys < 1 || o.rate <= 0 || o.maxLogEntries < 1 || o.regions < 1:
		return errors.New("--keys, --rate, --max-log-entries and --regions must be positive")
	case !o.static && o.stores <= replicas:
		return errors.Errorf("--stores %d is too few: to replace or to empty a store takes more than the %d copies of a region", o.stores, replicas)
	}
	return nil
}

// unfinished reports whether this is the tree of a student in which functions of a project
// are not written yet.
func unfinished(project string) bool {
	root, err := course.Find(".")
	if err != nil {
		return false
	}
	c, err := course.Load(root)
	if err == nil {
		c, err = c.Resolve()
	}
	return err == nil && grade.Unfinished(c, project)
}
