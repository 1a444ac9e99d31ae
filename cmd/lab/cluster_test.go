//go:build cgo

package main

import (
	"bufio"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/client"
	"github.com/labkv/labkv/kv/engine"
)

// A cluster serves until it is interrupted, and goes on where it was.
func TestCluster(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	dir := t.TempDir()
	for range 2 {
		ctx, interrupt := context.WithCancel(t.Context())
		root := newApp().command()
		root.SetArgs([]string{"-C", "../..", "cluster", "--stores", "3", "--dir", dir})
		out, in := io.Pipe()
		root.SetOut(in)
		ended := make(chan error, 1)
		go func() {
			ended <- root.ExecuteContext(ctx)
			in.Close()
		}()
		var addrs []string
		lines := bufio.NewScanner(out)
		for lines.Scan() && !strings.Contains(lines.Text(), "Ctrl-C") {
			if _, rest, found := strings.Cut(lines.Text(), " at "); found {
				addr, log, _ := strings.Cut(rest, ", log in ")
				addrs = append(addrs, addr)
				require.Equal(t, dir, filepath.Dir(log))
			}
		}
		require.Len(t, addrs, 3)
		c, err := client.NewRaw(client.Config{Addrs: addrs})
		require.NoError(t, err)
		defer c.Close()
		if before, found, err := c.Get(t.Context(), engine.CFDefault, []byte("a")); found {
			require.Equal(t, "1", string(before))
			require.NoError(t, c.Delete(t.Context(), engine.CFDefault, []byte("a")))
		} else {
			require.NoError(t, err)
			require.NoError(t, c.Put(t.Context(), engine.CFDefault, []byte("a"), []byte("1")))
		}
		interrupt()
		for lines.Scan() {
		}
		require.NoError(t, <-ended)
		soon, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		_, _, err = c.Get(soon, engine.CFDefault, []byte("a"))
		cancel()
		require.Error(t, err, "nobody is left")
	}
	left, err := os.ReadDir(temporary)
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestClusterUsage(t *testing.T) {
	code, _, stderr := lab(t, ".", "cluster", "--stores", "0")
	require.Equal(t, exitUsage, code)
	require.Contains(t, stderr, "--stores 0 is not between 1 and 9")
}
