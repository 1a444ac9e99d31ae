package scheduler_test

import (
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
	"github.com/labkv/labkv/scheduler"
)

func TestOpenRefuses(t *testing.T) {
	disk := memory.NewDisk()
	e, err := disk.Open(scheduler.Families...)
	require.NoError(t, err)
	good := scheduler.Config{ClusterID: 7, Engine: e, Now: time.Now}
	_, err = scheduler.Open(good)
	require.NoError(t, err)
	for word, change := range map[string]func(*scheduler.Config){
		"cluster id":                   func(c *scheduler.Config) { c.ClusterID = 0 },
		"engine belongs to cluster 7":  func(c *scheduler.Config) { c.ClusterID = 8 },
		"no engine":                    func(c *scheduler.Config) { c.Engine = nil },
		"no clock":                     func(c *scheduler.Config) { c.Now = nil },
		"MaxPeerCount is 99":           func(c *scheduler.Config) { c.Options.MaxPeerCount = 99 },
		"StoreDisconnectTime is -1s":   func(c *scheduler.Config) { c.Options.StoreDisconnectTime = -time.Second },
		"TimestampWindow is 1ns":       func(c *scheduler.Config) { c.Options.TimestampWindow = 1 },
		"want at least StoreDisconnec": func(c *scheduler.Config) { c.Options.MaxStoreDownTime = time.Second },
		"must not be negative":         func(c *scheduler.Config) { c.Options.History = -1 },
	} {
		bad := good
		change(&bad)
		_, err := scheduler.Open(bad)
		require.ErrorContains(t, err, word)
	}
}

func TestClusterIDIsChecked(t *testing.T) {
	m := cluster(t, 3, scheduler.Options{})
	for _, h := range []*schedulerpb.RequestHeader{nil, {}, {ClusterId: 8}} {
		for _, call := range everyRequest(m, h) {
			refused(t, call(), unknown, "this is cluster 7")
		}
		refused(t, m.RegionHeartbeat(&schedulerpb.RegionHeartbeatRequest{Header: h, Region: reg(1, "", "", 1, 1, 1)}).Header, unknown, "this is cluster 7")
	}
	require.Empty(t, m.known())

	// How else would a client learn the id?
	members, err := m.GetMembers(ctx, &schedulerpb.GetMembersRequest{})
	ok(t, m.header(members, err))
}

// everyRequest calls everything that takes a request with a header, with nothing
// else in it.
func everyRequest(m *machine, h *schedulerpb.RequestHeader) map[string]func() *schedulerpb.ResponseHeader {
	return map[string]func() *schedulerpb.ResponseHeader{
		"Bootstrap": func() *schedulerpb.ResponseHeader {
			return m.header(m.Bootstrap(ctx, &schedulerpb.BootstrapRequest{Header: h}))
		},
		"IsBootstrapped": func() *schedulerpb.ResponseHeader {
			return m.header(m.IsBootstrapped(ctx, &schedulerpb.IsBootstrappedRequest{Header: h}))
		},
		"AllocID": func() *schedulerpb.ResponseHeader {
			return m.header(m.AllocID(ctx, &schedulerpb.AllocIDRequest{Header: h}))
		},
		"Timestamps": func() *schedulerpb.ResponseHeader {
			return m.header(m.Timestamps(&schedulerpb.TsoRequest{Header: h, Count: 1}))
		},
		"GetStore": func() *schedulerpb.ResponseHeader {
			return m.header(m.GetStore(ctx, &schedulerpb.GetStoreRequest{Header: h}))
		},
		"PutStore": func() *schedulerpb.ResponseHeader {
			return m.header(m.PutStore(ctx, &schedulerpb.PutStoreRequest{Header: h}))
		},
		"GetAllStores": func() *schedulerpb.ResponseHeader {
			return m.header(m.GetAllStores(ctx, &schedulerpb.GetAllStoresRequest{Header: h}))
		},
		"StoreHeartbeat": func() *schedulerpb.ResponseHeader {
			return m.header(m.StoreHeartbeat(ctx, &schedulerpb.StoreHeartbeatRequest{Header: h}))
		},
		"GetRegion": func() *schedulerpb.ResponseHeader {
			return m.header(m.GetRegion(ctx, &schedulerpb.GetRegionRequest{Header: h}))
		},
		"GetPrevRegion": func() *schedulerpb.ResponseHeader {
			return m.header(m.GetPrevRegion(ctx, &schedulerpb.GetRegionRequest{Header: h}))
		},
		"GetRegionByID": func() *schedulerpb.ResponseHeader {
			return m.header(m.GetRegionByID(ctx, &schedulerpb.GetRegionByIDRequest{Header: h}))
		},
		"ScanRegions": func() *schedulerpb.ResponseHeader {
			return m.header(m.ScanRegions(ctx, &schedulerpb.ScanRegionsRequest{Header: h}))
		},
		"AskSplit": func() *schedulerpb.ResponseHeader {
			return m.header(m.AskSplit(ctx, &schedulerpb.AskSplitRequest{Header: h}))
		},
		"GetClusterConfig": func() *schedulerpb.ResponseHeader {
			return m.header(m.GetClusterConfig(ctx, &schedulerpb.GetClusterConfigRequest{Header: h}))
		},
		"PutClusterConfig": func() *schedulerpb.ResponseHeader {
			return m.header(m.PutClusterConfig(ctx, &schedulerpb.PutClusterConfigRequest{Header: h}))
		},
		"ScatterRegion": func() *schedulerpb.ResponseHeader {
			return m.header(m.ScatterRegion(ctx, &schedulerpb.ScatterRegionRequest{Header: h}))
		},
		"GetGCSafePoint": func() *schedulerpb.ResponseHeader {
			return m.header(m.GetGCSafePoint(ctx, &schedulerpb.GetGCSafePointRequest{Header: h}))
		},
		"UpdateGCSafePoint": func() *schedulerpb.ResponseHeader {
			return m.header(m.UpdateGCSafePoint(ctx, &schedulerpb.UpdateGCSafePointRequest{Header: h}))
		},
		"GetOperator": func() *schedulerpb.ResponseHeader {
			return m.header(m.GetOperator(ctx, &schedulerpb.GetOperatorRequest{Header: h}))
		},
		"AddOperator": func() *schedulerpb.ResponseHeader {
			return m.header(m.AddOperator(ctx, &schedulerpb.AddOperatorRequest{Header: h}))
		},
		"CancelOperator": func() *schedulerpb.ResponseHeader {
			return m.header(m.CancelOperator(ctx, &schedulerpb.CancelOperatorRequest{Header: h}))
		},
		"ListOperators": func() *schedulerpb.ResponseHeader {
			return m.header(m.ListOperators(ctx, &schedulerpb.ListOperatorsRequest{Header: h}))
		},
		"RemoveStore": func() *schedulerpb.ResponseHeader {
			return m.header(m.RemoveStore(ctx, &schedulerpb.RemoveStoreRequest{Header: h}))
		},
		"RestoreStore": func() *schedulerpb.ResponseHeader {
			return m.header(m.RestoreStore(ctx, &schedulerpb.RestoreStoreRequest{Header: h}))
		},
	}
}

func TestNotBootstrapped(t *testing.T) {
	m := boot(t, scheduler.Options{})
	for name, call := range everyRequest(m, header) {
		switch name {
		case "Bootstrap":
			refused(t, call(), unknown, "no id")
		case "IsBootstrapped", "AllocID", "Timestamps":
			ok(t, call())
		default:
			refused(t, call(), schedulerpb.ErrorType_NOT_BOOTSTRAPPED, "no store yet")
		}
	}
	refused(t, m.RegionHeartbeat(beat(reg(1, "", "", 1, 1, 1))).Header, schedulerpb.ErrorType_NOT_BOOTSTRAPPED, "no store yet")
	require.NoError(t, m.Tick())
	resp, err := m.IsBootstrapped(ctx, &schedulerpb.IsBootstrappedRequest{Header: header})
	ok(t, m.header(resp, err))
	require.False(t, resp.Bootstrapped)
}

// An empty request changes nothing, and gets an answer.
func TestEmptyRequests(t *testing.T) {
	m := cluster(t, 3, scheduler.Options{})
	before := m.Status()
	for name, call := range everyRequest(m, header) {
		h := call()
		switch name {
		case "IsBootstrapped", "AllocID", "Timestamps", "GetAllStores", "GetRegion", "GetPrevRegion", "GetRegionByID",
			"ScanRegions", "GetClusterConfig", "GetGCSafePoint", "UpdateGCSafePoint", "ListOperators":
			ok(t, h)
		default:
			require.NotNil(t, h.Error, name)
		}
	}
	require.NotNil(t, m.RegionHeartbeat(&schedulerpb.RegionHeartbeatRequest{Header: header}).Header.Error)
	after := m.Status()
	before.Counts, after.Counts = scheduler.Counts{}, scheduler.Counts{}
	require.Equal(t, before, after)
}

func bootstrapWith(m *machine, s *metapb.Store) *schedulerpb.ResponseHeader {
	return m.header(m.Bootstrap(ctx, &schedulerpb.BootstrapRequest{Header: header, Store: s}))
}

func TestBootstrap(t *testing.T) {
	m := boot(t, scheduler.Options{MaxPeerCount: 5})
	refused(t, bootstrapWith(m, store(1)), unknown, "does not come from this scheduler")
	require.EqualValues(t, 1, m.id())
	refused(t, bootstrapWith(m, &metapb.Store{Id: 1}), unknown, "no address")
	require.False(t, m.Status().Bootstrapped)
	ok(t, bootstrapWith(m, store(1)))
	for range 2 {
		refused(t, bootstrapWith(m, store(1)), schedulerpb.ErrorType_ALREADY_BOOTSTRAPPED, "already")
		refused(t, bootstrapWith(m, store(99)), schedulerpb.ErrorType_ALREADY_BOOTSTRAPPED, "already")
		s := m.Status()
		require.True(t, s.Bootstrapped)
		require.Equal(t, 5, s.MaxPeerCount)
		require.Len(t, s.Stores, 1)
		m.crash()
	}
}

func TestIDsNeverRepeat(t *testing.T) {
	m := boot(t, scheduler.Options{IDBatch: 10})
	last := uint64(0)
	for life := range 5 {
		for range 7 * life {
			id := m.id()
			require.Greater(t, id, last)
			last = id
		}
		require.LessOrEqual(t, last, uint64(10*(life+1)*life), "a crash skips a batch at most")
		m.crash()
	}
}

// One write to the disk is enough for a batch.
func TestIDsCostFewWrites(t *testing.T) {
	m := boot(t, scheduler.Options{IDBatch: 10})
	before := m.disk.Writes()
	for want := uint64(1); want <= 100; want++ {
		require.Equal(t, want, m.id())
	}
	require.EqualValues(t, 10, m.disk.Writes()-before)
}

// A request for more ids than a batch has is granted as a whole.
func TestSplitIDsBeyondABatch(t *testing.T) {
	m := cluster(t, 5, scheduler.Options{IDBatch: 2, MaxPeerCount: 5})
	r := reg(10, "", "", 1, 1, 1, 2, 3, 4, 5)
	require.Nil(t, m.report(beat(r)))
	resp, err := m.AskSplit(ctx, &schedulerpb.AskSplitRequest{Header: header, Region: r})
	ok(t, m.header(resp, err))
	require.EqualValues(t, 10000, resp.NewRegionId)
	require.Equal(t, []uint64{10001, 10002, 10003, 10004, 10005}, resp.NewPeerIds)
	require.EqualValues(t, 10006, m.id())
}

// Whatever write a crash falls on, everything that was answered before is there
// afterwards, and nothing that was handed out comes again.
func TestCrashAtEveryWrite(t *testing.T) {
	outcomes := 0
	for _, kind := range []memory.FaultKind{memory.CrashBefore, memory.CrashUnacknowledged, memory.CrashAfter} {
		for n := uint64(1); ; n++ {
			m := boot(t, scheduler.Options{IDBatch: 3, TimestampWindow: 5 * time.Millisecond})
			m.disk.Inject(memory.At(m.disk.Writes()+n, memory.Fault{Kind: kind}))
			var lastID, safe uint64
			var last *schedulerpb.Timestamp
			var put []uint64
			steps := 0
			alive := func(err error) bool { steps++; return err == nil }
			script := func() bool {
				for i := range 12 {
					m.now = m.now.Add(3 * time.Millisecond)
					id, err := m.AllocID(ctx, &schedulerpb.AllocIDRequest{Header: header})
					if !alive(err) {
						return false
					}
					lastID = id.Id
					ts, err := m.Timestamps(&schedulerpb.TsoRequest{Header: header, Count: 4})
					if !alive(err) {
						return false
					}
					last = ts.Timestamp
					if i == 0 {
						_, err = m.Bootstrap(ctx, &schedulerpb.BootstrapRequest{Header: header, Store: store(id.Id)})
					} else {
						_, err = m.PutStore(ctx, &schedulerpb.PutStoreRequest{Header: header, Store: store(id.Id)})
					}
					if !alive(err) {
						return false
					}
					put = append(put, id.Id)
					gc, err := m.UpdateGCSafePoint(ctx, &schedulerpb.UpdateGCSafePointRequest{Header: header, SafePoint: uint64(i + 1)})
					if !alive(err) {
						return false
					}
					safe = gc.NewSafePoint
				}
				return true
			}
			finished := script()
			m.disk.Inject(nil)
			m.crash()
			outcomes++
			require.Greater(t, m.id(), lastID)
			ts, err := m.Timestamps(&schedulerpb.TsoRequest{Header: header, Count: 1})
			require.NoError(t, err)
			if last != nil {
				require.Positive(t, compare(ts.Timestamp, last))
			}
			s := m.Status()
			require.GreaterOrEqual(t, s.SafePoint, safe)
			var stores []uint64
			for _, s := range s.Stores {
				stores = append(stores, s.ID)
			}
			require.Subset(t, stores, put)
			require.LessOrEqual(t, len(stores), len(put)+1)
			if finished {
				require.Equal(t, 48, steps)
				break
			}
		}
	}
	require.Greater(t, outcomes, 3*30)
}

// What could not be written has not happened.
func TestBrokenDisk(t *testing.T) {
	m := cluster(t, 3, scheduler.Options{IDBatch: 1})
	m.disk.SetCapacity(0)
	before := m.Status()
	_, err := m.AllocID(ctx, &schedulerpb.AllocIDRequest{Header: header})
	require.Error(t, err)
	_, err = m.Timestamps(&schedulerpb.TsoRequest{Header: header, Count: 1})
	require.Error(t, err)
	_, err = m.UpdateGCSafePoint(ctx, &schedulerpb.UpdateGCSafePointRequest{Header: header, SafePoint: 9})
	require.Error(t, err)
	_, err = m.PutStore(ctx, &schedulerpb.PutStoreRequest{Header: header, Store: store(4)})
	require.Error(t, err)
	refused(t, m.RegionHeartbeat(beat(reg(10, "", "", 1, 1, 1))).Header, unknown, "no space left")
	after := m.Status()
	require.EqualValues(t, 1, after.Counts.RegionHeartbeats)
	before.Counts, after.Counts = scheduler.Counts{}, scheduler.Counts{}
	require.Equal(t, before, after)

	m.disk.SetCapacity(memory.Unlimited)
	require.EqualValues(t, 10000, m.id())
	ok(t, m.putStore(store(4)))
	require.NotNil(t, m.report(beat(reg(10, "", "", 1, 1, 1))))
}

func TestSafePointNeverGoesBack(t *testing.T) {
	m := cluster(t, 1, scheduler.Options{})
	for _, c := range []struct{ safe, clean, wantSafe, wantClean uint64 }{
		{0, 0, 0, 0},
		{10, 0, 10, 0},
		{5, 0, 10, 0},
		{10, 0, 10, 0},
		{0, 7, 10, 7},
		{20, 5, 20, 7},
		{30, 30, 30, 30},
		{0, 0, 30, 30},
	} {
		resp, err := m.UpdateGCSafePoint(ctx, &schedulerpb.UpdateGCSafePointRequest{Header: header, SafePoint: c.safe, CleanPoint: c.clean})
		ok(t, m.header(resp, err))
		require.Equal(t, [2]uint64{c.wantSafe, c.wantClean}, [2]uint64{resp.NewSafePoint, resp.NewCleanPoint}, "%+v", c)
		m.crash()
		m.id() // the counters have other users, too
		got, err := m.GetGCSafePoint(ctx, &schedulerpb.GetGCSafePointRequest{Header: header})
		ok(t, m.header(got, err))
		require.Equal(t, [2]uint64{c.wantSafe, c.wantClean}, [2]uint64{got.SafePoint, got.CleanPoint}, "%+v", c)
	}
}

// A safe point above the next timestamp would refuse transactions that have yet to begin,
// and a clean point above the safe point would remove what can still be read.
func TestSafePointIsInThePast(t *testing.T) {
	m := cluster(t, 1, scheduler.Options{})
	take := func() uint64 {
		resp, err := m.Timestamps(&schedulerpb.TsoRequest{Header: header, Count: 1})
		ok(t, m.header(resp, err))
		return uint64(resp.Timestamp.Physical)<<scheduler.LogicalBits | uint64(resp.Timestamp.Logical)
	}
	update := func(safe, clean uint64) *schedulerpb.ResponseHeader {
		return m.header(m.UpdateGCSafePoint(ctx, &schedulerpb.UpdateGCSafePointRequest{Header: header, SafePoint: safe, CleanPoint: clean}))
	}
	last := take()
	for _, future := range []uint64{last + 2, last + 1<<scheduler.LogicalBits, 1 << 60, math.MaxUint64} {
		refused(t, update(future, 0), unknown, "is in the future")
		require.Zero(t, m.Status().SafePoint)
	}
	refused(t, update(0, 1), unknown, "the clean point 1 would be above the safe point 0")
	refused(t, update(5, 6), unknown, "above the safe point 5")
	require.Zero(t, m.Status().SafePoint, "a refusal changes nothing")
	last = take()
	ok(t, update(last, last))
	require.Greater(t, take(), m.Status().SafePoint)
	m.crash()
	require.Greater(t, take(), m.Status().SafePoint)
}

func TestClusterConfig(t *testing.T) {
	m := cluster(t, 1, scheduler.Options{})
	put := func(c *metapb.Cluster) *schedulerpb.ResponseHeader {
		return m.header(m.PutClusterConfig(ctx, &schedulerpb.PutClusterConfigRequest{Header: header, Cluster: c}))
	}
	refused(t, put(&metapb.Cluster{Id: 8, MaxPeerCount: 3}), unknown, "cluster 8")
	refused(t, put(&metapb.Cluster{Id: 7}), unknown, "max_peer_count is 0")
	refused(t, put(&metapb.Cluster{Id: 7, MaxPeerCount: 1000}), unknown, "max_peer_count is 1000")
	require.Equal(t, 3, m.Status().MaxPeerCount)
	ok(t, put(&metapb.Cluster{Id: 7, MaxPeerCount: 5}))
	m.crash()
	got, err := m.GetClusterConfig(ctx, &schedulerpb.GetClusterConfigRequest{Header: header})
	ok(t, m.header(got, err))
	require.EqualValues(t, 7, got.Cluster.Id)
	require.EqualValues(t, 5, got.Cluster.MaxPeerCount)
	require.Equal(t, 5, m.Status().MaxPeerCount)
}

// Regions are known after a restart, but not their leaders.
func TestRegionsSurviveARestart(t *testing.T) {
	m := cluster(t, 3, scheduler.Options{})
	m.report(beat(reg(10, "", "", 1, 1, 1, 2, 3)))
	m.report(beat(reg(10, "", "m", 2, 1, 1, 2, 3)))
	m.report(beat(reg(13, "m", "", 2, 1, 1, 2, 3)))
	m.report(beat(reg(12, "m", "", 3, 1, 1, 2, 3))) // in the place of 13
	want := []string{"10[,m)v2c1", "12[m,)v3c1"}
	require.Equal(t, want, m.known())
	require.NotZero(t, m.disk.Unsynced(), "a heartbeat does not wait for the disk")
	m.disk.Crash(memory.All)
	m.start()
	require.Equal(t, want, m.known())
	for _, r := range m.Status().Regions {
		require.Nil(t, r.Leader)
	}
	require.NotNil(t, m.RegionHeartbeat(beat(reg(10, "", "", 1, 1, 1, 2, 3))).Header.Error, "it is still stale")
	ok(t, m.storeBeat(&schedulerpb.StoreStats{StoreId: 1}))

	// What a crash has lost, the next heartbeats bring.
	m.report(beat(reg(12, "m", "p", 4, 1, 1, 2, 3)))
	m.crash()
	require.Equal(t, want, m.known())
	m.report(beat(reg(12, "m", "p", 4, 1, 1, 2, 3)))
	require.Equal(t, []string{"10[,m)v2c1", "12[m,p)v4c1"}, m.known())
}

// The disk that a tick or a heartbeat needs for ids may be broken, too.
func TestBrokenDiskOfOperators(t *testing.T) {
	m := cluster(t, 3, scheduler.Options{IDBatch: 1})
	require.NotNil(t, m.report(beat(reg(10, "", "m", 1, 1, 1))))
	_, err := m.CancelOperator(ctx, &schedulerpb.CancelOperatorRequest{Header: header, RegionId: 10})
	require.NoError(t, err)
	m.disk.SetCapacity(0)
	require.ErrorContains(t, m.Tick(), "no space left")
	refused(t, m.RegionHeartbeat(beat(reg(10, "", "m", 1, 1, 1))).Header, unknown, "no space left")
	_, err = m.AddOperator(ctx, &schedulerpb.AddOperatorRequest{Header: header, RegionId: 10, Change: schedulerpb.RegionChange_ADD_PEER, ToStoreId: 2})
	require.ErrorContains(t, err, "no space left")
	_, err = m.AskSplit(ctx, &schedulerpb.AskSplitRequest{Header: header, Region: reg(10, "", "m", 1, 1, 1)})
	require.ErrorContains(t, err, "no space left")
	require.Empty(t, m.Status().Operators)
	m.disk.SetCapacity(memory.Unlimited)
	require.NoError(t, m.Tick())
	require.Len(t, m.Status().Operators, 1)
}

// Records that are not what they should be are named, and end the start.
func TestCorruptRecords(t *testing.T) {
	for _, kind := range []byte{1, 2, 3, 4, 5} {
		disk := memory.NewDisk()
		e, err := disk.Open(scheduler.Families...)
		require.NoError(t, err)
		var b engine.Batch
		b.Put(scheduler.Families[0], []byte{kind, 0, 0, 0, 0, 0, 0, 0, 9}, []byte("no message"))
		require.NoError(t, e.Write(&b, true))
		_, err = scheduler.Open(scheduler.Config{ClusterID: clusterID, Engine: e, Now: time.Now})
		require.ErrorContains(t, err, fmt.Sprintf("record %02x0000000000000009 is corrupt", kind))
	}
}

func TestMembers(t *testing.T) {
	self := &schedulerpb.Member{Name: "s", ClientUrls: []string{"localhost:2379"}}
	e, err := memory.NewDisk().Open(scheduler.Families...)
	require.NoError(t, err)
	s, err := scheduler.Open(scheduler.Config{ClusterID: clusterID, Engine: e, Now: time.Now, Member: self})
	require.NoError(t, err)
	resp, err := s.GetMembers(ctx, &schedulerpb.GetMembersRequest{})
	require.NoError(t, err)
	require.EqualValues(t, clusterID, resp.Header.ClusterId)
	require.Equal(t, self, resp.Leader)
	require.Equal(t, []*schedulerpb.Member{self}, resp.Members)
}

// Goroutines that ask at the same time get different answers.
func TestConcurrentRequests(t *testing.T) {
	m := cluster(t, 3, scheduler.Options{IDBatch: 7})
	const workers, each = 8, 50
	ids := make([][]uint64, workers)
	stamps := make([][]*schedulerpb.Timestamp, workers)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := range each {
				id, err := m.AllocID(ctx, &schedulerpb.AllocIDRequest{Header: header})
				if err != nil {
					return
				}
				ids[w] = append(ids[w], id.Id)
				ts, err := m.Timestamps(&schedulerpb.TsoRequest{Header: header, Count: 2})
				if err != nil {
					return
				}
				stamps[w] = append(stamps[w], ts.Timestamp)
				m.RegionHeartbeat(beat(reg(uint64(10+w), fmt.Sprint(w), fmt.Sprint(w+1), uint64(i+1), 1, 1, 2, 3)))
				if m.Tick() != nil {
					return
				}
				m.Status()
			}
		})
	}
	wg.Wait()
	seen, moments := map[uint64]bool{}, map[int64]bool{}
	for w := range workers {
		require.Len(t, ids[w], each)
		require.Len(t, stamps[w], each)
		for i, id := range ids[w] {
			require.False(t, seen[id], "id %d comes twice", id)
			seen[id] = true
			moment := stamps[w][i].Physical<<scheduler.LogicalBits | stamps[w][i].Logical
			for _, ts := range []int64{moment, moment - 1} {
				require.False(t, moments[ts], "timestamp %d comes twice", ts)
				moments[ts] = true
			}
		}
	}
	require.Len(t, m.known(), workers)
}

func ExampleScheduler() {
	e, err := memory.Open(memory.NewDisk(), scheduler.Families...)
	if err != nil {
		panic(err)
	}
	s, err := scheduler.Open(scheduler.Config{ClusterID: 7, Engine: e, Now: func() time.Time { return time.UnixMilli(5000) }})
	if err != nil {
		panic(err)
	}
	id, _ := s.AllocID(ctx, &schedulerpb.AllocIDRequest{Header: header})
	boot, _ := s.Bootstrap(ctx, &schedulerpb.BootstrapRequest{Header: header, Store: &metapb.Store{Id: id.Id, Address: "localhost:20160"}})
	fmt.Println("store", id.Id, boot.Header.Error)

	// A refusal is in the header; it is not a Go error.
	again, err := s.Bootstrap(ctx, &schedulerpb.BootstrapRequest{Header: header, Store: &metapb.Store{Id: id.Id, Address: "localhost:20160"}})
	fmt.Println(again.Header.Error.Type, err)

	ts, _ := s.Timestamps(&schedulerpb.TsoRequest{Header: header, Count: 10})
	fmt.Println("the last of", ts.Count, "timestamps:", ts.Timestamp.Physical, ts.Timestamp.Logical)
	// Output:
	// store 1 <nil>
	// ALREADY_BOOTSTRAPPED <nil>
	// the last of 10 timestamps: 5000 9
}
