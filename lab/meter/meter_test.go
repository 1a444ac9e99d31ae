package meter_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/lab/meter"
)

func newEngine(t *testing.T) *meter.Engine {
	e, err := memory.Open(memory.NewDisk(), engine.Families...)
	require.NoError(t, err)
	m := meter.New(e)
	var b engine.Batch
	for i := range 5 {
		b.Put(engine.CFDefault, fmt.Append(nil, i), nil)
	}
	require.NoError(t, m.Write(&b, false))
	return m
}

// Each record counts that a Get asks for or an iterator stands at, through the
// engine and through its snapshots.
func TestReads(t *testing.T) {
	e := newEngine(t)
	s, err := e.Snapshot()
	require.NoError(t, err)
	want := 0
	for _, r := range []engine.Reader{e, s} {
		_, _, err := r.Get(engine.CFDefault, []byte("absent"))
		require.NoError(t, err)
		want++
		require.Equal(t, want, e.Reads())

		it, err := r.Iterate(engine.CFDefault, engine.Range{End: []byte("3")})
		require.NoError(t, err)
		for it.Seek([]byte("1")); it.Valid(); it.Next() {
		}
		it.Next()
		require.NoError(t, it.Close())
		want += 2 // the end of the range is no record
		require.Equal(t, want, e.Reads())
	}
	require.NoError(t, s.Close())
}

// What is open is named, with who has opened it, until it is closed.
func TestOpen(t *testing.T) {
	e := newEngine(t)
	require.Empty(t, e.Open())
	it, err := e.Iterate(engine.CFLock, engine.Range{})
	require.NoError(t, err)
	s, err := e.Snapshot()
	require.NoError(t, err)
	ofSnapshot := func() engine.Iterator {
		it, err := s.Iterate(engine.CFDefault, engine.Range{})
		require.NoError(t, err)
		return it
	}()

	open := e.Open()
	require.Len(t, open, 3)
	for i, begins := range []string{
		"an iterator over family lock, opened by meter_test.TestOpen (meter_test.go:",
		"a snapshot, opened by meter_test.TestOpen (meter_test.go:",
		"an iterator over family default of a snapshot, opened by meter_test.TestOpen.func1 (meter_test.go:",
	} {
		require.Contains(t, open[i], begins)
	}
	require.Contains(t, open[2], "called by meter_test.TestOpen (meter_test.go:")

	require.NoError(t, ofSnapshot.Close())
	require.NoError(t, ofSnapshot.Close(), "a second time")
	require.NoError(t, it.Close())
	require.Len(t, e.Open(), 1)
	require.NoError(t, s.Close())
	require.Empty(t, e.Open())

	_, err = e.Iterate("unknown", engine.Range{})
	require.Error(t, err)
	require.Empty(t, e.Open(), "what was not opened")
}
