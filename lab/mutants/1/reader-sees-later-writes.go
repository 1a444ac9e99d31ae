//go:build mutant

// A reader that reads from the engine itself instead of a snapshot. It is right
// until a write comes while it is open.
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
	return liveReader{e}, nil
}

type liveReader struct{ engine.Reader }

func (liveReader) Close() error { return nil }
