//go:build mutant

// Refuses requests without a context, as a replicated storage must. A storage on
// one engine has every key, and clients that were written for it send none.
//
//lab:mutant 1 kv/storage/standalone
package standalone

import (
	"context"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (s *Storage) Write(ctx context.Context, rc *kvrpcpb.Context, ops []engine.Op) error {
	if rc == nil {
		return storage.ErrNoContext
	}
	return s.Write_original(ctx, rc, ops)
}

func (s *Storage) Reader(ctx context.Context, rc *kvrpcpb.Context) (storage.Reader, error) {
	if rc == nil {
		return nil, storage.ErrNoContext
	}
	return s.Reader_original(ctx, rc)
}
