//go:build cgo

package main_test

import (
	"context"
	stderrors "errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/client"
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/lab/await"
)

// TestCollect moves money in transactions while old versions are removed by the scheduler and
// by a person, and stores are killed in turn, so that each region has one leader after the
// other. Each snapshot that can be read has all the money, and in the end each key has one
// version.
func TestCollect(t *testing.T) {
	m := manage(t, t.TempDir(), "--gc-interval", "50ms", "--gc-keep", "1s")
	dirs := []string{t.TempDir(), t.TempDir(), t.TempDir()}
	var stores []*process
	for _, dir := range dirs {
		stores = append(stores, m.join(dir))
	}
	m.waitForPeers(3)

	cl, err := client.NewTransactional(client.Config{Scheduler: m.SchedulerClient})
	require.NoError(t, err)
	defer cl.Close()
	ctx := await.Context(t, "transactions")
	const accounts, money = 8, 100
	account := func(n int) []byte { return fmt.Appendf(nil, "account %d", n) }
	opened, err := cl.Begin(ctx)
	require.NoError(t, err)
	for n := range accounts {
		require.NoError(t, opened.Put(account(n), []byte(strconv.Itoa(money))))
	}
	require.NoError(t, opened.Commit(ctx))

	transfer := func(ctx context.Context, txn *client.Txn, from, to int) error {
		var amounts [2]int
		for i, n := range []int{from, to} {
			value, _, err := txn.Get(ctx, account(n))
			if err != nil {
				return err
			}
			if amounts[i], err = strconv.Atoi(string(value)); err != nil {
				return err
			}
		}
		if err := txn.Put(account(from), []byte(strconv.Itoa(amounts[0]-1))); err != nil {
			return err
		}
		return txn.Put(account(to), []byte(strconv.Itoa(amounts[1]+1)))
	}
	// excused reports whether an error is due to what the test does.
	excused := func(err error) bool {
		var tooOld *client.TooOldError
		var unknown *client.OutcomeUnknownError
		return err == nil || stderrors.As(err, &tooOld) || stderrors.As(err, &unknown)
	}
	stop := make(chan struct{})
	var working sync.WaitGroup
	var transfers, read, tooOld atomic.Int64
	for i := range 3 {
		working.Go(func() {
			dice := rand.New(rand.NewPCG(1, uint64(i)))
			for {
				select {
				case <-stop:
					return
				default:
				}
				from := dice.IntN(accounts)
				to := (from + 1 + dice.IntN(accounts-1)) % accounts
				err := cl.Run(ctx, func(ctx context.Context, txn *client.Txn) error { return transfer(ctx, txn, from, to) })
				if !excused(err) {
					t.Errorf("a transfer: %v", err)
					return
				}
				if err == nil {
					transfers.Add(1)
				}
			}
		})
	}
	sum := func(at uint64) (total int, err error) {
		for pair, err := range cl.At(at).Scan(ctx, nil, nil) {
			if err != nil {
				return 0, err
			}
			n, err := strconv.Atoi(string(pair.Value))
			if err != nil {
				return 0, err
			}
			total += n
		}
		return total, nil
	}
	working.Go(func() {
		var past []uint64
		for {
			select {
			case <-stop:
				return
			default:
			}
			now, err := cl.Timestamp(ctx)
			if err != nil {
				t.Errorf("a timestamp: %v", err)
				return
			}
			past = append(past, now)
			// Some of them are about to become too old.
			at := past[max(0, len(past)-1-rand.IntN(100))]
			total, err := sum(at)
			switch {
			case !excused(err):
				t.Errorf("a snapshot: %v", err)
				return
			case err != nil:
				tooOld.Add(1)
			case total != accounts*money:
				t.Errorf("the snapshot at %d has %d, want %d", at, total, accounts*money)
				return
			default:
				read.Add(1)
			}
		}
	})
	progress := func() {
		t.Helper()
		before := transfers.Load()
		await.Until(t, "transfers", func() bool { return transfers.Load() >= before+20 || t.Failed() })
	}
	for n := range 6 {
		progress()
		stores[n%3].kill()
		progress()
		stores[n%3] = m.join(dirs[n%3])
		code, _, stderr := command(t, "labkv-ctl", "gc", "--scheduler", m.addr, "--keep", "2s", "--timeout", "30s")
		require.Zero(t, code, stderr)
	}
	close(stop)
	working.Wait()
	require.False(t, t.Failed())
	t.Logf("%d transfers, %d snapshots with all the money, %d too old", transfers.Load(), read.Load(), tooOld.Load())

	// The scheduler does the rest by itself.
	raw, err := client.NewRaw(client.Config{Scheduler: m.SchedulerClient})
	require.NoError(t, err)
	defer raw.Close()
	for _, cf := range []engine.CF{engine.CFWrite, engine.CFDefault} {
		await.Until(t, "a single version of each key", func() bool {
			pairs, _, err := raw.Scan(ctx, cf, nil, 1<<16)
			require.NoError(t, err)
			require.GreaterOrEqual(t, len(pairs), accounts)
			return len(pairs) == accounts
		})
	}
	total, err := sum(1 << 63)
	require.NoError(t, err)
	require.Equal(t, accounts*money, total)
	_, _, err = cl.At(opened.CommitTS()).Get(ctx, account(0))
	var old *client.TooOldError
	require.ErrorAs(t, err, &old)
	require.Less(t, old.TS, old.SafePoint)
	require.Equal(t, opened.CommitTS(), old.TS)
}
