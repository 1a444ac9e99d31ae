package client_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/client"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/errorpb"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
)

// A fakeCluster is a cluster in memory whose regions split, move and change leaders
// at the word of a test. Its stores check requests as real ones do. All keys are in
// one map: who serves a request decides nothing about what it finds.
type fakeCluster struct {
	t  *testing.T
	mu sync.Mutex

	regions []*fakeRegion // in the order of their keys
	addrs   map[uint64]string
	gone    map[uint64]bool // tombstones
	down    map[uint64]bool
	lastID  uint64
	data    map[string]string
	applied map[string]int // how often each value was put
	// room is how many pairs fit into the answer to a scan; 0 means any number.
	room int
	// mute followers do not know who leads; halves tells both halves of a split in an
	// EpochNotMatch.
	mute, halves bool

	// before is called with each request to a store, outside of the lock.
	before func(n int)
	// instead may return what a store says instead of what it should.
	instead func(store uint64, rc *kvrpcpb.Context) *reply

	requests int
	asked    map[uint64]int               // requests by store
	moments  map[time.Time]map[uint64]int // requests by store, at each moment
	dialed   []string
	closed   []string

	scheduler *fakeScheduler
	txns      fakeTxns
}

type fakeRegion struct {
	meta   *metapb.Region // never changed, but replaced
	leader uint64         // store; 0: none
}

// newFakeCluster returns a cluster with the stores 1 to n, and one region on the
// first three of them, led by the first.
func newFakeCluster(t *testing.T, n int) *fakeCluster {
	c := &fakeCluster{
		t: t, addrs: map[uint64]string{}, gone: map[uint64]bool{}, down: map[uint64]bool{}, lastID: 100,
		data: map[string]string{}, applied: map[string]int{}, asked: map[uint64]int{}, moments: map[time.Time]map[uint64]int{},
	}
	for id := range uint64(n) {
		c.addrs[id+1] = fmt.Sprintf("store %d", id+1)
	}
	c.regions = []*fakeRegion{{meta: &metapb.Region{Id: 1, RegionEpoch: &metapb.RegionEpoch{Version: 1, ConfVer: 1}}, leader: 1}}
	c.regions[0].meta.Peers = c.peers(1, 2, 3)
	c.scheduler = &fakeScheduler{c: c}
	c.scheduler.hears()
	c.txns.open(t)
	return c
}

// client returns a client that knows the scheduler only, with the shortest pauses.
func (c *fakeCluster) client() *client.Raw {
	cl, err := client.NewRaw(client.Config{
		Scheduler: c.scheduler, Dial: c.dial, Rand: func(int64) int64 { return 0 },
	})
	require.NoError(c.t, err)
	c.t.Cleanup(cl.Close)
	return cl
}

func (c *fakeCluster) peers(stores ...uint64) []*metapb.Peer {
	var all []*metapb.Peer
	for _, s := range stores {
		c.lastID++
		all = append(all, &metapb.Peer{Id: c.lastID, StoreId: s})
	}
	return all
}

func (c *fakeCluster) at(key string) *fakeRegion {
	for _, r := range c.regions {
		if region.Range(r.meta).Contains([]byte(key)) {
			return r
		}
	}
	panic("the regions do not cover the key " + key)
}

// split splits the region of key at key, which begins the right half. Both halves are
// led by the same store.
func (c *fakeCluster) split(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.at(key)
	if string(r.meta.StartKey) == key {
		return
	}
	left, right := proto.CloneOf(r.meta), proto.CloneOf(r.meta)
	left.RegionEpoch.Version++
	right.RegionEpoch.Version++
	left.EndKey, right.StartKey = []byte(key), []byte(key)
	c.lastID++
	right.Id = c.lastID
	for _, p := range right.Peers {
		c.lastID++
		p.Id = c.lastID
	}
	r.meta = left
	c.regions = append(c.regions, &fakeRegion{right, r.leader})
	slices.SortFunc(c.regions, func(a, b *fakeRegion) int {
		return cmp.Compare(string(a.meta.StartKey), string(b.meta.StartKey))
	})
}

// lead makes the store with that id the leader of the region of key.
func (c *fakeCluster) lead(key string, store uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at(key).leader = store
}

// move gives the region of key new members, of which the first leads. A store that
// stays a member keeps its peer.
func (c *fakeCluster) move(key string, stores ...uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.at(key)
	meta := proto.CloneOf(r.meta)
	meta.Peers = c.peers(stores...)
	for i, p := range meta.Peers {
		if old := region.PeerOn(r.meta, p.StoreId); old != nil {
			meta.Peers[i] = old
		} else {
			meta.RegionEpoch.ConfVer++
		}
	}
	for _, p := range r.meta.Peers {
		if region.PeerOn(meta, p.StoreId) == nil {
			meta.RegionEpoch.ConfVer++
		}
	}
	r.meta, r.leader = meta, stores[0]
}

// The network.

type fakeConn struct {
	c    *fakeCluster
	addr string
}

func (c *fakeCluster) dial(addr string) (client.Conn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dialed = append(c.dialed, addr)
	return &fakeConn{c, addr}, nil
}

func (f *fakeConn) Close() error {
	f.c.mu.Lock()
	defer f.c.mu.Unlock()
	f.c.closed = append(f.c.closed, f.addr)
	return nil
}

func (*fakeConn) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, status.Error(codes.Unimplemented, "no streams")
}

func (f *fakeConn) Invoke(ctx context.Context, method string, args, out any, _ ...grpc.CallOption) error {
	c := f.c
	c.mu.Lock()
	c.requests++
	n := c.requests
	c.mu.Unlock()
	if c.before != nil {
		c.before(n)
	}
	if req, ok := args.(txnRequest); ok && c.txns.on != nil {
		if loss := c.txns.on(req); loss != kept {
			if loss == answerLost {
				c.mu.Lock()
				defer c.mu.Unlock()
				_ = c.serve(c.storeAt(f.addr), method, req, out)
			}
			return status.Error(codes.Unavailable, "the connection broke")
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	store := c.storeAt(f.addr)
	c.asked[store]++
	now := time.Now()
	if c.moments[now] == nil {
		c.moments[now] = map[uint64]int{}
	}
	c.moments[now][store]++
	if store == 0 || c.down[store] {
		return &client.CallError{Fate: client.Unsent, Err: status.Error(codes.Unavailable, "connection refused")}
	}
	return c.serve(store, method, args.(proto.Message), out)
}

// storeAt returns the id of the store at an address, 0 if there is none.
func (c *fakeCluster) storeAt(addr string) uint64 {
	for id, at := range c.addrs {
		if at == addr {
			return id
		}
	}
	return 0
}

// serve answers a request to a store.
func (c *fakeCluster) serve(store uint64, method string, args proto.Message, out any) error {
	rc := args.(interface{ GetContext() *kvrpcpb.Context }).GetContext()
	if c.instead != nil {
		if r := c.instead(store, proto.CloneOf(rc)); r != nil {
			setError(out, r.region)
			return r.err
		}
	}
	r, e := c.route(store, rc)
	if e != nil {
		setError(out, e.(*region.Error).Err)
		return nil
	}
	check := func(key []byte) bool {
		if region.Range(r.meta).Contains(key) {
			return true
		}
		setError(out, region.KeyNotInRegion(key, r.meta).(*region.Error).Err)
		return false
	}
	switch req := args.(type) {
	case *kvrpcpb.RawGetRequest:
		if check(req.Key) {
			value, found := c.data[string(req.Key)]
			out.(*kvrpcpb.RawGetResponse).Value, out.(*kvrpcpb.RawGetResponse).NotFound = []byte(value), !found
		}
	case *kvrpcpb.RawPutRequest:
		if check(req.Key) {
			c.data[string(req.Key)] = string(req.Value)
			c.applied[string(req.Value)]++
		}
	case *kvrpcpb.RawDeleteRequest:
		if check(req.Key) {
			delete(c.data, string(req.Key))
		}
	case *kvrpcpb.RawScanRequest:
		if len(req.StartKey) > 0 && !check(req.StartKey) {
			return nil
		}
		resp := out.(*kvrpcpb.RawScanResponse)
		for _, key := range c.keys(string(req.StartKey)) {
			if !region.Range(r.meta).Contains([]byte(key)) || uint32(len(resp.Kvs)) == req.Limit {
				break
			}
			if c.room > 0 && len(resp.Kvs) == c.room {
				resp.More = true
				break
			}
			resp.Kvs = append(resp.Kvs, &kvrpcpb.KvPair{Key: []byte(key), Value: []byte(c.data[key])})
		}
	case txnRequest:
		return c.txns.serve(r.meta, req, out.(proto.Message))
	default:
		return status.Error(codes.Unimplemented, method)
	}
	return nil
}

// route returns the region that a store serves a request for, or why it does not.
func (c *fakeCluster) route(store uint64, rc *kvrpcpb.Context) (*fakeRegion, error) {
	if asked := rc.Peer.GetStoreId(); asked != 0 && asked != store {
		return nil, region.StoreNotMatch(asked, store)
	}
	i := slices.IndexFunc(c.regions, func(r *fakeRegion) bool { return r.meta.Id == rc.RegionId })
	if i < 0 || region.PeerOn(c.regions[i].meta, store) == nil {
		return nil, region.RegionNotFound(rc.RegionId)
	}
	r := c.regions[i]
	if r.leader != store {
		if c.mute || r.leader == 0 {
			return nil, region.NotLeader(rc.RegionId, nil)
		}
		return nil, region.NotLeader(rc.RegionId, region.PeerOn(r.meta, r.leader))
	}
	if err := region.Check(r.meta, rc.RegionEpoch); err != nil {
		if c.halves && i+1 < len(c.regions) {
			return nil, region.EpochNotMatch(r.meta, c.regions[i+1].meta)
		}
		return nil, err
	}
	return r, nil
}

// keys returns the keys from start on, in order.
func (c *fakeCluster) keys(start string) []string {
	var all []string
	for key := range c.data {
		if key >= start {
			all = append(all, key)
		}
	}
	slices.Sort(all)
	return all
}

func setError(out any, e *errorpb.Error) {
	switch out := out.(type) {
	case *kvrpcpb.RawGetResponse:
		out.RegionError = e
	case *kvrpcpb.RawPutResponse:
		out.RegionError = e
	case *kvrpcpb.RawDeleteResponse:
		out.RegionError = e
	case *kvrpcpb.RawScanResponse:
		out.RegionError = e
	default:
		setTxnError(out.(proto.Message), e)
	}
}

// A fakeScheduler knows of a cluster what it has heard last.
type fakeScheduler struct {
	schedulerpb.SchedulerClient // nil: other calls are not made
	c                           *fakeCluster

	regions []fakeRegion
	live    bool // it hears of everything at once

	away   bool          // there is no way to it
	silent bool          // it takes calls and never answers
	takes  time.Duration // to answer a call
	refuse *schedulerpb.Error
	// say changes the answer to a GetRegion.
	say func(*schedulerpb.GetRegionResponse)

	asked map[string]int
}

const fakeClusterID = 77

// hears makes what the scheduler says what is so now.
func (s *fakeScheduler) hears() {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	s.note()
}

func (s *fakeScheduler) note() {
	s.regions = nil
	for _, r := range s.c.regions {
		s.regions = append(s.regions, *r)
	}
}

// answer is how each call begins.
func (s *fakeScheduler) answer(ctx context.Context, name string, h *schedulerpb.RequestHeader) (*schedulerpb.ResponseHeader, error) {
	s.c.mu.Lock()
	if s.asked == nil {
		s.asked = map[string]int{}
	}
	s.asked[name]++
	away, silent, takes, refuse := s.away, s.silent, s.takes, s.refuse
	s.c.mu.Unlock()
	if away {
		return nil, status.Error(codes.Unavailable, "the scheduler is away")
	}
	if silent {
		takes = 1000 * time.Hour
	}
	select {
	case <-time.After(takes):
	case <-ctx.Done():
		return nil, status.FromContextError(ctx.Err()).Err()
	}
	header := &schedulerpb.ResponseHeader{ClusterId: fakeClusterID, Error: refuse}
	if name != "GetMembers" && h.GetClusterId() != fakeClusterID {
		header.Error = &schedulerpb.Error{Type: schedulerpb.ErrorType_UNKNOWN, Message: "another cluster"}
	}
	return header, nil
}

func (s *fakeScheduler) GetMembers(ctx context.Context, req *schedulerpb.GetMembersRequest, _ ...grpc.CallOption) (*schedulerpb.GetMembersResponse, error) {
	h, err := s.answer(ctx, "GetMembers", req.Header)
	return &schedulerpb.GetMembersResponse{Header: h}, err
}

func (s *fakeScheduler) GetRegion(ctx context.Context, req *schedulerpb.GetRegionRequest, _ ...grpc.CallOption) (*schedulerpb.GetRegionResponse, error) {
	h, err := s.answer(ctx, "GetRegion", req.Header)
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	resp := &schedulerpb.GetRegionResponse{Header: h}
	if err != nil || h.Error != nil {
		return resp, err
	}
	if s.live {
		s.note()
	}
	for _, r := range s.regions {
		if region.Range(r.meta).Contains(req.RegionKey) {
			resp.Region, resp.Leader = proto.CloneOf(r.meta), proto.CloneOf(region.PeerOn(r.meta, r.leader))
		}
	}
	if s.say != nil {
		s.say(resp)
	}
	return resp, nil
}

func (s *fakeScheduler) store(id uint64) *metapb.Store {
	st := &metapb.Store{Id: id, Address: s.c.addrs[id]}
	if s.c.gone[id] {
		st.State = metapb.StoreState_Tombstone
	}
	return st
}

func (s *fakeScheduler) GetStore(ctx context.Context, req *schedulerpb.GetStoreRequest, _ ...grpc.CallOption) (*schedulerpb.GetStoreResponse, error) {
	h, err := s.answer(ctx, "GetStore", req.Header)
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	resp := &schedulerpb.GetStoreResponse{Header: h}
	if err == nil && h.Error == nil && s.c.addrs[req.StoreId] != "" {
		resp.Store = s.store(req.StoreId)
	}
	return resp, err
}

func (s *fakeScheduler) GetAllStores(ctx context.Context, req *schedulerpb.GetAllStoresRequest, _ ...grpc.CallOption) (*schedulerpb.GetAllStoresResponse, error) {
	h, err := s.answer(ctx, "GetAllStores", req.Header)
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	resp := &schedulerpb.GetAllStoresResponse{Header: h}
	if err == nil && h.Error == nil {
		for _, id := range slices.Sorted(maps.Keys(s.c.addrs)) {
			resp.Stores = append(resp.Stores, s.store(id))
		}
	}
	return resp, err
}

var _ schedulerpb.SchedulerClient = &fakeScheduler{}
