package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/lab/check"
	"github.com/labkv/labkv/lab/cluster"
)

const serverPackage = "github.com/labkv/labkv/cmd/labkv-server"

// tick is short, so that elections are short.
const tick = 20 * time.Millisecond

// undecidedAfter bounds the search for an order of the operations on one key.
const undecidedAfter = 2 * time.Minute

// soak builds the server, runs a cluster of it in a temporary directory, and
// prints the result.
func soak(ctx context.Context, o *options, out io.Writer) (err error) {
	if o.seed == 0 {
		o.seed = rand.Uint64()
	}
	dir, err := os.MkdirTemp("", "soak-")
	if err != nil {
		return errors.Trace(err)
	}
	defer os.RemoveAll(dir)
	if err := cluster.Build(ctx, "", dir, serverPackage); err != nil {
		return err
	}
	c, err := cluster.New(cluster.Config{
		Server: filepath.Join(dir, "labkv-server"), Dir: filepath.Join(dir, "data"), Stores: 3,
		Args: []string{"--tick", tick.String(), "--max-log-entries", fmt.Sprint(o.maxLogEntries)},
	})
	if err != nil {
		return err
	}
	t := newTrial(o, c, out)
	defer func() {
		c.Stop(10 * time.Second)
		if err != nil && ctx.Err() == nil {
			if keepErr := t.keep(); keepErr != nil {
				err = errors.Annotatef(err, "(and the logs could not be kept: %v)", keepErr)
			}
		}
	}()
	fmt.Fprintf(out, "seed %d: 3 stores, %d clients on %d keys, a kill every %s for %s\n", o.seed, o.clients, o.keys, o.pace, o.period)
	return t.run(ctx)
}

// A trial is one soak of a cluster.
type trial struct {
	*options
	cluster *cluster.Cluster
	out     io.Writer
	history *check.History
	pauses  pauses
	writes  atomic.Int64 // acknowledged
	begin   time.Time
}

func newTrial(o *options, c *cluster.Cluster, out io.Writer) *trial {
	return &trial{options: o, cluster: c, out: out, history: &check.History{}, begin: time.Now()}
}

func (t *trial) run(ctx context.Context) error {
	if err := t.cluster.Start(); err != nil {
		return err
	}
	if err := t.serves(ctx); err != nil {
		return err
	}
	n := &nemesis{trial: t, rng: rand.New(rand.NewPCG(t.seed, 0))}
	if err := t.torture(ctx, n); err != nil {
		return err
	}
	// Data that are not on disk by now are lost.
	for _, s := range t.cluster.Stores() {
		if err := n.kill(s); err != nil {
			return err
		}
	}
	if err := t.cluster.Start(); err != nil {
		return err
	}
	if err := t.readAll(ctx); err != nil {
		return err
	}

	ops := t.history.Operations()
	counts, unknown := map[check.Op]int{}, 0
	for _, op := range ops {
		counts[op.Op]++
		if op.Unknown() {
			unknown++
		}
	}
	fmt.Fprintf(t.out, "operations:          %d (%d puts, %d gets, %d deletes, %d scans; of %d the outcome is unknown)\n",
		len(ops), counts[check.Put], counts[check.Get], counts[check.Delete], counts[check.Scan], unknown)
	fmt.Fprintf(t.out, "kills:               %d\n", n.kills)
	fmt.Fprintf(t.out, "snapshots received:  %d, one of them by a store that had lost its data\n", t.countInLogs(`msg="received a snapshot"`))
	fmt.Fprintf(t.out, "longest pause:       %s in which no client got an answer\n", t.pauses.longest.Round(time.Millisecond))
	if len(ops) < 10*t.clients {
		return errors.New("the clients did hardly anything, so this run shows nothing")
	}
	begin := time.Now()
	if err := check.Linearizable(t.history, undecidedAfter); err != nil {
		return err
	}
	fmt.Fprintf(t.out, "linearizable:        yes, and nothing that was acknowledged is lost (found in %s)\n", time.Since(begin).Round(time.Millisecond))
	return nil
}

// torture runs clients and the nemesis at the same time.
func (t *trial) torture(ctx context.Context, n *nemesis) error {
	working, done := context.WithCancel(ctx)
	var clients sync.WaitGroup
	defer clients.Wait()
	defer done()
	t.pauses.begin()
	for id := 1; id <= t.clients; id++ {
		w, err := t.newWorker(id)
		if err != nil {
			return err
		}
		clients.Go(func() {
			defer w.client.Close()
			w.work(working)
		})
	}
	if err := n.killFor(ctx, t.period/2); err != nil {
		return err
	}
	if err := n.wipeFollower(ctx); err != nil {
		return err
	}
	err := n.killFor(ctx, t.period/2)
	t.pauses.end()
	return err
}

// serves waits until a client gets an answer, or a store ends by itself.
func (t *trial) serves(ctx context.Context) error {
	w, err := t.newWorker(0)
	if err != nil {
		return err
	}
	defer w.client.Close()
	ctx, giveUp := context.WithCancel(ctx)
	defer giveUp()
	for _, s := range t.cluster.Stores() {
		exited := s.Exited()
		go func() {
			select {
			case <-exited:
				giveUp()
			case <-ctx.Done():
			}
		}()
	}
	err = w.get(ctx, keyName(0), electionPatience)
	for _, s := range t.cluster.Stores() {
		if !s.Running() {
			return errors.Errorf("store %d has ended, and said last: %s", s.ID, s.LastWords())
		}
	}
	return errors.Annotate(err, "the cluster does not serve")
}

// readAll reads all keys, so that the history shows what was acknowledged and is lost.
func (t *trial) readAll(ctx context.Context) error {
	w, err := t.newWorker(0)
	if err != nil {
		return err
	}
	defer w.client.Close()
	for i := range t.keys {
		if err := w.get(ctx, keyName(i), electionPatience); err != nil {
			return errors.Annotatef(err, "%s cannot be read after the last restart", keyName(i))
		}
	}
	return nil
}

// electionPatience is how long stores may take to start and to elect a leader, on a
// busy machine.
const electionPatience = 30 * time.Second

// countInLogs returns the number of lines with that text in all logs.
func (t *trial) countInLogs(text string) int {
	n := 0
	for _, s := range t.cluster.Stores() {
		n += strings.Count(logOf(s), text)
	}
	return n
}

// keep copies what is needed to find out what went wrong to a place that stays.
func (t *trial) keep() error {
	if err := os.MkdirAll(t.options.out, 0o755); err != nil {
		return errors.Trace(err)
	}
	files := map[string]string{}
	for _, s := range t.cluster.Stores() {
		files[filepath.Base(s.Log)] = logOf(s)
	}
	var history strings.Builder
	for _, op := range t.history.Operations() {
		fmt.Fprintln(&history, op)
	}
	files["history.txt"] = history.String()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(t.options.out, name), []byte(text), 0o644); err != nil {
			return errors.Trace(err)
		}
	}
	fmt.Fprintf(t.out, "logs and history are in %s\n", t.options.out)
	return nil
}

// pauses measures the longest time in which no client got an answer.
type pauses struct {
	mu      sync.Mutex
	last    time.Time // of an answer
	longest time.Duration
	over    bool
}

// begin starts the measurement.
func (p *pauses) begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last, p.longest = time.Now(), 0
}

func (p *pauses) answered() {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if !p.over {
		p.longest = max(p.longest, now.Sub(p.last))
	}
	p.last = now
}

// end ends the measurement.
func (p *pauses) end() {
	p.answered() // counts the pause that has not ended
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = true
}
