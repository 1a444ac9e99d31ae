package scheduler_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
	"github.com/labkv/labkv/scheduler"
)

// still turns all operators off but those of people.
var still = scheduler.Options{RepairLimit: -1, RegionLimit: -1, LeaderLimit: -1}

func (m *machine) add(req *schedulerpb.AddOperatorRequest) (*schedulerpb.Operator, *schedulerpb.ResponseHeader) {
	m.t.Helper()
	req.Header = header
	resp, err := m.AddOperator(ctx, req)
	return resp.GetOperator(), m.header(resp, err)
}

func (m *machine) mustAdd(req *schedulerpb.AddOperatorRequest) *schedulerpb.Operator {
	m.t.Helper()
	o, h := m.add(req)
	granted(m.t, h, fmt.Sprintf("an operator by hand, %s of region %d", req.Change, req.RegionId))
	return o
}

func movePeer(region, from, to uint64) *schedulerpb.AddOperatorRequest {
	return &schedulerpb.AddOperatorRequest{RegionId: region, Change: schedulerpb.RegionChange_MOVE_PEER, StoreId: from, ToStoreId: to}
}

func addPeer(region, to uint64) *schedulerpb.AddOperatorRequest {
	return &schedulerpb.AddOperatorRequest{RegionId: region, Change: schedulerpb.RegionChange_ADD_PEER, ToStoreId: to}
}

func removePeer(region, from uint64) *schedulerpb.AddOperatorRequest {
	return &schedulerpb.AddOperatorRequest{RegionId: region, Change: schedulerpb.RegionChange_REMOVE_PEER, StoreId: from}
}

func transferLeader(region, to uint64) *schedulerpb.AddOperatorRequest {
	return &schedulerpb.AddOperatorRequest{RegionId: region, Change: schedulerpb.RegionChange_TRANSFER_LEADER, ToStoreId: to}
}

func splitRegion(region uint64, key string) *schedulerpb.AddOperatorRequest {
	return &schedulerpb.AddOperatorRequest{RegionId: region, Change: schedulerpb.RegionChange_SPLIT, Key: []byte(key)}
}

// gives requires that an answer to a heartbeat gives one of the orders that are
// separated by "|"; "" is none.
func (s *script) gives(want, when string) {
	s.t.Helper()
	got := order(s.reportWhen(s.heartbeat(), when))
	if !slices.Contains(strings.Split(want, "|"), got) {
		s.t.Fatalf("%s: the order is %s, and should be %s; the operator is %s", when, ordered(got), ordered(strings.ReplaceAll(want, "|", " or ")), s.operator())
	}
}

func ordered(o string) string {
	if o == "" {
		return "none"
	}
	return o
}

// order describes an order: "add 10000@4", "remove 1001@1", "lead 1002@2",
// "split m", or "" for none.
func order(o *schedulerpb.RegionHeartbeatResponse) string {
	switch {
	case o == nil:
		return ""
	case o.TransferLeader != nil:
		return fmt.Sprintf("lead %d@%d", o.TransferLeader.Peer.Id, o.TransferLeader.Peer.StoreId)
	case o.SplitRegion != nil:
		return fmt.Sprintf("split %s", o.SplitRegion.Key)
	case o.ChangePeer.ChangeType == eraftpb.ConfChangeType_AddNode:
		return fmt.Sprintf("add %d@%d", o.ChangePeer.Peer.Id, o.ChangePeer.Peer.StoreId)
	}
	return fmt.Sprintf("remove %d@%d", o.ChangePeer.Peer.Id, o.ChangePeer.Peer.StoreId)
}

// A script is one region that sends heartbeats.
type script struct {
	*machine
	r       *metapb.Region
	leader  int // index of its peer
	pending []*metapb.Peer
	size    uint64
}

// beat sends a heartbeat and returns the order.
func (s *script) beat() string {
	s.t.Helper()
	return order(s.report(s.heartbeat()))
}

func (s *script) heartbeat() *schedulerpb.RegionHeartbeatRequest {
	return &schedulerpb.RegionHeartbeatRequest{
		Header: header, Region: s.r, Leader: s.r.Peers[s.leader], PendingPeers: s.pending, ApproximateSize: s.size,
	}
}

// join and leave change the members.
func (s *script) join(id, store uint64) *metapb.Peer {
	p := &metapb.Peer{Id: id, StoreId: store}
	s.r = proto.Clone(s.r).(*metapb.Region)
	s.r.Peers = append(s.r.Peers, p)
	s.r.RegionEpoch.ConfVer++
	return p
}

func (s *script) leave(i int) {
	s.r = proto.Clone(s.r).(*metapb.Region)
	s.r.Peers = append(s.r.Peers[:i], s.r.Peers[i+1:]...)
	s.r.RegionEpoch.ConfVer++
	if s.leader > i {
		s.leader--
	}
}

// status describes the operator of the region, as GetOperator does.
func (s *script) status() string {
	s.t.Helper()
	resp, err := s.GetOperator(ctx, &schedulerpb.GetOperatorRequest{Header: header, RegionId: s.r.Id})
	if h := s.header(resp, err); h.Error != nil {
		require.Contains(s.t, h.Error.Message, "no operator", "the refusal says why")
		return "none"
	}
	require.Equal(s.t, s.r.Id, resp.RegionId, "the region of the operator")
	require.NotEmpty(s.t, resp.Desc, "why the operator was made")
	return resp.Status.String() + " " + string(resp.Kind)
}

// operator describes the operator of the region with its steps, or the last one that has
// ended, and why: "RUNNING admin, at step 1 of [...]".
func (s *script) operator() string {
	s.t.Helper()
	running, history := s.operators(s.r.Id)
	all := slices.Concat(running, history)
	if len(all) == 0 {
		return "none"
	}
	o := all[0]
	if o.Status == schedulerpb.OperatorStatus_RUNNING {
		return fmt.Sprintf("RUNNING %s, at step %d of %q", o.Kind, o.Done+1, o.Steps)
	}
	return strings.TrimSuffix(fmt.Sprintf("%s %s, %s", o.Status, o.Kind, o.Reason), ", ")
}

// operators lists the operators of a region, or of all with 0.
func (m *machine) operators(region uint64) (running, history []*schedulerpb.Operator) {
	resp, err := m.ListOperators(ctx, &schedulerpb.ListOperatorsRequest{Header: header, RegionId: region})
	ok(m.t, m.header(resp, err))
	return resp.Running, resp.History
}

func (m *machine) removeStore(id uint64) *schedulerpb.ResponseHeader {
	m.t.Helper()
	return m.header(m.RemoveStore(ctx, &schedulerpb.RemoveStoreRequest{Header: header, StoreId: id}))
}

func (m *machine) restoreStore(id uint64) *schedulerpb.ResponseHeader {
	m.t.Helper()
	return m.header(m.RestoreStore(ctx, &schedulerpb.RestoreStoreRequest{Header: header, StoreId: id}))
}

// states returns the states of all stores.
func (m *machine) states() []string {
	var all []string
	for _, s := range m.Status().Stores {
		all = append(all, s.State)
	}
	return all
}

// checking turns the balancers off.
var checking = scheduler.Options{
	RegionLimit: -1, LeaderLimit: -1,
	StoreDisconnectTime: 20 * time.Second, MaxStoreDownTime: time.Minute,
}

// fill makes store s hold a region of so many bytes beside those of the test.
func (m *machine) fill(s, size uint64) {
	m.t.Helper()
	key := func(i uint64) string { return fmt.Sprintf("x%02d", i) }
	m.RegionHeartbeat(sized(reg(50+s, key(s), key(s+1), 1, 1, s), size))
}

// maxPeers changes the settings.
func (m *machine) maxPeers(n uint32) {
	m.t.Helper()
	ok(m.t, m.header(m.PutClusterConfig(ctx, &schedulerpb.PutClusterConfigRequest{
		Header: header, Cluster: &metapb.Cluster{Id: clusterID, MaxPeerCount: n},
	})))
}

func compare(a, b *schedulerpb.Timestamp) int {
	return cmp.Or(cmp.Compare(a.Physical, b.Physical), cmp.Compare(a.Logical, b.Logical))
}

func (m *machine) timestamp(count uint32) *schedulerpb.Timestamp {
	m.t.Helper()
	resp, err := m.Timestamps(&schedulerpb.TsoRequest{Header: header, Count: count})
	ok(m.t, m.header(resp, err))
	require.Equal(m.t, count, resp.Count, "the number of timestamps")
	return resp.Timestamp
}

// at sets the clock, in milliseconds since 1970.
func (m *machine) at(ms int64) { m.now = time.UnixMilli(ms) }

// tallies requires that what is known of stores agrees with what is known of
// regions.
func (m *machine) tallies() {
	m.t.Helper()
	s := m.Status()
	type tally struct {
		peers, leaders, pending int
		size                    uint64
	}
	want := map[uint64]tally{}
	for _, r := range s.Regions {
		for _, p := range r.Region.Peers {
			n := want[p.StoreId]
			n.peers++
			n.size += r.Size
			if p.Id == r.Leader.GetId() {
				n.leaders++
			}
			for _, q := range r.Pending {
				if q.Id == p.Id {
					n.pending++
				}
			}
			want[p.StoreId] = n
		}
	}
	for _, st := range s.Stores {
		if got, want := (tally{st.Peers, st.Leaders, st.Pending, st.Size}), want[st.ID]; got != want {
			m.t.Fatalf("by the known regions, store %d has %d peers, %d leaders, %d pending peers and %d bytes; what is kept by store says %d, %d, %d and %d",
				st.ID, want.peers, want.leaders, want.pending, want.size, got.peers, got.leaders, got.pending, got.size)
		}
	}
}

// expect returns the regions that are known after a heartbeat of r, and whether it
// is accepted, in the plainest way.
func expect(known []*metapb.Region, r *metapb.Region) ([]*metapb.Region, bool) {
	if len(r.EndKey) > 0 && string(r.StartKey) >= string(r.EndKey) {
		return known, false
	}
	overlap := func(o *metapb.Region) bool {
		return (len(o.EndKey) == 0 || string(r.StartKey) < string(o.EndKey)) && (len(r.EndKey) == 0 || string(o.StartKey) < string(r.EndKey))
	}
	next := []*metapb.Region{r}
	for _, o := range known {
		v, c := r.RegionEpoch.Version, r.RegionEpoch.ConfVer
		switch {
		case o.Id == r.Id:
			if v < o.RegionEpoch.Version || c < o.RegionEpoch.ConfVer {
				return known, false
			}
			if proto.Equal(r.RegionEpoch, o.RegionEpoch) {
				members := map[string]int{}
				for _, p := range append(append([]*metapb.Peer{}, r.Peers...), o.Peers...) {
					members[p.String()]++
				}
				if string(r.StartKey) != string(o.StartKey) || string(r.EndKey) != string(o.EndKey) || len(members) != len(r.Peers) || len(r.Peers) != len(o.Peers) {
					return known, false
				}
			}
		case !overlap(o):
			next = append(next, o)
		case o.RegionEpoch.Version > v:
			return known, false
		}
	}
	return next, true
}

// index returns the place of a peer among the members.
func (s *script) index(id uint64) int {
	for i, p := range s.r.Peers {
		if p.Id == id {
			return i
		}
	}
	s.t.Fatalf("peer %d is no member of %v", id, s.r)
	return -1
}
