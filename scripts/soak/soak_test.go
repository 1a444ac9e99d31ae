//go:build cgo

package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/await"
	"github.com/labkv/labkv/lab/check"
	"github.com/labkv/labkv/lab/cluster"
)

// A soak starts its own program again, which is this one, for its tellers.
func TestMain(m *testing.M) {
	if os.Getenv(tellerVariable) != "" {
		os.Exit(serveAsTeller())
	}
	os.Exit(m.Run())
}

// limited returns a context that ends before a test that hangs holds up the others. It
// leaves time for a build.
func limited(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), await.BuildLimit)
	t.Cleanup(cancel)
	return ctx
}

// A soak of a few seconds without a scheduler. It has everything that a long one has.
func TestStaticSoak(t *testing.T) {
	tmp, out := t.TempDir(), filepath.Join(t.TempDir(), "out")
	t.Setenv("TMPDIR", tmp)
	var stdout, stderr bytes.Buffer
	code := run(limited(t), []string{"--static", "--for=3s", "--every=750ms", "--clients=8", "--keys=8", "--rate=30", "--max-log-entries=20", "--out", out}, &stdout, &stderr)
	require.Zero(t, code, "%s%s", &stdout, &stderr)
	require.Contains(t, stdout.String(), "linearizable:        yes")
	requireEmpty(t, tmp)
	require.NoDirExists(t, out, "nothing was wrong")
}

// The same with a scheduler and a bank, and with less of everything.
func TestSoak(t *testing.T) {
	tmp, out := t.TempDir(), filepath.Join(t.TempDir(), "out")
	t.Setenv("TMPDIR", tmp)
	var stdout, stderr bytes.Buffer
	code := run(limited(t), []string{"--for=4s", "--every=500ms", "--clients=4", "--keys=8", "--rate=30", "--max-log-entries=20",
		"--stores=4", "--regions=6", "--tellers=3", "--accounts=40", "--out", out}, &stdout, &stderr)
	require.Zero(t, code, "%s%s", &stdout, &stderr)
	require.Contains(t, stdout.String(), "linearizable:        yes")
	if !unfinished("3") && !unfinished("4") {
		require.Contains(t, stdout.String(), "snapshot isolation:  yes")
	}
	requireEmpty(t, tmp)
	require.NoDirExists(t, out, "nothing was wrong")
}

// The history has the text of a value. What no client has written is there as it is.
func TestTextOfValues(t *testing.T) {
	for _, tr := range []*trial{{}, {manager: &manager{}}} {
		require.Equal(t, "3/14", tr.textOf(tr.valueOf("3/14")))
		for _, broken := range []string{"", "...", "3/14...", string(tr.valueOf("3/14")) + "."} {
			require.Equal(t, broken, tr.textOf([]byte(broken)))
		}
	}
}

// An interrupt leaves nothing: neither while the server is built, nor, after the
// first line, when the stores start.
func TestInterrupt(t *testing.T) {
	tmp, out := t.TempDir(), filepath.Join(t.TempDir(), "out")
	t.Setenv("TMPDIR", tmp)
	for _, building := range []bool{true, false} {
		ctx, interrupt := context.WithCancel(limited(t))
		if building {
			interrupt()
		}
		var stderr bytes.Buffer
		code := run(ctx, []string{"--out", out}, writerFunc(func([]byte) { interrupt() }), &stderr)
		require.Equal(t, exitFailed, code)
		require.Equal(t, "soak: interrupted\n", stderr.String())
		requireEmpty(t, tmp)
		require.NoDirExists(t, out)
	}
}

func TestWrongUsage(t *testing.T) {
	for _, args := range [][]string{{"--for=0s"}, {"--nonsense"}, {"argument"}, {"--rate=-1"}, {"--static=false", "--stores=3"}, {"--settle=-1s"}, {"--tellers=-1"}, {"--clients=0", "--tellers=0"}, {"--accounts=1"}} {
		var stdout, stderr bytes.Buffer
		require.Equal(t, exitUsage, run(limited(t), args, &stdout, &stderr), "%v", args)
	}
}

// The check finds stores that lose what they have acknowledged.
func TestLossIsFound(t *testing.T) {
	dir, ctx := t.TempDir(), limited(t)
	require.NoError(t, cluster.Build(ctx, "", dir, serverPackage))
	c, err := cluster.New(cluster.Config{Server: filepath.Join(dir, "labkv-server"), Dir: filepath.Join(dir, "data"), Stores: 3, Args: []string{"--tick=20ms"}})
	require.NoError(t, err)
	t.Cleanup(func() { c.Stop(10 * time.Second) })
	tr := newTrial(&options{static: true, keys: 4, out: filepath.Join(dir, "out")}, c, t.Output())
	require.NoError(t, c.Start())
	require.NoError(t, tr.serves(ctx))
	w, err := tr.newWorker(1)
	require.NoError(t, err)
	defer w.client.Close()
	require.True(t, w.put(ctx, keyName(2)))

	for _, s := range c.Stores() {
		s.Kill()
		require.NoError(t, s.Wipe())
	}
	require.NoError(t, c.Start())
	require.NoError(t, tr.readAll(ctx))
	var violation *check.Violation
	require.ErrorAs(t, check.Linearizable(tr.history, undecidedAfter), &violation)
	require.False(t, violation.Undecided)
	require.Contains(t, violation.Found, keyName(2))

	require.NoError(t, tr.keep())
	history, err := os.ReadFile(filepath.Join(dir, "out", "history.txt"))
	require.NoError(t, err)
	require.Contains(t, string(history), `put "key-002" = "1/1"`)
	require.FileExists(t, filepath.Join(dir, "out", "store-1.log"))
}

// A teller that ends without being killed ends the soak, and its last words are kept.
func TestTellerThatFails(t *testing.T) {
	dir := t.TempDir()
	c, err := cluster.New(cluster.Config{Scheduler: "never-run", Dir: filepath.Join(dir, "data"), Stores: 1})
	require.NoError(t, err)
	const impossible = 0 // transactions per second
	tr := newTrial(&options{rate: impossible, tellers: 1, accounts: fewest, pace: time.Hour}, c, t.Output())
	b := newBank(tr, dir)
	ctx, cancel := context.WithCancel(limited(t))
	ended, err := b.employ(ctx, cancel)
	require.NoError(t, err)
	require.ErrorContains(t, ended(), "teller 1 has ended by itself")
	require.Error(t, ctx.Err())
	require.Contains(t, textIn(b.log), "panic")
	require.Zero(t, b.kills.Load())
}

type writerFunc func([]byte)

func (f writerFunc) Write(b []byte) (int, error) {
	f(b)
	return len(b), nil
}

func requireEmpty(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, entries)
}
