package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/kv/client"
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/lab/check"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

// audit waits until no lock can be of a transaction that is alive, as no client is, and
// reads all accounts in one snapshot. That finishes the transactions that were left. Then
// it reads snapshots of the whole time again.
func (b *bank) audit(ctx context.Context) error {
	t, err := client.NewTransactional(client.Config{Scheduler: b.manager.SchedulerClient})
	if err != nil {
		return err
	}
	defer t.Close()
	locks, err := b.locks(ctx)
	if err != nil {
		return err
	}
	if err := b.outlive(ctx, t, locks); err != nil {
		return err
	}
	if err := b.readAccounts(ctx, t, 0); err != nil {
		return err
	}
	left, err := b.locks(ctx)
	if err != nil {
		return err
	}
	if len(left) > 0 {
		return errors.Errorf("%d of %d locks are left although all accounts were read after the end of their time to live, such as %v", len(left), len(locks), left[0])
	}
	b.removed = len(locks)
	all := b.history.Transactions()
	const again = 10
	for i := range again {
		if err := b.readAccounts(ctx, t, all[i*len(all)/again].Start); err != nil {
			return err
		}
	}
	return nil
}

// locks returns all locks that there are.
func (b *bank) locks(ctx context.Context) ([]*kvrpcpb.LockInfo, error) {
	ctx, cancel := context.WithTimeout(ctx, electionPatience)
	defer cancel()
	raw, err := client.NewRaw(client.Config{Scheduler: b.manager.SchedulerClient})
	if err != nil {
		return nil, err
	}
	defer raw.Close()
	pairs, _, err := raw.Scan(ctx, engine.CFLock, nil, everything)
	if err != nil {
		return nil, errors.Annotate(err, "the locks cannot be read")
	}
	var locks []*kvrpcpb.LockInfo
	for _, pair := range pairs {
		key, _, err := transaction.DecodeKey(pair.Key)
		if err != nil {
			return nil, err
		}
		lock, err := transaction.DecodeLock(pair.Value)
		if err != nil {
			return nil, err
		}
		locks = append(locks, lock.Info(key))
	}
	return locks, nil
}

// outlive waits until the time to live of locks is over, by the clock of timestamps.
func (b *bank) outlive(ctx context.Context, t *client.Transactional, locks []*kvrpcpb.LockInfo) error {
	for begin := time.Now(); ; {
		asking, cancel := context.WithTimeout(ctx, electionPatience)
		now, err := t.Timestamp(asking)
		cancel()
		if err != nil {
			return err
		}
		var left time.Duration
		for _, l := range locks {
			age := transaction.Physical(now) - transaction.Physical(l.LockVersion)
			left = max(left, time.Duration(int64(l.LockTtl)-age)*time.Millisecond)
		}
		switch {
		case left <= 0:
			return nil
		case time.Since(begin) > b.settle:
			return errors.Errorf("locks would live for another %s", left)
		}
		if err := sleep(ctx, left); err != nil {
			return err
		}
	}
}

// readAccounts reads all accounts as they were at a timestamp, and as they are if it is 0,
// so that the history shows what was acknowledged and is lost.
func (b *bank) readAccounts(ctx context.Context, t *client.Transactional, ts uint64) error {
	ctx, cancel := context.WithTimeout(ctx, electionPatience)
	defer cancel()
	running := b.recorder(reader).BeginTransaction()
	past := ts != 0
	var err error
	if !past {
		if ts, err = t.Timestamp(ctx); err != nil {
			return err
		}
	}
	running.Start(ts, past)
	pairs, err := readAccounts(ctx, t.At(ts))
	if err != nil {
		return errors.Annotate(err, "not all accounts can be read after the last restart")
	}
	running.Done(running.Begin(check.Operation{
		Op: check.Scan, Key: accountName(0), Until: endOfAccounts, Limit: everything, Pairs: pairs,
	}))
	running.Committed(0)
	return nil
}

// judge prints what the tellers did, and decides whether what they saw is right.
func (b *bank) judge() error {
	all := b.history.Transactions()
	snapshots, past := 0, 0
	for _, t := range all {
		if len(t.Steps) == 0 || t.Steps[0].Op != check.Scan {
			continue
		}
		snapshots++
		if t.Past {
			past++
		}
	}
	c := &b.counts
	fmt.Fprintf(b.out, "transactions:        %d committed, %d conflicts, %d refused; of %d the outcome is unknown\n",
		c.committed.Load(), c.conflicts.Load(), c.refused.Load(), c.unknown.Load())
	fmt.Fprintf(b.out, "kills of tellers:    %d, with all of them at the end\n", b.kills.Load())
	fmt.Fprintf(b.out, "locks left by them:  %d, and none once all accounts had been read\n", b.removed)
	if c.committed.Load() < int64(b.tellers) {
		return errors.New("the tellers did hardly anything, so this run shows nothing")
	}
	begin := time.Now()
	if err := audited(b.history, b.accounts); err != nil {
		return err
	}
	fmt.Fprintf(b.out, "sums:                right in %d snapshots of all %d accounts, of which %d were in the past\n", snapshots, b.accounts, past)
	fmt.Fprintf(b.out, "snapshot isolation:  yes, and nothing that was acknowledged is lost (found in %s)\n", time.Since(begin).Round(time.Millisecond))
	return nil
}

// audited returns a *check.Violation unless the transactions of a history are what a bank
// may see.
func audited(h *check.History, accounts int) error {
	if err := check.SnapshotIsolation(h); err != nil {
		return err
	}
	var keys []string
	for i := range accounts {
		keys = append(keys, accountName(i))
	}
	return check.Sums(h, keys, opening*accounts, amountIn)
}

// story tells the transactions of the history, each in one line of JSON.
func (b *bank) story() (string, error) {
	var story strings.Builder
	for _, t := range b.history.Transactions() {
		text, err := json.Marshal(t)
		if err != nil {
			return "", errors.Trace(err)
		}
		story.Write(append(text, '\n'))
	}
	return story.String(), nil
}
