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

	"github.com/spf13/cobra"

	"github.com/labkv/labkv/lab/cluster"
	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/grade"
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
		static bool
		status string
		split  uint64
	)
	cmd := &cobra.Command{
		Use:   "cluster",
		Short: "run a real cluster on this machine",
		Long: `Builds the programs from the tree and runs a cluster of them on this machine, as
processes with real disks: a scheduler, and stores that join it. It runs until an
interrupt (Ctrl-C). It needs a C compiler.

As long as functions of project 3 are not written, there is no scheduler, and each
store has all keys. --static makes such a cluster in any case.

A process that ends is reported, and started again after 5 seconds: kill a store, or
two, and watch the others. A page in the browser shows the stores, the regions and
what happens, and has buttons to kill, pause and restart processes; its address is
printed.

The programs are kept in the user's cache directory. The data is in a temporary directory that is removed at
the end, or in --dir, where the same cluster goes on the next time.`,
		Example: `  lab cluster
  lab cluster --dir data --stores 5
  lab cluster --split-size 100000`,
		Args: cobra.NoArgs,
	}
	cmd.Flags().IntVar(&stores, "stores", 3, "`number` of stores of a new cluster")
	cmd.Flags().StringVar(&dir, "dir", "", "`directory` for the data, which is kept (default a temporary one)")
	cmd.Flags().BoolVar(&static, "static", false, "a new cluster has no scheduler: all stores are known from the beginning")
	cmd.Flags().Uint64Var(&split, "split-size", 0, "size in `bytes` from which on a region is split, with a scheduler: a small one shows splits and moves soon (default that of labkv-server)")
	cmd.Flags().StringVar(&status, "status", "127.0.0.1:0", "`host:port` of this machine (a loopback address) for the page that shows the cluster; off for none")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if stores < 1 || stores > 9 {
			return usageError{fmt.Errorf("--stores %d is not between 1 and 9", stores)}
		}
		if err := checkStatus(status); err != nil {
			return usageError{err}
		}
		return ran(func(cmd *cobra.Command, _ []string) error {
			return a.runCluster(cmd, stores, dir, static, status, split)
		})(cmd, args)
	}
	return cmd
}

func (a *app) runCluster(cmd *cobra.Command, stores int, dir string, static bool, status string, split uint64) error {
	// A reader of the output that has gone must not end this process without its
	// stores.
	ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGPIPE)
	defer stop()
	root, err := course.Find(a.directory)
	if err != nil {
		return err
	}
	if dir == "" {
		dir, err = os.MkdirTemp("", "lab-cluster-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	}
	bin, err := programsOf(root)
	if err != nil {
		return err
	}
	if err := cluster.Build(ctx, root, bin, "./cmd/labkv-server", "./cmd/labkv-scheduler", "./cmd/labkv-ctl"); err != nil {
		return err
	}
	config := cluster.Config{Server: filepath.Join(bin, "labkv-server"), Scheduler: filepath.Join(bin, "labkv-scheduler"), Dir: dir, Stores: stores}
	if !static {
		static, err = a.schedulerMissing()
		if err != nil {
			return err
		}
	}
	if static && !cluster.Scheduled(dir) {
		config.Scheduler = ""
	}
	if split > 0 {
		config.Args = []string{"--split-size", fmt.Sprint(split)}
	}
	c, err := cluster.New(config)
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	var page *statusPage
	if status != statusOff {
		// Without its address there is no reason to start processes.
		if page, err = listen(status); err != nil {
			return err
		}
		defer page.close("it did not start")
	}
	defer c.Stop(stopGrace)
	if err := c.Start(); err != nil {
		return err
	}
	introduce(out, c, filepath.Join(bin, "labkv-ctl"), page)
	s := c.Supervisor(restarts, func(e cluster.Event) { fmt.Fprintln(out, describe(e)) })
	if page != nil {
		if err := page.serve(c, s); err != nil {
			return err
		}
	}
	err = s.Run(ctx)
	if page != nil {
		reason := "it was stopped"
		if err != nil {
			reason = err.Error()
		}
		page.close(reason) // before the stores are stopped, which would look like their end
	}
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

// schedulerMissing reports whether functions of project 3 are not written yet.
func (a *app) schedulerMissing() (bool, error) {
	c, err := a.course()
	if err != nil {
		return false, err
	}
	return grade.Unfinished(c, "3"), nil
}

// introduce says which processes there are, and what to do with them.
func introduce(out io.Writer, c *cluster.Cluster, ctl string, page *statusPage) {
	where := "--addr " + strings.Join(c.Addrs(), ",")
	look := []string{"status " + where}
	if s := c.Scheduler(); s != nil {
		where = "--scheduler " + s.Addr
		look = []string{"stores " + where, "regions " + where, "operators " + where}
		fmt.Fprintf(out, "%s at %s, process %d, log in %s\n", s.Name, s.Addr, s.Process(), s.Log)
	}
	for _, s := range c.Stores() {
		fmt.Fprintf(out, "%s at %s, process %d, log in %s\n", s.Name, s.Addr, s.Process(), s.Log)
	}
	if c.Scheduler() != nil {
		fmt.Fprintln(out, "\nEach server has one store. The scheduler gives stores their ids: the listing of stores has them, with the addresses.")
	}
	if page != nil {
		fmt.Fprintf(out, "\nWatch it, in a browser:\n\n  %s\n", page.url())
	}
	fmt.Fprintf(out, "\nTry it, in another terminal:\n\n  %s raw put key value %s\n", ctl, where)
	for _, command := range look {
		fmt.Fprintf(out, "  %s %s\n", ctl, command)
	}
	first := c.Stores()[0]
	fmt.Fprintf(out, "\nKill %s (kill -9 %d) and it comes back after %s. Ctrl-C stops all.\n", first.Name, first.Process(), restarts.After)
}

// describe returns an event as text.
func describe(e cluster.Event) string {
	if e.Ended == "" {
		return fmt.Sprintf("%s runs again, process %d", e.Member.Name, e.Process)
	}
	if e.Missing != "" {
		return fmt.Sprintf("%s has ended, and is not started again: %s", e.Member.Name, e.Missing)
	}
	if e.Pause == 0 {
		return fmt.Sprintf("%s has ended (%s), as was asked for; it is started again on request", e.Member.Name, e.Ended)
	}
	line := fmt.Sprintf("%s has ended (%s), log in %s; it is started again in %s", e.Member.Name, e.Ended, e.Member.Log, e.Pause)
	if !e.Killed {
		line += "\n  it said: " + e.Member.LastWords()
	}
	return line
}
