//go:build cgo

package main_test

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/labkv/labkv/lab/await"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

var rc = &kvrpcpb.Context{}

// TestServe walks through the life of a server with nothing but the two programs:
// write, read, stop, start again, read.
func TestServe(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "there", "yet")
	p := start(t, dir)
	ctl := func(args ...string) string {
		t.Helper()
		code, stdout, stderr := command(t, "labkv-ctl", append([]string{"raw", "--addr", p.addr}, args...)...)
		require.Empty(t, stderr)
		require.Zero(t, code)
		return stdout
	}
	ctl("put", "b", "2")
	ctl("put", "a", "1")
	ctl("put", "c", "3")
	ctl("put", "a", "locked", "--cf=lock")
	ctl("delete", "c")
	require.Equal(t, "1\n", ctl("get", "a"))
	require.Equal(t, "a\t1\nb\t2\n", ctl("scan"))
	code, _, stderr := command(t, "labkv-ctl", "raw", "get", "c", "--addr", p.addr)
	require.Equal(t, 1, code)
	require.Equal(t, "labkv-ctl: key c is not there\n", stderr)

	health, err := grpc_health_v1.NewHealthClient(p.conn).Check(await.Context(t, "the health of a server"), &grpc_health_v1.HealthCheckRequest{Service: "tinykvpb.TinyKv"})
	require.NoError(t, err)
	require.Equal(t, grpc_health_v1.HealthCheckResponse_SERVING, health.Status)

	addr := p.addr
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	require.Zero(t, p.wait(), "exit code after SIGTERM: %s", p.log.String())
	code, _, stderr = command(t, "labkv-ctl", "raw", "get", "a", "--addr", addr)
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "cannot reach a server at "+addr)

	p = start(t, dir, "--addr", addr)
	require.Equal(t, addr, p.addr)
	require.Equal(t, "a\t1\nb\t2\n", ctl("scan"))
	require.Equal(t, "a\tlocked\n", ctl("scan", "--cf=lock"))
	require.NoError(t, p.cmd.Process.Signal(os.Interrupt))
	require.Zero(t, p.wait(), "exit code after SIGINT: %s", p.log.String())
}

func TestMessageSizeIsEnforced(t *testing.T) {
	config := filepath.Join(t.TempDir(), "labkv.toml")
	require.NoError(t, os.WriteFile(config, []byte("max-message-size = 100_000\n"), 0o644))
	p := start(t, t.TempDir(), "--config", config)
	_, err := p.RawPut(await.Context(t, "a write"), &kvrpcpb.RawPutRequest{Context: rc, Key: []byte("a"), Value: make([]byte, 99_000)})
	require.NoError(t, err)
	_, err = p.RawPut(await.Context(t, "a write"), &kvrpcpb.RawPutRequest{Context: rc, Key: []byte("a"), Value: make([]byte, 100_000)})
	require.Equal(t, codes.ResourceExhausted, status.Code(err))
}

// fails runs a server that is to give up with exit code 1 and one line.
func fails(t *testing.T, says string, args ...string) {
	t.Helper()
	code, stdout, stderr := command(t, "labkv-server", args...)
	require.Equal(t, 1, code, stderr)
	require.Empty(t, stdout)
	require.Contains(t, stderr, says)
	require.Equal(t, 1, strings.Count(stderr, "\n"), "not one line: %s", stderr)
}

func TestPortInUse(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	dir := t.TempDir()
	fails(t, "address already in use", "--standalone", "--path", dir, "--addr", listener.Addr().String())
	start(t, dir) // the one that gave up left the data closed and whole
}

func TestSecondServerOnSameData(t *testing.T) {
	dir := t.TempDir()
	p := start(t, dir)
	fails(t, "in use by another engine", "--standalone", "--path", dir, "--addr", "127.0.0.1:0")
	_, err := p.RawPut(await.Context(t, "a write"), &kvrpcpb.RawPutRequest{Context: rc, Key: []byte("a")})
	require.NoError(t, err, "the first server goes on")
}

func TestPathIsNoDirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, []byte("precious"), 0o644))
	fails(t, "not a directory", "--standalone", "--path", file)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "precious", string(text))
}

func TestDamagedData(t *testing.T) {
	dir := t.TempDir()
	p := start(t, dir)
	_, err := p.RawPut(await.Context(t, "a write"), &kvrpcpb.RawPutRequest{Context: rc, Key: []byte("a"), Value: []byte("1")})
	require.NoError(t, err)
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	require.Zero(t, p.wait())

	manifest := filepath.Join(dir, "MANIFEST")
	text, err := os.ReadFile(manifest)
	require.NoError(t, err)
	text = bytes.Clone(text)
	text[len(text)/2] ^= 0xff
	require.NoError(t, os.WriteFile(manifest, text, 0o644))
	fails(t, "file MANIFEST is damaged", "--standalone", "--path", dir, "--addr", "127.0.0.1:0")
}
