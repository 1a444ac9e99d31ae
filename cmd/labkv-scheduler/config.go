package main

import (
	"log/slog"
	"time"

	"github.com/pingcap/errors"
	"github.com/spf13/pflag"

	"github.com/labkv/labkv/internal/service"
	"github.com/labkv/labkv/kv/server/endpoint"
	"github.com/labkv/labkv/scheduler/server"
)

// A config is all that can be set. The file uses the names of the flags.
type config struct {
	ClusterID     uint64           `toml:"cluster-id"`
	Path          string           `toml:"path"`
	Addr          string           `toml:"addr"`
	AdvertiseAddr string           `toml:"advertise-addr"`
	Replicas      uint32           `toml:"replicas"`
	Disconnect    service.Duration `toml:"store-disconnect-time"`
	Down          service.Duration `toml:"store-down-time"`
	Tick          service.Duration `toml:"tick"`
	GCInterval    service.Duration `toml:"gc-interval"`
	GCKeep        service.Duration `toml:"gc-keep"`
	LogLevel      slog.Level       `toml:"log-level"`
	StopTimeout   service.Duration `toml:"stop-timeout"`
	StatusAddr    string           `toml:"status-addr"`
	DebugAddr     string           `toml:"debug-addr"`

	// file is the configuration file; empty if there is none.
	file string
}

func defaultConfig() *config {
	return &config{
		Addr:        "127.0.0.1:20150",
		Replicas:    3,
		Disconnect:  service.Duration(20 * time.Second),
		Down:        service.Duration(30 * time.Minute),
		Tick:        service.Duration(server.DefaultTick),
		GCKeep:      service.Duration(10 * time.Minute),
		LogLevel:    slog.LevelInfo,
		StopTimeout: service.Duration(endpoint.DefaultStopTimeout),
	}
}

func (c *config) addFlags(flags *pflag.FlagSet) {
	flags.SortFlags = false
	flags.Uint64Var(&c.ClusterID, "cluster-id", c.ClusterID, "`id` of the cluster; the first start on a directory fixes it")
	flags.StringVar(&c.Path, "path", c.Path, "`directory` that holds the data; created if it is not there")
	flags.StringVar(&c.Addr, "addr", c.Addr, "`host:port` to listen on")
	flags.StringVar(&c.AdvertiseAddr, "advertise-addr", c.AdvertiseAddr, "`host:port` at which others reach this scheduler (default where it listens)")
	flags.StringVar(&c.file, "config", "", "TOML `file` with the same settings; flags win over it")
	flags.Uint32Var(&c.Replicas, "replicas", c.Replicas, "`number` of copies of each region in a new cluster")
	flags.TextVar(&c.Disconnect, "store-disconnect-time", c.Disconnect, "`time` without a heartbeat after which a store gets nothing new")
	flags.TextVar(&c.Down, "store-down-time", c.Down, "`time` without a heartbeat after which what a store has is copied to other stores")
	flags.TextVar(&c.Tick, "tick", c.Tick, "`time` between two looks at what should change")
	flags.TextVar(&c.GCInterval, "gc-interval", c.GCInterval, "`time` between two removals of old versions, in a cluster of transactions; 0 for none (then see labkv-ctl gc)")
	flags.TextVar(&c.GCKeep, "gc-keep", c.GCKeep, "`time` for which old versions are kept at least; longer than any transaction takes")
	flags.TextVar(&c.LogLevel, "log-level", c.LogLevel, "lowest `level` to log: debug, info, warn or error")
	flags.TextVar(&c.StopTimeout, "stop-timeout", c.StopTimeout, "`time` that calls have to finish after a signal to stop")
	flags.StringVar(&c.StatusAddr, "status-addr", c.StatusAddr, "`host:port` for a page that shows the cluster, /status.json, /status (what the scheduler knows), /metrics (Prometheus), /livez and /readyz over HTTP; empty for none")
	flags.StringVar(&c.DebugAddr, "debug-addr", c.DebugAddr, "`host:port` for profiles over HTTP, as in go tool pprof http://host:port/debug/pprof/profile; empty for none")
}

// Bounds. A scheduler that ticks more often would be busy with looking, with more copies
// every write would wait for too many stores, and if versions were kept for less time, a slow
// transaction could not commit.
const (
	minTick     = service.Duration(time.Millisecond)
	maxReplicas = 15
	minKeep     = service.Duration(time.Second)
)

// complete adds what the file says to what flags said, and checks the result. Its
// errors are one line each, and say what is wrong and what to do.
func (c *config) complete(flags *pflag.FlagSet) error {
	if err := service.Load(c.file, c, flags); err != nil {
		return err
	}
	switch {
	case c.ClusterID == 0:
		return errors.New("which cluster is it? pass --cluster-id")
	case c.Path == "":
		return errors.New("no place for the data: pass --path DIRECTORY")
	case c.Replicas == 0 || c.Replicas > maxReplicas:
		return errors.Errorf("replicas %d is not between 1 and %d", c.Replicas, maxReplicas)
	case c.Tick < minTick:
		return errors.Errorf("tick %s is too short: %s is the least", time.Duration(c.Tick), time.Duration(minTick))
	case c.Disconnect < service.Duration(time.Second):
		return errors.Errorf("store-disconnect-time %s is too short: 1s is the least", time.Duration(c.Disconnect))
	case c.Down < c.Disconnect:
		return errors.Errorf("store-down-time %s is shorter than store-disconnect-time %s", time.Duration(c.Down), time.Duration(c.Disconnect))
	case c.GCInterval < 0:
		return errors.Errorf("gc-interval %s is negative: 0 is for no removal of old versions", time.Duration(c.GCInterval))
	case c.GCKeep < minKeep:
		return errors.Errorf("gc-keep %s is too short: %s is the least, as transactions that last longer cannot commit", time.Duration(c.GCKeep), time.Duration(minKeep))
	case c.StopTimeout <= 0:
		return errors.Errorf("stop-timeout %s is not positive", time.Duration(c.StopTimeout))
	}
	for _, a := range []struct {
		name, addr string
		optional   bool
	}{{"addr", c.Addr, false}, {"advertise-addr", c.AdvertiseAddr, true}, {"status-addr", c.StatusAddr, true}, {"debug-addr", c.DebugAddr, true}} {
		if a.addr == "" && a.optional {
			continue
		}
		if err := service.CheckAddr(a.name, a.addr); err != nil {
			return err
		}
	}
	return nil
}
