package server_test

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/kv/server"
	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/kv/storage/standalone"
	"github.com/labkv/labkv/lab/await"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/tinykvpb"
)

// Sources of the claims of this stage.
const (
	protocol = "the protocol (proto/kvrpcpb/kvrpcpb.proto)"
	outcomes = "the comment on outcome (kv/server/outcome.go)"
)

// rc is the Context of a request to a store that has no regions.
var rc = &kvrpcpb.Context{}

// A client talks to a server through gRPC, over a connection in memory.
type client struct {
	tinykvpb.TinyKvClient
	t *graded.T
}

// connect serves s until the test ends.
func connect(t *graded.T, s storage.Storage) client {
	t.Helper()
	listener := bufconn.Listen(1 << 16)
	g := grpc.NewServer(grpc.UnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (resp any, err error) {
		defer t.Catch(func(missing string) { err = status.Error(codes.Unimplemented, missing) })
		return handle(ctx, req)
	}))
	tinykvpb.RegisterTinyKvServer(g, server.New(s))
	served := make(chan error, 1)
	go func() { served <- g.Serve(listener) }()
	conn, err := grpc.NewClient("passthrough:server",
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
		grpc.WithUnaryInterceptor(giveUp),
	)
	require.NoError(t, err, "connecting to the server")
	t.Cleanup(func() {
		conn.Close()
		g.Stop()
		await.Receive(t, served, "the end of the server")
	})
	return client{tinykvpb.NewTinyKvClient(conn), t}
}

// patience is how long a request may take. It waits for no network and no disk.
const patience = 10 * time.Second

// giveUp ends a call after patience, with an error that names it.
func giveUp(ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := invoke(ctx, method, req, reply, conn, options...)
	if ctx.Err() == context.DeadlineExceeded {
		return status.Errorf(codes.DeadlineExceeded, "%s was not answered within %s", method, patience)
	}
	return err
}

// A store is a standalone storage on a disk in memory, with a server on it.
type store struct {
	client
	disk    *memory.Disk
	engine  *memory.Engine
	storage storage.Storage
}

// start runs a store on disk until the test ends.
func start(t *graded.T, disk *memory.Disk) *store {
	t.Helper()
	s := &store{disk: disk}
	s.storage = standalone.New(standalone.Config{Open: func() (engine.Engine, error) {
		e, err := disk.Open(engine.Families...)
		if err != nil {
			return nil, err
		}
		s.engine = e
		return e, nil
	}})
	var err error
	await.Return(t, func() { err = s.storage.Start() }, "Start of the storage")
	require.NoError(t, err, "starting the storage")
	t.Cleanup(func() {
		stopped := make(chan struct{})
		go func() {
			s.storage.Stop()
			close(stopped)
		}()
		select {
		case <-stopped:
		case <-time.After(patience): // a test has failed by now, or the next one says why
		}
	})
	s.client = connect(t, s.storage)
	return s
}

// stop stops the storage and demands success.
func (s *store) stop() {
	s.t.Helper()
	var err error
	await.Return(s.t, func() { err = s.storage.Stop() }, "Stop of the storage")
	require.NoError(s.t, err, "Stop")
}

// put sets a key and demands success.
func (c client) put(cf, key, value string) {
	c.t.Helper()
	resp, err := c.RawPut(c.t.Context(), &kvrpcpb.RawPutRequest{Context: rc, Cf: cf, Key: []byte(key), Value: []byte(value)})
	require.NoError(c.t, err, "status of RawPut %q", key)
	require.Empty(c.t, resp.Error, "error text of RawPut %q", key)
	require.Nil(c.t, resp.RegionError, "region error of RawPut %q", key)
}

// remove deletes a key and demands success.
func (c client) remove(cf, key string) {
	c.t.Helper()
	resp, err := c.RawDelete(c.t.Context(), &kvrpcpb.RawDeleteRequest{Context: rc, Cf: cf, Key: []byte(key)})
	require.NoError(c.t, err, "status of RawDelete %q", key)
	require.Empty(c.t, resp.Error, "error text of RawDelete %q", key)
	require.Nil(c.t, resp.RegionError, "region error of RawDelete %q", key)
}

// absent is what get shows for a key that is not there.
const absent = "(absent)"

// get reads a key and demands success.
func (c client) get(cf, key string) string {
	c.t.Helper()
	resp, err := c.RawGet(c.t.Context(), &kvrpcpb.RawGetRequest{Context: rc, Cf: cf, Key: []byte(key)})
	require.NoError(c.t, err, "status of RawGet %q", key)
	require.Empty(c.t, resp.Error, "error text of RawGet %q", key)
	require.Nil(c.t, resp.RegionError, "region error of RawGet %q", key)
	if resp.NotFound {
		require.Empty(c.t, resp.Value, "RawGet %q says that it found nothing, and returns a value", key)
		return absent
	}
	return string(resp.Value)
}

// scan reads keys and demands success and that the response is complete. It
// lists pairs as key=value.
func (c client) scan(cf, start string, limit uint32) []string {
	c.t.Helper()
	resp, err := c.RawScan(c.t.Context(), &kvrpcpb.RawScanRequest{Context: rc, Cf: cf, StartKey: []byte(start), Limit: limit})
	require.NoError(c.t, err, "status of RawScan from %q", start)
	require.Empty(c.t, resp.Error, "error text of RawScan from %q", start)
	require.Nil(c.t, resp.RegionError, "region error of RawScan from %q", start)
	require.False(c.t, resp.More, "RawScan from %q says that it was cut short for its size", start)
	return list(c.t, resp.Kvs)
}

func list(t *graded.T, pairs []*kvrpcpb.KvPair) []string {
	t.Helper()
	texts := []string{}
	for _, pair := range pairs {
		require.Nil(t, pair.Error, "error of the pair with key %q", pair.Key)
		texts = append(texts, string(pair.Key)+"="+string(pair.Value))
	}
	return texts
}

// A reply is what the four responses have in common.
type reply struct {
	name   string
	status string // the name of its code
	region string // the message of the region error, if there is one
	text   string // the error text
	pairs  int    // of a scan
}

// String shows what r says, in words.
func (r reply) String() string {
	return fmt.Sprintf("status %s, region error %q, error text %q, %d pairs", r.status, r.region, r.text, r.pairs)
}

// all sends one request of each kind, and returns what came back.
func (c client) all(rc *kvrpcpb.Context, cf, key string) []reply {
	return c.allWith(c.t.Context(), rc, cf, key)
}

func (c client) allWith(ctx context.Context, rc *kvrpcpb.Context, cf, key string) []reply {
	get, getErr := c.RawGet(ctx, &kvrpcpb.RawGetRequest{Context: rc, Cf: cf, Key: []byte(key)})
	scan, scanErr := c.RawScan(ctx, &kvrpcpb.RawScanRequest{Context: rc, Cf: cf, StartKey: []byte(key), Limit: 10})
	put, putErr := c.RawPut(ctx, &kvrpcpb.RawPutRequest{Context: rc, Cf: cf, Key: []byte(key), Value: []byte("new")})
	remove, removeErr := c.RawDelete(ctx, &kvrpcpb.RawDeleteRequest{Context: rc, Cf: cf, Key: []byte(key)})
	return []reply{
		{"RawGet", status.Code(getErr).String(), get.GetRegionError().GetMessage(), get.GetError(), 0},
		{"RawScan", status.Code(scanErr).String(), scan.GetRegionError().GetMessage(), scan.GetError(), len(scan.GetKvs())},
		{"RawPut", status.Code(putErr).String(), put.GetRegionError().GetMessage(), put.GetError(), 0},
		{"RawDelete", status.Code(removeErr).String(), remove.GetRegionError().GetMessage(), remove.GetError(), 0},
	}
}
