package server_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/labkv/labkv/kv/server"
	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/proto/raftserverpb"
)

// An inspector returns what it holds.
type inspector struct {
	status *raftserverpb.StoreStatus
	err    error
}

func (i inspector) Status(context.Context) (*raftserverpb.StoreStatus, error) {
	return i.status, i.err
}

func TestInspect(t *testing.T) {
	want := &raftserverpb.StoreStatus{StoreId: 3}
	got, err := server.NewInspect(inspector{status: want}).Status(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, want, got)
	for err, code := range map[error]codes.Code{
		storage.ErrNotRunning:    codes.Unavailable,
		context.Canceled:         codes.Canceled,
		context.DeadlineExceeded: codes.DeadlineExceeded,
		errors.New("other"):      codes.Unknown,
	} {
		_, got := server.NewInspect(inspector{err: err}).Status(t.Context(), nil)
		require.Equal(t, code, status.Code(got))
	}
}
