package replicated

import (
	"context"
	"slices"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

// An Access reads and writes through the commands of a store. It is the half of a
// storage.Storage that clients use, without its beginning and its end.
type Access struct {
	// Submit gives a command to the store: raftstore.Store has such a method.
	Submit func(c *raftstore.Command)
}

// Write is that of storage.Storage. If ctx ends first, or the store loses track of
// the write, nobody knows whether it takes effect: the error is then ctx.Err() or
// storage.ErrOutcomeUnknown.
func (a Access) Write(ctx context.Context, rc *kvrpcpb.Context, batch []engine.Op) error {
	writes, err := commandOf(batch)
	if err != nil {
		return err
	}
	result, err := a.wait(ctx, rc, writes)
	if err != nil {
		return err
	}
	if result.Snapshot != nil { // of an empty batch, which reads instead
		return result.Snapshot.Close()
	}
	return nil
}

// Reader is that of storage.Storage: it sees every write that was acknowledged, by
// whichever store, before Reader was called.
func (a Access) Reader(ctx context.Context, rc *kvrpcpb.Context) (storage.Reader, error) {
	result, err := a.wait(ctx, rc, nil)
	if err != nil {
		return nil, err
	}
	return &reader{result.Snapshot}, nil
}

// wait submits a command and waits for what comes of it.
func (a Access) wait(ctx context.Context, rc *kvrpcpb.Context, writes []*raftserverpb.Write) (raftstore.Result, error) {
	if rc == nil {
		return raftstore.Result{}, storage.ErrNoContext
	}
	if err := ctx.Err(); err != nil {
		return raftstore.Result{}, err
	}
	c := newCall()
	a.Submit(&raftstore.Command{Context: rc, Writes: writes, Done: c.done})
	result, err := c.wait(ctx)
	if err != nil {
		return raftstore.Result{}, err
	}
	switch result.Err {
	case storage.ErrOutcomeUnknown:
		result.Err = storage.ErrOutcomeUnknown
	case storage.ErrNotRunning:
		result.Err = storage.ErrNotRunning
	}
	return result, result.Err
}

// commandOf returns what batch wants written, in memory of its own: a command
// outlives a caller that gives up. What no engine would accept must not get into
// a log, where it could neither be applied nor be refused.
func commandOf(batch []engine.Op) ([]*raftserverpb.Write, error) {
	var b engine.Batch
	for _, m := range batch {
		if m.Delete {
			b.Delete(m.CF, m.Key)
		} else {
			b.Put(m.CF, m.Key, m.Value)
		}
	}
	if err := b.Check(engine.Families); err != nil {
		return nil, err
	}
	buf := make([]byte, 0, b.Size())
	own := func(bytes []byte) []byte {
		at := len(buf)
		buf = append(buf, bytes...)
		return buf[at:len(buf):len(buf)]
	}
	writes := make([]*raftserverpb.Write, 0, b.Len())
	for _, op := range b.Ops() {
		writes = append(writes, &raftserverpb.Write{Cf: op.CF, Key: own(op.Key), Value: own(op.Value), Delete: op.Delete})
	}
	return writes, nil
}

// A reader shows the data of a snapshot, and hides what else is in the engine.
type reader struct {
	engine.Snapshot
}

func (r *reader) Get(cf engine.CF, key []byte) (value []byte, found bool, err error) {
	if !slices.Contains(engine.Families, cf) {
		return nil, false, &engine.UnknownFamilyError{CF: cf}
	}
	return r.Snapshot.Get(cf, key)
}

func (r *reader) Iterate(cf engine.CF, within engine.Range) (engine.Iterator, error) {
	if !slices.Contains(engine.Families, cf) {
		return nil, &engine.UnknownFamilyError{CF: cf}
	}
	return r.Snapshot.Iterate(cf, within)
}
