//go:build cgo

package badger_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/badger"
	"github.com/labkv/labkv/kv/engine/enginetest"
)

// childWriter writes numbered batches until it is killed, and prints the number
// of each after it is written.
func childWriter(dir string) error {
	e, err := badger.Open(dir, badger.Options{Families: engine.Families, MemTableSize: 1 << 20})
	if err != nil {
		return err
	}
	n := 0
	if last, found, err := e.Get(engine.CFDefault, []byte("last")); err != nil {
		return err
	} else if found {
		if n, err = strconv.Atoi(string(last[:6])); err != nil {
			return err
		}
	}
	rng := rand.New(rand.NewPCG(uint64(n), 1))
	for {
		n++
		// Batches of up to 60 kB, so that files of the log end, and
		// tables are written and compacted, before the process is
		// killed.
		if err := e.Write(enginetest.Numbered(n, rng.IntN(20_000)), rng.IntN(4) == 0); err != nil {
			return err
		}
		fmt.Println(n)
	}
}

// TestKill kills a process that writes, again and again, and requires that no
// batch is lost that the process has reported as written. The operating system
// goes on, so this holds for batches that were not synced, too.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	const kills = 25
	n := 0
	for seed := range uint64(kills) {
		rng := rand.New(rand.NewPCG(seed, 2))
		cmd := childCommand(t, "writer", dir)
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())

		acknowledged := n
		lines := bufio.NewScanner(out)
		for more := 1 + rng.IntN(100); more > 0 && lines.Scan(); more-- {
			acknowledged, err = strconv.Atoi(lines.Text())
			require.NoError(t, err)
		}
		require.NoError(t, cmd.Process.Kill())
		for lines.Scan() { // it may have printed more before it died
			if text := lines.Text(); len(text) >= 1 && !strings.ContainsAny(text, " ") {
				if last, err := strconv.Atoi(text); err == nil && last == acknowledged+1 {
					acknowledged = last
				}
			}
		}
		err = cmd.Wait()
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit)
		require.False(t, exit.Exited(), "the child must not have ended by itself: %v", exit)
		require.Greater(t, acknowledged, n)

		synctest.Test(t, func(t *testing.T) {
			e, err := badger.Open(dir, badger.Options{Families: engine.Families, MemTableSize: 1 << 20})
			require.NoError(t, err, "after kill %d", seed)
			// One batch may have been written and not reported yet.
			n = enginetest.RequireNumbered(t, e, acknowledged, acknowledged+1)
			require.NoError(t, e.Close())
		})
	}
	t.Logf("%d kills, %d batches", kills, n)
	info, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.NotEmpty(t, info)
}
