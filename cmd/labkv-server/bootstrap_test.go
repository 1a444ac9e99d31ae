//go:build cgo

package main_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/labkv/labkv/lab/await"
	"github.com/labkv/labkv/lab/cluster"
	"github.com/labkv/labkv/proto/raftserverpb"
)

// refuses starts a store that is to give up, and requires that its last words match a
// pattern.
func refuses(t *testing.T, s *cluster.Member, says string, args ...string) {
	t.Helper()
	require.NoError(t, s.Start(args...))
	gone(t, s)
	require.Equal(t, "exit status 1", s.Exit(), s.LastWords())
	require.Regexp(t, says, s.LastWords())
}

// gone waits until a process has ended.
func gone(t *testing.T, s *cluster.Member) {
	t.Helper()
	await.Receive(t, s.Exited(), fmt.Sprintf("the end of store %d, log in %s", s.ID, s.Log))
}

// says waits until the log of a store that runs contains a text.
func says(t *testing.T, s *cluster.Member, text string) {
	t.Helper()
	await.Until(t, fmt.Sprintf("store %d to log %s", s.ID, text), func() bool {
		log := logOf(t, s)
		require.True(t, s.Running() || strings.Contains(log, text), log)
		return strings.Contains(log, text)
	})
}

const waits = "waiting for a store"

// An emptied store of a living cluster must not start as a new one: it would vote a
// second time in a term in which it has voted, and help to elect a leader without
// entries that it has acknowledged.
func TestBootstrapOfAnEmptiedStore(t *testing.T) {
	c := newCluster(t)
	require.NoError(t, c.Start())
	raw(t, c, "put", "a", "1")
	last := c.Stores()[2]
	last.Kill()
	raw(t, c, "put", "b", "2")
	require.NoError(t, last.Wipe())
	refuses(t, last, `store [12] at \S+ has data of cluster 1 already: --bootstrap is for the first start of a new cluster; `+
		`if the data of store 3 is lost, pass --rejoin instead \(see --help\)$`, "--bootstrap")
	require.NoDirExists(t, last.Dir, "nothing was made")

	require.NoError(t, last.Start("--rejoin"))
	says(t, last, "rejoin=true")
	require.Equal(t, "a\t1\nb\t2\n", raw(t, c, "scan"))
}

// A store that was established and does not answer now may have promises of the
// emptied store, which waits for it and then refuses.
func TestBootstrapWhileTheOthersAreDown(t *testing.T) {
	c := newCluster(t)
	require.NoError(t, c.Start())
	raw(t, c, "put", "a", "1")
	c.Stop(await.Limit)
	last := c.Stores()[2]
	require.NoError(t, last.Wipe())
	require.NoError(t, last.Start("--bootstrap"))
	says(t, last, waits+`" store=1`)
	says(t, last, waits+`" store=2`)
	require.NoDirExists(t, last.Dir, "nothing is made before the others have agreed")
	require.NoError(t, c.Stores()[1].Start())
	gone(t, last)
	require.Contains(t, last.LastWords(), "store 2 at "+c.Addrs()[1]+" has data of cluster 1 already")
}

// The stores of a new cluster may start in any order, however long it takes, and one
// that dies meanwhile starts again.
func TestFirstStartOneByOne(t *testing.T) {
	c := newCluster(t)
	first, second, third := c.Stores()[0], c.Stores()[1], c.Stores()[2]
	require.NoError(t, first.Start("--bootstrap"))
	says(t, first, waits+`" store=2`)
	require.NoError(t, second.Start("--bootstrap"))
	says(t, second, waits+`" store=3`)
	first.Kill()
	require.NoDirExists(t, first.Dir)
	require.NoError(t, first.Start("--bootstrap"))
	require.NoError(t, third.Start("--bootstrap"))
	raw(t, c, "put", "a", "1")
	for _, s := range c.Stores() {
		says(t, s, `msg="made a new store"`)
	}
}

// A store that waits stops in order.
func TestStopWhileWaiting(t *testing.T) {
	s := newCluster(t).Stores()[0]
	require.NoError(t, s.Start("--bootstrap"))
	says(t, s, waits)
	require.NoError(t, syscall.Kill(s.Process(), syscall.SIGTERM))
	gone(t, s)
	require.Equal(t, "exit status 0", s.Exit(), s.LastWords())
	require.NoDirExists(t, s.Dir)
}

// What listens at the address of a peer must be that peer.
func TestBootstrapAmongStrangers(t *testing.T) {
	c := newCluster(t)
	addrs := c.Addrs()
	first := c.Stores()[0]
	require.NoError(t, first.Start("--bootstrap"))
	says(t, first, waits)
	alone := start(t, t.TempDir())
	for _, test := range []struct {
		says string
		args []string
	}{
		{"store 1 at " + addrs[0] + " is of cluster 1, not of cluster 2: check --cluster-id and the addresses of the peers",
			[]string{"--cluster-id=2", "--store-id=2", "--peer=1=" + addrs[0], "--peer=2=" + addrs[1]}},
		{"the server at " + addrs[0] + " is store 1, not store 3: check the addresses of the peers",
			[]string{"--cluster-id=1", "--store-id=2", "--peer=3=" + addrs[0], "--peer=2=" + addrs[1]}},
		{"store 1 at " + addrs[0] + " has the peers 1, 2, 3, this store has 1, 2: give all stores the same peers",
			[]string{"--cluster-id=1", "--store-id=2", "--peer=1=" + addrs[0], "--peer=2=" + addrs[1]}},
		{"the server at " + alone.addr + " is not a store of a cluster: check the addresses of the peers",
			[]string{"--cluster-id=1", "--store-id=2", "--peer=1=" + alone.addr, "--peer=2=" + addrs[1]}},
	} {
		dir := filepath.Join(t.TempDir(), "data")
		fails(t, test.says, append(test.args, "--bootstrap", "--path", dir, "--log-level=error")...)
		require.NoDirExists(t, dir)
	}
	require.True(t, first.Running())
}

// A store that has lost its data cannot rejoin a cluster that has none.
func TestRejoinOfANewCluster(t *testing.T) {
	c := newCluster(t)
	for _, s := range c.Stores()[:2] {
		require.NoError(t, s.Start("--bootstrap"))
		says(t, s, waits+`" store=3`)
	}
	refuses(t, c.Stores()[2], `server: store [12] at \S+ has no data either: if the whole cluster is new, pass --bootstrap$`, "--rejoin")
}

// A founder is a store that is not there: it only answers, once it is told so, that it
// is new.
type founder struct {
	raftserverpb.UnimplementedBootstrapServer
	id uint64
	mu sync.Mutex
	on bool
}

func (f *founder) Ask(context.Context, *raftserverpb.Newcomer) (*raftserverpb.Member, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := &raftserverpb.Member{ClusterId: 1, StoreId: f.id, Stores: []uint64{1, 2, 3}, State: raftserverpb.Member_NEW}
	if !f.on {
		return nil, context.Canceled
	}
	return m, nil
}

// A store that has begun knows which processes of the others it began with, as long as
// its own process lives: so slower ones can begin, too.
func TestStoresBeginTogether(t *testing.T) {
	c := newCluster(t)
	first := c.Stores()[0]
	var founders []*founder
	for id := uint64(2); id <= 3; id++ {
		l, err := net.Listen("tcp", c.Addrs()[id-1])
		require.NoError(t, err)
		f := &founder{id: id}
		founders = append(founders, f)
		g := grpc.NewServer()
		raftserverpb.RegisterBootstrapServer(g, f)
		go g.Serve(l)
		t.Cleanup(g.Stop)
	}
	require.NoError(t, first.Start("--bootstrap"))
	says(t, first, waits)

	conn, err := grpc.NewClient(first.Addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	defer conn.Close()
	ask := func(cluster, store, process uint64) raftserverpb.Member_State {
		t.Helper()
		ctx := await.Context(t, "an answer of the first store")
		question := &raftserverpb.Newcomer{ClusterId: cluster, StoreId: store, Process: process}
		for {
			m, err := raftserverpb.NewBootstrapClient(conn).Ask(ctx, question, grpc.WaitForReady(true))
			if status.Code(err) == codes.Unavailable {
				continue // the connection was to a process that has ended
			}
			require.NoError(t, err)
			require.Equal(t, []uint64{1, 1, 1, 2, 3}, append([]uint64{m.ClusterId, m.StoreId}, m.Stores...))
			return m.State
		}
	}
	const earlier, now, later = 7, 8, 9
	require.Equal(t, raftserverpb.Member_NEW, ask(1, 2, earlier))
	require.Equal(t, raftserverpb.Member_NEW, ask(1, 2, now))
	require.Equal(t, raftserverpb.Member_NEW, ask(1, 3, now))
	require.Equal(t, raftserverpb.Member_NEW, ask(9, 3, later), "of another cluster")
	for _, f := range founders {
		f.mu.Lock()
		f.on = true
		f.mu.Unlock()
	}
	says(t, first, "msg=listening")
	require.Equal(t, raftserverpb.Member_BEGAN_TOGETHER, ask(1, 2, now))
	require.Equal(t, raftserverpb.Member_ESTABLISHED, ask(1, 2, earlier))
	require.Equal(t, raftserverpb.Member_ESTABLISHED, ask(1, 2, later))
	require.Equal(t, raftserverpb.Member_BEGAN_TOGETHER, ask(1, 3, now))
	require.Equal(t, raftserverpb.Member_ESTABLISHED, ask(1, 3, later))

	// In its next process it knows nothing of that.
	first.Kill()
	require.NoError(t, first.Start())
	require.Equal(t, raftserverpb.Member_ESTABLISHED, ask(1, 2, now))
	entries, err := os.ReadDir(first.Dir)
	require.NoError(t, err)
	require.NotEmpty(t, entries)
}
