// Package storage defines what a server reads and writes through: the one
// interface between the handlers of RPCs and what keeps the data.
//
// Package standalone implements it over a single engine, for a store on its
// own. A replicated store implements it over Raft. A handler cannot tell which
// of them it talks to, and must not try to.
package storage

import (
	"context"
	"io"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

// A Storage keeps the keys of a store. Every method may be called from several
// goroutines at once.
//
// Write and Reader take the context of the call, and the Context of the request
// (rc), which says what part of the key space the client means. Both
// return, before they do anything,
//
//   - ErrNoContext if rc is nil and the store has more than one place where a
//     key can be;
//   - ErrNotRunning before Start and after Stop;
//   - ctx.Err() if ctx is already done;
//   - a *region.Error if rc does not fit the regions of this store. A Reader
//     returns it, too, for a key that is outside the region of rc.
type Storage interface {
	// Start makes the storage ready for use. If it fails, the storage is as
	// it was before. Starting a storage that runs is an error.
	Start() error

	// Stop ends the use of the storage and releases what Start acquired. It
	// does not wait for readers: those that are still open fail from then on.
	// A stopped storage can be started again. Stopping one that does not run
	// does nothing. After an error, too, which says what could not be released
	// properly, the storage does not run.
	Stop() error

	// Write applies ops in order, as a whole or not at all. When it returns
	// nil they are durable and visible to every later Reader. Without ops it
	// changes nothing. Write does not keep ops or their slices.
	Write(ctx context.Context, rc *kvrpcpb.Context, ops []engine.Op) error

	// Reader returns a view of the present state that no later write
	// changes. The caller must Close it.
	Reader(ctx context.Context, rc *kvrpcpb.Context) (Reader, error)
}

// A Drafter is a Storage that can show the state of a region sooner than Reader can, if it
// need not be the present one. A Storage need not be a Drafter.
type Drafter interface {
	Draft(ctx context.Context, rc *kvrpcpb.Context) (Reader, error)
}

// Draft returns a view for a command that is about to write what it decides on the view.
// It is as one of Reader, except that the storage need not make sure that no other store
// leads the region by now: writes of terms above Term(view) may be missing. A Write with
// that Term which succeeds proves that none is. Nothing else does: a command that writes
// nothing must not be answered from a draft.
//
// To use Reader for everything is right, too. In a replicated store it takes a round of
// messages more.
func Draft(ctx context.Context, s Storage, rc *kvrpcpb.Context) (Reader, error) {
	if d, ok := s.(Drafter); ok {
		return d.Draft(ctx, rc)
	}
	return s.Reader(ctx, rc)
}

// Term returns the term in which the leader that serves r has confirmed that it leads, or
// 0 if the storage has no terms. A Write whose Context has that Term is refused once
// another term has begun: so between r and a Write that succeeds no other store has led
// the region and written.
func Term(r Reader) uint64 {
	if t, ok := r.(interface{ Term() uint64 }); ok {
		return t.Term()
	}
	return 0
}

// A Reader is a view of the data at one moment. An engine's snapshot is one.
type Reader interface {
	// Get and Iterate are as in the engine: an absent key is not an error, and
	// an iterator must be closed before its reader.
	engine.Reader
	// Close releases the view. A second call does nothing.
	io.Closer
}
