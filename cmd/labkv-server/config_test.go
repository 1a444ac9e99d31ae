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

	"github.com/labkv/labkv/internal/service"
	"github.com/labkv/labkv/lab/await"
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
	want.Standalone, want.Path, want.Addr = true, "data", "127.0.0.1:20160"
	require.Equal(t, want, c)
	require.True(t, c.Sync, "without --sync=false, what is acknowledged is durable")

	c, _, err = configure(t, "", "--standalone", "--path=data", "--addr=:0", "--sync=false", "--log-level=warn",
		"--max-message-size=1000000", "--stop-timeout=3s")
	require.NoError(t, err)
	require.Equal(t, &config{
		Standalone: true, Path: "data", Addr: ":0", Sync: false, LogLevel: slog.LevelWarn,
		Tick: want.Tick, MaxLogEntries: want.MaxLogEntries, SplitSize: want.SplitSize,
		MaxMessageSize: 1_000_000, StopTimeout: service.Duration(3 * time.Second),
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
		MaxMessageSize: 100_000, StopTimeout: service.Duration(90 * time.Second), file: name,
		Tick: defaultConfig().Tick, MaxLogEntries: defaultConfig().MaxLogEntries, SplitSize: defaultConfig().SplitSize,
	}, c)

	c, name, err = configure(t, file, "--path=from-flag", "--sync", "--config=@", "--stop-timeout=1s", "--log-level=error")
	require.NoError(t, err)
	require.Equal(t, &config{
		Standalone: true, Path: "from-flag", Addr: "10.0.0.1:1", Sync: true, LogLevel: slog.LevelError,
		MaxMessageSize: 100_000, StopTimeout: service.Duration(time.Second), file: name,
		Tick: defaultConfig().Tick, MaxLogEntries: defaultConfig().MaxLogEntries, SplitSize: defaultConfig().SplitSize,
	}, c)
}

func TestClusterConfig(t *testing.T) {
	file := `
cluster-id = 7
path = "data"
max-log-entries = 5
tick = "50ms"
[peers]
1 = "a:1"
2 = "b:2"
3 = "c:3"
`
	c, name, err := configure(t, file, "--config=@", "--store-id=2", "--peer=3=d:4", "--bootstrap")
	require.NoError(t, err)
	want := defaultConfig()
	want.ClusterID, want.StoreID, want.Path, want.file = 7, 2, "data", name
	want.MaxLogEntries, want.Tick, want.bootstrap = 5, service.Duration(50*time.Millisecond), true
	want.Peers = addresses{"1": "a:1", "2": "b:2", "3": "d:4"}
	want.members = map[uint64]string{1: "a:1", 2: "b:2", 3: "d:4"}
	want.Addr = "b:2" // where the others look for it
	require.Equal(t, want, c)

	flags, _, err := configure(t, "", "--cluster-id=7", "--store-id=2", "--peer=1=a:1,2=b:2", "--peer=3=d:4",
		"--path=data", "--tick=50ms", "--max-log-entries=5", "--bootstrap", "--addr=0.0.0.0:2")
	require.NoError(t, err)
	want.file, want.Addr = "", "0.0.0.0:2"
	require.Equal(t, want, flags)
}

func TestConfigErrors(t *testing.T) {
	const good = "standalone = true\npath = 'data'\n"
	const peers = "cluster-id = 1\npath = 'data'\n[peers]\n1 = 'a:1'\n2 = 'b:2'\n3 = 'c:3'\n"
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
		{"neither alone nor in a cluster", "path = 'data'", "", "pass --standalone, or --scheduler, or --cluster-id"},
		{"both", good + "store-id = 1", "", "alone or in a cluster"},
		{"bootstrap alone", good, "--bootstrap", "--bootstrap and --rejoin are for a store of a cluster"},
		{"bootstrap in a file", good + "bootstrap = true", "", `unknown key "bootstrap"`},
		{"no cluster", "store-id = 1\n[peers]\n1 = 'a:1'", "", "pass --cluster-id"},
		{"no store", "cluster-id = 1\n[peers]\n1 = 'a:1'", "", "pass --store-id"},
		{"no peers", "cluster-id = 1\nstore-id = 1", "", "pass --peer ID=HOST:PORT for each"},
		{"store is no peer", peers, "--store-id=4", "store 4 is not among the peers"},
		{"peer without id", peers, "--peer=a:1", `"a:1" is not ID=HOST:PORT`},
		{"peer with wrong id", peers, "--peer=01=a:1", `peer "01": an id is a number from 1 on`},
		{"peer with id 0", peers, "--peer=0=a:1", `peer "0": an id is a number from 1 on`},
		{"peer without port", peers, "--peer=4=a", `peer 4 "a" is not host:port`},
		{"peer with port 0", peers, "--peer=4=a:0", `peer 4: others cannot find port 0 of "a:0"`},
		{"two peers at one address", peers, "--peer=4=b:2", "peers 2 and 4 have the same address b:2"},
		{"no sync in a cluster", peers, "--store-id=1 --sync=false", "every acknowledged write must be durable"},
		{"short tick", peers, "--store-id=1 --tick=1ms", "tick 1ms is too short"},
		{"no log", peers, "--store-id=1 --max-log-entries=0", "max-log-entries 0"},
		{"bootstrap and rejoin", peers, "--store-id=1 --bootstrap --rejoin", "pass one of them"},
		{"rejoin alone", "cluster-id = 1\nstore-id = 1\n[peers]\n1 = 'a:1'", "--rejoin", "no other store has the data"},
		{"small messages in a cluster", peers, "--store-id=1 --max-message-size=1000000", "too small for what stores send"},
		{"alone with a scheduler", good, "--scheduler=a:1", "pass --standalone or --scheduler"},
		{"peers and a scheduler", peers, "--scheduler=a:1", "pass --scheduler, or --store-id and --peer"},
		{"bootstrap with a scheduler", "scheduler = 'a:1'", "--bootstrap", "drop --bootstrap and --rejoin"},
		{"scheduler without port", "scheduler = 'a'", "", `scheduler "a" is not host:port`},
		{"no address for others", "scheduler = 'a:1'", "--addr=:20160", "pass --advertise-addr HOST:PORT"},
		{"unspecified address for others", "scheduler = 'a:1'", "--addr=[::]:20160", "pass --advertise-addr HOST:PORT"},
		{"wrong address for others", "scheduler = 'a:1'", "--advertise-addr=b", `advertise-addr "b" is not host:port`},
		{"port 0 for others", "scheduler = 'a:1'", "--advertise-addr=b:0", "others cannot find port 0"},
		{"address for others without a scheduler", good, "--advertise-addr=b:1", "is for a store with a scheduler"},
		{"small regions", "scheduler = 'a:1'", "--split-size=1000", "split-size 1000 is too small"},
		{"no sync with a scheduler", "scheduler = 'a:1'", "--sync=false", "every acknowledged write must be durable"},
		{"status-addr without port", good, "--status-addr=localhost", `status-addr "localhost" is not host:port`},
		{"debug-addr without port", good, "--debug-addr=localhost", `debug-addr "localhost" is not host:port`},
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
			args = append(args, strings.Fields(c.args)...)
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
		require.Equal(t, 2, service.Run(await.Context(t, "a refusal"), newCommand(&stderr), args, io.Discard, &stderr), "%q", args)
		require.Equal(t, 1, strings.Count(stderr.String(), "\n"), "%q: not one line: %s", args, stderr.String())
		require.True(t, strings.HasPrefix(stderr.String(), "labkv-server: "), stderr.String())
	}
}
