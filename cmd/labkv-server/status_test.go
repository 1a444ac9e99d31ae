//go:build cgo

package main_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/labkv/labkv/lab/await"
	"github.com/labkv/labkv/lab/cluster"
	"github.com/labkv/labkv/proto/raftserverpb"
)

// statusAddrs has the addresses for /metrics and the like of the stores of a cluster.
func statusAddrs(t *testing.T, n int) []string {
	t.Helper()
	addrs, err := cluster.FreeAddrs(n)
	require.NoError(t, err)
	return addrs
}

// get returns the answer to an HTTP request, 0 if there is none.
func get(t *testing.T, addr, path string) (code int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(await.Context(t, "an answer over HTTP"), http.MethodGet, "http://"+addr+path, nil)
	require.NoError(t, err)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(text)
}

// inspect returns what a store says of itself.
func inspect(t *testing.T, addr string) *raftserverpb.StoreStatus {
	t.Helper()
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	defer conn.Close()
	s, err := raftserverpb.NewInspectClient(conn).Status(await.Context(t, "the status of a store"), &raftserverpb.StatusRequest{})
	require.NoError(t, err)
	return s
}

// becomes waits for an answer.
func becomes(t *testing.T, addr, path string, code int, body string) {
	t.Helper()
	await.Until(t, path+" of "+addr+" to say "+body, func() bool {
		c, b := get(t, addr, path)
		return c == code && strings.Contains(b, body)
	})
}

// A store lives from its start, and is ready while it knows a leader. Its metrics tell
// what it does, and labkv-ctl status shows all stores, those that are down included.
func TestStatusOfACluster(t *testing.T) {
	c := newCluster(t)
	pages := statusAddrs(t, 3)
	begin := func(i int, args ...string) {
		t.Helper()
		require.NoError(t, c.Stores()[i].Start(append(args, "--status-addr", pages[i])...))
	}
	begin(0, "--bootstrap")
	becomes(t, pages[0], "/livez", http.StatusOK, "alive")
	code, body := get(t, pages[0], "/readyz")
	require.Equal(t, http.StatusServiceUnavailable, code)
	require.Equal(t, "the store has not started yet\n", body)
	begin(1, "--bootstrap")
	begin(2, "--bootstrap")
	raw(t, c, "put", "key", "value")
	for i, s := range c.Stores() {
		becomes(t, pages[i], "/readyz", http.StatusOK, "ready")
		require.Equal(t, grpc_health_v1.HealthCheckResponse_SERVING, healthOf(t, s.Addr))
	}

	code, stdout, stderr := command(t, "labkv-ctl", "status", "--format", "json", "--addr", strings.Join(c.Addrs(), ","))
	require.Zero(t, code, stderr)
	var status struct {
		Stores []struct {
			StoreID uint64 `json:"store_id"`
			Peers   []struct {
				Role    string
				Applied uint64
			}
		}
	}
	require.NoError(t, json.Unmarshal([]byte(stdout), &status))
	leaders := 0
	for i, s := range status.Stores {
		require.Equal(t, uint64(i+1), s.StoreID)
		require.Len(t, s.Peers, 1)
		if s.Peers[0].Role != "leader" {
			continue
		}
		leaders++
		require.GreaterOrEqual(t, s.Peers[0].Applied, uint64(2), "the leader's own entry, and the key")
		code, body := get(t, pages[i], "/metrics")
		require.Equal(t, http.StatusOK, code)
		for _, line := range []string{
			`labkv_region_leads{region="1"} 1`,
			`labkv_ready 1`,
			`labkv_request_seconds_count{outcome="done",request="write"} 1`,
			`labkv_snapshots_total{direction="sent"} 0`,
		} {
			require.Contains(t, body, "\n"+line+"\n")
		}
		for _, number := range []string{
			`labkv_region_applied_index{region="1"}`, `labkv_region_log_last_index{region="1"}`, "labkv_applied_entries_total",
			"labkv_pass_seconds_count", `labkv_disk_write_seconds_count{engine="raft",sync="true"}`, `labkv_disk_written_bytes_total{engine="raft"}`, "go_goroutines",
		} {
			require.Regexp(t, `(?m)^\Q`+number+`\E [1-9]`, body)
		}
		load := inspect(t, c.Addrs()[i]).Load
		require.Equal(t, uint64(1), load.Writes.Done)
		require.Zero(t, load.Writes.Unknown)
		require.Len(t, load.Writes.Counts, len(load.Writes.Bounds)+1)
		took := uint64(0)
		for _, n := range load.Writes.Counts {
			took += n
		}
		require.Equal(t, uint64(1), took)
		require.Positive(t, load.Available)
		require.GreaterOrEqual(t, load.Capacity, load.Available)
		require.WithinDuration(t, time.Now(), time.UnixMilli(load.Started), await.Limit)
	}
	require.Equal(t, 1, leaders)

	// One store alone has no leader, and says so. (It starts anew, as a leader that
	// loses the others would not notice.)
	for _, s := range c.Stores() {
		s.Kill()
	}
	begin(2)
	becomes(t, pages[2], "/readyz", http.StatusServiceUnavailable, "region 1 has no leader that this store knows")
	require.Equal(t, grpc_health_v1.HealthCheckResponse_NOT_SERVING, healthOf(t, c.Stores()[2].Addr))
	becomes(t, pages[2], "/livez", http.StatusOK, "alive")
	code, stdout, stderr = command(t, "labkv-ctl", "status", "--addr", strings.Join(c.Addrs(), ","))
	require.Equal(t, 1, code)
	require.Equal(t, 2, strings.Count(stdout, "down"), stdout)
	require.Contains(t, stderr, "store at "+c.Addrs()[0]+": ")
	require.Contains(t, stderr, "no store that answers leads region 1\n")

	begin(0)
	becomes(t, pages[2], "/readyz", http.StatusOK, "ready")
}

// A store that serves alone is ready at once, and has metrics, too.
func TestStatusOfAStoreAlone(t *testing.T) {
	page := statusAddrs(t, 1)[0]
	p := start(t, t.TempDir(), "--status-addr", page)
	becomes(t, page, "/readyz", http.StatusOK, "ready")
	command(t, "labkv-ctl", "raw", "put", "a", "1", "--addr", p.addr)
	becomes(t, page, "/metrics", http.StatusOK, `labkv_disk_write_seconds_count{engine="standalone",sync="true"} 1`)
}

// The end of the terminal is a reason to stop in good order, as an interrupt is.
func TestSignals(t *testing.T) {
	c := newCluster(t)
	require.NoError(t, c.Start())
	raw(t, c, "put", "key", "value")
	for i, signal := range []syscall.Signal{syscall.SIGHUP, syscall.SIGTERM, syscall.SIGINT} {
		s := c.Stores()[i]
		require.NoError(t, syscall.Kill(s.Process(), signal))
		await.Receive(t, s.Exited(), "the end of a store")
		require.Equal(t, "exit status 0", s.Exit(), signal)
		require.Contains(t, s.LastWords(), "msg=stopped", signal)
	}
	c.Stop(time.Second)
}

func TestVersion(t *testing.T) {
	code, stdout, stderr := command(t, "labkv-server", "--version")
	require.Zero(t, code, stderr)
	require.Regexp(t, `^labkv-server version [1-9][0-9]*\.[0-9]+ \(.*go1\..*\)\n$`, stdout)
}
