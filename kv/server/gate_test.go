package server_test

import (
	"context"
	"slices"
	"sync"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

// A gate is a storage whose writes wait until the test lets them pass, as those of a
// replicated store are on their way through its log. A write goes its way also if its
// caller gives up.
type gate struct {
	engine *memory.Engine
	term   uint64 // of its readers

	mu      sync.Mutex
	open    bool // lets all writes pass at once
	waiting []*passage
}

// A passage is a write that waits at a gate.
type passage struct {
	rc   *kvrpcpb.Context
	ops  []engine.Op
	fate chan error
}

// newGate returns a gate that is closed. It must be of the bubble that uses it.
func newGate(t *graded.T, parts ...[]engine.Op) *gate {
	t.Helper()
	e, err := memory.NewDisk().Open(engine.Families...)
	require.NoError(t, err, "opening an engine")
	writeOps(t, e, parts...)
	return &gate{engine: e, term: 7}
}

func (*gate) Start() error { return nil }
func (*gate) Stop() error  { return nil }

func (g *gate) Write(ctx context.Context, rc *kvrpcpb.Context, ops []engine.Op) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	p := &passage{rc, slices.Clone(ops), make(chan error, 1)}
	g.mu.Lock()
	g.waiting = append(g.waiting, p)
	open := g.open
	g.mu.Unlock()
	if open {
		g.pass()
	}
	select {
	case err := <-p.fate:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// pass carries out the first write that waits, and reports whether there was one.
func (g *gate) pass() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) == 0 {
		return false
	}
	p := g.waiting[0]
	g.waiting = g.waiting[1:]
	var b engine.Batch
	b.Append(p.ops...)
	p.fate <- g.engine.Write(&b, true)
	return true
}

// writes returns the writes that wait.
func (g *gate) writes() []*passage {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.waiting)
}

func (g *gate) Reader(ctx context.Context, _ *kvrpcpb.Context) (storage.Reader, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s, err := g.engine.Snapshot()
	return termed{s, g.term}, err
}

// A termed reader is of a term.
type termed struct {
	engine.Snapshot
	term uint64
}

func (r termed) Term() uint64 { return r.term }
