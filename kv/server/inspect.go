package server

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/proto/raftserverpb"
)

// An Inspector is a storage that says what state it is in.
type Inspector interface {
	Status(context.Context) (*raftserverpb.StoreStatus, error)
}

// NewInspect returns the service raftserverpb.Inspect of a storage.
func NewInspect(s Inspector) raftserverpb.InspectServer { return inspect{inspector: s} }

type inspect struct {
	raftserverpb.UnimplementedInspectServer
	inspector Inspector
}

// Status implements raftserverpb.InspectServer.
func (i inspect) Status(ctx context.Context, _ *raftserverpb.StatusRequest) (*raftserverpb.StoreStatus, error) {
	s, err := i.inspector.Status(ctx)
	switch {
	case is(err, storage.ErrNotRunning):
		return nil, status.Error(codes.Unavailable, err.Error())
	case err != nil:
		return nil, status.FromContextError(err).Err()
	}
	return s, nil
}
