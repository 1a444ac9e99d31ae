package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/internal/program"
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/kv/server"
	"github.com/labkv/labkv/kv/server/endpoint"
	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/kv/storage/standalone"
	"github.com/labkv/labkv/lab/await"
	"github.com/labkv/labkv/proto/errorpb"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/proto/tinykvpb"
)

// A store is a server on a TCP port, with its data in memory.
type store struct {
	addr    string
	disk    *memory.Disk
	storage storage.Storage
}

func start(t *testing.T) *store {
	t.Helper()
	return startWith(t, func(s storage.Storage) tinykvpb.TinyKvServer { return server.New(s) })
}

// startWith is start with handlers for the storage.
func startWith(t *testing.T, handlers func(storage.Storage) tinykvpb.TinyKvServer) *store {
	t.Helper()
	disk := memory.NewDisk()
	s := standalone.New(standalone.Config{Open: func() (engine.Engine, error) { return disk.Open(engine.Families...) }})
	require.NoError(t, s.Start())
	t.Cleanup(func() {
		var err error
		await.Return(t, func() { err = s.Stop() }, "the end of the storage")
		require.NoError(t, err)
	})
	return &store{addr: serve(t, handlers(s)), disk: disk, storage: s}
}

// serve serves s until the test ends, and returns its address.
func serve(t *testing.T, s tinykvpb.TinyKvServer) string {
	t.Helper()
	e := endpoint.New(endpoint.Config{})
	tinykvpb.RegisterTinyKvServer(e, s)
	return listen(t, e)
}

// listen makes e serve until the test ends, and returns its address.
func listen(t *testing.T, e *endpoint.Endpoint) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- e.Serve(listener) }()
	t.Cleanup(func() {
		require.True(t, e.Stop())
		require.NoError(t, await.Receive(t, served, "the end of the server"))
	})
	return listener.Addr().String()
}

// ctl runs a command line. Its own time-out ends it.
func ctl(args ...string) (code int, stdout, stderr string) {
	return ctlWith("", args...)
}

// ctlWith is ctl with something on the standard input.
func ctlWith(stdin string, args ...string) (code int, stdout, stderr string) {
	var out, err strings.Builder
	code = run(context.Background(), args, strings.NewReader(stdin), &out, &err)
	return code, out.String(), err.String()
}

// raw runs a raw command that is to succeed, and returns its output.
func (s *store) raw(t *testing.T, args ...string) string {
	t.Helper()
	code, stdout, stderr := ctl(append([]string{"raw", "--timeout", await.Limit.String(), "--addr", s.addr}, args...)...)
	require.Empty(t, stderr, "%q", args)
	require.Zero(t, code, "%q", args)
	return stdout
}

func TestPutGetDeleteScan(t *testing.T) {
	s := start(t)
	require.Empty(t, s.raw(t, "put", "b", "2"))
	require.Empty(t, s.raw(t, "put", "a", "1"))
	require.Empty(t, s.raw(t, "put", "--cf", "lock", "a", "locked"))
	require.Equal(t, "1\n", s.raw(t, "get", "a"))
	require.Equal(t, "locked\n", s.raw(t, "get", "a", "--cf=lock"))
	require.Equal(t, "a\t1\nb\t2\n", s.raw(t, "scan"))
	require.Equal(t, "b\t2\n", s.raw(t, "scan", "aa"))
	require.Equal(t, "a\t1\nb\t2\n", s.raw(t, "scan", "--limit", "2"))
	require.Equal(t, "", s.raw(t, "scan", "c"))
	require.Empty(t, s.raw(t, "delete", "a"))
	require.Empty(t, s.raw(t, "delete", "a"))
	require.Equal(t, "b\t2\n", s.raw(t, "scan"))

	code, stdout, stderr := ctl("raw", "get", "a", "--addr", s.addr)
	require.Equal(t, 1, code)
	require.Empty(t, stdout)
	require.Equal(t, "labkv-ctl: key a is not there\n", stderr)
}

func TestBinaryKeysAndValues(t *testing.T) {
	s := start(t)
	s.raw(t, "put", "--hex", "00ff", "0a")
	s.raw(t, "put", "tab\there", "ünï")
	s.raw(t, "put", `"quoted"`, "")
	require.Equal(t, "\n", s.raw(t, "get", `"quoted"`))
	require.Equal(t, "\"\\n\"\n", s.raw(t, "get", "--hex=false", "\x00\xff"))
	require.Equal(t, "0a\n", s.raw(t, "get", "--hex", "00FF"))
	require.Equal(t, "\"\\x00\\xff\"\t\"\\n\"\n\"\\\"quoted\\\"\"\t\n\"tab\\there\"\tünï\n", s.raw(t, "scan"))
	require.Equal(t, "00ff\t0a\n2271756f74656422\t\n7461620968657265\tc3bc6ec3af\n", s.raw(t, "scan", "--hex"))
	require.True(t, strings.HasPrefix(s.raw(t, "scan", `"`), "\"\\\"quoted\\\"\"\t\n"))
}

// A scan that its limit has cut says how to go on: with the next key, as a shell takes
// it.
func TestScanSaysWhereToGoOn(t *testing.T) {
	s := start(t)
	for key, argument := range map[string]string{
		"b":         "b",
		"b/1":       "b/1",
		"two words": "'two words'",
		"it's":      `'it'\''s'`,
		"-dash":     "-- '-dash'",
		"\x00\xff":  "--hex 00ff",
		"tab\t":     "--hex 74616209",
	} {
		require.NoError(t, s.storage.Write(await.Context(t, "a write"), &kvrpcpb.Context{}, []engine.Op{{CF: engine.CFDefault, Key: []byte(key)}}))
		code, stdout, stderr := ctl("raw", "scan", "--limit", "0", "--addr", s.addr)
		require.Zero(t, code)
		require.Empty(t, stdout)
		require.Equal(t, "more pairs follow; to go on: labkv-ctl raw scan "+argument+"\n", stderr)
		require.NoError(t, s.storage.Write(await.Context(t, "a write"), &kvrpcpb.Context{}, []engine.Op{{CF: engine.CFDefault, Key: []byte(key), Delete: true}}))
	}
}

// TestScanGoesOn scans more than fits into one response.
func TestScanGoesOn(t *testing.T) {
	s := start(t)
	value := strings.Repeat("v", server.MaxScanSize/3)
	var batch []engine.Op
	for i := range 10 {
		batch = append(batch, engine.Op{CF: engine.CFDefault, Key: fmt.Appendf(nil, "key%d", i), Value: []byte(value)})
	}
	require.NoError(t, s.storage.Write(await.Context(t, "a write"), &kvrpcpb.Context{}, batch))
	keys := func(output string) string {
		output = strings.ReplaceAll(output, "\t"+value, "")
		return strings.Join(strings.Fields(output), " ")
	}
	require.Equal(t, "key0 key1 key2 key3 key4 key5 key6 key7 key8 key9", keys(s.raw(t, "scan")))
	code, stdout, stderr := ctl("raw", "--timeout", await.Limit.String(), "--addr", s.addr, "scan", "key2", "--limit", "4")
	require.Zero(t, code)
	require.Equal(t, "key2 key3 key4 key5", keys(stdout))
	require.Equal(t, "more pairs follow; to go on: labkv-ctl raw scan key6\n", stderr)
	require.Equal(t, "key6 key7 key8 key9", keys(s.raw(t, "scan", "key6", "--limit", "4")))
	require.Equal(t, "key0 key1 key2 key3 key4 key5 key6 key7 key8 key9", keys(s.raw(t, "scan", "--limit", fmt.Sprint(uint32(math.MaxUint32)))))
}

// A server that does not lead, and answers everything with a region error.
type elsewhere struct {
	tinykvpb.UnimplementedTinyKvServer
	notLeader *errorpb.NotLeader // what it says besides the message
}

func (e elsewhere) err() *errorpb.Error {
	return &errorpb.Error{Message: "region 5 is led by peer 7", NotLeader: e.notLeader}
}

func (e elsewhere) RawGet(context.Context, *kvrpcpb.RawGetRequest) (*kvrpcpb.RawGetResponse, error) {
	return &kvrpcpb.RawGetResponse{RegionError: e.err()}, nil
}

func (e elsewhere) RawPut(context.Context, *kvrpcpb.RawPutRequest) (*kvrpcpb.RawPutResponse, error) {
	return &kvrpcpb.RawPutResponse{RegionError: e.err()}, nil
}

func (e elsewhere) RawDelete(context.Context, *kvrpcpb.RawDeleteRequest) (*kvrpcpb.RawDeleteResponse, error) {
	return &kvrpcpb.RawDeleteResponse{RegionError: e.err()}, nil
}

func (e elsewhere) RawScan(context.Context, *kvrpcpb.RawScanRequest) (*kvrpcpb.RawScanResponse, error) {
	return &kvrpcpb.RawScanResponse{RegionError: e.err()}, nil
}

// A silent server never answers.
type silent struct {
	tinykvpb.UnimplementedTinyKvServer
}

func (silent) RawGet(ctx context.Context, _ *kvrpcpb.RawGetRequest) (*kvrpcpb.RawGetResponse, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestFailures(t *testing.T) {
	s := start(t)
	full := start(t)
	full.disk.SetCapacity(0)
	absent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, absent.Close())
	wrong := serve(t, elsewhere{})
	stranger := serve(t, tinykvpb.UnimplementedTinyKvServer{})

	for _, c := range []struct {
		args   string // fields, with - for an empty one
		code   int
		stderr string // contained in the one line
	}{
		{"raw get a --timeout 1s --addr " + absent.Addr().String(), 1, "cannot reach a server at " + absent.Addr().String()},
		{"raw get a --timeout 1ms --addr " + serve(t, silent{}), 1, "within 1ms"},
		{"raw get a --timeout 1s --addr " + wrong, 1, "not served within 1s; " + wrong + " says: region 5 is led by peer 7"},
		{"raw put a b --addr " + stranger, 1, "is not a LabKV server"},
		{"raw put a b --addr " + full.addr, 1, "no space left on device"},
		{"raw get a --cf nonsense --addr " + s.addr, 1, `unknown column family "nonsense"`},
		{"raw get - --addr " + s.addr, 1, "key is empty"},
		{"raw scan --cf nonsense --addr " + s.addr, 1, `unknown column family "nonsense"`},
		{"raw get", 2, "KEY is missing"},
		{"raw put a", 2, "VALUE is missing"},
		{"raw get a b", 2, `unexpected argument "b"`},
		{"raw scan a b", 2, `unexpected argument "b"`},
		{"raw get --hex xyz", 2, `key "xyz" is not hexadecimal`},
		{"raw put --hex 00 0", 2, `value "0" is not hexadecimal`},
		{"raw scan --limit -1", 2, "limit"},
		{"raw get a --timeout 0s", 2, "--timeout 0s is not positive"},
		{"raw get a --nonsense", 2, "unknown flag: --nonsense"},
		{"raw", 2, "get, put, delete or scan"},
		{"status --format xml", 2, `--format "xml" is neither table nor json`},
		{"status --timeout 0s", 2, "--timeout 0s is not positive"},
		{"status now", 2, `unexpected argument "now"`},
		{"raw nonsense", 2, `unknown command "nonsense"`},
		{"nonsense", 2, `unknown command "nonsense"`},
	} {
		args := strings.Fields(c.args)
		for i := range args {
			if args[i] == "-" {
				args[i] = ""
			}
		}
		code, stdout, stderr := ctl(args...)
		require.Equal(t, c.code, code, "%s: %s", c.args, stderr)
		require.Contains(t, stderr, c.stderr, c.args)
		require.Equal(t, 1, strings.Count(stderr, "\n"), "%s: not one line: %s", c.args, stderr)
		require.Empty(t, stdout, c.args)
	}
}

// Of several stores, one that is down and one that is the wrong one do not matter.
func TestSeveralStores(t *testing.T) {
	s := start(t)
	absent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, absent.Close())
	follower := serve(t, elsewhere{notLeader: &errorpb.NotLeader{RegionId: 1}})
	addrs := strings.Join([]string{absent.Addr().String(), follower, s.addr}, ",")
	for _, args := range [][]string{{"put", "a", "1"}, {"get", "a"}, {"scan"}, {"delete", "a"}} {
		code, _, stderr := ctl(append([]string{"raw", "--addr", addrs}, args...)...)
		require.Zero(t, code, "%v: %s", args, stderr)
	}
	code, _, stderr := ctl("raw", "get", "a", "--timeout=1s", "--addr", follower, "--addr", follower)
	require.Equal(t, 1, code)
	require.Contains(t, stderr, follower+" says: region 5 is led by peer 7")
}

func TestInterrupt(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, err strings.Builder
	require.Equal(t, 1, run(ctx, []string{"raw", "get", "a", "--addr", serve(t, silent{})}, strings.NewReader(""), &out, &err))
	require.Equal(t, "labkv-ctl: interrupted\n", err.String())
}

func TestHelp(t *testing.T) {
	code, stdout, stderr := ctl("raw", "--help")
	require.Zero(t, code)
	require.Empty(t, stderr)
	for _, word := range []string{"get", "put", "delete", "scan", "--addr", "--cf", "--timeout", "--hex"} {
		require.Contains(t, stdout, word)
	}
}

// A cluster answers Inspect as a store of it does.
type inspected struct {
	raftserverpb.UnimplementedInspectServer
	status *raftserverpb.StoreStatus
}

func (i inspected) Status(context.Context, *raftserverpb.StatusRequest) (*raftserverpb.StoreStatus, error) {
	return i.status, nil
}

func serveStatus(t *testing.T, store uint64, peers ...*raftserverpb.PeerStatus) string {
	t.Helper()
	region := &metapb.Region{Id: 1, Peers: []*metapb.Peer{{Id: 11, StoreId: 1}, {Id: 12, StoreId: 2}, {Id: 13, StoreId: 3}}}
	for _, p := range peers {
		p.Region = region
	}
	e := endpoint.New(endpoint.Config{})
	raftserverpb.RegisterInspectServer(e, inspected{status: &raftserverpb.StoreStatus{ClusterId: 7, StoreId: store, Peers: peers}})
	return listen(t, e)
}

// The state of a cluster, one of whose stores is down and one of which lags.
func TestStatus(t *testing.T) {
	absent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, absent.Close())
	leader := serveStatus(t, 1, &raftserverpb.PeerStatus{PeerId: 11, Role: raftserverpb.PeerStatus_LEADER, Leader: 11, Term: 3, Commit: 120, Applied: 118, FirstIndex: 21, LastIndex: 121, SnapshotIndex: 90})
	behind := serveStatus(t, 2, &raftserverpb.PeerStatus{PeerId: 12, Leader: 11, Term: 3, Commit: 40, Applied: 40, FirstIndex: 41, LastIndex: 40, InstallingSnapshot: true})

	code, stdout, stderr := ctl("status", "--addr", strings.Join([]string{leader, behind, absent.Addr().String()}, ","))
	require.Equal(t, 1, code)
	require.Regexp(t, "^labkv-ctl: store at "+absent.Addr().String()+": .*connection refused.*\n$", stderr)
	table := regexp.MustCompile(`[ │╭╮╰╯├┤─┬┴┼]+`).ReplaceAllString(stdout, " ")
	require.Equal(t, `
 store address region role leader term commit applied lag log snapshot
 1 `+leader+` 1 leader 1 3 120 118 2 21-121 at 90
 2 `+behind+` 1 follower 1 3 40 40 80 empty installing
 ? `+absent.Addr().String()+` down
`, strings.ReplaceAll(strings.ReplaceAll(table, " \n \n", "\n"), " \n", "\n"))

	code, stdout, stderr = ctl("status", "--addr", leader, "--addr", behind, "--format", "json")
	require.Zero(t, code, stderr)
	require.Empty(t, stderr)
	var got clusterStatus
	require.NoError(t, json.Unmarshal([]byte(stdout), &got))
	require.Equal(t, &peerStatus{Region: 1, Peer: 12, Role: "follower", LeaderStore: 1, Term: 3, Commit: 40, Applied: 40, Lag: 80, LogFirst: 41, LogLast: 40, Snapshot: "installing"}, got.Stores[1].Peers[0])
	require.Empty(t, got.Problems)

	code, _, stderr = ctl("status", "--addr", behind)
	require.Equal(t, 1, code)
	require.Equal(t, "labkv-ctl: no store that answers leads region 1\n", stderr)

	alone := start(t)
	code, _, stderr = ctl("status", "--addr", alone.addr)
	require.Equal(t, 1, code)
	require.Equal(t, "labkv-ctl: store at "+alone.addr+": it is not a store of a cluster\n", stderr)
}

func TestVersion(t *testing.T) {
	code, stdout, _ := ctl("--version")
	require.Zero(t, code)
	require.Contains(t, stdout, "labkv-ctl version "+program.VersionText()+"\n")
}
