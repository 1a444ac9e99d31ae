// Command soak tortures a cluster of three stores on this machine, as processes
// with real disks: clients read and write, and every second a store is killed, as
// kill -9 does, and started again. Once, a follower loses all its data and comes
// back empty. In the end all stores are killed at once. What the clients saw must be
// linearizable, which it is not if anything that was acknowledged is lost.
//
//	go run ./scripts/soak [--for 60s] [--seed 1]
package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/pingcap/errors"
	"github.com/spf13/cobra"

	"github.com/labkv/labkv/kv/client"
	"github.com/labkv/labkv/lab/check"
	"github.com/labkv/labkv/lab/cluster"
)

// options are the flags.
type options struct {
	period, pace  time.Duration
	clients, keys int
	seed          uint64
	dir           string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var o options
	cmd := &cobra.Command{
		Use:           "soak",
		Short:         "Kill stores of a real cluster while clients use it, and check what they saw",
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE:          func(cmd *cobra.Command, _ []string) error { return soak(cmd.Context(), &o) },
	}
	cmd.Flags().DurationVar(&o.period, "for", time.Minute, "how long to kill stores")
	cmd.Flags().DurationVar(&o.pace, "every", time.Second, "`time` from one kill to the next")
	cmd.Flags().IntVar(&o.clients, "clients", 8, "`number` of clients")
	cmd.Flags().IntVar(&o.keys, "keys", 64, "`number` of keys that they share")
	cmd.Flags().Uint64Var(&o.seed, "seed", 0, "`seed` of what is killed when (default a random one); the same seed does not give the same run")
	cmd.Flags().StringVar(&o.dir, "dir", "", "`directory` for data and logs, which stays (default a temporary one, which stays only after a failure)")
	if err := cmd.ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

func soak(ctx context.Context, o *options) (err error) {
	if o.seed == 0 {
		o.seed = rand.Uint64()
	}
	bin, err := os.MkdirTemp("", "soak-bin-")
	if err != nil {
		return errors.Trace(err)
	}
	defer os.RemoveAll(bin)
	server := filepath.Join(bin, "labkv-server")
	build := exec.CommandContext(ctx, "go", "build", "-o", server, "./cmd/labkv-server")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return errors.Annotate(err, "cannot build labkv-server")
	}
	dir := o.dir
	if dir == "" {
		if dir, err = os.MkdirTemp("", "soak-"); err != nil {
			return errors.Trace(err)
		}
		defer func() {
			if err != nil {
				err = errors.Annotatef(err, "data and logs are in %s", dir)
				return
			}
			os.RemoveAll(dir)
		}()
	}
	c, err := cluster.New(cluster.Config{
		Server: server, Dir: dir, Stores: 3,
		// Short logs, so that whoever was away for a second needs a snapshot.
		Args: []string{"--tick", "20ms", "--max-log-entries", "100"},
	})
	if err != nil {
		return err
	}
	defer c.Stop(10 * time.Second)
	if err := c.Start(); err != nil {
		return err
	}
	fmt.Printf("seed %d, data and logs in %s\n", o.seed, dir)
	return run(ctx, o, c)
}

func run(ctx context.Context, o *options, c *cluster.Cluster) error {
	history := &check.History{}
	begin := time.Now()
	now := func() time.Duration { return time.Since(begin) }

	if err := serves(ctx, c); err != nil {
		return err
	}
	working, done := context.WithCancel(ctx)
	defer done()
	var clients sync.WaitGroup
	defer clients.Wait()
	defer done()
	for i := range o.clients {
		w, err := newWorker(c, history.Recorder(i+1, now), o, i)
		if err != nil {
			return err
		}
		clients.Go(func() {
			defer w.client.Close()
			w.work(working)
		})
	}

	n := &nemesis{cluster: c, rng: rand.New(rand.NewPCG(o.seed, 0)), pace: o.pace}
	if err := n.killFor(ctx, o.period/2); err != nil {
		return err
	}
	if err := n.wipeFollower(ctx); err != nil {
		return err
	}
	if err := n.killFor(ctx, o.period/2); err != nil {
		return err
	}
	done()
	clients.Wait()
	// Whatever is not on disk by now is gone.
	for _, s := range c.Stores() {
		s.Kill()
	}
	if err := c.Start(); err != nil {
		return err
	}
	last, err := newWorker(c, history.Recorder(0, now), o, o.clients)
	if err != nil {
		return err
	}
	defer last.client.Close()
	for i := range o.keys {
		if err := last.read(ctx, keyName(i), 30*time.Second); err != nil {
			return errors.Annotatef(err, "key %s cannot be read after the last restart", keyName(i))
		}
	}

	ops := history.Operations()
	unknown := 0
	for _, op := range ops {
		if op.Unknown() {
			unknown++
		}
	}
	fmt.Printf("%d operations, %d of them with unknown outcome; %d kills, %d snapshots received, 1 store wiped and back; %.0fs\n",
		len(ops), unknown, n.kills, countInLogs(c, `msg="received a snapshot"`), now().Seconds())
	if len(ops) < 10*o.clients {
		return errors.New("the clients hardly got to do anything: nothing is shown")
	}
	if err := check.Linearizable(history, 2*time.Minute); err != nil {
		return err
	}
	fmt.Println("linearizable: nothing that was acknowledged is lost")
	return nil
}

func keyName(i int) string { return fmt.Sprintf("key-%03d", i) }

// serves waits until a client gets an answer.
func serves(ctx context.Context, c *cluster.Cluster) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	raw, err := client.NewRaw(client.Config{Addrs: c.Addrs()})
	if err != nil {
		return err
	}
	defer raw.Close()
	_, _, err = raw.Get(ctx, "", []byte(keyName(0)))
	return errors.Annotate(err, "the cluster does not serve")
}

// countInLogs returns the number of lines with that text in all logs.
func countInLogs(c *cluster.Cluster, text string) int {
	n := 0
	for _, s := range c.Stores() {
		log, err := os.ReadFile(s.Log)
		if err == nil {
			n += strings.Count(string(log), text)
		}
	}
	return n
}
