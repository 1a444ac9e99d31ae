//go:build cgo

package main_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/badger"
	"github.com/labkv/labkv/lab/await"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
)

var header = &schedulerpb.RequestHeader{ClusterId: 1}

// id returns a new id.
func (p *process) id() uint64 {
	p.t.Helper()
	r, err := p.AllocID(await.Context(p.t, "an id"), &schedulerpb.AllocIDRequest{Header: header})
	require.NoError(p.t, err)
	require.Nil(p.t, r.Header.Error)
	return r.Id
}

// timestamp returns a new timestamp, its two parts put together.
func (p *process) timestamp() int64 {
	p.t.Helper()
	stream, err := p.Tso(await.Context(p.t, "a timestamp"))
	require.NoError(p.t, err)
	require.NoError(p.t, stream.Send(&schedulerpb.TsoRequest{Header: header, Count: 1}))
	r, err := stream.Recv()
	require.NoError(p.t, err)
	require.Nil(p.t, r.Header.Error)
	return r.Timestamp.Physical<<18 | r.Timestamp.Logical
}

// stop ends the process in order.
func (p *process) stop(signal syscall.Signal) {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(signal))
	require.Zero(p.t, p.wait(), "exit code after %s: %s", signal, p.log.String())
	require.Contains(p.t, p.log.String(), "msg=stopped")
	require.NotContains(p.t, p.log.String(), "calls were cut off")
}

// get returns what a page says.
func (p *process) get(path string) string {
	p.t.Helper()
	request, err := http.NewRequestWithContext(await.Context(p.t, "a page"), http.MethodGet, "http://"+p.page+path, nil)
	require.NoError(p.t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(p.t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(p.t, err)
	require.Equal(p.t, http.StatusOK, response.StatusCode)
	return string(text)
}

// TestServe walks through the life of a scheduler: what it has said holds after every
// end.
func TestServe(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "there", "yet")
	p := start(t, dir)
	store := p.id()
	b, err := p.Bootstrap(await.Context(t, "an answer"), &schedulerpb.BootstrapRequest{Header: header, Store: &metapb.Store{Id: store, Address: "a:1"}})
	require.NoError(t, err)
	require.Nil(t, b.Header.Error)
	m, err := p.GetMembers(await.Context(t, "an answer"), &schedulerpb.GetMembersRequest{})
	require.NoError(t, err)
	require.Equal(t, uint64(1), m.Header.ClusterId)
	require.Equal(t, []string{"http://" + p.addr}, m.Leader.ClientUrls)
	health, err := grpc_health_v1.NewHealthClient(p.conn).Check(await.Context(t, "its health"), &grpc_health_v1.HealthCheckRequest{Service: "schedulerpb.Scheduler"})
	require.NoError(t, err)
	require.Equal(t, grpc_health_v1.HealthCheckResponse_SERVING, health.Status)

	require.Equal(t, "ready\n", p.get("/readyz"))
	require.Contains(t, p.get("/metrics"), "\nlabkv_scheduler_bootstrapped 1\n")
	var status struct {
		Stores []struct{ Address string }
	}
	require.NoError(t, json.Unmarshal([]byte(p.get("/status")), &status))
	require.Len(t, status.Stores, 1)
	require.Equal(t, "a:1", status.Stores[0].Address)
	require.Contains(t, p.get("/"), "<title>LabKV cluster</title>")
	await.Until(t, "the store to be shown", func() bool {
		return strings.Contains(p.get("/status.json"), `"addr":"a:1","state":"down"`)
	})

	last, now := p.id(), p.timestamp()
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP} {
		// A store that is connected delays no end.
		stream, err := p.RegionHeartbeat(await.Context(t, "a stream"))
		require.NoError(t, err)
		_, err = stream.Header()
		require.NoError(t, err)
		p.stop(signal)

		p = start(t, dir)
		is, err := p.IsBootstrapped(await.Context(t, "an answer"), &schedulerpb.IsBootstrappedRequest{Header: header})
		require.NoError(t, err)
		require.True(t, is.Bootstrapped)
		id, ts := p.id(), p.timestamp()
		require.Greater(t, id, last)
		require.Greater(t, ts, now)
		last, now = id, ts
	}
}

// However often it is killed, a scheduler hands nothing out twice.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	last, now := uint64(0), int64(0)
	for range 10 {
		p := start(t, dir)
		for range 3 {
			id, ts := p.id(), p.timestamp()
			require.Greater(t, id, last)
			require.Greater(t, ts, now)
			last, now = id, ts
		}
		p.kill()
	}
}

func TestPortInUse(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	dir := filepath.Join(t.TempDir(), "data")
	fails(t, "address already in use", "--path", dir, "--addr", listener.Addr().String())
	require.NoDirExists(t, dir, "nothing was made")
	fails(t, "address already in use", "--path", dir, "--status-addr", listener.Addr().String())
	start(t, dir) // the one that gave up left the data closed and whole
}

// What a directory holds must fit.
func TestDataThatDoNotFit(t *testing.T) {
	dir := t.TempDir()
	p := start(t, dir)
	id := p.id()
	fails(t, "in use by another engine", "--path", dir)
	p.stop(syscall.SIGTERM)
	fails(t, dir+": scheduler: the engine belongs to cluster 1, not 2", "--path", dir, "--cluster-id=2")

	format := filepath.Join(dir, "FORMAT")
	text, err := os.ReadFile(format)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(format, bytes.Replace(text, []byte(`"Version":1`), []byte(`"Version":9`), 1), 0o644))
	fails(t, "data has format version 9, this program knows version 1: use the program that wrote it", "--path", dir)
	require.NoError(t, os.WriteFile(format, text, 0o644))

	store := t.TempDir()
	e, err := badger.Open(store, badger.Options{Families: engine.Families})
	require.NoError(t, err)
	require.NoError(t, e.Close())
	fails(t, store+" holds something other than a scheduler", "--path", store)

	foreign := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(foreign, "letter.txt"), nil, 0o644))
	fails(t, "directory is not empty and holds no engine (it has letter.txt", "--path", foreign)
	file := filepath.Join(foreign, "letter.txt")
	fails(t, "not a directory", "--path", file)

	// Nothing of that has done any harm.
	require.Greater(t, start(t, dir).id(), id)
}

func TestDamagedData(t *testing.T) {
	dir := t.TempDir()
	start(t, dir).stop(syscall.SIGTERM)
	manifest := filepath.Join(dir, "MANIFEST")
	text, err := os.ReadFile(manifest)
	require.NoError(t, err)
	text[len(text)/2] ^= 0xff
	require.NoError(t, os.WriteFile(manifest, text, 0o644))
	fails(t, "file MANIFEST is damaged", "--path", dir)
}

func TestVersion(t *testing.T) {
	code, stdout, stderr := command(t, "--version")
	require.Zero(t, code, stderr)
	require.Regexp(t, `^labkv-scheduler version [1-9][0-9]*\.[0-9]+ \(.*go1\..*\)\n$`, stdout)
}
