package transport_test

import (
	"context"
	"net"
	"sync"
	"testing"

	"github.com/pingcap/errors"
	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/kv/raftstore/transport"
)

// A book says where stores listen.
type book struct {
	mu    sync.Mutex
	addrs map[uint64]string
}

func (b *book) lookup(_ context.Context, store uint64) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if addr, found := b.addrs[store]; found {
		return addr, nil
	}
	return "", errors.Errorf("nothing is known of store %d", store)
}

func (b *book) set(store uint64, addr string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.addrs[store] = addr
}

// join starts a store that knows the others by b alone, and puts it in there.
func (b *book) join(t *testing.T, id uint64) *node {
	t.Helper()
	l := listen(t)
	b.set(id, l.Addr().String())
	return start(t, id, nil, l, func(c *transport.Config) { c.Lookup = b.lookup })
}

// Stores that were not there at the start are found when there is something to say to
// them, and answer.
func TestStoresThatJoin(t *testing.T) {
	b := &book{addrs: map[uint64]string{}}
	first := b.join(t, 1)
	second := b.join(t, 2)
	first.transport.Send(heartbeat(1, 2, 5))
	require.Equal(t, uint64(5), second.step().Message.Commit)
	second.transport.Send(heartbeat(2, 1, 6))
	require.Equal(t, uint64(6), first.step().Message.Commit)
	require.Empty(t, first.transport.Drops())

	m := snapshotMessage([]byte("content"))
	name := raftstore.SnapshotName(1, m.Message.Snapshot.Metadata)
	write(t, second.files, name, []byte("content"))
	second.transport.Send(m)
	require.True(t, second.snapshot())
	require.NotNil(t, first.step().Message.Snapshot)
}

// A store that comes back elsewhere is found there, and so is its snapshot's way. What
// listens at its old address may be another store.
func TestStoreThatMoves(t *testing.T) {
	b := &book{addrs: map[uint64]string{}}
	first, second := b.join(t, 1), b.join(t, 2)
	first.transport.Send(heartbeat(1, 2, 0))
	second.step()

	second.stopTransport()
	require.True(t, second.endpoint.Stop())
	l, err := net.Listen("tcp", second.addr)
	require.NoError(t, err)
	other := start(t, 3, nil, l, func(c *transport.Config) { c.Lookup = b.lookup })
	first.sendUntil("a stranger in the place of the store", func() bool {
		return other.transport.Drops()[transport.DropIdentity] > 0
	}, heartbeat(1, 2, 0))
	require.Empty(t, other.steps)

	b.set(3, second.addr)
	moved := b.join(t, 2)
	first.sendUntil("a message to the store that has moved", func() bool { return len(moved.steps) > 0 }, heartbeat(1, 2, 0))
	first.sendUntil("a message to the store in its place", func() bool { return len(other.steps) > 0 }, heartbeat(1, 3, 0))
}

// Raft is told of messages to a store whose address is not known, until it is.
func TestStoreWithoutAddress(t *testing.T) {
	b := &book{addrs: map[uint64]string{}}
	first := b.join(t, 1)
	for range 3 {
		first.sendUntil("a report of a lost message", first.reported, heartbeat(1, 2, 0))
		require.Equal(t, uint64(102), first.lost())
	}
	require.NotZero(t, first.transport.Drops()[transport.DropUnreachable])

	m := snapshotMessage(nil)
	m.FromPeer, m.ToPeer = m.ToPeer, m.FromPeer
	m.Message.From, m.Message.To = 101, 102
	write(t, first.files, raftstore.SnapshotName(1, m.Message.Snapshot.Metadata), nil)
	first.transport.Send(m)
	require.False(t, first.snapshot())

	second := b.join(t, 2)
	first.sendUntil("a message to the store that has joined", func() bool { return len(second.steps) > 0 }, heartbeat(1, 2, 0))
}
