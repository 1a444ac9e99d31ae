// Command bench-kv measures a cluster of three stores on this machine, and a
// cluster of three etcd members under the same load: puts, and gets that are
// linearizable, of 16-byte keys and 128-byte values, by clients each of which
// sends its next request when it has the answer to the last.
//
//	go run ./scripts/bench-kv [--clients 1,16,64,256] [--for 5s] [--only labkv]
//
// It builds labkv-server from this tree, and finds etcd in the PATH (Debian and
// Ubuntu: apt-get install etcd-server). Clients talk to the leader. The two run
// one after the other, and share the machine with the load.
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/pingcap/errors"
	"github.com/spf13/cobra"
)

// A system is a cluster to be measured.
type system interface {
	name() string
	// start starts the cluster with its data below dir, and waits until it
	// serves.
	start(ctx context.Context, dir string) error
	// connect returns a connection to the leader.
	connect(ctx context.Context) (connection, error)
	stop()
}

// A connection serves several clients at a time.
type connection interface {
	put(ctx context.Context, key, value []byte) error
	// get returns the number of bytes of the value.
	get(ctx context.Context, key []byte) (int, error)
	close()
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var (
		clients []int
		period  time.Duration
		only    string
		dir     string
		profile bool
	)
	cmd := &cobra.Command{
		Use:           "bench-kv",
		Short:         "Measure LabKV, and etcd under the same load",
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return run(cmd.Context(), dir, clients, period, only, profile)
		},
	}
	cmd.Flags().IntSliceVar(&clients, "clients", []int{1, 16, 64, 256}, "numbers of concurrent `clients`, one measurement each")
	cmd.Flags().DurationVar(&period, "for", 5*time.Second, "how long to measure, each")
	cmd.Flags().StringVar(&only, "only", "", "measure one `system`: labkv or etcd")
	cmd.Flags().StringVar(&dir, "dir", "", "`directory` for the data, on the disk to be measured; removed in the end (default a temporary one)")
	cmd.Flags().BoolVar(&profile, "profile", false, "write CPU profiles of the leader's process to the working directory")
	if err := cmd.ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench-kv:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, dir string, clients []int, period time.Duration, only string, profile bool) error {
	dir, err := os.MkdirTemp(dir, "bench-kv-")
	if err != nil {
		return errors.Trace(err)
	}
	defer os.RemoveAll(dir)
	server := filepath.Join(dir, "labkv-server")
	build := exec.CommandContext(ctx, "go", "build", "-o", server, "./cmd/labkv-server")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return errors.Annotate(err, "cannot build labkv-server")
	}
	systems := []system{&labkv{server: server, profile: profile}, &etcd{}}

	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.AppendHeader(table.Row{"system", "clients", "operation", "per second", "p50", "p99"})
	t.SetColumnConfigs([]table.ColumnConfig{
		{Number: 4, Align: text.AlignRight}, {Number: 5, Align: text.AlignRight}, {Number: 6, Align: text.AlignRight},
	})
	for _, s := range systems {
		if only != "" && only != s.name() {
			continue
		}
		if err := measure(ctx, s, filepath.Join(dir, s.name()), clients, period, t); err != nil {
			return errors.Annotate(err, s.name())
		}
	}
	fmt.Println(t.Render())
	return nil
}

// measure adds the rows of one system to t.
func measure(ctx context.Context, s system, dir string, clients []int, period time.Duration, t table.Writer) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return errors.Trace(err)
	}
	defer s.stop()
	if err := s.start(ctx, dir); err != nil {
		return err
	}
	for _, op := range []operation{put, get} {
		for _, n := range clients {
			r, err := load(ctx, s, op, n, period)
			if err != nil {
				return errors.Annotatef(err, "%s by %d clients", op, n)
			}
			row := table.Row{s.name(), n, op, fmt.Sprintf("%.0f", r.perSecond()), r.quantile(0.5), r.quantile(0.99)}
			t.AppendRow(row)
			fmt.Fprintln(os.Stderr, strings.TrimSuffix(fmt.Sprintln(row...), "\n"))
		}
	}
	return nil
}
