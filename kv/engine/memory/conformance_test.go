package memory_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/enginetest"
	"github.com/labkv/labkv/kv/engine/memory"
)

// A store is a Disk as the conformance suite sees it. At the end of a test it
// requires that every snapshot and iterator is closed.
type store struct {
	*memory.Disk
	t testing.TB
}

var (
	_ enginetest.Crasher = store{}
	_ enginetest.Failer  = store{}
)

func newStore(t testing.TB) enginetest.Store { return store{memory.NewDisk(), t} }

func (s store) Open(families ...engine.CF) (engine.Engine, error) {
	e, err := s.Disk.Open(families...)
	if err != nil {
		return nil, err
	}
	s.t.Cleanup(func() {
		require.Zero(s.t, e.OpenSnapshots(), "snapshots that were not closed")
		require.Zero(s.t, e.OpenIterators(), "iterators that were not closed")
	})
	return e, nil
}

func (s store) SetFull(full bool) {
	if full {
		s.SetCapacity(0)
	} else {
		s.SetCapacity(memory.Unlimited)
	}
}

func (s store) FailSync(err error) {
	failed := false
	s.Inject(func(w memory.Write) memory.Fault {
		if !w.Sync || failed {
			return memory.Fault{}
		}
		failed = true
		return memory.Fault{Kind: memory.FailSync, Err: err}
	})
}

func TestConformance(t *testing.T) {
	enginetest.Run(t, newStore)
}

func TestRandomPrograms(t *testing.T) {
	for seed := range uint64(300) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			enginetest.Check(t, newStore(t), enginetest.RandomProgram(seed, 3000))
		})
	}
}

func FuzzEngine(f *testing.F) {
	for seed := range uint64(10) {
		f.Add([]byte(enginetest.RandomProgram(seed, 500)))
	}
	f.Fuzz(func(t *testing.T, program []byte) {
		enginetest.Check(t, newStore(t), program)
	})
}
