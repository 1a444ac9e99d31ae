package enginetest

import (
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine"
)

// counter returns a batch that sets the counter of writer w to n in two
// families.
func counter(w, n int) *engine.Batch {
	var b engine.Batch
	k, v := []byte{byte(w)}, binary.BigEndian.AppendUint64(nil, uint64(n))
	b.Put(engine.CFDefault, k, v)
	b.Put(engine.CFWrite, k, v)
	return &b
}

// counters returns the counters that r shows. It returns an error if the two
// families differ.
func counters(r engine.Reader, writers int) ([]int, error) {
	ns := make([]int, writers)
	for w := range ns {
		a, foundA, err := r.Get(engine.CFDefault, []byte{byte(w)})
		if err != nil {
			return nil, err
		}
		b, foundB, err := r.Get(engine.CFWrite, []byte{byte(w)})
		if err != nil {
			return nil, err
		}
		if foundA != foundB || string(a) != string(b) {
			return nil, fmt.Errorf("half a batch is visible: writer %d, %x and %x", w, a, b)
		}
		if foundA {
			ns[w] = int(binary.BigEndian.Uint64(a))
		}
	}
	return ns, nil
}

func testConcurrentWriters(t *testing.T, s Store) {
	e := open(t, s)
	const writers, each = 8, 100
	var acknowledged [writers]atomic.Int64
	done := make(chan struct{})

	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			before := make([]int, writers)
			for {
				select {
				case <-done:
					return
				default:
				}
				floor := make([]int, writers)
				for w := range floor {
					floor[w] = int(acknowledged[w].Load())
				}
				snap, err := e.Snapshot()
				if err != nil {
					t.Error(err)
					return
				}
				now, err := counters(snap, writers)
				if err != nil {
					t.Error(err)
				}
				again, err := counters(snap, writers)
				if err != nil {
					t.Error(err)
				}
				for w := range now {
					if now[w] < before[w] || now[w] < floor[w] || now[w] != again[w] {
						t.Errorf("writer %d: a snapshot shows %d and then %d, an earlier one %d, %d was acknowledged",
							w, now[w], again[w], before[w], floor[w])
					}
				}
				before = now
				if err := snap.Close(); err != nil || t.Failed() {
					t.Error(err)
					return
				}
			}
		})
	}

	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for n := 1; n <= each; n++ {
				if err := e.Write(counter(w, n), n%10 == w); err != nil {
					t.Error(err)
					return
				}
				acknowledged[w].Store(int64(n))
			}
		})
	}
	wg.Wait()
	close(done)
	readers.Wait()
	require.False(t, t.Failed())

	require.NoError(t, e.Close())
	e = open(t, s)
	ns, err := counters(e, writers)
	require.NoError(t, err)
	for w := range ns {
		require.Equal(t, each, ns[w])
	}
}

func testConcurrentSyncs(t *testing.T, s Store) {
	e := open(t, s)
	const goroutines, each = 8, 25
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for i := range each {
				if err := e.Write(pair(fmt.Sprintf("%d-%d", g, i), "v"), false); err != nil {
					t.Error(err)
				}
				if err := e.Sync(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	require.Len(t, keys(t, e, engine.CFDefault, "", ""), goroutines*each)
}

// testCloseUnderReaders closes an engine while other goroutines use it. They
// must get answers or ErrClosed, and nothing else.
func testCloseUnderReaders(t *testing.T, s Store) {
	e := open(t, s)
	for i := range 100 {
		put(t, e, engine.CFDefault, fmt.Sprintf("%03d", i), "v")
	}
	var started, wg sync.WaitGroup
	for g := range 4 {
		started.Add(1)
		wg.Go(func() {
			for i := 0; ; i++ {
				err := func() error {
					if g == 0 {
						return e.Write(pair("w", "v"), i%2 == 0)
					}
					if _, _, err := e.Get(engine.CFDefault, []byte("050")); err != nil {
						return err
					}
					snap, err := e.Snapshot()
					if err != nil {
						return err
					}
					defer snap.Close()
					it, err := snap.Iterate(engine.CFDefault, engine.Range{})
					if err != nil {
						return err
					}
					for it.Seek(nil); it.Valid(); it.Next() {
						_, _ = it.Key(), it.Value()
					}
					return it.Close()
				}()
				if i == 0 {
					started.Done()
				}
				if err != nil {
					if err != engine.ErrClosed {
						t.Error(err)
					}
					return
				}
			}
		})
	}
	started.Wait()
	require.NoError(t, e.Close())
	wg.Wait()
}

func testCrashKeepsWhatConcurrentWritersSynced(t *testing.T, s Store) {
	c := crasher(t, s)
	e := open(t, s)
	const writers, each = 8, 40
	synced := make([]int, writers)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for n := 1; n <= each; n++ {
				sync := (n+w)%3 == 0
				if err := e.Write(counter(w, n), sync); err != nil {
					t.Error(err)
					return
				}
				if sync {
					synced[w] = n
				}
			}
		})
	}
	wg.Wait()
	c.Crash(0)
	ns, err := counters(open(t, s), writers)
	require.NoError(t, err)
	for w := range ns {
		require.GreaterOrEqual(t, ns[w], synced[w])
	}
}
