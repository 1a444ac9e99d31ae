package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/lab/cluster"
)

// A nemesis does to stores what clients must not notice.
type nemesis struct {
	*trial
	rng   *rand.Rand
	kills int
}

// killFor kills a store and starts it again, once in each n.pace, for period.
func (n *nemesis) killFor(ctx context.Context, period time.Duration) error {
	for end := time.Now().Add(period); time.Now().Before(end); {
		next := time.Now().Add(n.pace)
		s := n.any()
		if err := n.kill(s); err != nil {
			return err
		}
		if err := sleep(ctx, time.Duration(n.rng.Int64N(int64(n.pace)/2))); err != nil {
			return err
		}
		if err := s.Start(); err != nil {
			return err
		}
		if err := sleep(ctx, time.Until(next)); err != nil {
			return err
		}
	}
	return nil
}

func (n *nemesis) any() *cluster.Member {
	stores := n.cluster.Stores()
	return stores[n.rng.IntN(len(stores))]
}

// kill kills a store. It returns an error if the store has ended by itself.
func (n *nemesis) kill(s *cluster.Member) error {
	if !s.Running() {
		return errors.Errorf("store %d has ended by itself: %s", s.ID, s.LastWords())
	}
	s.Kill()
	n.kills++
	return nil
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
	s := n.any()
	for s.ID == leader.ID {
		s = n.any()
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
	return sleep(ctx, 10*tick) // the next ticks compact the logs
}

// tookOver is in the log of a store once a snapshot has replaced its data.
const tookOver = `msg="installed snapshot"`

func logOf(s *cluster.Member) string {
	text, err := os.ReadFile(s.Log)
	if err != nil {
		return ""
	}
	return string(text)
}
