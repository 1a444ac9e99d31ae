package raft_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	pb "github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/raft"
)

// A server is one replica of a map: a Node, its storage, and two goroutines. One
// does what the Node wants done, the other hands it the messages that arrive.
type server struct {
	id      uint64
	network *network
	storage *raft.MemoryStorage // stands for a disk
	node    *raft.Node
	inbox   chan *pb.Message
	stopped chan struct{} // closed by stop
	running sync.WaitGroup

	mu      sync.Mutex
	changed *sync.Cond // broadcast when anything below has changed
	leads   bool
	applied uint64
	members *pb.ConfState
	data    map[string]string
	waiting map[uint64]waiter // by index
}

// A waiter waits for the entry of its term. Another entry at that index means
// that its own was replaced.
type waiter struct {
	term uint64
	done chan error
}

// newServer returns a server in the state that its storage holds: that of the
// snapshot. What was applied after it comes again.
func newServer(id uint64, network *network, storage *raft.MemoryStorage) *server {
	snapshot, err := storage.Snapshot()
	check(err)
	s := &server{
		id: id, network: network, storage: storage,
		inbox:   make(chan *pb.Message, 16),
		stopped: make(chan struct{}),
		waiting: map[uint64]waiter{},
	}
	s.changed = sync.NewCond(&s.mu)
	s.restore(snapshot)
	return s
}

func (s *server) config() *raft.Config {
	return &raft.Config{
		ID:            s.id,
		ElectionTick:  10,
		HeartbeatTick: 1,
		Storage:       s.storage,
		Applied:       s.applied,
		RandIntN:      func(int) int { return 0 }, // a real one uses rand.IntN
	}
}

func (s *server) run(node *raft.Node) {
	s.node = node
	s.network.connect(s)
	s.running.Go(s.receive)
	s.running.Go(s.handle)
}

// receive never waits for handle: the Node takes messages at any time. So handle
// may wait for the receive of another server, and no two wait for each other.
func (s *server) receive() {
	for {
		select {
		case m := <-s.inbox:
			// A refused message is a lost one, and the sender tries again.
			_ = s.node.Step(context.Background(), m)
		case <-s.stopped:
			return
		}
	}
}

func (s *server) handle() {
	for {
		select {
		case rd := <-s.node.Ready():
			s.save(rd)
			for _, m := range rd.Messages {
				arrives := s.network.send(m)
				if m.MsgType == pb.MessageType_MsgSnapshot {
					s.node.ReportSnapshot(m.To, arrives)
				}
			}
			s.apply(rd)
			s.node.Advance()
		case <-s.stopped:
			return
		}
	}
}

func (s *server) save(rd raft.Ready) {
	if rd.Snapshot != nil {
		check(s.storage.ApplySnapshot(rd.Snapshot))
	}
	check(s.storage.Append(rd.Entries))
	if rd.HardState != nil {
		s.storage.SetHardState(rd.HardState)
	}
}

func (s *server) apply(rd raft.Ready) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.changed.Broadcast()
	if rd.SoftState != nil {
		s.leads = rd.SoftState.RaftState == raft.StateLeader
	}
	if rd.Snapshot != nil {
		s.restore(rd.Snapshot)
	}
	for _, e := range rd.CommittedEntries {
		switch {
		case e.EntryType == pb.EntryType_EntryConfChange:
			cc := &pb.ConfChange{}
			check(proto.Unmarshal(e.Data, cc))
			s.members = s.node.ApplyConfChange(cc)
			s.storage.SetConfState(s.members)
		case len(e.Data) > 0:
			key, value, _ := strings.Cut(string(e.Data), "=")
			s.data[key] = value
		}
		s.applied = e.Index
		if w, ok := s.waiting[e.Index]; ok {
			delete(s.waiting, e.Index)
			if w.term == e.Term {
				w.done <- nil
			} else {
				w.done <- errors.New("another entry was committed in its place")
			}
		}
	}
}

// restore makes the state that of a snapshot. A storage without one starts empty.
func (s *server) restore(snapshot *pb.Snapshot) {
	s.data = map[string]string{}
	if !raft.IsEmptySnap(snapshot) {
		check(json.Unmarshal(snapshot.Data, &s.data))
	}
	s.applied = snapshot.Metadata.Index
	s.members = snapshot.Metadata.ConfState
}

// put writes a pair, and returns once it is applied here.
func (s *server) put(key, value string) error {
	// apply waits for the lock. So the entry is waited for before it is applied.
	s.mu.Lock()
	index, term, err := s.node.Propose(context.Background(), []byte(key+"="+value))
	if err != nil {
		s.mu.Unlock()
		return err
	}
	done := make(chan error, 1)
	s.waiting[index] = waiter{term, done}
	s.mu.Unlock()
	defer within("the outcome of a put").Stop()
	return <-done
}

// compact replaces the log by a snapshot, and returns the index of its end.
func (s *server) compact() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	data, err := json.Marshal(s.data)
	check(err)
	check(s.storage.Compact(s.applied, s.members, data))
	return s.applied
}

// until waits until the condition holds. what names it.
func (s *server) until(what string, condition func() bool) {
	defer within(what).Stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	for !condition() {
		s.changed.Wait()
	}
}

func (s *server) stop() {
	defer within(fmt.Sprint("the end of server ", s.id)).Stop()
	s.network.disconnect(s)
	close(s.stopped)
	s.node.Stop()
	s.running.Wait()
}

// A network connects the servers that are up.
type network struct {
	mu sync.Mutex
	up map[uint64]*server
}

func (n *network) connect(s *server) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.up[s.id] = s
}

func (n *network) disconnect(s *server) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.up, s.id)
}

// send reports whether m arrives.
func (n *network) send(m *pb.Message) bool {
	n.mu.Lock()
	to := n.up[m.To]
	n.mu.Unlock()
	if to == nil {
		return false
	}
	select {
	case to.inbox <- m:
		return true
	case <-to.stopped:
		return false
	}
}

// within ends the program if it is still waiting for something after a minute, which
// is far more than anything here takes. The caller stops it at the end of the wait.
func within(what string) *time.Timer {
	return time.AfterFunc(time.Minute, func() { panic("waited a minute for " + what) })
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// A map on three servers, each a Node with its goroutines. One of them is
// stopped and misses so much that the others have compacted it; when it starts
// again, it gets their snapshot. A real server ticks its Node with a
// time.Ticker; here there is one tick, at the moment when it matters.
func ExampleNode() {
	net := &network{up: map[uint64]*server{}}
	peers := []raft.Peer{{ID: 1}, {ID: 2}, {ID: 3}}
	servers := map[uint64]*server{}
	for _, peer := range peers {
		s := newServer(peer.ID, net, raft.NewMemoryStorage())
		node, err := raft.StartNode(s.config(), peers)
		check(err)
		s.run(node)
		servers[peer.ID] = s
	}
	leader := servers[1]
	// A node campaigns once it has applied who its members are.
	leader.until("server 1 to apply its members", func() bool { return leader.applied == 3 })
	check(leader.node.Campaign(context.Background()))
	leader.until("server 1 to lead", func() bool { return leader.leads })

	check(leader.put("color", "blue"))
	check(leader.put("shape", "round"))
	s := servers[3]
	s.until("server 3 to apply the shape", func() bool { return s.data["shape"] != "" })
	fmt.Println("server 3 has", s.data, "and is stopped")
	s.stop()

	check(leader.put("color", "red"))
	check(leader.put("taste", "sweet"))
	fmt.Println("server 1 compacts its log up to", leader.compact())

	s = newServer(3, net, s.storage)
	node, err := raft.RestartNode(s.config())
	check(err)
	s.run(node)
	leader.node.Tick() // its heartbeat tells server 3 of the leader, and back
	s.until("server 3 to catch up", func() bool { return s.data["taste"] != "" })
	fmt.Println("server 3 has", s.data)
	snapshot, err := s.storage.Snapshot()
	check(err)
	fmt.Println("from a snapshot up to", snapshot.Metadata.Index)

	for _, s := range []*server{leader, servers[2], s} {
		s.stop()
	}
	// Output:
	// server 3 has map[color:blue shape:round] and is stopped
	// server 1 compacts its log up to 8
	// server 3 has map[color:red shape:round taste:sweet]
	// from a snapshot up to 8
}
