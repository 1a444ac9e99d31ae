package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/lab/cluster"
)

// staticTick is short, so that elections are short.
const staticTick = 20 * time.Millisecond

// newStatic returns the soak of a cluster whose stores are all known from the beginning.
func newStatic(o *options, dir string, out io.Writer) (*trial, error) {
	c, err := cluster.New(cluster.Config{
		Server: filepath.Join(dir, "labkv-server"), Dir: filepath.Join(dir, "data"), Stores: o.stores,
		Args: []string{"--tick", staticTick.String(), "--max-log-entries", fmt.Sprint(o.maxLogEntries)},
	})
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(out, "seed %d: %d stores, %d clients on %d keys, a kill every %s for %s\n", o.seed, o.stores, o.clients, o.keys, o.pace, o.period)
	return newTrial(o, c, out), nil
}

// tortureStatic kills stores, and in between takes its data from one.
func (n *nemesis) tortureStatic(ctx context.Context) error {
	if err := n.killFor(ctx, n.period/2); err != nil {
		return err
	}
	if err := n.wipeFollower(ctx); err != nil {
		return err
	}
	return n.killFor(ctx, n.period/2)
}

// wipeFollower removes all data of a store that does not lead, and starts it again with
// --rejoin. As the rule for that demands, both others have all that it has ever
// acknowledged: they have acknowledged a write without it. And no store is killed until
// it has caught up.
func (n *nemesis) wipeFollower(ctx context.Context) error {
	w, err := n.newWorker(n.clients + 1)
	if err != nil {
		return err
	}
	defer w.client.Close()
	if err := n.outgrowLogs(ctx, w); err != nil {
		return err
	}
	begin := time.Now()
	s, err := n.follower(ctx, w)
	if err != nil {
		return err
	}
	if err := n.kill(s); err != nil {
		return err
	}
	for end := time.Now().Add(electionPatience); !w.put(ctx, keyName(0)); {
		if ctx.Err() != nil {
			return errInterrupted
		}
		if time.Now().After(end) {
			return errors.Errorf("nothing could be written without store %d within %s", s.ID, electionPatience)
		}
	}
	if err := s.Wipe(); err != nil {
		return err
	}
	before := strings.Count(logOf(s), tookOver)
	if err := s.Start("--rejoin"); err != nil {
		return err
	}
	for end := time.Now().Add(electionPatience); strings.Count(logOf(s), tookOver) == before; {
		switch {
		case !s.Running():
			return errors.Errorf("store %d could not rejoin: %s", s.ID, s.LastWords())
		case time.Now().After(end):
			return errors.Errorf("store %d has lost its data and has not caught up within %s", s.ID, electionPatience)
		}
		if err := sleep(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
	fmt.Fprintf(n.out, "store %d has lost its data, and is back by a snapshot after %s\n", s.ID, time.Since(begin).Round(time.Millisecond))
	return nil
}

// follower returns a store that does not lead, drawn from the seed.
func (n *nemesis) follower(ctx context.Context, w *worker) (*cluster.Member, error) {
	ctx, cancel := context.WithTimeout(ctx, electionPatience)
	defer cancel()
	leader, err := w.client.Leader(ctx, []byte(keyName(0)))
	if err != nil {
		return nil, errors.Annotatef(err, "no store leads after %s", electionPatience)
	}
	s := n.anyStore()
	for s.ID == leader.ID {
		s = n.anyStore()
	}
	return s, nil
}

// outgrowLogs waits until so much was written that no log still has the first entry, and
// writes what is missing: then a store without data needs a snapshot. On a busy machine,
// with a kill every second, clients may have written little.
func (n *nemesis) outgrowLogs(ctx context.Context, w *worker) error {
	const spared = 5 // times the entries that a log keeps: it keeps more for stores that lag
	for end := time.Now().Add(electionPatience); n.writes.Load() < int64(spared*n.maxLogEntries); {
		if ctx.Err() != nil {
			return errInterrupted
		}
		if time.Now().After(end) {
			return errors.Errorf("only %d writes have been acknowledged so far", n.writes.Load())
		}
		w.put(ctx, keyName(w.rng.IntN(n.keys)))
	}
	return sleep(ctx, 10*staticTick) // the next ticks compact the logs
}

// tookOver is in the log of a store once a snapshot has replaced its data.
const tookOver = `msg="installed snapshot"`
