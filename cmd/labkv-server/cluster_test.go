//go:build cgo

package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/labkv/labkv/kv/client"
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/lab/await"
	"github.com/labkv/labkv/lab/cluster"
)

// newCluster returns a cluster of three stores, none of which runs.
func newCluster(t *testing.T) *cluster.Cluster {
	t.Helper()
	c, err := cluster.New(cluster.Config{
		Server: filepath.Join(bin, "labkv-server"), Dir: t.TempDir(), Stores: 3,
		Args: []string{"--tick", "20ms", "--max-log-entries", "5"},
	})
	require.NoError(t, err)
	t.Cleanup(func() { c.Stop(10 * time.Second) })
	return c
}

// raw runs labkv-ctl raw against all stores of c.
func raw(t *testing.T, c *cluster.Cluster, args ...string) string {
	t.Helper()
	args = append([]string{"raw", "--timeout", "30s", "--addr", strings.Join(c.Addrs(), ",")}, args...)
	code, stdout, stderr := command(t, "labkv-ctl", args...)
	require.Zero(t, code, stderr)
	return stdout
}

// TestCluster walks through the life of a cluster with nothing but the programs:
// each store in turn is killed, the others go on, and it comes back; one of them
// without its data.
func TestCluster(t *testing.T) {
	c := newCluster(t)
	require.NoError(t, c.Start())
	want := ""
	next := 0
	put := func() {
		next++
		key := fmt.Sprintf("key-%02d", next)
		raw(t, c, "put", key, "value")
		want += key + "\tvalue\n"
		require.Equal(t, want, raw(t, c, "scan"))
	}
	put()
	for _, s := range c.Stores() {
		s.Kill()
		put()
		require.NoError(t, s.Start())
		put()
	}
	for next < 30 { // more than logs keep, even for a store that is away
		put()
	}

	last := c.Stores()[2]
	last.Kill()
	fails(t, "holds no store yet: pass --bootstrap", "--config", configOf(last), "--store-id", "3", "--path", t.TempDir())
	require.NoError(t, last.Wipe())
	require.NoError(t, os.Remove(last.Log)) // it tells of snapshots in earlier lives
	require.NoError(t, last.Start("--rejoin"))
	put()
	// Once it has the data it counts again: one of the others can go.
	says(t, last, `msg="installed snapshot"`)
	c.Stores()[0].Kill()
	put()

	await.Until(t, "a store that is ready", func() bool {
		return healthOf(t, last.Addr) == grpc_health_v1.HealthCheckResponse_SERVING
	})
	c.Stop(10 * time.Second)
	for _, s := range c.Stores()[1:] {
		require.NotContains(t, logOf(t, s), "calls were cut off", "a peer delays no stop")
	}
}

func configOf(s *cluster.Member) string { return filepath.Join(filepath.Dir(s.Dir), "cluster.toml") }

func logOf(t *testing.T, s *cluster.Member) string {
	t.Helper()
	text, err := os.ReadFile(s.Log)
	require.NoError(t, err)
	return string(text)
}

func healthOf(t *testing.T, addr string) grpc_health_v1.HealthCheckResponse_ServingStatus {
	t.Helper()
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	defer conn.Close()
	resp, err := grpc_health_v1.NewHealthClient(conn).Check(await.Context(t, "the health of a store"), &grpc_health_v1.HealthCheckRequest{})
	require.NoError(t, err)
	return resp.Status
}

// What a directory holds must fit what the store is told to be.
func TestClusterDataThatDoNotFit(t *testing.T) {
	c := newCluster(t)
	s := c.Stores()[0]
	peers := []string{"--peer", "1=" + c.Addrs()[0], "--peer", "2=" + c.Addrs()[1], "--peer", "3=" + c.Addrs()[2]}
	args := func(dir string, more ...string) []string {
		return append(append([]string{"--path", dir}, peers...), more...)
	}
	require.NoError(t, c.Start())
	raw(t, c, "put", "a", "1")
	fails(t, "in use by another engine", args(s.Dir, "--cluster-id=1", "--store-id=1")...)
	c.Stop(10 * time.Second)

	fails(t, "the data belong to cluster 1, not 2: check --cluster-id", args(s.Dir, "--cluster-id=2", "--store-id=1")...)
	fails(t, "the data belong to store 1, not 2: check --store-id", args(s.Dir, "--cluster-id=1", "--store-id=2")...)
	fails(t, "holds a store already", args(s.Dir, "--cluster-id=1", "--store-id=1", "--bootstrap")...)
	fails(t, "does not answer: connection error", args(t.TempDir(), "--cluster-id=1", "--store-id=1", "--rejoin", "--log-level=error")...)
	fails(t, "is of a cluster of the stores 1, 2, 3, the peers given are 1, 2, 3, 4", args(s.Dir, "--cluster-id=1", "--store-id=1", "--peer=4=127.0.0.1:1")...)
	fails(t, "holds a store of a cluster", "--standalone", "--path", s.Dir)

	alone := t.TempDir()
	p := start(t, alone)
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	require.Zero(t, p.wait())
	fails(t, "holds a store that serves alone", args(alone, "--cluster-id=1", "--store-id=1", "--bootstrap")...)

	// Nothing of that has done any harm.
	require.NoError(t, c.Start())
	require.Equal(t, "a\t1\n", raw(t, c, "scan"))
}

// A start that was cut off before the store was complete is recognized.
func TestUnfinishedStore(t *testing.T) {
	c := newCluster(t)
	s := c.Stores()[0]
	require.NoError(t, c.Start())
	raw(t, c, "put", "a", "1")
	c.Stop(10 * time.Second)
	require.NoError(t, os.RemoveAll(filepath.Join(s.Dir, "kv")))
	for _, more := range []string{"--log-level=info", "--bootstrap"} {
		fails(t, "holds half a store", "--config", configOf(s), "--store-id=1", "--path", s.Dir, more)
	}
}

// A new store is not made among foreign files.
func TestForeignDirectory(t *testing.T) {
	s := newCluster(t).Stores()[0]
	require.NoError(t, os.MkdirAll(s.Dir, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(s.Dir, "letter.txt"), nil, 0o644))
	fails(t, "is not empty and holds no store (it has letter.txt)", "--config", configOf(s), "--store-id=1", "--path", s.Dir, "--bootstrap")
	entries, err := os.ReadDir(s.Dir)
	require.NoError(t, err)
	require.Len(t, entries, 1)
}

// Two processes with one id: the others say so.
func TestStoreIDInUse(t *testing.T) {
	c := newCluster(t)
	require.NoError(t, c.Start())
	raw(t, c, "put", "a", "1")
	free, err := cluster.FreeAddrs(1)
	require.NoError(t, err)

	// The disk of the store was copied while it was down.
	first := c.Stores()[0]
	first.Kill()
	twin := t.TempDir()
	require.NoError(t, os.CopyFS(twin, os.DirFS(first.Dir)))
	require.NoError(t, first.Start())
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	require.NoError(t, err)
	defer log.Close()
	p := commandOf("--config", configOf(first), "--store-id=1", "--path", twin, "--addr", free[0], "--tick=20ms")
	p.Stderr = log
	require.NoError(t, p.Start())
	defer func() {
		p.Process.Kill()
		p.Wait()
	}()
	// Whichever of the two reaches the others first is their store 1.
	await.Until(t, "one of the twins to be refused", func() bool {
		text, err := os.ReadFile(log.Name())
		require.NoError(t, err)
		return slices.ContainsFunc([]string{string(text), logOf(t, first)}, func(log string) bool {
			return strings.Contains(log, "level=ERROR") && strings.Contains(log, "another live process is store 1 already")
		})
	})
	all := logOf(t, c.Stores()[1]) + logOf(t, c.Stores()[2])
	require.Contains(t, all, `level=ERROR msg=dropped reason="duplicate id"`)
	raw(t, c, "put", "a", "2")

	cl, err := client.NewRaw(client.Config{Stores: client.At(c.Addrs()...)})
	require.NoError(t, err)
	defer cl.Close()
	value, found, err := cl.Get(await.Context(t, "a read"), engine.CFDefault, []byte("a"))
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, "2", string(value))
}
