package main

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/kv/client"
	"github.com/labkv/labkv/lab/check"
)

// A bank is the part of a soak that is about transactions. Tellers move money between
// accounts, which never changes the sum of all. They are killed like stores, so that they
// leave locks of transactions that are half done. In the end no lock may be left.
type bank struct {
	*trial
	log     string // file that the standard errors of all tellers are appended to
	counts  counts
	kills   atomic.Int64 // of tellers, with those at the end
	removed int          // locks that were left at the end, and then removed

	mu     sync.Mutex
	lives  []*life // by teller, from 0
	failed error   // the first error of a teller
}

// A life is one process of a teller.
type life struct {
	process *os.Process
	killed  atomic.Bool
	// doomed is how long after it has announced a commit the process is to be killed,
	// in nanoseconds; 0 means not at all.
	doomed atomic.Int64
}

func (l *life) kill() {
	l.killed.Store(true)
	_ = l.process.Kill() // the error means that it has ended
}

// newBank returns the bank of a trial with a scheduler. Its log is in dir.
func newBank(t *trial, dir string) *bank {
	return &bank{trial: t, log: filepath.Join(dir, "tellers.log"), lives: make([]*life, t.tellers)}
}

// open makes a deposit in all accounts, in one transaction.
func (b *bank) open(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, electionPatience)
	defer cancel()
	t, err := client.NewTransactional(client.Config{Scheduler: b.manager.SchedulerClient})
	if err != nil {
		return err
	}
	defer t.Close()
	running := b.recorder(reader).BeginTransaction()
	txn, err := t.Begin(ctx)
	if err != nil {
		return err
	}
	running.Start(txn.StartTS(), false)
	for i := range b.accounts {
		o := check.Operation{Op: check.Put, Key: accountName(i), Value: balanceOf([]byte(deposit()))}
		running.Done(running.Begin(o))
		if err := txn.Put([]byte(o.Key), []byte(deposit())); err != nil {
			return err
		}
	}
	if err := txn.Commit(ctx); err != nil {
		return errors.Annotate(err, "the accounts cannot be opened")
	}
	running.Committed(txn.CommitTS())
	return nil
}

// employ starts all tellers, which work until ctx ends; then all are killed at once. A
// teller that is killed earlier has another life. done returns once all have ended, with
// an error if one has ended by itself. failing is called at once then.
func (b *bank) employ(ctx context.Context, failing func()) (done func() error, err error) {
	program, err := os.Executable()
	if err != nil {
		return nil, errors.Trace(err)
	}
	log, err := os.OpenFile(b.log, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil, errors.Trace(err)
	}
	var tellers sync.WaitGroup
	for i := range b.tellers {
		tellers.Go(func() {
			for n := 1; ctx.Err() == nil; n++ {
				if err := b.live(ctx, program, log, i, n); err != nil {
					b.mu.Lock()
					if b.failed == nil {
						b.failed = err
					}
					b.mu.Unlock()
					failing()
					return
				}
			}
		})
	}
	tellers.Go(func() { b.killTellers(ctx) })
	return func() error {
		tellers.Wait()
		log.Close()
		return b.failed
	}, nil
}

// live runs one life of the teller with an index. It is an error if that ends by itself,
// or says what makes no sense.
func (b *bank) live(ctx context.Context, program string, log *os.File, i, n int) error {
	text, err := json.Marshal(assignment{
		Scheduler: b.cluster.Scheduler().Addr, Teller: i + 1, Life: n,
		Accounts: b.accounts, Rate: b.rate / transferCost, Seed: b.seed,
	})
	if err != nil {
		return errors.Trace(err)
	}
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), tellerVariable+"=1")
	cmd.Stderr = log
	in, err := cmd.StdinPipe()
	if err != nil {
		return errors.Trace(err)
	}
	defer in.Close()
	out, err := cmd.StdoutPipe()
	if err != nil {
		return errors.Trace(err)
	}
	if err := cmd.Start(); err != nil {
		return errors.Trace(err)
	}
	l := &life{process: cmd.Process}
	defer context.AfterFunc(ctx, l.kill)()
	b.mu.Lock()
	b.lives[i] = l
	b.mu.Unlock()

	// If the teller has gone, a write fails, and the end of its lines says why.
	_, _ = in.Write(append(text, '\n'))
	books := &ledger{
		recorder: b.recorder(i + 1), counts: &b.counts,
		nod: func() { _, _ = in.Write([]byte{'\n'}) },
		committing: func() {
			if after := l.doomed.Load(); after > 0 {
				time.Sleep(time.Duration(after))
				l.kill()
			}
		},
		answered: b.pauses.answered,
	}
	err = books.follow(out)
	if err != nil {
		l.kill()
	}
	end := cmd.Wait()
	switch {
	case err != nil:
		return errors.Annotatef(err, "teller %d", i+1)
	case !l.killed.Load():
		return errors.Errorf("teller %d has ended by itself (%v); its last words are in %s", i+1, end, filepath.Base(b.log))
	}
	b.kills.Add(1)
	return nil
}

// killTellers kills one teller in each pace, until ctx ends. Half of the kills are when
// the teller is about to commit or has just begun to.
func (b *bank) killTellers(ctx context.Context) {
	const meanwhile = 50 * time.Millisecond // how long a commit takes, or longer
	rng := rand.New(rand.NewPCG(b.seed, 1<<32))
	for sleep(ctx, time.Duration(rng.Int64N(int64(2*b.pace)))) == nil {
		i, after := rng.IntN(b.tellers), rng.Int64N(int64(2*meanwhile))-int64(meanwhile)
		b.mu.Lock()
		l := b.lives[i]
		b.mu.Unlock()
		switch {
		case l == nil || l.killed.Load() || l.doomed.Load() > 0:
			continue
		case after > 0:
			l.doomed.Store(after)
		default:
			l.kill()
		}
	}
}
