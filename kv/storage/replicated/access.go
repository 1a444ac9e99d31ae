package replicated

import (
	"context"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

// Requests takes the requests to regions. A *raftstore.Store is one.
type Requests interface {
	Write(*raftstore.Write)
	Read(*raftstore.Read)
	Draft(*kvrpcpb.Context) (engine.Snapshot, bool)
}

// An Access reads and writes through the requests of a store. It is the half of
// a storage.Storage that clients use, without Start and Stop.
type Access struct {
	Requests Requests
}

// Write does what storage.Storage says of Write. If ctx ends first, or the
// store loses track of the write, the outcome is unknown: the error is then
// ctx.Err() or storage.ErrOutcomeUnknown.
func (a Access) Write(ctx context.Context, rc *kvrpcpb.Context, ops []engine.Op) error {
	if len(ops) == 0 {
		// There is nothing to write, but rc must be checked.
		r, err := a.Reader(ctx, rc)
		if err != nil {
			return err
		}
		return r.Close()
	}
	if err := admissible(ctx, rc); err != nil {
		return err
	}
	c := newCall[struct{}]()
	w, err := raftstore.NewWrite(rc, ops, func(err error) { c.answer(struct{}{}, err) })
	if err != nil {
		return err
	}
	a.Requests.Write(w)
	_, err = c.wait(ctx)
	return err
}

// Reader does what storage.Storage says of Reader. The reader sees every write
// that any store acknowledged before Reader was called.
func (a Access) Reader(ctx context.Context, rc *kvrpcpb.Context) (storage.Reader, error) {
	if err := admissible(ctx, rc); err != nil {
		return nil, err
	}
	c := newCall[engine.Snapshot]()
	// A view that comes after the caller has given up has no other owner.
	c.dispose = func(view engine.Snapshot) { _ = view.Close() }
	a.Requests.Read(&raftstore.Read{Context: rc, Done: c.answer})
	return c.wait(ctx)
}

// Draft does what storage.Draft says.
func (a Access) Draft(ctx context.Context, rc *kvrpcpb.Context) (storage.Reader, error) {
	if err := admissible(ctx, rc); err != nil {
		return nil, err
	}
	if view, ok := a.Requests.Draft(rc); ok {
		return view, nil
	}
	return a.Reader(ctx, rc)
}

func admissible(ctx context.Context, rc *kvrpcpb.Context) error {
	if rc == nil {
		return storage.ErrNoContext
	}
	return ctx.Err()
}
