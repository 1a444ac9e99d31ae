package main

import (
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/internal/service"
	"github.com/labkv/labkv/lab/await"
)

// configure parses flags, with @ standing for the name of a file with this text.
func configure(t *testing.T, file string, args ...string) (*config, string, error) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "scheduler.toml")
	require.NoError(t, os.WriteFile(name, []byte(file), 0o644))
	c := defaultConfig()
	flags := pflag.NewFlagSet("labkv-scheduler", pflag.ContinueOnError)
	c.addFlags(flags)
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "@", name)
	}
	if err := flags.Parse(args); err != nil {
		return nil, name, err
	}
	return c, name, c.complete(flags)
}

func TestFlagsAndFile(t *testing.T) {
	c, _, err := configure(t, "", "--cluster-id=1", "--path=data")
	require.NoError(t, err)
	want := defaultConfig()
	want.ClusterID, want.Path = 1, "data"
	require.Equal(t, want, c)

	c, name, err := configure(t, `
# All there is.
cluster-id = 3
path = "from-file"
addr = "10.0.0.1:1"
advertise-addr = "scheduler:1"
replicas = 5
store-disconnect-time = "10s"
store-down-time = "1h"
tick = "50ms"
gc-interval = "1m"
gc-keep = "1h"
log-level = "debug"
stop-timeout = "1m30s"
status-addr = ":2"
debug-addr = ":3"
`, "--config=@", "--path=from-flag", "--log-level=error")
	require.NoError(t, err)
	require.Equal(t, &config{
		ClusterID: 3, Path: "from-flag", Addr: "10.0.0.1:1", AdvertiseAddr: "scheduler:1", Replicas: 5,
		Disconnect: service.Duration(10 * time.Second), Down: service.Duration(time.Hour), Tick: service.Duration(50 * time.Millisecond),
		GCInterval: service.Duration(time.Minute), GCKeep: service.Duration(time.Hour),
		LogLevel: slog.LevelError, StopTimeout: service.Duration(90 * time.Second), StatusAddr: ":2", DebugAddr: ":3", file: name,
	}, c)
}

func TestMistakes(t *testing.T) {
	const good = "cluster-id = 1\npath = 'data'\n"
	for _, c := range []struct{ name, file, args, error string }{
		{"unknown key", good + "replica = 3", "", `@:3: unknown key "replica"`},
		{"wrong type", "cluster-id = 'one'", "", `@:1: key "cluster-id"`},
		{"no cluster", "path = 'data'", "", "pass --cluster-id"},
		{"no path", "cluster-id = 1", "", "pass --path"},
		{"addr without port", good, "--addr=localhost", `addr "localhost" is not host:port`},
		{"advertise-addr without port", good, "--advertise-addr=localhost", `advertise-addr "localhost" is not host:port`},
		{"status-addr with wrong port", good, "--status-addr=localhost:http", "is not a number from 0 to 65535"},
		{"debug-addr without port", good, "--debug-addr=x", `debug-addr "x" is not host:port`},
		{"no copies", good, "--replicas=0", "replicas 0 is not between 1 and 15"},
		{"too many copies", good, "--replicas=16", "replicas 16 is not between 1 and 15"},
		{"short tick", good, "--tick=1us", "tick 1µs is too short"},
		{"negative interval", good, "--gc-interval=-1s", "gc-interval -1s is negative"},
		{"versions that are not kept", good + "gc-keep = '10ms'", "", "gc-keep 10ms is too short"},
		{"short disconnect time", good, "--store-disconnect-time=0s", "store-disconnect-time 0s is too short"},
		{"down before disconnected", good, "--store-down-time=10s", "store-down-time 10s is shorter than store-disconnect-time 20s"},
		{"no time to stop", good, "--stop-timeout=0s", "stop-timeout 0s is not positive"},
		{"no duration", good, "--tick=fast", `"fast" is not a duration`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, name, err := configure(t, c.file, append(strings.Fields(c.args), "--config=@")...)
			require.ErrorContains(t, err, strings.ReplaceAll(c.error, "@", name))
			require.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestWrongUsage(t *testing.T) {
	for _, args := range [][]string{{"--nonsense"}, {"data"}, {}, {"--path", "data"}} {
		var stderr strings.Builder
		require.Equal(t, 2, service.Run(await.Context(t, "a refusal"), newCommand(&stderr), args, io.Discard, &stderr), "%q", args)
		require.Equal(t, 1, strings.Count(stderr.String(), "\n"), "%q: not one line: %s", args, stderr.String())
		require.True(t, strings.HasPrefix(stderr.String(), "labkv-scheduler: "), stderr.String())
	}
}
