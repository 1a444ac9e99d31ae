package standalone_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/kv/storage/standalone"
	"github.com/labkv/labkv/lab/graded"
)

// TestNotRunning1 uses a storage that was never started, and one that was
// stopped. Both refuse with storage.ErrNotRunning; neither panics. New alone
// opens nothing. Stopping what does not run does nothing.
func TestNotRunning1(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "before Start and after Stop a storage refuses with ErrNotRunning",
		Source: contract,
	}, func(t *graded.T) {
		m := newMachine()
		s := newStorage(t, standalone.Config{Open: m.open})
		require.Empty(t, m.opened, "New opened the engine; that is Start's duty")
		refuses := func(when string) {
			t.Helper()
			require.ErrorIs(t, cause(s.Write(t.Context(), rc, []engine.Op{put(cfDefault, "a", "2")})), storage.ErrNotRunning, "Write %s", when)
			_, err := s.Reader(t.Context(), rc)
			require.ErrorIs(t, cause(err), storage.ErrNotRunning, "Reader %s", when)
			require.NoError(t, s.Stop(), "Stop %s", when)
		}
		refuses("before Start")
		require.NoError(t, s.Start(), "Start")
		write(t, s, put(cfDefault, "a", "1"))
		require.NoError(t, s.Stop(), "Stop")
		refuses("after Stop")
		require.NoError(t, s.Start(), "Start after Stop")
		require.Equal(t, []string{"default/a=1"}, everything(t, s), "all data after Stop and Start")
		require.NoError(t, s.Stop(), "Stop")
	})
}

// TestStartTwice1 starts a storage that runs. The second Start is refused with
// storage.ErrRunning, and the storage goes on as before.
func TestStartTwice1(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "starting a storage that runs is an error and does no harm",
		Source: contract,
	}, func(t *graded.T) {
		m := newMachine()
		s := m.start(t)
		write(t, s, put(cfDefault, "a", "1"))
		require.ErrorIs(t, cause(s.Start()), storage.ErrRunning, "second Start")
		write(t, s, put(cfDefault, "b", "2"))
		require.Equal(t, []string{"default/a=1", "default/b=2"}, everything(t, s), "all data after the second Start was refused")
		require.NoError(t, s.Stop(), "Stop")
	})
}

// TestFailedStart1 has the engine refuse to open. Start returns that error, the
// storage does not run, and a later Start succeeds.
func TestFailedStart1(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "if the engine cannot be opened, Start says why, and can be tried again",
		Source: contract,
	}, func(t *graded.T) {
		m := newMachine()
		m.refuse = errors.New("the disk is on fire")
		s := newStorage(t, standalone.Config{Open: m.open})
		require.ErrorContains(t, s.Start(), "the disk is on fire", "Start with an engine that cannot be opened")
		_, err := s.Reader(t.Context(), rc)
		require.ErrorIs(t, cause(err), storage.ErrNotRunning, "Reader after a Start that failed")
		require.ErrorIs(t, cause(s.Write(t.Context(), rc, []engine.Op{put(cfDefault, "a", "1")})), storage.ErrNotRunning, "Write after a Start that failed")
		require.NoError(t, s.Stop(), "Stop after a Start that failed")

		m.refuse = nil
		require.NoError(t, s.Start(), "Start with an engine that can be opened")
		write(t, s, put(cfDefault, "a", "1"))
		require.NoError(t, s.Stop(), "Stop")
	})
}

// TestFailedStop1 stops a storage whose engine reports an error when it is closed, as one
// does whose last sync fails. The engine is gone all the same: Stop hands on the error,
// and the storage is one that does not run and can be started again.
func TestFailedStop1(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "after a Stop that fails the storage does not run, and can be started again",
		Source: contract,
	}, func(t *graded.T) {
		m := newMachine()
		fails := true
		s := newStorage(t, standalone.Config{Open: func() (engine.Engine, error) {
			e, err := m.open()
			if err == nil && fails {
				e = failsToClose{e}
			}
			return e, err
		}})
		require.NoError(t, s.Start(), "Start")
		write(t, s, put(cfDefault, "a", "1"))
		require.Error(t, s.Stop(), "Stop of an engine whose Close returns an error")
		_, err := s.Reader(t.Context(), rc)
		require.ErrorIs(t, cause(err), storage.ErrNotRunning, "Reader after a Stop that failed")
		require.ErrorIs(t, cause(s.Write(t.Context(), rc, []engine.Op{put(cfDefault, "a", "2")})), storage.ErrNotRunning, "Write after a Stop that failed")
		require.NoError(t, s.Stop(), "Stop after a Stop that failed")

		fails = false
		require.NoError(t, s.Start(), "Start after a Stop that failed")
		require.Equal(t, "1", getNow(t, s, cfDefault, "a"), "the value of a")
		require.NoError(t, s.Stop(), "Stop")
	})
}

// failsToClose is an engine that is closed by Close, and reports an error.
type failsToClose struct{ engine.Engine }

func (e failsToClose) Close() error {
	if err := e.Engine.Close(); err != nil {
		return err
	}
	return errors.New("the disk is on fire")
}

// TestStopDoesNotWait1 stops a storage while a reader and an iterator are open.
// Stop returns, the engine is closed (the disk can be opened again), and what was
// open fails instead of showing data that may be out of date.
func TestStopDoesNotWait1(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "Stop closes the engine without waiting for readers, which fail from then on",
		Source: contract,
	}, func(t *graded.T) {
		m := newMachine()
		s := m.start(t)
		write(t, s, put(cfDefault, "a", "1"))
		r := reader(t, s)
		it, err := r.Iterate(cfDefault, engine.Range{})
		require.NoError(t, err, "Iterate through a reader")
		it.Seek(nil)
		require.NoError(t, s.Stop(), "Stop")

		_, _, err = r.Get(cfDefault, []byte("a"))
		require.Error(t, err, "Get through a reader whose storage was stopped")
		require.False(t, it.Valid(), "an iterator stands on a key after its storage was stopped")
		require.Error(t, it.Close(), "closing an iterator that was cut off")
		require.NoError(t, r.Close(), "closing a reader whose storage was stopped")

		e, err := m.disk.Open(engine.Families...)
		require.NoError(t, err, "Stop did not close the engine")
		require.NoError(t, e.Close(), "closing an engine that was opened after Stop")
	})
}

// TestReadersAreReleased1 opens readers and iterators, closes them, also twice,
// and counts what the engine still has open. A snapshot that stays open makes a
// real engine keep every value that was overwritten since.
func TestReadersAreReleased1(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "closing a reader releases what it holds of the engine",
		Source: contract,
	}, func(t *graded.T) {
		m := newMachine()
		s := m.start(t)
		write(t, s, put(cfDefault, "a", "1"))
		for range 10 {
			r, err := s.Reader(t.Context(), rc)
			require.NoError(t, err, "Reader")
			require.Equal(t, "1", get(t, r, cfDefault, "a"), "Get of a key that is there")
			require.Equal(t, absent, get(t, r, cfDefault, "b"), "Get of an absent key")
			it, err := r.Iterate(cfDefault, engine.Range{})
			require.NoError(t, err, "Iterate through a reader")
			it.Seek(nil)
			require.True(t, it.Valid(), "an iterator finds no key in a family that has one")
			require.NoError(t, it.Close(), "closing an iterator")
			require.NoError(t, it.Close(), "closing an iterator twice")
			require.NoError(t, r.Close(), "closing a reader")
			require.NoError(t, r.Close(), "closing a reader twice")
			_, _, err = r.Get(cfDefault, []byte("a"))
			require.Error(t, err, "Get through a reader that was closed")
		}
		over, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := s.Reader(over, rc)
		require.Error(t, err, "Reader with a context that has ended")
		require.Zero(t, m.engine(t).OpenIterators(), "iterators that are still open")
		require.Zero(t, m.engine(t).OpenSnapshots(), "snapshots that are still open")
	})
}

// TestNoContext1 sends requests without a Context. The storage has one engine,
// and every key is in it: there is nothing that a Context could add. The first
// clients that are tried on a new store often send none.
func TestNoContext1(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a request without a context is served: a store on its own has every key",
		Source: "the comment of standalone.Storage",
	}, func(t *graded.T) {
		m := newMachine()
		s := m.start(t)
		require.NoError(t, s.Write(t.Context(), nil, []engine.Op{put(cfDefault, "a", "1")}), "Write without a context")
		r, err := s.Reader(t.Context(), nil)
		require.NoError(t, err, "Reader without a context")
		defer r.Close()
		value, found, err := r.Get(cfDefault, []byte("a"))
		require.NoError(t, err, "Get through a reader without a context")
		require.True(t, found, "a reader without a context does not find what was written without one")
		require.Equal(t, "1", string(value), "what a reader without a context finds")
	})
}

// TestCallThatIsOver1 calls with a context that is already canceled: the client
// has gone. Nothing is written, and the error is the context's own.
func TestCallThatIsOver1(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a call whose context is done does nothing and returns the context's error",
		Source: contract,
	}, func(t *graded.T) {
		m := newMachine()
		s := m.start(t)
		ctx := canceled()
		require.ErrorIs(t, cause(s.Write(ctx, rc, []engine.Op{put(cfDefault, "a", "1")})), ctx.Err(), "Write")
		_, err := s.Reader(ctx, rc)
		require.ErrorIs(t, cause(err), ctx.Err(), "Reader")
		require.Empty(t, everything(t, s), "a write of a client that had gone took effect")
		require.Zero(t, m.engine(t).OpenSnapshots(), "snapshots that are still open")
	})
}

// TestUnknownFamily1 names a family that does not exist, and gives an empty
// key. Each is an error that the caller can recognize, of reads as well as of
// writes.
func TestUnknownFamily1(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "an unknown family and an empty key are errors of a type that the caller can tell",
		Source: "the engine contract (package kv/engine)",
	}, func(t *graded.T) {
		m := newMachine()
		s := m.start(t)
		r := reader(t, s)
		for _, cf := range []string{"", "nonsense", "Default", "default "} {
			var unknown *engine.UnknownFamilyError
			_, _, err := r.Get(cf, []byte("a"))
			require.ErrorAs(t, cause(err), &unknown, "Get from family %q", cf)
			require.Equal(t, cf, unknown.CF, "the family that the error names")
			_, err = r.Iterate(cf, engine.Range{})
			require.ErrorAs(t, cause(err), &unknown, "Iterate over family %q", cf)
			require.ErrorAs(t, cause(s.Write(t.Context(), rc, []engine.Op{put(cf, "a", "1")})), &unknown, "put to family %q", cf)
			require.ErrorAs(t, cause(s.Write(t.Context(), rc, []engine.Op{del(cf, "a")})), &unknown, "delete from family %q", cf)
		}
		_, _, err := r.Get(cfDefault, nil)
		require.ErrorIs(t, cause(err), engine.ErrEmptyKey, "Get of an empty key")
		require.ErrorIs(t, cause(s.Write(t.Context(), rc, []engine.Op{put(cfDefault, "", "1")})), engine.ErrEmptyKey, "put of an empty key")
		require.ErrorIs(t, cause(s.Write(t.Context(), rc, []engine.Op{del(cfDefault, "")})), engine.ErrEmptyKey, "delete of an empty key")
		require.Zero(t, m.engine(t).OpenIterators(), "iterators that are still open")
	})
}
