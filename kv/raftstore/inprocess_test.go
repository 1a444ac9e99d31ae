package raftstore_test

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/client"
	"github.com/labkv/labkv/kv/engine"
	kvserver "github.com/labkv/labkv/kv/server"
	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/tinykvpb"
)

// A user reads and writes a group as a program does: through the client library
// and the handlers of kv/server, with function calls instead of a network. All
// of it runs on the goroutine of the test. While the client waits for its next
// attempt, the clock of one store goes.
type user struct {
	*client.Raw
	g *group
	// clock is the store whose clock goes.
	clock uint64
	// waited counts the pauses of the request under way, and heard is the answer
	// before the last of them.
	waited int
	heard  string
}

// maxPauses bounds the pauses of a client until a store is elected and the
// client has found it. Each pause is a tick of the clock.
const maxPauses = 100

func newUser(g *group) *user {
	u := &user{g: g}
	cfg := client.Config{
		Dial:  u.dial,
		Sleep: u.sleep,
		Rand:  func(int64) int64 { return 0 },
	}
	for _, s := range g.servers {
		cfg.Stores = append(cfg.Stores, client.Store{ID: s.id, Addr: fmt.Sprint(s.id)})
	}
	var err error
	u.Raw, err = client.NewRaw(cfg)
	require.NoError(g.t, err, "a client of the stores")
	return u
}

func (u *user) sleep(context.Context, time.Duration) error {
	if u.waited++; u.waited > maxPauses {
		u.g.t.Fatalf("a client is still not served after %d pauses, in each of which the clock of store %d went on; it heard last: %s", maxPauses, u.clock, u.heard)
	}
	u.g.tick(u.clock, 1)
	return nil
}

func (u *user) dial(addr string) (client.Conn, error) {
	id, err := strconv.ParseUint(addr, 10, 64)
	if err != nil {
		return nil, err
	}
	s := &oneStore{g: u.g, id: id}
	return &inProcess{user: u, store: s, handlers: kvserver.New(s)}, nil
}

// put requires that a put succeeds.
func (u *user) put(key, value string) {
	u.g.t.Helper()
	u.waited = 0
	require.NoError(u.g.t, u.Put(context.Background(), engine.CFDefault, []byte(key), []byte(value)), "a put of %s by a client", key)
}

// delete requires that a delete succeeds.
func (u *user) delete(key string) {
	u.g.t.Helper()
	u.waited = 0
	require.NoError(u.g.t, u.Delete(context.Background(), engine.CFDefault, []byte(key)), "a delete of %s by a client", key)
}

// finds requires that a client finds value under key, and that a scan shows the
// same. An empty value means that the key is absent.
func (u *user) finds(key, value string) {
	u.g.t.Helper()
	u.waited = 0
	got, found, err := u.Get(context.Background(), engine.CFDefault, []byte(key))
	require.NoError(u.g.t, err, "a get of %s by a client", key)
	require.Equal(u.g.t, value, string(got), "a get of %s by a client", key)
	require.Equal(u.g.t, value != "", found, "a get of %s by a client finds it", key)
	u.waited = 0
	pairs, _, err := u.Scan(context.Background(), engine.CFDefault, []byte(key), 1)
	require.NoError(u.g.t, err, "a scan from %s by a client", key)
	if value == "" {
		require.True(u.g.t, len(pairs) == 0 || string(pairs[0].Key) != key, "a scan by a client shows %s, which is absent", key)
		return
	}
	require.Len(u.g.t, pairs, 1, "a scan from %s by a client", key)
	require.Equal(u.g.t, key+"="+value, string(pairs[0].Key)+"="+string(pairs[0].Value), "a scan from %s by a client", key)
}

// An inProcess is a connection to the handlers of a store.
type inProcess struct {
	user     *user
	store    *oneStore
	handlers tinykvpb.TinyKvServer
}

// Invoke implements client.Conn. Nothing is lost on the way.
func (c *inProcess) Invoke(ctx context.Context, method string, args, reply any, _ ...grpc.CallOption) error {
	if c.store.g.at(c.store.id).life.over {
		return &client.CallError{Fate: client.Unsent, Err: status.Error(codes.Unavailable, "there is no power")}
	}
	for _, m := range tinykvpb.TinyKv_ServiceDesc.Methods {
		if "/"+tinykvpb.TinyKv_ServiceDesc.ServiceName+"/"+m.MethodName != method {
			continue
		}
		response, err := m.Handler(c.handlers, ctx, func(request any) error {
			proto.Merge(request.(proto.Message), args.(proto.Message))
			return nil
		}, nil)
		c.user.heard = fmt.Sprintf("%s of store %d: %v %v", m.MethodName, c.store.id, response, err)
		if err != nil {
			return &client.CallError{Fate: client.Answered, Err: err}
		}
		proto.Merge(reply.(proto.Message), response.(proto.Message))
		return nil
	}
	return status.Errorf(codes.Unimplemented, "unknown method %s", method)
}

func (c *inProcess) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, status.Error(codes.Unimplemented, "clients make no streams")
}

func (c *inProcess) Close() error { return nil }

// A oneStore is a storage.Storage on one store of a group. It lets everything
// happen that can happen without the clocks, and requires that the request is
// answered by then: no message is lost, and the other stores run.
type oneStore struct {
	g  *group
	id uint64
}

func (s *oneStore) Start() error { return nil }
func (s *oneStore) Stop() error  { return nil }

func (s *oneStore) Write(_ context.Context, rc *kvrpcpb.Context, ops []engine.Op) error {
	return s.answer("a write", rc, ops).err
}

func (s *oneStore) Reader(_ context.Context, rc *kvrpcpb.Context) (storage.Reader, error) {
	r := s.answer("a read", rc, nil)
	return r.view, r.err
}

func (s *oneStore) answer(request string, rc *kvrpcpb.Context, ops []engine.Op) result {
	s.g.t.Helper()
	a := &answer{t: s.g.t, request: fmt.Sprintf("%s of a client on store %d", request, s.id)}
	s.g.at(s.id).ask(rc, ops, a.add)
	s.g.settle()
	return a.result()
}
