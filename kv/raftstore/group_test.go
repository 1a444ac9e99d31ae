package raftstore_test

import (
	"testing"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/raft"
)

// A group is some stores whose network and clocks are in the hands of a test. No
// clock goes by itself, and what a message waits for is the test's choice. So a
// group gets into one certain situation, where a scenario tries its luck.
type group struct {
	t       testing.TB
	servers []*server // by id, from 1

	// wire are the messages under way, oldest first.
	wire []*raftserverpb.RaftMessage
	// cut are the stores whose messages are lost, both ways.
	cut map[uint64]bool
	// waits has messages wait on their way; nil for none.
	waits func(m *raftserverpb.RaftMessage) bool
	// loses has messages that are due not arrive; nil for none.
	loses func(m *raftserverpb.RaftMessage) bool
}

// newGroup returns n stores with a region that has the keys of [start, end).
func newGroup(t testing.TB, n uint64, start, end string) *group {
	return newGroupOf(t, n, serverConfig{region: regionOf(n, start, end), maxLog: unlimited})
}

// newGroupOf returns n stores of that kind.
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

// settle lets everything happen that can happen without the clocks.
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
	g.t.Fatalf("the stores send each other messages without end, while no clock goes")
}

// next takes the oldest message from the wire that arrives now, nil if none does.
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

// deliver has a message arrive, with its file if it is a snapshot, unless it is lost.
// The sender hears of that.
func (g *group) deliver(m *raftserverpb.RaftMessage) {
	from, to := g.at(m.FromPeer.StoreId), g.at(m.ToPeer.StoreId)
	arrives := !from.life.over && !to.life.over && (g.loses == nil || !g.loses(m))
	if snapshot := m.Message.Snapshot; snapshot != nil {
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

// tick lets the clock of one store go.
func (g *group) tick(id uint64, ticks int) {
	for range ticks {
		g.at(id).Tick()
		g.settle()
	}
}

func (g *group) leads(id uint64) bool {
	return g.at(id).status().RaftState == raft.StateLeader
}

// elect has a store become leader, and commit what its log has.
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

// reconnect ends all isolation. What was under way to or from those stores is gone.
func (g *group) reconnect() {
	g.settle()
	clear(g.cut)
}

// do submits a command and lets it be carried out.
func (g *group) do(id uint64, request string, writes ...engine.Op) *answer {
	a := g.at(id).submit(request, writes...)
	g.settle()
	return a
}

// has requires that the leader hands out exactly those data.
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
