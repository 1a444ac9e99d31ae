package standalone_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/kv/storage/standalone"
	"github.com/labkv/labkv/lab/graded"
)

// TestReopenKeepsData1 stops a storage and starts it again, then has another
// storage open the same disk. Everything that was written is there each time,
// deletes included.
func TestReopenKeepsData1(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "data is there after stopping and starting",
		Source: contract,
	}, func(t *graded.T) {
		m := newMachine()
		s := m.start(t)
		write(t, s, put(cfDefault, "a", "1"), put(cfLock, "b", "2"), put(cfWrite, "c", "3"))
		write(t, s, del(cfLock, "b"), put(cfDefault, "a", "4"))
		want := []string{"default/a=4", "write/c=3"}
		require.Equal(t, want, everything(t, s), "all data before Stop")

		require.NoError(t, s.Stop(), "Stop")
		require.NoError(t, s.Start(), "Start after Stop")
		require.Equal(t, want, everything(t, s), "the same storage, started again")
		write(t, s, put(cfLock, "d", "5"))
		want = []string{"default/a=4", "lock/d=5", "write/c=3"}

		require.NoError(t, s.Stop(), "second Stop")
		require.Equal(t, want, everything(t, m.start(t)), "another storage on the same disk")
	})
}

// TestAcknowledgedWritesSurviveCrash1 cuts the power right after Write has
// returned. The disk loses everything that was not synced, as a real one does,
// and yet no write that was acknowledged may be missing.
func TestAcknowledgedWritesSurviveCrash1(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a write is durable when Write returns: a crash does not lose it",
		Source: contract,
	}, func(t *graded.T) {
		m := newMachine()
		const keys = 10
		// pairs lists what is there if only keys from to to-1 are.
		pairs := func(from, to int) []string {
			list := []string{}
			for i := from; i < to; i++ {
				list = append(list, fmt.Sprintf("default/k%02d=v", i))
			}
			return append(list, "lock/all=last")
		}
		crashed := func() []string {
			m.disk.Crash(0)
			found := everything(t, m.start(t))
			m.disk.Crash(0)
			return found
		}
		for i := range keys {
			write(t, m.start(t), put(cfDefault, fmt.Sprintf("k%02d", i), "v"), put(cfLock, "all", "last"))
			require.Equal(t, pairs(0, i+1), crashed(), "%d keys were put, and the power went right after the last Write", i+1)
		}
		for i := range keys {
			write(t, m.start(t), del(cfDefault, fmt.Sprintf("k%02d", i)))
			require.Equal(t, pairs(i+1, keys), crashed(), "%d keys were deleted, and the power went right after the last Write", i+1)
		}
	})
}

// TestCrashIsAllOrNothing1 writes the same batches again and again, and crashes in the
// middle of each of its writes in turn: before it, halfway (with the batch on
// the platter or not), and right after. Whatever the moment, what is found after
// the restart is the state after some whole batch, and includes every batch that
// was acknowledged.
func TestCrashIsAllOrNothing1(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a crash leaves whole batches: all that were acknowledged, at most the one under way besides",
		Source: contract,
	}, func(t *graded.T) {
		batches := [][]engine.Op{
			{put(cfDefault, "a", "1"), put(cfLock, "a", "1"), put(cfWrite, "a", "1")},
			{put(cfDefault, "a", "2"), del(cfLock, "a"), put(cfWrite, "b", "2")},
			{del(cfDefault, "a"), put(cfDefault, "c", "3"), del(cfWrite, "a"), put(cfLock, "c", "3")},
		}
		// states[n] is what a storage holds after n batches.
		m := newMachine()
		s := m.start(t)
		states := [][]string{everything(t, s)}
		for _, batch := range batches {
			write(t, s, batch...)
			states = append(states, everything(t, s))
		}
		writes := m.disk.Writes()
		require.NotZero(t, writes, "the batches wrote nothing to the engine")

		moments := []struct {
			name  string
			fault memory.Fault
		}{
			{"before it", memory.Fault{Kind: memory.CrashBefore}},
			{"in it, which then is lost", memory.Fault{Kind: memory.CrashUnacknowledged}},
			{"in it, which then is kept", memory.Fault{Kind: memory.CrashUnacknowledged, Keep: memory.All}},
			{"right after it was acknowledged", memory.Fault{Kind: memory.CrashAfter}},
		}
		for n := uint64(1); n <= writes; n++ {
			for _, moment := range moments {
				m := newMachine()
				m.disk.Inject(memory.At(n, moment.fault))
				s := m.start(t)
				acknowledged := 0
				for _, batch := range batches {
					if s.Write(t.Context(), rc, batch) != nil {
						break
					}
					acknowledged++
				}
				m.disk.Inject(nil)
				m.disk.Crash(0)
				found := everything(t, m.start(t))
				possible := states[acknowledged : min(acknowledged+1, len(batches))+1]
				if !slices.ContainsFunc(possible, func(state []string) bool { return slices.Equal(state, found) }) {
					t.Fatalf("crash at write %d to the disk, %s, with %d batches acknowledged: found %q, which is none of %q",
						n, moment.name, acknowledged, found, possible)
				}
			}
		}
	})
}

// TestNoSync1 sets Config.NoSync. Write then leaves the sync out, which is what
// makes it fast; readers see the write at once all the same, and a Stop makes
// it durable.
func TestNoSync1(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "with NoSync a Write does not wait for the disk, and Stop makes up for it",
		Source: "the comment on standalone.Config",
	}, func(t *graded.T) {
		m := newMachine()
		s := m.startWith(t, standalone.Config{Open: m.open, NoSync: true})
		write(t, s, put(cfDefault, "a", "1"))
		write(t, s, put(cfDefault, "b", "2"))
		require.Equal(t, 2, m.disk.Unsynced(), "batches that wait for a sync after two Writes with NoSync")
		require.Equal(t, []string{"default/a=1", "default/b=2"}, everything(t, s), "all data, not yet synced")
		require.NoError(t, s.Stop(), "Stop")
		require.Zero(t, m.disk.Unsynced(), "batches that wait for a sync after Stop")
		m.disk.Crash(0)
		require.Equal(t, []string{"default/a=1", "default/b=2"}, everything(t, m.start(t)), "all data after Stop, a crash and a new start")
	})
}

// TestWriteErrorsAreReturned1 makes the disk full, then has a write fail, then a
// sync. Write returns each error, in a form that the caller can recognize. What
// failed does not show, and reads go on.
func TestWriteErrorsAreReturned1(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a write that failed is reported, and leaves nothing behind",
		Source: contract,
	}, func(t *graded.T) {
		m := newMachine()
		s := m.start(t)
		write(t, s, put(cfDefault, "a", "1"))
		batch := []engine.Op{put(cfDefault, "b", "2"), put(cfLock, "b", "2"), del(cfDefault, "a")}

		m.disk.SetCapacity(0)
		require.ErrorIs(t, cause(s.Write(t.Context(), rc, batch)), engine.ErrDiskFull, "Write on a full disk")
		require.Equal(t, []string{"default/a=1"}, everything(t, s), "after a write to a full disk")
		m.disk.SetCapacity(memory.Unlimited)

		m.disk.Inject(func(memory.Write) memory.Fault { return memory.Fault{Kind: memory.FailWrite} })
		require.ErrorIs(t, cause(s.Write(t.Context(), rc, batch)), memory.ErrIO, "Write that the disk refuses")
		require.Equal(t, []string{"default/a=1"}, everything(t, s), "after a write that the disk refused")
		m.disk.Inject(nil)

		write(t, s, put(cfDefault, "c", "3"))
		require.Equal(t, []string{"default/a=1", "default/c=3"}, everything(t, s), "once the disk works again")

		m.disk.Inject(func(memory.Write) memory.Fault { return memory.Fault{Kind: memory.FailSync} })
		var syncError *engine.SyncError
		require.ErrorAs(t, cause(s.Write(t.Context(), rc, batch)), &syncError, "Write whose sync fails")
	})
}
