package raftstore_test

import (
	"testing"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/raft"
)

// A group is a set of stores whose network and clocks a test controls. No clock
// goes by itself, and the test decides when a message arrives. So a test brings
// a group into one exact situation, which a scenario reaches only by chance.
type group struct {
	t       testing.TB
	servers []*server // by id, from 1

	// wire are the messages under way, oldest first.
	wire []*raftserverpb.RaftMessage
	// cut has the stores whose messages are lost, both ways.
	cut map[uint64]bool
	// waits reports whether a message waits on its way; nil means that none
	// does.
	waits func(m *raftserverpb.RaftMessage) bool
	// loses reports whether a message that is due is lost; nil means that
	// none is.
	loses func(m *raftserverpb.RaftMessage) bool
}

// newGroup returns n stores with a region that has the keys of [start, end).
func newGroup(t testing.TB, n uint64, start, end string) *group {
	return newGroupOf(t, n, serverConfig{region: regionOf(n, start, end), maxLog: unlimited})
}

// newGroupOf returns n stores with the configuration c, except for their ids
// and transport.
func newGroupOf(t testing.TB, n uint64, c serverConfig) *group {
	g := &group{t: t, cut: map[uint64]bool{}}
	for c.transport, c.id = g, 1; c.id <= n; c.id++ {
		g.servers = append(g.servers, newServer(t, c))
	}
	return g
}

func (g *group) at(id uint64) *server { return g.servers[id-1] }

// Send implements raftstore.Transport.
func (g *group) Send(m *raftserverpb.RaftMessage) { g.wire = append(g.wire, m) }

// settle lets the stores work, and delivers messages, until nothing more
// happens without a tick.
func (g *group) settle() {
	for range 10000 {
		for _, s := range g.servers {
			s.work()
		}
		m := g.next()
		if m == nil {
			return
		}
		g.deliver(m)
	}
	g.t.Fatalf("the stores still send each other messages after 10000 steps, although no clock goes")
}

// next removes and returns the oldest message on the wire that arrives now, or
// nil.
func (g *group) next() *raftserverpb.RaftMessage {
	var waiting []*raftserverpb.RaftMessage
	for i, m := range g.wire {
		switch {
		case g.cut[m.FromPeer.StoreId] || g.cut[m.ToPeer.StoreId]:
		case g.waits != nil && g.waits(m):
			waiting = append(waiting, m)
		default:
			g.wire = append(waiting, g.wire[i+1:]...)
			return m
		}
	}
	g.wire = waiting
	return nil
}

// deliver delivers a message, with its file if it is a snapshot, unless it is
// lost. The sender is told of a loss, and of the result of a snapshot.
func (g *group) deliver(m *raftserverpb.RaftMessage) {
	from, to := g.at(m.FromPeer.StoreId), g.at(m.ToPeer.StoreId)
	arrives := !from.life.over && !to.life.over && (g.loses == nil || !g.loses(m))
	if snapshot := m.Message.GetSnapshot(); snapshot != nil {
		name := raftstore.SnapshotName(m.RegionId, snapshot.Metadata)
		file, found := from.files.now[name]
		if arrives = arrives && found; arrives {
			to.files.receive(name, file)
		}
		from.ReportSnapshot(m.RegionId, m.ToPeer.Id, arrives)
	} else if !arrives {
		from.ReportUnreachable(m.RegionId, m.ToPeer.Id)
	}
	if arrives {
		to.Step(m)
	}
}

// tick lets the clock of one store go, and all that follows happen.
func (g *group) tick(id uint64, ticks int) {
	for range ticks {
		g.at(id).Tick()
		g.settle()
	}
}

func (g *group) leads(id uint64) bool {
	return g.at(id).status().RaftState == raft.StateLeader
}

// elect makes a store leader, and lets it commit what its log has.
func (g *group) elect(id uint64) {
	g.t.Helper()
	for range 100 {
		if g.tick(id, 1); g.leads(id) {
			return
		}
	}
	g.t.Fatalf("store %d does not become leader, although only its clock goes, its log is complete, and a majority hears it", id)
}

// isolate cuts stores off from all others.
func (g *group) isolate(ids ...uint64) {
	for _, id := range ids {
		g.cut[id] = true
	}
}

// reconnect ends all isolation. Messages that were under way to or from the
// isolated stores are lost.
func (g *group) reconnect() {
	g.settle()
	clear(g.cut)
}

// do submits a write, or a read if there are no writes, and settles.
func (g *group) do(id uint64, request string, writes ...engine.Op) *answer {
	a := g.at(id).submit(request, writes...)
	g.settle()
	return a
}

// has requires that a read on a store, which leads, returns exactly the data
// want.
func (g *group) has(id uint64, want content) {
	g.t.Helper()
	found := g.do(id, "a read").reads()
	if different := want.differs(found); different != "" {
		g.t.Fatalf("a read on store %d finds %s", id, different)
	}
}

func (g *group) close() {
	for _, s := range g.servers {
		s.Close()
	}
}
