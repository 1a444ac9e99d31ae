package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/client"
	"github.com/labkv/labkv/kv/server"
	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/lab/await"
	"github.com/labkv/labkv/proto/tinykvpb"
)

// gc runs labkv-ctl gc, and returns what it prints, with T in the place of times.
func (m *manager) gc(flags ...string) (code int, stdout, stderr string) {
	args := append([]string{"gc", "--scheduler", m.addr, "--timeout", await.Limit.String()}, flags...)
	code, stdout, stderr = ctl(args...)
	return code, times.ReplaceAllString(stdout, "T"), times.ReplaceAllString(stderr, "T")
}

func TestGC(t *testing.T) {
	m := manage(t)
	c, err := client.NewTransactional(client.Config{Scheduler: m.SchedulerClient})
	require.NoError(t, err)
	defer c.Close()
	s := m.withStore(startWith(t, func(s storage.Storage) tinykvpb.TinyKvServer {
		guard := server.NewGuard(c.SafePoint, nil)
		return guard.Server(server.New(guard.Storage(s)), s)
	}))
	for _, value := range []string{"1", "2", "3"} {
		code, _, stderr := m.shell("begin\nput x " + value + "\ncommit\n")
		require.Zero(t, code, stderr)
	}
	code, stdout, stderr := m.gc()
	require.Zero(t, code, stderr)
	require.Equal(t, "safe point T\nresolved the locks of 0 older transactions\nremoved 0 records\n", stdout)
	code, stdout, stderr = m.gc("--keep", "0s")
	require.Zero(t, code, stderr)
	require.Equal(t, "safe point T\nresolved the locks of 0 older transactions\nremoved 2 records\n", stdout)
	_, history, _ := ctl("mvcc", "x", "--addr", s.addr)
	require.Equal(t, 1, len(regexp.MustCompile(`(?m)^.*put.*$`).FindAllString(strings.ToLower(history), -1)), history)

	// A transaction that began before cannot go on.
	ctx := await.Context(t, "a collection")
	txn, err := c.Begin(ctx)
	require.NoError(t, err)
	_, err = c.Collect(ctx, 0)
	require.NoError(t, err)
	_, _, err = txn.Get(ctx, []byte("x"))
	require.Contains(t, (&target{}).inWords(err), "this transaction is too old: versions that it would have to see, from before 20")
}

func TestGCMistakes(t *testing.T) {
	m, _ := manageStore(t)
	for flags, says := range map[string]string{
		"--timeout=0s": "--timeout 0s is not positive",
		"--keep=-1s":   "--keep -1s is negative",
	} {
		code, _, stderr := ctl("gc", flags)
		require.Equal(t, 2, code)
		require.Contains(t, stderr, says)
	}
	code, _, stderr := m.gc("everything")
	require.Equal(t, 2, code)
	require.Contains(t, stderr, `unexpected argument "everything"`)

	// A store of an older version cannot do it.
	code, stdout, stderr := m.gc("--keep", "0s")
	require.Equal(t, 1, code)
	require.Contains(t, stdout, "removed 0 records")
	require.Contains(t, stderr, "labkv-ctl: old versions were not all removed: ")
}
