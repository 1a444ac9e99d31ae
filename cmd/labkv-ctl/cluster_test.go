package main

import (
	"encoding/json"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/kv/server/endpoint"
	"github.com/labkv/labkv/lab/await"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
	"github.com/labkv/labkv/scheduler"
	"github.com/labkv/labkv/scheduler/server"
)

// A manager is a scheduler of cluster 7 on a TCP port, to which a test reports what
// stores would.
type manager struct {
	schedulerpb.SchedulerClient
	t    *testing.T
	addr string
	last uint64 // id that it handed out
}

var header = &schedulerpb.RequestHeader{ClusterId: 7}

func manage(t *testing.T) *manager {
	t.Helper()
	e, err := memory.NewDisk().Open(scheduler.Families...)
	require.NoError(t, err)
	core, err := scheduler.Open(scheduler.Config{ClusterID: 7, Engine: e, Now: time.Now,
		// Nothing happens by itself.
		Options: scheduler.Options{RepairLimit: -1, RegionLimit: -1, LeaderLimit: -1}})
	require.NoError(t, err)
	s := server.New(server.Config{Scheduler: core, Logger: slog.New(slog.DiscardHandler)})
	ep := endpoint.New(endpoint.Config{Unary: s.Around})
	s.Register(ep)
	s.Start()
	t.Cleanup(s.Stop)
	m := &manager{t: t, addr: listen(t, ep)}
	conn, err := grpc.NewClient(m.addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	m.SchedulerClient = schedulerpb.NewSchedulerClient(conn)
	return m
}

// ids makes the scheduler hand out all ids up to n.
func (m *manager) ids(n uint64) {
	m.t.Helper()
	for m.last < n {
		r, err := m.AllocID(await.Context(m.t, "an id"), &schedulerpb.AllocIDRequest{Header: header})
		require.NoError(m.t, err)
		m.last = r.Id
	}
}

// join adds stores 1 to n, which are at port 20160 of hosts s1 to sn.
func (m *manager) join(n uint64) {
	m.t.Helper()
	m.ids(100)
	for id := uint64(1); id <= n; id++ {
		s := &metapb.Store{Id: id, Address: "10.0.0." + strconv.FormatUint(id, 10) + ":20160"}
		if id == 1 {
			r, err := m.Bootstrap(await.Context(m.t, "an answer"), &schedulerpb.BootstrapRequest{Header: header, Store: s})
			require.NoError(m.t, err)
			require.Nil(m.t, r.Header.Error)
		}
		r, err := m.PutStore(await.Context(m.t, "an answer"), &schedulerpb.PutStoreRequest{Header: header, Store: s})
		require.NoError(m.t, err)
		require.Nil(m.t, r.Header.Error)
		now := uint64(time.Now().Unix())
		_, err = m.StoreHeartbeat(await.Context(m.t, "an answer"), &schedulerpb.StoreHeartbeatRequest{Header: header,
			Stats: &schedulerpb.StoreStats{StoreId: id, Capacity: 1 << 40, Available: 123 << 30, UsedSize: 5 << 20,
				Interval: &schedulerpb.TimeInterval{StartTimestamp: now - 10, EndTimestamp: now}}})
		require.NoError(m.t, err)
	}
}

// report makes a region known that has a peer on each of the first stores, and is led by
// the first.
func (m *manager) report(id uint64, start, end string, stores int) {
	m.t.Helper()
	r := &metapb.Region{Id: id, StartKey: []byte(start), EndKey: []byte(end), RegionEpoch: &metapb.RegionEpoch{ConfVer: 1, Version: 1}}
	for i := range uint64(stores) {
		r.Peers = append(r.Peers, &metapb.Peer{Id: id + i + 1, StoreId: i + 1})
	}
	stream, err := m.RegionHeartbeat(await.Context(m.t, "a heartbeat"))
	require.NoError(m.t, err)
	require.NoError(m.t, stream.Send(&schedulerpb.RegionHeartbeatRequest{Header: header, Region: r, Leader: r.Peers[0], Term: 1}))
	await.Until(m.t, "the region to be known", func() bool {
		found, err := m.GetRegionByID(await.Context(m.t, "a region"), &schedulerpb.GetRegionByIDRequest{Header: header, RegionId: id})
		require.NoError(m.t, err)
		return found.Region != nil
	})
}

// ctl runs a command on the cluster.
func (m *manager) ctl(args ...string) (code int, stdout, stderr string) {
	return ctl(append(args, "--scheduler", m.addr, "--timeout", await.Limit.String())...)
}

// says runs a command that is to succeed, and returns its output, which fits into 80
// columns.
func (m *manager) says(args ...string) string {
	m.t.Helper()
	code, stdout, stderr := m.ctl(args...)
	require.Empty(m.t, stderr, "%q", args)
	require.Zero(m.t, code, "%q", args)
	for line := range strings.Lines(stdout) {
		if slices.Contains(args, "--format=json") {
			break
		}
		require.LessOrEqual(m.t, utf8.RuneCountInString(strings.TrimSuffix(line, "\n")), 80, line)
	}
	return stdout
}

// refuses runs a command that is to fail with exit code 1 and one line.
func (m *manager) refuses(says string, args ...string) {
	m.t.Helper()
	code, stdout, stderr := m.ctl(args...)
	require.Equal(m.t, 1, code, "%q", args)
	require.Empty(m.t, stdout, "%q", args)
	require.Equal(m.t, "labkv-ctl: "+says+"\n", stderr)
}

func TestStores(t *testing.T) {
	m := manage(t)
	m.refuses("the cluster has no store yet", "stores")
	m.join(3)
	m.report(10, "", "", 2)
	r, err := m.PutStore(await.Context(t, "an answer"), &schedulerpb.PutStoreRequest{Header: header, Store: &metapb.Store{Id: 99, Address: "10.0.0.99:20160"}})
	require.NoError(t, err)
	require.Nil(t, r.Header.Error)
	out := m.says("stores")
	require.Contains(t, out, "│ store │ address         │ state │ peers │ leads │ used │ free │ heard │\n")
	require.Regexp(t, `│     1 │ 10\.0\.0\.1:20160  │ up    │     1 │     1 │ 5\.0M │ 123G │ +\d+s │\n`, out)
	require.Regexp(t, `│     2 │ 10\.0\.0\.2:20160  │ up    │     1 │     0 │ 5\.0M │ 123G │ +\d+s │\n`, out)
	require.Contains(t, out, "│    99 │ 10.0.0.99:20160 │ up    │     0 │     0 │      │      │ never │\n")

	require.Equal(t, "store 3 is offline now\n", m.says("store", "remove", "3"))
	require.Equal(t, "store 99 is offline now\n", m.says("store", "remove", "99"))
	await.Until(t, "an empty store to be a tombstone", func() bool { return strings.Contains(m.says("stores"), "tombstone") })
	m.refuses("store 98 is not known", "store", "remove", "98")

	var list storeList
	require.NoError(t, json.Unmarshal([]byte(m.says("stores", "--format=json")), &list))
	require.Len(t, list.Stores, 4)
	require.Equal(t, uint64(123<<30), list.Stores[0].Available)
	require.WithinDuration(t, time.Now(), *list.Stores[0].Heartbeat, time.Hour)
	require.Nil(t, list.Stores[3].Heartbeat)
}

func TestRegions(t *testing.T) {
	m := manage(t)
	m.join(3)
	long := "zzz, and what else a key of a region may have"
	m.report(10, "b", "m", 3)
	m.report(20, "\x00", "b", 1)
	m.report(30, "m", long, 1)
	code, stdout, stderr := m.ctl("regions")
	require.Equal(t, 1, code)
	require.Equal(t, `╭────────┬────────┬──────────────────┬───────┬────────┬────────╮
│ region │ from   │ to               │ epoch │ leader │ stores │
├────────┼────────┼──────────────────┼───────┼────────┼────────┤
│     20 │ "\x00" │ b                │   1.1 │      1 │ 1      │
│     10 │ b      │ m                │   1.1 │      1 │ 1 2 3  │
│     30 │ m      │ zzz, and what e… │   1.1 │      1 │ 1      │
╰────────┴────────┴──────────────────┴───────┴────────┴────────╯
`, stdout)
	require.Equal(t, `labkv-ctl: no known region has the keys from the beginning to "\x00"; no known region has the keys from `+long+" to the end\n", stderr)

	m.report(40, long, "", 2)
	out := m.says("regions", "--from", "c")
	require.NotContains(t, out, "│     20 │")
	require.Contains(t, out, "│     40 │ zzz, and what e… │                  │   1.1 │      1 │ 1 2    │\n")
	out = m.says("regions", "--from", "63", "--limit", "1", "--hex")
	require.Contains(t, out, "│     10 │ 62   │ 6d │   1.1 │      1 │ 1 2 3  │\n")
	require.NotContains(t, out, "│     30 │")

	var list regionList
	require.NoError(t, json.Unmarshal([]byte(m.says("regions", "--from=b", "--format=json")), &list))
	require.Len(t, list.Regions, 3)
	require.Equal(t, "62", list.Regions[0].StartKey)
	require.Equal(t, []uint64{1, 2, 3}, list.Regions[0].Stores)
	require.Equal(t, uint64(1), list.Regions[0].LeaderStore)
}

func TestOperators(t *testing.T) {
	m := manage(t)
	m.join(4)
	m.report(10, "", "m", 2)
	m.report(20, "m", "", 3)
	require.Contains(t, m.says("operators"), "│ region │ kind │ status │ steps │ what │ since │\n")

	hint := "\nwatch it: labkv-ctl operators --region 10 --scheduler " + m.addr + "\n"
	require.Regexp(t, `^region 10: add peer \d+ on store 3`+hint+"$", m.says("operator", "add-peer", "10", "3"))
	m.refuses("region 10 has an operator already: add peer, by hand", "operator", "split", "10")
	for _, c := range []struct{ says, line string }{
		{"transfer the leadership to peer 12 on store 2", "transfer 10 2"},
		{"remove peer 12 from store 2", "remove-peer 10 2"},
		{"on store 4,\n  remove peer 12 from store 2", "move-peer 10 2 4"},
		{`split at "k"`, "split 10 k"},
		{`split at "k"`, "split 10 6b --hex"},
		{`split at "k\x00\x00\x00\x00\x00\x00\x00\xf8"`, "split 10 k --txn"},
		{`split at "k\x00\x00\x00\x00\x00\x00\x00\xf8"`, "split 10 6b --txn --hex"},
		{"split in the middle", "split 10"},
	} {
		require.Empty(t, m.says("operator", "cancel", "10"))
		require.Contains(t, m.says(append([]string{"operator"}, strings.Fields(c.line)...)...), c.says+hint)
	}
	require.Equal(t, "region 20: there is nothing to do\n", m.says("operator", "transfer", "20", "1"))
	require.Contains(t, m.says("operator", "scatter", "20"), "region 20: ")

	out := m.says("operators", "--region", "10")
	require.Regexp(t, `│     10 │ admin │ running │   0/1 │ split, by hand +│ +\d+s │\n`, out)
	require.Regexp(t, `│     10 │ admin │ cancel  │   0/2 │ move peer, by hand: +│`, out)
	require.NotContains(t, out, "│     20 │")
	require.Empty(t, m.says("operator", "cancel", "10"))
	m.refuses("region 10 has no operator under way", "operator", "cancel", "10")
	var list operatorList
	require.NoError(t, json.Unmarshal([]byte(m.says("operators", "--region=10", "--format=json", "--history=2")), &list))
	require.Empty(t, list.Running)
	require.Len(t, list.History, 2)
	require.Equal(t, "cancel", list.History[0].Status)
	require.Equal(t, "cancelled by hand", list.History[0].Reason)
	require.NotNil(t, list.History[0].Ended)

	m.refuses("region 77 is not known", "operator", "split", "77")
	m.refuses("region 10 has no peer on store 3", "operator", "remove-peer", "10", "3")
	m.refuses("region 10 has a peer on store 2 already", "operator", "add-peer", "10", "2")
	m.refuses(`region 10 cannot be split at "x": it holds the keys from "" to "m"`, "operator", "split", "10", "x")
}

func TestSchedulerUsage(t *testing.T) {
	for _, c := range []struct{ says, line string }{
		{"operator: say what to do: add-peer, remove-peer, move-peer, transfer, split, scatter or cancel", "operator"},
		{"store: say what to do: remove or restore", "store"},
		{"labkv-ctl operator add-peer: STORE is missing, see --help", "operator add-peer 1"},
		{`STORE "x" is not an id: ids are numbers from 1 on`, "operator add-peer 1 x"},
		{`REGION "0" is not an id: ids are numbers from 1 on`, "operator scatter 0"},
		{`key "x" is not hexadecimal: write two digits for each byte`, "operator split 1 x --hex"},
		{`STORE "-" is not an id: ids are numbers from 1 on`, "store remove -"},
		{`--format "xml" is neither table nor json`, "regions --format xml"},
		{"--timeout 0s is not positive", "stores --timeout 0s"},
		{`labkv-ctl stores: unexpected argument "1", see --help`, "stores 1"},
	} {
		code, stdout, stderr := ctl(strings.Fields(c.line)...)
		require.Equal(t, 2, code, c.line)
		require.Empty(t, stdout, c.line)
		require.Equal(t, "labkv-ctl: "+c.says+"\n", stderr, c.line)
	}
	code, _, stderr := ctl("raw", "get", "a", "--addr=a:1", "--scheduler=b:1")
	require.Equal(t, 2, code)
	require.Equal(t, "labkv-ctl: pass --addr or --scheduler, not both\n", stderr)
}

// What is not a scheduler, or is not there, is named.
func TestNoScheduler(t *testing.T) {
	s := start(t)
	code, _, stderr := ctl("stores", "--scheduler", s.addr)
	require.Equal(t, 1, code)
	require.Equal(t, "labkv-ctl: what answers at "+s.addr+" is not a scheduler: unknown service schedulerpb.Scheduler\n", stderr)
	code, _, stderr = ctl("regions", "--scheduler", "127.0.0.1:1")
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "labkv-ctl: cannot reach the scheduler at 127.0.0.1:1: ")
	code, _, stderr = ctl("raw", "get", "a", "--scheduler", "127.0.0.1:1", "--timeout", "100ms")
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "the scheduler at 127.0.0.1:1")
}
