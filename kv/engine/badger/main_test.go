//go:build cgo

package badger_test

import (
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/await"
)

// Some tests need a process of their own, which they kill or put limits on. It
// is this test binary again: an environment variable names the function that it
// runs.
var children = map[string]func(dir string) error{
	"writer":  childWriter,
	"limited": childLimited,
	"nobody":  childNobody,
}

const (
	childVar    = "LABKV_ENGINE_CHILD"
	childDirVar = "LABKV_ENGINE_DIR"
)

func TestMain(m *testing.M) {
	if child, ok := children[os.Getenv(childVar)]; ok {
		if err := child(os.Getenv(childDirVar)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}

// childCommand returns the command for a child that works in dir.
func childCommand(t *testing.T, name, dir string) *exec.Cmd {
	t.Helper()
	require.Contains(t, children, name)
	exe, err := os.Executable()
	require.NoError(t, err)
	cmd := await.Command(t, await.Limit, exe)
	cmd.Env = append(os.Environ(), childVar+"="+name, childDirVar+"="+dir)
	cmd.Stderr = os.Stderr
	return cmd
}
