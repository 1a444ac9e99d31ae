package transport_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"maps"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/kv/raftstore/snapdir"
	"github.com/labkv/labkv/kv/raftstore/transport"
	"github.com/labkv/labkv/kv/server/endpoint"
	"github.com/labkv/labkv/lab/await"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/proto/tinykvpb"
)

const clusterID = 7

// A node is a transport on a port, with a store that records the calls that it
// gets.
type node struct {
	t         *testing.T
	id        uint64
	addr      string
	transport *transport.Transport
	endpoint  *endpoint.Endpoint
	files     *snapdir.Dir

	steps       chan *raftserverpb.RaftMessage
	unreachable chan uint64
	snapshots   chan bool
	over        chan struct{} // closed at the end of the test
}

func (n *node) ReportSnapshot(_, peerID uint64, arrived bool)   { n.snapshots <- arrived }
func (n *node) Raft(stream tinykvpb.TinyKv_RaftServer) error    { return n.transport.Raft(stream) }
func (n *node) Snapshot(s tinykvpb.TinyKv_SnapshotServer) error { return n.transport.Snapshot(s) }

// Step blocks while steps is full.
func (n *node) Step(m *raftserverpb.RaftMessage) {
	select {
	case n.steps <- m:
	case <-n.over:
	}
}

func (n *node) ReportUnreachable(_, peerID uint64) {
	select {
	case n.unreachable <- peerID:
	default: // the test needs no more reports than fit
	}
}

// service is the part of a server that other stores call.
type service struct {
	tinykvpb.UnimplementedTinyKvServer
	*node
}

func (s service) Raft(stream tinykvpb.TinyKv_RaftServer) error { return s.node.Raft(stream) }
func (s service) Snapshot(stream tinykvpb.TinyKv_SnapshotServer) error {
	return s.node.Snapshot(stream)
}

func random() uint64 {
	var b [8]byte
	rand.Read(b[:])
	return binary.LittleEndian.Uint64(b[:])
}

// listen reserves an address, at which no server answers yet.
func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	return l
}

// start starts store id of a cluster on l.
func start(t *testing.T, id uint64, addrs map[uint64]string, l net.Listener, change ...func(*transport.Config)) *node {
	t.Helper()
	n := &node{
		t: t, id: id, addr: l.Addr().String(),
		steps:       make(chan *raftserverpb.RaftMessage, 1000),
		unreachable: make(chan uint64, 100),
		snapshots:   make(chan bool, 1000),
		over:        make(chan struct{}),
	}
	var err error
	n.files, err = snapdir.Open(t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, n.files.Close()) })
	cfg := transport.Config{
		ClusterID: clusterID,
		StoreID:   id,
		Addrs:     maps.Clone(addrs),
		Files:     n.files,
		Rand:      random,
		Backoff:   transport.Backoff{Min: time.Millisecond, Max: 10 * time.Millisecond},
		Logger:    slog.New(slog.DiscardHandler),
	}
	for _, f := range change {
		f(&cfg)
	}
	n.transport = transport.New(cfg)
	n.transport.Start(n)
	t.Cleanup(n.stopTransport)
	n.endpoint = endpoint.New(endpoint.Config{})
	tinykvpb.RegisterTinyKvServer(n.endpoint, service{node: n})
	served := make(chan error, 1)
	go func() { served <- n.endpoint.Serve(l) }()
	t.Cleanup(func() {
		close(n.over)
		require.True(t, n.endpoint.Stop(), "streams of other stores end by themselves")
		require.NoError(t, await.Receive(t, served, fmt.Sprintf("the end of the server of store %d", id)))
	})
	return n
}

func (n *node) stopTransport() {
	n.t.Helper()
	await.Return(n.t, n.transport.Stop, fmt.Sprintf("the end of the transport of store %d", n.id))
}

// step waits for a message.
func (n *node) step() *raftserverpb.RaftMessage {
	n.t.Helper()
	return await.Receive(n.t, n.steps, fmt.Sprintf("a message to store %d", n.id))
}

// lost waits for the report of a message that did not arrive, and returns its peer.
func (n *node) lost() uint64 {
	n.t.Helper()
	return await.Receive(n.t, n.unreachable, fmt.Sprintf("a report to store %d that a peer is unreachable", n.id))
}

// snapshot waits for the report on a snapshot, and returns whether it arrived.
func (n *node) snapshot() bool {
	n.t.Helper()
	return await.Receive(n.t, n.snapshots, fmt.Sprintf("a report to store %d on its snapshot", n.id))
}

// pair starts two stores that know each other.
func pair(t *testing.T, change ...func(*transport.Config)) (a, b *node) {
	t.Helper()
	la, lb := listen(t), listen(t)
	addrs := map[uint64]string{1: la.Addr().String(), 2: lb.Addr().String()}
	return start(t, 1, addrs, la, change...), start(t, 2, addrs, lb, change...)
}

// heartbeat is a message from peer 100+from to peer 100+to.
func heartbeat(from, to, commit uint64) *raftserverpb.RaftMessage {
	return &raftserverpb.RaftMessage{
		RegionId:    1,
		RegionEpoch: &metapb.RegionEpoch{ConfVer: 1, Version: 1},
		FromPeer:    &metapb.Peer{Id: 100 + from, StoreId: from},
		ToPeer:      &metapb.Peer{Id: 100 + to, StoreId: to},
		Message: &eraftpb.Message{
			MsgType: eraftpb.MessageType_MsgHeartbeat, From: 100 + from, To: 100 + to, Term: 5, Commit: commit,
		},
	}
}

// sendUntil sends messages again and again, as Raft would, until done returns
// true. what names that.
func (n *node) sendUntil(what string, done func() bool, messages ...*raftserverpb.RaftMessage) {
	n.t.Helper()
	for ctx := await.Context(n.t, what); !done(); runtime.Gosched() {
		require.NoError(n.t, context.Cause(ctx))
		for _, m := range messages {
			n.transport.Send(m)
		}
	}
}

func (n *node) reported() bool { return len(n.unreachable) > 0 }

// dropped returns a function that reports whether n has dropped anything for
// that reason.
func (n *node) dropped(why transport.DropReason) func() bool {
	return func() bool { return n.transport.Drops()[why] > 0 }
}

func TestMessagesArriveInOrder(t *testing.T) {
	a, b := pair(t)
	for i := range uint64(500) {
		a.transport.Send(heartbeat(1, 2, i))
		b.transport.Send(heartbeat(2, 1, i))
	}
	for i := range uint64(500) {
		require.Equal(t, i, b.step().Message.Commit)
		require.Equal(t, i, a.step().Message.Commit)
	}
	require.Empty(t, a.transport.Drops())
	require.Empty(t, b.transport.Drops())
	require.Empty(t, a.unreachable)
}

func TestMessageWithEntries(t *testing.T) {
	a, b := pair(t)
	m := heartbeat(1, 2, 0)
	m.Message.MsgType = eraftpb.MessageType_MsgAppend
	m.Message.Index, m.Message.LogTerm = 10, 3
	for i := range uint64(3) {
		m.Message.Entries = append(m.Message.Entries, &eraftpb.Entry{Index: 11 + i, Term: 3 + i, Data: make([]byte, 3<<20)})
	}
	a.transport.Send(m)
	require.True(t, proto.Equal(m, b.step()))
}

// While a store is down, Raft is told of lost messages, but not of each; once
// the store is back, messages arrive again.
func TestStoreComesBack(t *testing.T) {
	la, lb := listen(t), listen(t)
	addrs := map[uint64]string{1: la.Addr().String(), 2: lb.Addr().String()}
	require.NoError(t, lb.Close())
	a := start(t, 1, addrs, la)
	for range 3 { // the end of each pause allows another report
		a.sendUntil("a report of a lost message", a.reported, heartbeat(1, 2, 0))
		require.Equal(t, uint64(102), a.lost())
	}
	require.NotZero(t, a.transport.Drops()[transport.DropUnreachable])

	lb, err := net.Listen("tcp", addrs[2])
	require.NoError(t, err)
	b := start(t, 2, addrs, lb)
	a.sendUntil("a message to the store that is back", func() bool { return len(b.steps) > 0 }, heartbeat(1, 2, 0))
}

func TestNoFloodOfReports(t *testing.T) {
	la, lb := listen(t), listen(t)
	addrs := map[uint64]string{1: la.Addr().String(), 2: lb.Addr().String()}
	require.NoError(t, lb.Close())
	a := start(t, 1, addrs, la, func(c *transport.Config) {
		c.Backoff = transport.Backoff{Min: time.Hour, Max: time.Hour}
	})
	a.transport.Send(heartbeat(1, 2, 0))
	a.lost() // a pause begins
	for range 1000 {
		a.transport.Send(heartbeat(1, 2, 0))
	}
	require.Empty(t, a.unreachable)
	require.Equal(t, uint64(1001), a.transport.Drops()[transport.DropUnreachable])
}

// A store that takes no messages costs the others a bounded queue and no time.
func TestSlowStore(t *testing.T) {
	a, b := pair(t)
	for range cap(b.steps) {
		b.steps <- nil // the channel is full, and the test takes nothing from it
	}
	big := heartbeat(1, 2, 0)
	big.Message.MsgType = eraftpb.MessageType_MsgAppend
	big.Message.Entries = []*eraftpb.Entry{{Index: 1, Term: 1, Data: make([]byte, 1<<20)}}
	a.sendUntil("the queue to be full", func() bool { return a.transport.Drops()[transport.DropQueueFull] >= 100 }, big)
	require.Equal(t, uint64(102), a.lost())
	require.LessOrEqual(t, len(a.unreachable), 10, "not once for each message")
}

func TestUnknownStore(t *testing.T) {
	a, _ := pair(t)
	a.transport.Send(heartbeat(1, 9, 0))
	require.Equal(t, uint64(109), a.lost())
	require.Equal(t, uint64(1), a.transport.Drops()[transport.DropUnknownStore])
}

// A process that is not a member, or looks for another store, connects to a
// store.
func TestWrongIdentity(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*transport.Config)
	}{
		{"other cluster", func(c *transport.Config) { c.ClusterID = 8 }},
		{"no member", func(c *transport.Config) { c.StoreID = 3 }},
		{"looks for another store", func(c *transport.Config) { c.Addrs[3] = c.Addrs[1]; delete(c.Addrs, 1) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			la, lb := listen(t), listen(t)
			addrs := map[uint64]string{1: la.Addr().String(), 2: lb.Addr().String()}
			a := start(t, 1, addrs, la)
			b := start(t, 2, addrs, lb, c.change)
			b.sendUntil("a drop for the identity", a.dropped(transport.DropIdentity), heartbeat(2, 1, 0), heartbeat(2, 3, 0))
			b.sendUntil("a report to the stranger", b.reported, heartbeat(2, 1, 0))
			require.Empty(t, a.steps)
		})
	}
}

// A second process with the id of a live store is refused. When the first has
// gone, the second is admitted.
func TestDuplicateStore(t *testing.T) {
	la, lb := listen(t), listen(t)
	addrs := map[uint64]string{1: la.Addr().String(), 2: lb.Addr().String()}
	a := start(t, 1, addrs, la)
	b := start(t, 2, addrs, lb)
	b.transport.Send(heartbeat(2, 1, 1))
	require.Equal(t, uint64(1), a.step().Message.Commit)

	twin := start(t, 2, addrs, listen(t))
	twin.sendUntil("a drop of a duplicate", a.dropped(transport.DropDuplicate), heartbeat(2, 1, 2))
	twin.sendUntil("a report to the twin", twin.reported, heartbeat(2, 1, 2))
	require.Empty(t, a.steps)

	require.True(t, b.endpoint.Stop())
	b.stopTransport()
	twin.sendUntil("a message from the twin", func() bool {
		for len(a.steps) > 0 {
			if a.step().Message.Commit == 3 { // an earlier one may have been on its way
				return true
			}
		}
		return false
	}, heartbeat(2, 1, 3))
}

// dial connects to a node as a program that may send anything.
func dial(t *testing.T, n *node) tinykvpb.TinyKvClient {
	t.Helper()
	conn, err := grpc.NewClient(n.addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	return tinykvpb.NewTinyKvClient(conn)
}

// as returns a context that introduces store 2 to store 1.
func as(t *testing.T, pairs ...string) context.Context {
	if pairs == nil {
		pairs = []string{"labkv-cluster", "7", "labkv-from-store", "2", "labkv-to-store", "1", "labkv-process", "1"}
	}
	return metadata.NewOutgoingContext(await.Context(t, "the end of a stream"), metadata.Pairs(pairs...))
}

func TestNoIntroduction(t *testing.T) {
	a, _ := pair(t)
	for _, pairs := range [][]string{
		{"other", "metadata"},
		{"labkv-cluster", "x", "labkv-from-store", "2", "labkv-to-store", "1", "labkv-process", "1"},
		{"labkv-cluster", "7", "labkv-from-store", "-2", "labkv-to-store", "1", "labkv-process", "1"},
		{"labkv-cluster", "7", "labkv-cluster", "7", "labkv-from-store", "2", "labkv-to-store", "1", "labkv-process", "1"},
	} {
		stream, err := dial(t, a).Raft(as(t, pairs...))
		require.NoError(t, err)
		_, err = stream.CloseAndRecv()
		require.Equal(t, codes.FailedPrecondition, status.Code(err), "%v: %v", pairs, err)
	}
	require.Equal(t, uint64(4), a.transport.Drops()[transport.DropIdentity])
}

// Messages that no store sends are dropped, and the stream goes on.
func TestGarbage(t *testing.T) {
	a, _ := pair(t)
	stream, err := dial(t, a).Raft(as(t))
	require.NoError(t, err)
	garbage := []func(*raftserverpb.RaftMessage){
		func(m *raftserverpb.RaftMessage) { proto.Reset(m) },
		func(m *raftserverpb.RaftMessage) { m.RegionId = 0 },
		func(m *raftserverpb.RaftMessage) { m.FromPeer = nil },
		func(m *raftserverpb.RaftMessage) { m.ToPeer = nil },
		func(m *raftserverpb.RaftMessage) { m.Message = nil },
		func(m *raftserverpb.RaftMessage) { m.FromPeer.StoreId = 3 },
		func(m *raftserverpb.RaftMessage) { m.ToPeer.StoreId = 3 },
		func(m *raftserverpb.RaftMessage) { m.FromPeer.Id = 0 },
		func(m *raftserverpb.RaftMessage) { m.Message.From = 55 },
		func(m *raftserverpb.RaftMessage) { m.Message.To = 55 },
		func(m *raftserverpb.RaftMessage) { m.Message.Term = 0 },
		func(m *raftserverpb.RaftMessage) { m.Message.MsgType = eraftpb.MessageType_MsgHup },
		func(m *raftserverpb.RaftMessage) { m.Message.MsgType = eraftpb.MessageType_MsgBeat },
		func(m *raftserverpb.RaftMessage) { m.Message.MsgType = eraftpb.MessageType_MsgPropose },
		func(m *raftserverpb.RaftMessage) { m.Message.MsgType = eraftpb.MessageType_MsgUnreachable },
		func(m *raftserverpb.RaftMessage) { m.Message.MsgType = eraftpb.MessageType_MsgSnapStatus },
		func(m *raftserverpb.RaftMessage) { m.Message.MsgType = 12345 },
		func(m *raftserverpb.RaftMessage) { m.Message.MsgType = eraftpb.MessageType_MsgSnapshot },
		func(m *raftserverpb.RaftMessage) { m.Message.Snapshot = &eraftpb.Snapshot{} },
		func(m *raftserverpb.RaftMessage) { proto.Merge(m, snapshotMessage([]byte("x"))) },
		func(m *raftserverpb.RaftMessage) {
			m.Message.MsgType = eraftpb.MessageType_MsgAppend
			m.Message.Entries = []*eraftpb.Entry{{Index: 2, Term: 1}}
		},
		func(m *raftserverpb.RaftMessage) {
			m.Message.MsgType = eraftpb.MessageType_MsgAppend
			m.Message.Entries = []*eraftpb.Entry{{Index: 1, Term: 6}}
		},
		func(m *raftserverpb.RaftMessage) {
			m.Message.MsgType = eraftpb.MessageType_MsgAppend
			m.Message.Entries = []*eraftpb.Entry{{Index: 1, Term: 2}, {Index: 2, Term: 1}}
		},
		func(m *raftserverpb.RaftMessage) {
			m.Message.MsgType = eraftpb.MessageType_MsgAppend
			m.Message.Entries = []*eraftpb.Entry{{Index: 1, Term: 1}, {}}
		},
	}
	for i, spoil := range garbage {
		m := heartbeat(2, 1, uint64(i))
		spoil(m)
		require.NoError(t, stream.Send(m))
	}
	require.NoError(t, stream.Send(heartbeat(2, 1, 4711)))
	require.Equal(t, uint64(4711), a.step().Message.Commit, "only the last of all messages is good")
	require.Equal(t, uint64(len(garbage)), a.transport.Drops()[transport.DropMalformed])
}

// snapshotMessage announces a file with that content.
func snapshotMessage(content []byte) *raftserverpb.RaftMessage {
	m := heartbeat(2, 1, 0)
	region := &metapb.Region{
		Id: 1, RegionEpoch: &metapb.RegionEpoch{ConfVer: 1, Version: 1},
		Peers: []*metapb.Peer{{Id: 101, StoreId: 1}, {Id: 102, StoreId: 2}},
	}
	header, err := proto.Marshal(&raftserverpb.SnapshotHeader{
		Region: region, Size: uint64(len(content)), Checksum: checksum(content),
	})
	if err != nil {
		panic(err)
	}
	m.Message.MsgType = eraftpb.MessageType_MsgSnapshot
	m.Message.Snapshot = &eraftpb.Snapshot{
		Data:     header,
		Metadata: &eraftpb.SnapshotMetadata{Index: 20, Term: 4, ConfState: &eraftpb.ConfState{Nodes: []uint64{101, 102}}},
	}
	return m
}

func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

func write(t *testing.T, files raftstore.Files, name string, content []byte) {
	t.Helper()
	f, err := files.Create(name)
	require.NoError(t, err)
	_, err = f.Write(content)
	require.NoError(t, err)
	require.NoError(t, f.Sync())
	require.NoError(t, f.Close())
}

func read(t *testing.T, files raftstore.Files, name string) []byte {
	t.Helper()
	f, err := files.Open(name)
	require.NoError(t, err)
	defer f.Close()
	content, err := io.ReadAll(f)
	require.NoError(t, err)
	return content
}

func TestSnapshots(t *testing.T) {
	const name = "1-4-20.snap"
	for _, size := range []int{0, 1, 256 << 10, 256<<10 + 1, 5 << 20} {
		a, b := pair(t)
		content := make([]byte, size)
		rand.Read(content)
		write(t, b.files, name, content)
		m := snapshotMessage(content)
		b.transport.Send(m)
		require.True(t, proto.Equal(m, a.step()), "%d bytes", size)
		require.True(t, b.snapshot(), "%d bytes", size)
		require.True(t, bytes.Equal(content, read(t, a.files, name)), "%d bytes", size)
		names, err := a.files.List()
		require.NoError(t, err)
		require.Equal(t, []string{name}, names, "no other file is left")
		require.Empty(t, b.snapshots, "reported once")
	}
}

// A snapshot that fails, for whatever reason, is reported once and leaves no
// file.
func TestSnapshotsThatFail(t *testing.T) {
	const name = "1-4-20.snap"
	content := []byte("some content")
	for _, c := range []struct {
		name    string
		prepare func(t *testing.T, a, b *node, m *raftserverpb.RaftMessage)
	}{
		{"no file", func(*testing.T, *node, *node, *raftserverpb.RaftMessage) {}},
		{"short file", func(t *testing.T, a, b *node, m *raftserverpb.RaftMessage) { write(t, b.files, name, content[1:]) }},
		{"other content", func(t *testing.T, a, b *node, m *raftserverpb.RaftMessage) {
			write(t, b.files, name, bytes.ToUpper(content))
		}},
		{"no header", func(t *testing.T, a, b *node, m *raftserverpb.RaftMessage) {
			m.Message.Snapshot.Data = []byte("\xff")
		}},
		{"unknown store", func(t *testing.T, a, b *node, m *raftserverpb.RaftMessage) {
			write(t, b.files, name, content)
			m.ToPeer.StoreId = 9
		}},
		{"receiver has gone", func(t *testing.T, a, b *node, m *raftserverpb.RaftMessage) {
			write(t, b.files, name, content)
			a.endpoint.Stop()
		}},
		{"sender has stopped", func(t *testing.T, a, b *node, m *raftserverpb.RaftMessage) {
			write(t, b.files, name, content)
			a.stopTransport()
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, b := pair(t)
			m := snapshotMessage(content)
			c.prepare(t, a, b, m)
			b.transport.Send(m)
			require.False(t, b.snapshot())
			require.Equal(t, uint64(1), b.transport.Drops()[transport.DropSnapshotLost])
			require.Empty(t, b.snapshots)
			require.Empty(t, a.steps)
			a.stopTransport() // the removal of the file may not be done yet
			names, err := a.files.List()
			require.NoError(t, err)
			require.Empty(t, names)
		})
	}
}

// chunk is a piece of content with the right checksum.
func chunk(m *raftserverpb.RaftMessage, content []byte, from, to int, last bool) *raftserverpb.SnapshotChunk {
	data := content[from:to]
	return &raftserverpb.SnapshotChunk{Message: m, Offset: uint64(from), Data: data, Checksum: checksum(data), Last: last}
}

func TestSnapshotGarbage(t *testing.T) {
	content := []byte("0123456789")
	good := snapshotMessage(content)
	other := proto.CloneOf(good)
	other.ToPeer.StoreId = 3
	outside := proto.CloneOf(good)
	outside.ToPeer.Id, outside.Message.To = 999, 999
	huge := proto.CloneOf(good)
	huge.Message.Snapshot.Data, _ = proto.Marshal(&raftserverpb.SnapshotHeader{Region: &metapb.Region{Id: 1, RegionEpoch: &metapb.RegionEpoch{}}, Size: 1 << 60})
	wrongSum := chunk(good, content, 0, 10, true)
	wrongSum.Checksum++
	for _, c := range []struct {
		name   string
		chunks []*raftserverpb.SnapshotChunk
		why    transport.DropReason
		code   codes.Code
	}{
		{"nothing", nil, transport.DropCut, codes.Aborted},
		{"empty chunk", []*raftserverpb.SnapshotChunk{{}}, transport.DropMalformed, codes.InvalidArgument},
		{"no message", []*raftserverpb.SnapshotChunk{chunk(nil, content, 0, 10, true)}, transport.DropMalformed, codes.InvalidArgument},
		{"heartbeat", []*raftserverpb.SnapshotChunk{chunk(heartbeat(2, 1, 0), content, 0, 10, true)}, transport.DropMalformed, codes.InvalidArgument},
		{"for another store", []*raftserverpb.SnapshotChunk{chunk(other, content, 0, 10, true)}, transport.DropMalformed, codes.InvalidArgument},
		{"for no member", []*raftserverpb.SnapshotChunk{chunk(outside, content, 0, 10, true)}, transport.DropMalformed, codes.InvalidArgument},
		{"absurd size", []*raftserverpb.SnapshotChunk{chunk(huge, content, 0, 10, true)}, transport.DropMalformed, codes.InvalidArgument},
		{"second message", []*raftserverpb.SnapshotChunk{chunk(good, content, 0, 5, false), chunk(good, content, 5, 10, true)}, transport.DropMalformed, codes.InvalidArgument},
		{"gap", []*raftserverpb.SnapshotChunk{chunk(good, content, 0, 5, false), chunk(nil, content, 6, 10, true)}, transport.DropMalformed, codes.InvalidArgument},
		{"overlap", []*raftserverpb.SnapshotChunk{chunk(good, content, 0, 5, false), chunk(nil, content, 4, 10, true)}, transport.DropMalformed, codes.InvalidArgument},
		{"chunk of nothing", []*raftserverpb.SnapshotChunk{chunk(good, content, 0, 0, false)}, transport.DropMalformed, codes.InvalidArgument},
		{"too long", []*raftserverpb.SnapshotChunk{chunk(good, append(content, 'x'), 0, 11, true)}, transport.DropCorrupt, codes.DataLoss},
		{"wrong checksum of a chunk", []*raftserverpb.SnapshotChunk{wrongSum}, transport.DropCorrupt, codes.DataLoss},
		{"wrong checksum of all", []*raftserverpb.SnapshotChunk{chunk(good, []byte("9876543210"), 0, 10, true)}, transport.DropCorrupt, codes.DataLoss},
		{"last too early", []*raftserverpb.SnapshotChunk{chunk(good, content, 0, 9, true)}, transport.DropCut, codes.InvalidArgument},
		{"no last", []*raftserverpb.SnapshotChunk{chunk(good, content, 0, 10, false)}, transport.DropCut, codes.Aborted},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, _ := pair(t)
			stream, err := dial(t, a).Snapshot(as(t))
			require.NoError(t, err)
			for _, chunk := range c.chunks {
				if err := stream.Send(chunk); err == io.EOF {
					break // refused already
				}
			}
			_, err = stream.CloseAndRecv()
			require.Equal(t, c.code, status.Code(err), "%v", err)
			require.Equal(t, map[transport.DropReason]uint64{c.why: 1}, a.transport.Drops())
			require.Empty(t, a.steps)
			names, err := a.files.List()
			require.NoError(t, err)
			require.Empty(t, names)
		})
	}
}

// More snapshots at a time than a store takes are refused at once, on both
// sides.
func TestTooManySnapshots(t *testing.T) {
	const limit = 4
	a, b := pair(t)
	content := []byte("0123456789")
	client := dial(t, a)
	var open []tinykvpb.TinyKv_SnapshotClient
	ctx := as(t, "labkv-cluster", "7", "labkv-from-store", "2", "labkv-to-store", "1", "labkv-process", "77")
	for range limit {
		stream, err := client.Snapshot(ctx)
		require.NoError(t, err)
		_, err = stream.Header()
		require.NoError(t, err)
		require.NoError(t, stream.Send(chunk(snapshotMessage(content), content, 0, 5, false)))
		open = append(open, stream)
	}
	// A header only says that a stream was admitted. So one more stream may
	// be faster than those before it, but one of all is refused.
	for a.transport.Drops()[transport.DropTooMany] == 0 {
		stream, err := client.Snapshot(ctx)
		require.NoError(t, err)
		_, err = stream.CloseAndRecv()
		require.Error(t, err)
	}
	finished := 0
	for _, stream := range open {
		if stream.Send(chunk(nil, content, 5, 10, true)) == nil {
			if _, err := stream.CloseAndRecv(); err == nil {
				finished++
			}
		}
	}
	require.GreaterOrEqual(t, finished, limit-1)
	_ = b
}

// Stop and endpoint.Stop end the streams that other stores have open.
func TestStopDoesNotWaitForPeers(t *testing.T) {
	a, b := pair(t)
	a.transport.Send(heartbeat(1, 2, 0))
	b.transport.Send(heartbeat(2, 1, 0))
	a.step()
	b.step()
	require.True(t, a.endpoint.Stop())
	b.stopTransport()
	b.stopTransport() // does nothing
	a.transport.Send(heartbeat(1, 2, 0))
	b.transport.Send(snapshotMessage(nil)) // the result is not reported after Stop
}
