// Package standalone is a storage on one engine, without replication: what a
// store would be if machines never failed for good.
package standalone

import (
	"context"
	"sync"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

// A Config says on what, and how, a Storage keeps its data.
type Config struct {
	// Open opens the engine, with at least the families engine.Families. Start
	// calls it, each time anew, and Stop closes what it returned.
	Open func() (engine.Engine, error)

	// NoSync lets Write return before the writes are durable. It is faster,
	// and a crash of the machine may then lose the last of them.
	NoSync bool
}

// A Storage implements storage.Storage on one engine. All keys are its own, so
// it does not look at a request's Context, and serves requests without one, as
// TinyKV's project 1 sends them.
type Storage struct {
	//lab:private
	config Config

	// mu guards engine; it is held to look at it, not while using it. The
	// engine itself knows how to deal with a Close in the middle of its work.
	//
	//lab:private
	mu sync.RWMutex
	// engine is nil while the storage does not run.
	//
	//lab:private
	engine engine.Engine
}

var _ storage.Storage = (*Storage)(nil)

// New returns a storage that is not started yet. It does not call config.Open.
//
//lab:implement 1
func New(config Config) *Storage {
	return &Storage{config: config}
}

// Start opens the engine. If that fails, it returns the error of Config.Open, and
// the storage can be started again later.
//
//lab:implement 1
func (s *Storage) Start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.engine != nil {
		return storage.ErrRunning
	}
	e, err := s.config.Open()
	if err != nil {
		return err
	}
	s.engine = e
	return nil
}

// Stop closes the engine, without waiting for readers that are open. It does
// nothing if the storage does not run. If the engine's Close returns an error, so does Stop,
// and the storage does not run.
//
//lab:implement 1
func (s *Storage) Stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.engine == nil {
		return nil
	}
	e := s.engine
	s.engine = nil // closed now, whatever Close says
	return errors.Annotate(e.Close(), "close engine")
}

// Write writes ops to the engine as one engine.Batch, synced unless
// Config.NoSync is set. The engine's errors come out as they are, or wrapped.
//
//lab:implement 1
func (s *Storage) Write(ctx context.Context, _ *kvrpcpb.Context, ops []engine.Op) error {
	e, err := s.running(ctx)
	if err != nil {
		return err
	}
	var b engine.Batch
	b.Append(ops...)
	if b.Len() == 0 {
		return nil
	}
	return e.Write(&b, !s.config.NoSync)
}

// Reader returns a snapshot of the engine.
//
//lab:implement 1
func (s *Storage) Reader(ctx context.Context, _ *kvrpcpb.Context) (storage.Reader, error) {
	e, err := s.running(ctx)
	if err != nil {
		return nil, err
	}
	return e.Snapshot()
}

// running returns the engine if a request may use it.
//
//lab:private
func (s *Storage) running(ctx context.Context) (engine.Engine, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.engine == nil {
		return nil, storage.ErrNotRunning
	}
	return s.engine, nil
}
