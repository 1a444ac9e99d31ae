// Command bench-kv measures a cluster of three stores on this machine beside a
// cluster of three etcd members: puts, gets that are linearizable, and transactions,
// of 16-byte keys and 128-byte values, by clients each of which sends its next
// request when it has the answer to the last. Both sync their logs before they
// acknowledge a put.
//
//	go run ./scripts/bench-kv [--operations put,get,read-1,write-1,write-5] [--clients 1,16,64,256] [--regions 1,16,256] [--rounds 5] [--for 2s] [--pause 5ms] [--only labkv]
//
// A transaction of LabKV gets a timestamp, reads, writes and commits. One of etcd reads
// its keys, and then puts them on condition that their revisions are those that it has
// read.
//
// It builds labkv-server and labkv-scheduler from this tree, and finds etcd in
// the PATH; without etcd it measures LabKV alone. There is a cluster of LabKV
// for each number of regions: the keys are spread over the regions before the
// first round. Clients talk to leaders, through gRPC. All clusters run all the
// time and are under load in turn, in short rounds, so that other work of the
// machine slows down all alike: each pair of rounds gives a ratio, and the
// median of the ratios counts. CPU is the processor time of all three members,
// and of LabKV's scheduler, for one request.
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"time"

	"github.com/pingcap/errors"
	"github.com/spf13/cobra"

	"github.com/labkv/labkv/internal/program"
	"github.com/labkv/labkv/lab/cluster"
)

// members is the number of stores, or members of etcd, of a cluster.
const members = 3

// A system is a cluster to be measured.
type system interface {
	name() string
	// start starts the cluster with its data below dir, and waits until it
	// serves.
	start(ctx context.Context, dir string) error
	// findLeader finds out which member leads now: connect connects to it.
	findLeader(ctx context.Context) error
	connect() (connection, error)
	// processes returns the process ids of all members.
	processes() []int
	stop()
}

// A connection serves several clients at a time.
type connection interface {
	put(ctx context.Context, key, value []byte) error
	// get returns the number of bytes of the value.
	get(ctx context.Context, key []byte) (int, error)
	// read reads keys in a transaction.
	read(ctx context.Context, keys [][]byte) error
	// update sets keys to value in a transaction that has read them, and begins again if
	// one of them has changed since.
	update(ctx context.Context, keys [][]byte, value []byte) error
	close()
}

// options are the flags.
type options struct {
	names    []string
	clients  []int
	regions  []int
	rounds   int
	period   time.Duration
	pause    time.Duration
	only     string
	dir      string
	profiles string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), program.Signals()...)
	var o options
	cmd := &cobra.Command{
		Use:           "bench-kv",
		Short:         "Measure LabKV, and etcd beside it",
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE:          func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), &o) },
	}
	var all []string
	for _, op := range operations {
		all = append(all, op.name)
	}
	cmd.Flags().StringSliceVar(&o.names, "operations", all, "`operations`, one row of the table for each number of clients: put and get are raw, the others are transactions")
	cmd.Flags().IntSliceVar(&o.clients, "clients", []int{1, 16, 64, 256}, "numbers of concurrent `clients`, one row of the table each")
	cmd.Flags().IntSliceVar(&o.regions, "regions", []int{1, 16, 256}, "numbers of `regions` of LabKV, one line of each row each")
	cmd.Flags().IntVar(&o.rounds, "rounds", 5, "`number` of rounds for each row")
	cmd.Flags().DurationVar(&o.period, "for", 2*time.Second, "how long to measure in a round")
	cmd.Flags().DurationVar(&o.pause, "pause", 0, "how long each client does nothing after each operation")
	cmd.Flags().StringVar(&o.only, "only", "", "measure one `system`: labkv or etcd")
	cmd.Flags().StringVar(&o.dir, "dir", "", "`directory` for the data, on the disk to be measured; what is put there is removed at the end (default a temporary one)")
	cmd.Flags().StringVar(&o.profiles, "profiles", "", "`directory` for CPU profiles of LabKV's stores, made in an extra round of each row")
	err := cmd.ExecuteContext(ctx)
	if ctx.Err() != nil {
		err = errors.New("interrupted") // the error is a consequence of it
	}
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-kv:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o *options) error {
	if o.rounds < 1 || o.period <= 0 {
		return errors.New("--rounds and --for must be positive")
	}
	if o.pause < 0 {
		return errors.New("--pause must not be negative")
	}
	for _, n := range o.clients {
		if n < 1 {
			return errors.Errorf("--clients %d is not positive", n)
		}
	}
	for _, n := range o.regions {
		if n < 1 || n > keys {
			return errors.Errorf("--regions %d is not between 1 and the number of keys, %d", n, keys)
		}
	}
	slices.Sort(o.regions)
	o.regions = slices.Compact(o.regions)
	if len(o.clients) == 0 || len(o.regions) == 0 {
		return errors.New("--clients and --regions must not be empty")
	}
	var chosen []operation
	for _, name := range o.names {
		i := slices.IndexFunc(operations, func(op operation) bool { return op.name == name })
		if i < 0 {
			return errors.Errorf("--operations %s is none of %v", name, operations)
		}
		chosen = append(chosen, operations[i])
	}
	names, err := o.systems()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(o.dir, "bench-kv-")
	if err != nil {
		return errors.Trace(err)
	}
	defer os.RemoveAll(dir)

	var systems []system
	for _, name := range names {
		if name == "etcd" {
			systems = append(systems, &etcd{})
			continue
		}
		if err := cluster.Build(ctx, "", dir, "github.com/labkv/labkv/cmd/labkv-server", "github.com/labkv/labkv/cmd/labkv-scheduler"); err != nil {
			return err
		}
		for _, n := range o.regions {
			systems = append(systems, &labkv{bin: dir, regions: n, profiles: o.profiles})
		}
	}
	for i, s := range systems {
		data := filepath.Join(dir, fmt.Sprintf("system-%d", i+1))
		if err := os.Mkdir(data, 0o755); err != nil {
			return errors.Trace(err)
		}
		defer s.stop()
		if err := s.start(ctx, data); err != nil {
			return errors.Annotate(err, s.name())
		}
	}
	b := &board{}
	for _, op := range chosen {
		for _, n := range o.clients {
			if err := b.measure(ctx, systems, op, n, o); err != nil {
				return err
			}
		}
	}
	b.print(os.Stdout, o.regions)
	return nil
}

// systems returns the names of the systems to measure. Without etcd that is
// LabKV alone.
func (o *options) systems() ([]string, error) {
	const howToGet = "etcd is not in the PATH (Debian and Ubuntu: apt-get install etcd-server; others: https://etcd.io/docs/latest/install)"
	_, missing := exec.LookPath("etcd")
	switch o.only {
	case "labkv":
		return []string{"labkv"}, nil
	case "etcd":
		if missing != nil {
			return nil, errors.New(howToGet)
		}
		return []string{"etcd"}, nil
	case "":
		if missing != nil {
			fmt.Fprintln(os.Stderr, howToGet+": measuring LabKV alone")
			return []string{"labkv"}, nil
		}
		return []string{"labkv", "etcd"}, nil
	}
	return nil, errors.Errorf("--only %s is neither labkv nor etcd", o.only)
}
