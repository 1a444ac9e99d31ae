//go:build mutant

// One snapshot for all readers, because taking one looked expensive. It is taken
// anew after each write, but the first reader that closes it closes it for all.
//
//lab:mutant 1 kv/storage/standalone
package standalone

import (
	"context"
	"sync"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

type cachedSnapshot struct {
	mu       sync.Mutex
	engine   engine.Engine
	snapshot engine.Snapshot
	stale    bool
}

var cached = map[*Storage]*cachedSnapshot{}
var cachedMu sync.Mutex

func cacheOf(s *Storage) *cachedSnapshot {
	cachedMu.Lock()
	defer cachedMu.Unlock()
	if cached[s] == nil {
		cached[s] = &cachedSnapshot{}
	}
	return cached[s]
}

func (s *Storage) Write(ctx context.Context, rc *kvrpcpb.Context, batch []engine.Op) error {
	c := cacheOf(s)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stale = true
	return s.Write_original(ctx, rc, batch)
}

func (s *Storage) Reader(ctx context.Context, rc *kvrpcpb.Context) (storage.Reader, error) {
	e, err := s.running(ctx)
	if err != nil {
		return nil, err
	}
	c := cacheOf(s)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.snapshot == nil || c.stale || c.engine != e {
		snapshot, err := e.Snapshot()
		if err != nil {
			return nil, err
		}
		c.engine, c.snapshot, c.stale = e, snapshot, false
	}
	return c.snapshot, nil
}
