package server_test

import (
	"context"
	"errors"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/server"
	"github.com/labkv/labkv/kv/server/endpoint"
	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/lab/await"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/tinykvpb"
)

// A failing storage does nothing but return err.
type failing struct{ err error }

func (f failing) Start() error { return nil }
func (f failing) Stop() error  { return nil }
func (f failing) Write(context.Context, *kvrpcpb.Context, []engine.Op) error {
	return f.err
}
func (f failing) Reader(context.Context, *kvrpcpb.Context) (storage.Reader, error) {
	return nil, f.err
}

// withPeers is a failing storage that has peers.
type withPeers struct{ failing }

func (f withPeers) Raft(tinykvpb.TinyKv_RaftServer) error         { return f.err }
func (f withPeers) Snapshot(tinykvpb.TinyKv_SnapshotServer) error { return f.err }

// connectTo serves s until the test ends.
func connectTo(t *testing.T, s storage.Storage) tinykvpb.TinyKvClient {
	t.Helper()
	e := endpoint.New(endpoint.Config{})
	tinykvpb.RegisterTinyKvServer(e, server.New(s))
	listener := bufconn.Listen(1 << 16)
	served := make(chan error, 1)
	go func() { served <- e.Serve(listener) }()
	conn, err := grpc.NewClient("passthrough:peers",
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	require.NoError(t, err)
	t.Cleanup(func() {
		conn.Close()
		e.Stop()
		require.NoError(t, await.Receive(t, served, "the end of the server"))
	})
	return tinykvpb.NewTinyKvClient(conn)
}

// Streams between stores end with the status that the storage gives them, and a
// storage without peers has none.
func TestStreamsBetweenStores(t *testing.T) {
	ctx := await.Context(t, "the ends of streams")
	for _, c := range []struct {
		storage storage.Storage
		want    codes.Code
	}{
		{failing{}, codes.Unimplemented},
		{withPeers{failing{storage.ErrNotRunning}}, codes.Unavailable},
		{withPeers{failing{status.Error(codes.FailedPrecondition, "another cluster")}}, codes.FailedPrecondition},
		{withPeers{failing{errors.New("anything else")}}, codes.Unknown},
	} {
		client := connectTo(t, c.storage)
		raft, err := client.Raft(ctx)
		require.NoError(t, err)
		_, err = raft.CloseAndRecv()
		require.Equal(t, c.want, status.Code(err), "Raft: %v", err)
		snapshot, err := client.Snapshot(ctx)
		require.NoError(t, err)
		_, err = snapshot.CloseAndRecv()
		require.Equal(t, c.want, status.Code(err), "Snapshot: %v", err)
	}
}

// A write whose outcome is unknown must not look like one that may be sent again.
func TestUnknownOutcome(t *testing.T) {
	client := connectTo(t, failing{storage.ErrOutcomeUnknown})
	_, err := client.RawPut(await.Context(t, "the answer to a write"), &kvrpcpb.RawPutRequest{Context: &kvrpcpb.Context{}, Key: []byte("a")})
	require.Equal(t, codes.Unknown, status.Code(err))
	require.ErrorContains(t, err, storage.ErrOutcomeUnknown.Error())
}
