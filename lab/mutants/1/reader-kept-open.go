//go:build mutant

// A reader whose Close forgets the snapshot inside it. Nothing looks wrong; the
// engine just never gets rid of what was overwritten since.
//
//lab:mutant 1 kv/storage/standalone
package standalone

import (
	"context"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (s *Storage) Reader(ctx context.Context, rc *kvrpcpb.Context) (storage.Reader, error) {
	e, err := s.running(ctx)
	if err != nil {
		return nil, err
	}
	snapshot, err := e.Snapshot()
	if err != nil {
		return nil, err
	}
	return openReader{snapshot}, nil
}

type openReader struct{ engine.Reader }

func (openReader) Close() error { return nil }
