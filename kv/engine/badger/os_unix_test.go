//go:build cgo && unix

package badger_test

import (
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/pingcap/errors"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/badger"
	"github.com/labkv/labkv/kv/engine/enginetest"
)

// nobody is a user without rights.
const nobody = 65534

// childNobody tries to open an engine.
func childNobody(dir string) error {
	e, err := badger.Open(dir, families)
	if err != nil {
		return err
	}
	return e.Close()
}

func TestOpenWithoutPermission(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, to become a user without rights")
	}
	// The user must be able to enter the directories above.
	parent, err := os.MkdirTemp("", "engine")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(parent)) })
	require.NoError(t, os.Chmod(parent, 0o755))
	exe, err := os.Executable()
	require.NoError(t, err)
	data, err := os.ReadFile(exe)
	require.NoError(t, err)
	copied := filepath.Join(parent, "test")
	require.NoError(t, os.WriteFile(copied, data, 0o755))

	for _, dir := range []string{parent, filepath.Join(parent, "new")} {
		cmd := childCommand(t, "nobody", dir)
		cmd.Path, cmd.Stderr = copied, nil
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		out, err := cmd.CombinedOutput()
		require.Error(t, err)
		require.Contains(t, string(out), "cannot open engine in "+dir)
		require.Contains(t, string(out), "permission denied")
		require.Equal(t, 1, len(splitLines(out)), "%s", out)
	}
}

func splitLines(b []byte) (lines []string) {
	for start, i := 0, 0; i < len(b); i++ {
		if b[i] == '\n' {
			lines = append(lines, string(b[start:i]))
			start = i + 1
		}
	}
	return lines
}

// childLimited makes the operating system refuse to let files grow, and
// requires that the engine returns an error instead of waiting forever.
func childLimited(dir string) error {
	signal.Ignore(syscall.SIGXFSZ)
	e, err := badger.Open(dir, families)
	if err != nil {
		return err
	}
	for n := 1; n <= 10; n++ {
		if err := e.Write(enginetest.Numbered(n, 1000), n == 5); err != nil {
			return err
		}
	}
	_, end := e.LogEnd()
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: uint64(end) + 10, Max: unix.RLIM_INFINITY}); err != nil {
		return err
	}
	for range 3 {
		err := e.Write(enginetest.Numbered(11, 1000), false)
		if _, ok := err.(*engine.SyncError); !ok {
			return errors.Errorf("a write that failed returns %v", err)
		}
		if _, ok := e.Sync().(*engine.SyncError); !ok {
			return errors.New("a sync after a write that failed returns no error")
		}
		if v, found, err := e.Get(engine.CFDefault, []byte("last")); err != nil || !found || string(v[:6]) != "000010" {
			return errors.Errorf("after a write that failed: %q, %t, %v", v, found, err)
		}
	}
	if e.Close() == nil {
		return errors.New("closing after a write that failed returns no error")
	}
	return e.Close()
}

func TestWriteFails(t *testing.T) {
	dir := t.TempDir()
	cmd := childCommand(t, "limited", dir)
	cmd.Stderr = nil
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	synctest.Test(t, func(t *testing.T) {
		e, err := badger.Open(dir, families)
		require.NoError(t, err)
		enginetest.RequireNumbered(t, e, 10, 11)
		require.NoError(t, e.Close())
	})
}
