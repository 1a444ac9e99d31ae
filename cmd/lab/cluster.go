package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/labkv/labkv/lab/cluster"
	"github.com/labkv/labkv/lab/course"
	"github.com/spf13/cobra"
)

// restarts leaves a store away for long enough to see what the others do without it:
// they elect a leader within about two seconds.
var restarts = cluster.Restarts{After: 5 * time.Second, AtMost: time.Minute}

// stopGrace is how long a store may take to stop before it is killed. It is more than
// the store itself gives its calls.
const stopGrace = 15 * time.Second

func (a *app) clusterCommand() *cobra.Command {
	var (
		stores int
		dir    string
	)
	cmd := &cobra.Command{
		Use:   "cluster",
		Short: "run a real cluster on this machine",
		Long: `Builds labkv-server from the tree and runs a cluster of it on this machine, as
processes with real disks, until an interrupt (Ctrl-C). It needs a C compiler.

A store that ends is reported, and started again after 5 seconds: kill one, or two,
and watch the others.

The data is in a temporary directory that is removed at the end, or in --dir,
where the same cluster goes on the next time.`,
		Example: `  lab cluster
  lab cluster --dir data --stores 5`,
		Args: cobra.NoArgs,
	}
	cmd.Flags().IntVar(&stores, "stores", 3, "`number` of stores of a new cluster")
	cmd.Flags().StringVar(&dir, "dir", "", "`directory` for the data, which is kept (default a temporary one)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if stores < 1 || stores > 9 {
			return usageError{fmt.Errorf("--stores %d is not between 1 and 9", stores)}
		}
		return ran(func(cmd *cobra.Command, _ []string) error { return a.runCluster(cmd, stores, dir) })(cmd, args)
	}
	return cmd
}

func (a *app) runCluster(cmd *cobra.Command, stores int, dir string) error {
	// A reader of the output that has gone must not end this process without its
	// stores.
	ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGPIPE)
	defer stop()
	root, err := course.Find(a.directory)
	if err != nil {
		return err
	}
	temporary, err := os.MkdirTemp("", "lab-cluster-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temporary)
	if dir == "" {
		dir = filepath.Join(temporary, "data")
	}
	bin := filepath.Join(temporary, "bin")
	if err := cluster.Build(ctx, root, bin, "./cmd/labkv-server", "./cmd/labkv-ctl"); err != nil {
		return err
	}
	c, err := cluster.New(cluster.Config{Server: filepath.Join(bin, "labkv-server"), Dir: dir, Stores: stores})
	if err != nil {
		return err
	}
	defer c.Stop(stopGrace)
	if err := c.Start(); err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	introduce(out, c, filepath.Join(bin, "labkv-ctl"))
	err = c.Supervise(ctx, restarts, func(e cluster.Event) { fmt.Fprintln(out, describe(e)) })
	var unfinished *cluster.UnfinishedError
	if errors.As(err, &unfinished) {
		fmt.Fprintf(os.Stderr, "lab: %v\n", unfinished)
		return exit{exitFailed}
	}
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "stopping")
	return nil
}

// introduce says which stores there are, and what to do with them.
func introduce(out io.Writer, c *cluster.Cluster, ctl string) {
	for _, s := range c.Stores() {
		fmt.Fprintf(out, "store %d at %s, process %d, log in %s\n", s.ID, s.Addr, s.Process(), s.Log)
	}
	fmt.Fprintf(out, `
Try it, in another terminal:

  %[1]s raw put key value --addr %[2]s
  %[1]s status --addr %[2]s

Kill a store (kill -9 %[3]d) and it comes back after %[4]s. Ctrl-C stops all.
`, ctl, strings.Join(c.Addrs(), ","), c.Stores()[0].Process(), restarts.After)
}

// describe returns an event as text.
func describe(e cluster.Event) string {
	if e.Ended == "" {
		return fmt.Sprintf("store %d runs again, process %d", e.Store.ID, e.Process)
	}
	line := fmt.Sprintf("store %d has ended (%s), log in %s; it is started again in %s", e.Store.ID, e.Ended, e.Store.Log, e.Pause)
	if !e.Killed {
		line += "\n  it said: " + e.Store.LastWords()
	}
	return line
}
