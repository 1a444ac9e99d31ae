package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/labkv/labkv/lab/cluster"
	"github.com/labkv/labkv/lab/course"
	"github.com/spf13/cobra"
)

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

The data are in a temporary directory that is removed in the end, or in --dir,
where the same cluster goes on the next time.`,
		Example: `  lab cluster
  lab cluster --dir data --stores 5`,
		Args: cobra.NoArgs,
	}
	cmd.Flags().IntVar(&stores, "stores", 3, "`number` of stores of a new cluster")
	cmd.Flags().StringVar(&dir, "dir", "", "`directory` for the data, which stays (default a temporary one)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if stores < 1 || stores > 9 {
			return usageError{fmt.Errorf("--stores %d is not between 1 and 9", stores)}
		}
		return ran(func(cmd *cobra.Command, _ []string) error { return a.runCluster(cmd, stores, dir) })(cmd, args)
	}
	return cmd
}

func (a *app) runCluster(cmd *cobra.Command, stores int, dir string) error {
	ctx := cmd.Context()
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
	defer c.Stop(15 * time.Second)
	if err := c.Start(); err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	for _, s := range c.Stores() {
		fmt.Fprintf(out, "store %d at %s, log in %s\n", s.ID, s.Addr, s.Log)
	}
	fmt.Fprintf(out, "\nTry it, in another terminal:\n\n  %s raw put key value --addr %s\n\nCtrl-C stops all.\n",
		filepath.Join(bin, "labkv-ctl"), strings.Join(c.Addrs(), ","))

	// A store that ends by itself could not start, or is broken; either way
	// there is no use in going on as if nothing had happened.
	ended := make(chan *cluster.Store, len(c.Stores()))
	for _, s := range c.Stores() {
		go func() {
			<-s.Exited()
			ended <- s
		}()
	}
	select {
	case <-ctx.Done():
		fmt.Fprintln(out, "stopping")
		return nil
	case s := <-ended:
		return errors.New(lastWords(s))
	}
}

// lastWords says why a store has ended.
func lastWords(s *cluster.Store) string {
	text, err := os.ReadFile(s.Log)
	if err != nil {
		return fmt.Sprintf("store %d has ended: %v", s.ID, err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return fmt.Sprintf("store %d has ended: %s", s.ID, lines[len(lines)-1])
}
