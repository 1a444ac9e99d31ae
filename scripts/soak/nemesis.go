package main

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/labkv/labkv/lab/cluster"
)

// A nemesis does to processes what clients must not notice.
type nemesis struct {
	*trial
	rng *rand.Rand
}

// killFor kills a process and starts it again, once in each n.pace, for period.
func (n *nemesis) killFor(ctx context.Context, period time.Duration) error {
	for end := time.Now().Add(period); time.Now().Before(end); {
		if err := n.killOne(ctx); err != nil {
			return err
		}
	}
	return nil
}

// killOne kills a process, starts it again a while later, and returns after n.pace. With
// a scheduler it waits until the process serves again, three times in four: without that,
// most stores of a slow machine would be away all the time, and nothing would happen.
func (n *nemesis) killOne(ctx context.Context) error {
	next := time.Now().Add(n.pace)
	m := n.anyStore()
	// With a scheduler, one kill in five is its own.
	if s := n.cluster.Scheduler(); s != nil && n.rng.IntN(5) == 0 {
		m = s
	}
	if m == n.leaving && !m.Running() {
		return sleep(ctx, time.Until(next))
	}
	if err := n.kill(m); err != nil {
		return err
	}
	if err := sleep(ctx, time.Duration(n.rng.Int64N(int64(n.pace)/2))); err != nil {
		return err
	}
	if err := m.Start(); err != nil {
		return err
	}
	if n.manager != nil && n.rng.IntN(4) > 0 {
		if err := back(ctx, m); err != nil {
			return err
		}
	}
	return sleep(ctx, time.Until(next))
}

func (n *nemesis) anyStore() *cluster.Member {
	stores := n.cluster.Stores()
	return stores[n.rng.IntN(len(stores))]
}

// kill kills a process. It returns an error if the process has ended by itself.
func (n *nemesis) kill(m *cluster.Member) error {
	if !m.Running() {
		return endedByItself(m)
	}
	m.Kill()
	n.kills[m]++
	return nil
}
