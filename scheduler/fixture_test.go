package scheduler_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
	"github.com/labkv/labkv/scheduler"
)

const clusterID = 7

var (
	ctx    = context.Background()
	header = &schedulerpb.RequestHeader{ClusterId: clusterID}
)

// A machine runs one scheduler on a disk that can crash, with a clock that tests
// set.
type machine struct {
	t testing.TB
	*scheduler.Scheduler
	disk    *memory.Disk
	now     time.Time
	options scheduler.Options
	silent  map[uint64]bool                    // stores that send no heartbeats
	stats   map[uint64]*schedulerpb.StoreStats // that stores send, unless they are empty
}

// boot starts a scheduler on an empty disk.
func boot(t testing.TB, o scheduler.Options) *machine {
	m := &machine{
		t: t, disk: memory.NewDisk(), now: time.UnixMilli(1_000_000), options: o,
		silent: map[uint64]bool{}, stats: map[uint64]*schedulerpb.StoreStats{},
	}
	m.start()
	return m
}

func (m *machine) start() {
	m.t.Helper()
	e, err := m.disk.Open(scheduler.Families...)
	require.NoError(m.t, err, "the disk opens")
	m.Scheduler, err = scheduler.Open(scheduler.Config{
		ClusterID: clusterID,
		Engine:    e,
		Now:       func() time.Time { return m.now },
		Options:   m.options,
	})
	require.NoError(m.t, err, "the scheduler opens")
}

// crash cuts the power, so that everything is lost that was not synced, and
// starts the scheduler again.
func (m *machine) crash() {
	m.t.Helper()
	m.disk.Crash(0)
	m.start()
}

// cluster starts a scheduler and stores 1..n. All ids up to 9999 are taken, so
// that tests can name regions and peers as they like.
func cluster(t testing.TB, n int, o scheduler.Options) *machine {
	t.Helper()
	m := boot(t, o)
	for range 9999 {
		m.id()
	}
	ok(t, m.header(m.Bootstrap(ctx, &schedulerpb.BootstrapRequest{Header: header, Store: store(1)})))
	for id := uint64(2); id <= uint64(n); id++ {
		ok(t, m.putStore(store(id)))
	}
	return m
}

func store(id uint64) *metapb.Store {
	return &metapb.Store{Id: id, Address: fmt.Sprintf("store-%d:20160", id)}
}

// answered is any response.
type answered interface {
	GetHeader() *schedulerpb.ResponseHeader
}

// header returns the header of a response. A Go error ends the test.
func (m *machine) header(resp answered, err error) *schedulerpb.ResponseHeader {
	if err != nil || resp.GetHeader().GetClusterId() != clusterID {
		m.t.Helper()
		m.t.Fatalf("the response has the header %v and comes with the error %v", resp.GetHeader(), err)
	}
	return resp.GetHeader()
}

// ok requires that a request was granted.
func ok(t testing.TB, h *schedulerpb.ResponseHeader) {
	if h.GetError() != nil {
		t.Helper()
		granted(t, h, "a request that there is nothing wrong with")
	}
}

// granted requires that a request was granted, and says which.
func granted(t testing.TB, h *schedulerpb.ResponseHeader, what string) {
	if h.GetError() != nil {
		t.Helper()
		t.Fatalf("%s: it is refused (%s), and should be granted", what, h.Error.Message)
	}
}

// refused requires that a request was refused, with a message that has a word in
// it.
func refused(t testing.TB, h *schedulerpb.ResponseHeader, kind schedulerpb.ErrorType, word string) {
	t.Helper()
	require.NotNil(t, h.GetError(), "the request is granted, and should be refused")
	require.Equal(t, kind, h.Error.Type, "the kind of the refusal: %s", h.Error.Message)
	require.Contains(t, h.Error.Message, word, "the refusal says why")
	require.NotContains(t, h.Error.Message, ".go:", "a refusal shows no stack")
}

// denied requires that a request was refused, for whatever reason.
func denied(t testing.TB, h *schedulerpb.ResponseHeader, what string) {
	if h.GetError() == nil {
		t.Helper()
		t.Fatalf("%s: it is accepted, and should be refused", what)
	}
	require.NotContains(t, h.Error.Message, ".go:", "a refusal shows no stack")
}

const unknown = schedulerpb.ErrorType_UNKNOWN

func (m *machine) id() uint64 {
	resp, err := m.AllocID(ctx, &schedulerpb.AllocIDRequest{Header: header})
	granted(m.t, m.header(resp, err), "a request for an id")
	return resp.Id
}

func (m *machine) putStore(s *metapb.Store) *schedulerpb.ResponseHeader {
	m.t.Helper()
	return m.header(m.PutStore(ctx, &schedulerpb.PutStoreRequest{Header: header, Store: s}))
}

func (m *machine) storeBeat(stats *schedulerpb.StoreStats) *schedulerpb.ResponseHeader {
	return m.header(m.StoreHeartbeat(ctx, &schedulerpb.StoreHeartbeatRequest{Header: header, Stats: stats}))
}

// pass lets time pass in ticks, and all stores but the silent ones send
// heartbeats.
func (m *machine) pass(d time.Duration) {
	for end := m.now.Add(d); m.now.Before(end); {
		step := min(time.Second, end.Sub(m.now))
		m.now = m.now.Add(step)
		require.NoError(m.t, m.Tick(), "a tick")
		stores, err := m.GetAllStores(ctx, &schedulerpb.GetAllStoresRequest{Header: header, ExcludeTombstoneStores: true})
		ok(m.t, m.header(stores, err))
		for _, s := range stores.Stores {
			if m.silent[s.Id] {
				continue
			}
			stats := m.stats[s.Id]
			if stats == nil {
				stats = &schedulerpb.StoreStats{StoreId: s.Id}
			}
			ok(m.t, m.storeBeat(stats))
		}
	}
}

// reg is region id with the keys [start, end), version, conf_ver, and peers on
// stores. The peer on store s has the id 100*id + s.
func reg(id uint64, start, end string, version, confVer uint64, stores ...uint64) *metapb.Region {
	r := &metapb.Region{
		Id: id, StartKey: []byte(start), EndKey: []byte(end),
		RegionEpoch: &metapb.RegionEpoch{Version: version, ConfVer: confVer},
	}
	for _, s := range stores {
		r.Peers = append(r.Peers, &metapb.Peer{Id: 100*id + s, StoreId: s})
	}
	return r
}

// beat is a heartbeat of r by its first peer.
func beat(r *metapb.Region) *schedulerpb.RegionHeartbeatRequest {
	req := &schedulerpb.RegionHeartbeatRequest{Header: header, Region: r}
	if len(r.GetPeers()) > 0 {
		req.Leader = r.Peers[0]
	}
	return req
}

// sized is a heartbeat of r, which has so many bytes, by its first peer.
func sized(r *metapb.Region, size uint64) *schedulerpb.RegionHeartbeatRequest {
	req := beat(r)
	req.ApproximateSize = size
	return req
}

// report sends a heartbeat that must be accepted, and returns the order.
func (m *machine) report(req *schedulerpb.RegionHeartbeatRequest) *schedulerpb.RegionHeartbeatResponse {
	m.t.Helper()
	return m.reportWhen(req, "")
}

// reportWhen does the same, and says on which occasion.
func (m *machine) reportWhen(req *schedulerpb.RegionHeartbeatRequest, when string) *schedulerpb.RegionHeartbeatResponse {
	m.t.Helper()
	resp := m.RegionHeartbeat(req)
	if resp.GetHeader().GetError() != nil {
		if when != "" {
			when += ": "
		}
		granted(m.t, resp.Header, fmt.Sprintf("%sa heartbeat of %s, which peer %d leads", when, name(req.Region), req.Leader.GetId()))
	}
	if resp != nil {
		orders := 0
		for _, set := range []bool{resp.ChangePeer != nil, resp.TransferLeader != nil, resp.SplitRegion != nil} {
			if set {
				orders++
			}
		}
		require.Equal(m.t, 1, orders, "orders in an answer to a heartbeat")
		require.Equal(m.t, req.Region.Id, resp.RegionId, "the region that an order is for")
		require.Equal(m.t, req.Region.RegionEpoch.String(), resp.RegionEpoch.String(), "the epoch that an order is for")
		require.Equal(m.t, req.Leader.String(), resp.TargetPeer.String(), "the leader that an order is for")
	}
	return resp
}

// known lists the regions that the scheduler knows: "1[a,m)v2c1".
func (m *machine) known() []string {
	var all []string
	for _, r := range m.Status().Regions {
		all = append(all, name(r.Region))
	}
	return all
}

func name(r *metapb.Region) string {
	return fmt.Sprintf("%d[%s,%s)v%dc%d", r.Id, r.StartKey, r.EndKey, r.RegionEpoch.Version, r.RegionEpoch.ConfVer)
}
