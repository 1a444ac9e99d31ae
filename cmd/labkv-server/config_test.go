package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
)

// configure parses flags, with @ standing for the name of a file with this text.
func configure(t *testing.T, file string, args ...string) (*config, string, error) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "labkv.toml")
	require.NoError(t, os.WriteFile(name, []byte(file), 0o644))
	c := defaultConfig()
	flags := pflag.NewFlagSet("labkv-server", pflag.ContinueOnError)
	c.addFlags(flags)
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "@", name)
	}
	if err := flags.Parse(args); err != nil {
		return nil, name, err
	}
	return c, name, c.complete(flags)
}

func TestFlags(t *testing.T) {
	c, _, err := configure(t, "", "--standalone", "--path", "data")
	require.NoError(t, err)
	want := defaultConfig()
	want.Standalone, want.Path = true, "data"
	require.Equal(t, want, c)
	require.True(t, c.Sync, "without --sync=false, what is acknowledged is durable")

	c, _, err = configure(t, "", "--standalone", "--path=data", "--addr=:0", "--sync=false", "--log-level=warn",
		"--max-message-size=1000000", "--stop-timeout=3s")
	require.NoError(t, err)
	require.Equal(t, &config{
		Standalone: true, Path: "data", Addr: ":0", Sync: false, LogLevel: slog.LevelWarn,
		MaxMessageSize: 1_000_000, StopTimeout: duration(3 * time.Second),
	}, c)
}

func TestFlagsWinOverFile(t *testing.T) {
	file := `
# All there is.
standalone = true
path = "from-file"
addr = "10.0.0.1:1"
sync = false
log-level = "debug"
max-message-size = 100_000
stop-timeout = "1m30s"
`
	c, name, err := configure(t, file, "--config=@")
	require.NoError(t, err)
	require.Equal(t, &config{
		Standalone: true, Path: "from-file", Addr: "10.0.0.1:1", Sync: false, LogLevel: slog.LevelDebug,
		MaxMessageSize: 100_000, StopTimeout: duration(90 * time.Second), file: name,
	}, c)

	c, name, err = configure(t, file, "--path=from-flag", "--sync", "--config=@", "--stop-timeout=1s", "--log-level=error")
	require.NoError(t, err)
	require.Equal(t, &config{
		Standalone: true, Path: "from-flag", Addr: "10.0.0.1:1", Sync: true, LogLevel: slog.LevelError,
		MaxMessageSize: 100_000, StopTimeout: duration(time.Second), file: name,
	}, c)
}

func TestConfigErrors(t *testing.T) {
	const good = "standalone = true\npath = 'data'\n"
	for _, c := range []struct {
		name  string
		file  string
		args  string
		error string // contained; @ is the name of the file
	}{
		{"unknown key", good + "\nadr = 'x'\n", "", `@:4: unknown key "adr"`},
		{"unknown table", good + "[raft]\nticks = 3\n", "", `@:3: unknown key "raft`},
		{"not TOML", good + "what is this", "", `@:3: `},
		{"wrong type", good + "sync = 'yes'\n", "", `@:3: key "sync": is a string and not a bool`},
		{"wrong duration", good + "stop-timeout = 'soon'\n", "", `@:3: key "stop-timeout": "soon" is not a duration`},
		{"wrong level", good + "log-level = 'loud'\n", "", `loud`},
		{"twice", good + "path = 'again'\n", "", `@:3: `},
		{"flag of wrong type", good, "--max-message-size=many", "max-message-size"},
		{"flag with wrong duration", good, "--stop-timeout=soon", `"soon" is not a duration`},
		{"no such file", good, "--config=/nonexistent/labkv.toml", "/nonexistent/labkv.toml: no such file"},
		{"not standalone", "path = 'data'", "", "pass --standalone"},
		{"no path", "standalone = true", "", "pass --path"},
		{"addr without port", good, "--addr=localhost", `addr "localhost" is not host:port`},
		{"addr with wrong port", good, "--addr=localhost:http", "is not a number from 0 to 65535"},
		{"addr with large port", good, "--addr=localhost:65536", "is not a number from 0 to 65535"},
		{"messages too small", good + "max-message-size = 0", "", "max-message-size 0 is not between"},
		{"messages too large", good, fmt.Sprintf("--max-message-size=%d", 1<<31), "is not between"},
		{"no time to stop", good, "--stop-timeout=0s", "stop-timeout 0s is not positive"},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := []string{"--config=@"}
			if c.args != "" {
				args = append(args, c.args)
			}
			_, name, err := configure(t, c.file, args...)
			require.ErrorContains(t, err, strings.ReplaceAll(c.error, "@", name))
			require.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestWrongUsage(t *testing.T) {
	for _, args := range [][]string{
		{"--nonsense"},
		{"data"},
		{},
		{"--standalone"},
		{"--path", "data"},
	} {
		var stderr strings.Builder
		require.Equal(t, 2, run(t.Context(), args, io.Discard, &stderr), "%q", args)
		require.Equal(t, 1, strings.Count(stderr.String(), "\n"), "%q: not one line: %s", args, stderr.String())
		require.True(t, strings.HasPrefix(stderr.String(), "labkv-server: "), stderr.String())
	}
}
