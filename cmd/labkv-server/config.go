package main

import (
	"log/slog"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pingcap/errors"
	"github.com/spf13/pflag"

	"github.com/labkv/labkv/internal/service"
	"github.com/labkv/labkv/kv/server/endpoint"
	"github.com/labkv/labkv/kv/storage/replicated"
)

// Bounds of max-message-size: less has no room for anything useful, and with more
// one request could take the machine's memory.
const (
	minMessageSize = 64 << 10
	maxMessageSize = 1 << 30
)

// A config is all that can be set. The file uses the names of the flags.
type config struct {
	Standalone     bool             `toml:"standalone"`
	ClusterID      uint64           `toml:"cluster-id"`
	StoreID        uint64           `toml:"store-id"`
	Peers          addresses        `toml:"peers"`
	Scheduler      string           `toml:"scheduler"`
	Path           string           `toml:"path"`
	Addr           string           `toml:"addr"`
	AdvertiseAddr  string           `toml:"advertise-addr"`
	Sync           bool             `toml:"sync"`
	Tick           service.Duration `toml:"tick"`
	MaxLogEntries  uint64           `toml:"max-log-entries"`
	SplitSize      uint64           `toml:"split-size"` // bytes
	LogLevel       slog.Level       `toml:"log-level"`
	MaxMessageSize int              `toml:"max-message-size"` // bytes
	StopTimeout    service.Duration `toml:"stop-timeout"`
	StatusAddr     string           `toml:"status-addr"`
	DebugAddr      string           `toml:"debug-addr"`

	// bootstrap and rejoin are for one start only, so that there is nothing in
	// a file that makes a store out of an empty directory at every start.
	bootstrap, rejoin bool

	// file is the configuration file; empty if there is none.
	file string
	// members are Peers with their ids as numbers.
	members map[uint64]string
}

// defaultAddr is where a store listens that serves alone. One of a cluster
// listens where its peers look for it.
const defaultAddr = "127.0.0.1:20160"

// defaultSplitSize is small enough that a copy of a region is made in seconds, and large
// enough that a store does not have too many of them.
const defaultSplitSize = 96 << 20

func defaultConfig() *config {
	return &config{
		Sync:           true,
		Tick:           service.Duration(replicated.DefaultTick),
		MaxLogEntries:  replicated.DefaultMaxLogEntries,
		SplitSize:      defaultSplitSize,
		LogLevel:       slog.LevelInfo,
		MaxMessageSize: endpoint.DefaultMaxMessageSize,
		StopTimeout:    service.Duration(endpoint.DefaultStopTimeout),
	}
}

func (c *config) addFlags(flags *pflag.FlagSet) {
	flags.SortFlags = false
	flags.BoolVar(&c.Standalone, "standalone", c.Standalone, "serve one store alone, without replication")
	flags.Uint64Var(&c.ClusterID, "cluster-id", c.ClusterID, "`id` of the cluster, the same for all its stores")
	flags.Uint64Var(&c.StoreID, "store-id", c.StoreID, "`id` of this store in its cluster")
	flags.Var(&c.Peers, "peer", "`ID=HOST:PORT` of a store of the cluster, this one included; once for each")
	flags.BoolVar(&c.bootstrap, "bootstrap", false, "begin without data, as a store of a new cluster: for the first start only, which waits until all stores have been started so")
	flags.BoolVar(&c.rejoin, "rejoin", false, "begin without data in a cluster that has data, because the data of this store is lost: "+
		"one store at a time, while all others are healthy and stay so until this one has caught up; else acknowledged writes can be lost")
	flags.StringVar(&c.Scheduler, "scheduler", c.Scheduler, "`host:port` of the scheduler of the cluster, instead of --store-id and --peer: it gives the store its id, and the store joins, or begins the cluster")
	flags.StringVar(&c.Path, "path", c.Path, "`directory` that holds the data; created if it is not there")
	flags.StringVar(&c.Addr, "addr", c.Addr, "`host:port` to listen on (default "+defaultAddr+", in a cluster the store's own address among the peers)")
	flags.StringVar(&c.AdvertiseAddr, "advertise-addr", c.AdvertiseAddr, "`host:port` at which others reach this store, with --scheduler (default where it listens)")
	flags.StringVar(&c.file, "config", "", "TOML `file` with the same settings; flags win over it")
	flags.BoolVar(&c.Sync, "sync", c.Sync, "make each write durable before acknowledging it")
	flags.TextVar(&c.Tick, "tick", c.Tick, "`time` between two heartbeats of a leader; a store that has heard none for ten to twenty ticks campaigns")
	flags.Uint64Var(&c.MaxLogEntries, "max-log-entries", c.MaxLogEntries, "`number` of applied entries that a log keeps for stores that lag; a store that lags further gets a snapshot")
	flags.Uint64Var(&c.SplitSize, "split-size", c.SplitSize, "size in `bytes` from which on a region is split, with --scheduler; 0 for never")
	flags.TextVar(&c.LogLevel, "log-level", c.LogLevel, "lowest `level` to log: debug, info, warn or error")
	flags.IntVar(&c.MaxMessageSize, "max-message-size", c.MaxMessageSize, "largest request and response, in `bytes`")
	flags.TextVar(&c.StopTimeout, "stop-timeout", c.StopTimeout, "`time` that calls have to finish after a signal to stop")
	flags.StringVar(&c.StatusAddr, "status-addr", c.StatusAddr, "`host:port` for /metrics (Prometheus), /livez and /readyz over HTTP; empty for none")
	flags.StringVar(&c.DebugAddr, "debug-addr", c.DebugAddr, "`host:port` for profiles over HTTP, as in go tool pprof http://host:port/debug/pprof/profile; empty for none")
}

// complete adds what the file says to what flags said, and checks the result.
// Its errors are one line each.
func (c *config) complete(flags *pflag.FlagSet) error {
	if err := service.Load(c.file, c, flags); err != nil {
		return err
	}
	return c.check()
}

// check completes c with what follows from it, and returns an error that says
// what is wrong and what to do.
func (c *config) check() error {
	cluster := c.ClusterID != 0 || c.StoreID != 0 || len(c.Peers) > 0 || c.Scheduler != ""
	switch {
	case c.Standalone && c.Scheduler != "":
		return errors.New("a store serves alone or in a cluster: pass --standalone or --scheduler")
	case c.Standalone && cluster:
		return errors.New("a store serves alone or in a cluster: pass --standalone, or --cluster-id, --store-id and --peer")
	case c.Standalone && (c.bootstrap || c.rejoin):
		return errors.New("--bootstrap and --rejoin are for a store of a cluster: drop them")
	case c.Scheduler == "" && c.AdvertiseAddr != "":
		return errors.New("--advertise-addr is for a store with a scheduler: drop it")
	case c.Scheduler != "":
		if err := c.checkScheduled(); err != nil {
			return err
		}
	case cluster:
		if err := c.checkMemberList(); err != nil {
			return err
		}
	case !c.Standalone:
		return errors.New("serve alone or in a cluster? pass --standalone, or --scheduler, or --cluster-id, --store-id and --peer")
	}
	if c.Addr == "" {
		if c.Addr = c.members[c.StoreID]; c.Standalone || c.Scheduler != "" {
			c.Addr = defaultAddr
		}
	}
	if err := service.CheckAddr("addr", c.Addr); err != nil {
		return err
	}
	for _, optional := range []struct{ name, addr string }{{"status-addr", c.StatusAddr}, {"debug-addr", c.DebugAddr}} {
		if optional.addr == "" {
			continue
		}
		if err := service.CheckAddr(optional.name, optional.addr); err != nil {
			return err
		}
	}
	switch {
	case c.Path == "":
		return errors.New("no place for the data: pass --path DIRECTORY")
	case c.MaxMessageSize < minMessageSize || c.MaxMessageSize > maxMessageSize:
		return errors.Errorf("max-message-size %d is not between %d and %d", c.MaxMessageSize, minMessageSize, maxMessageSize)
	case cluster && c.MaxMessageSize < endpoint.DefaultMaxMessageSize:
		return errors.Errorf("max-message-size %d is too small for what stores send each other: %d is the least in a cluster", c.MaxMessageSize, endpoint.DefaultMaxMessageSize)
	case c.StopTimeout <= 0:
		return errors.Errorf("stop-timeout %s is not positive", time.Duration(c.StopTimeout))
	}
	return nil
}

// checkScheduled checks the settings of a store with a scheduler.
func (c *config) checkScheduled() error {
	if err := service.CheckAddr("scheduler", c.Scheduler); err != nil {
		return err
	}
	switch {
	case c.StoreID != 0 || len(c.Peers) > 0:
		return errors.New("the scheduler gives a store its id and knows its peers: pass --scheduler, or --store-id and --peer")
	case c.bootstrap || c.rejoin:
		return errors.New("with --scheduler a store without data joins by itself: drop --bootstrap and --rejoin")
	}
	if c.AdvertiseAddr == "" {
		if host, _, err := net.SplitHostPort(c.Addr); err == nil && (host == "" || net.ParseIP(host).IsUnspecified()) {
			return errors.Errorf("others cannot find this store at %q: pass --advertise-addr HOST:PORT", c.Addr)
		}
	} else if err := service.CheckAddr("advertise-addr", c.AdvertiseAddr); err != nil {
		return err
	} else if strings.HasSuffix(c.AdvertiseAddr, ":0") {
		return errors.Errorf("advertise-addr: others cannot find port 0 of %q", c.AdvertiseAddr)
	}
	return c.checkReplicated()
}

// checkMemberList checks the settings of a store of a cluster whose stores are all known
// from the beginning, and sets members.
func (c *config) checkMemberList() error {
	c.members = map[uint64]string{}
	places := map[string]uint64{}
	for _, id := range slices.Sorted(maps.Keys(c.Peers)) {
		addr := c.Peers[id]
		n, err := strconv.ParseUint(id, 10, 64)
		if err != nil || n == 0 || strconv.FormatUint(n, 10) != id {
			return errors.Errorf("peer %q: an id is a number from 1 on", id)
		}
		if err := service.CheckAddr("peer "+id, addr); err != nil {
			return err
		}
		if strings.HasSuffix(addr, ":0") {
			return errors.Errorf("peer %d: others cannot find port 0 of %q", n, addr)
		}
		if other, taken := places[addr]; taken {
			return errors.Errorf("peers %d and %d have the same address %s", min(n, other), max(n, other), addr)
		}
		places[addr] = n
		c.members[n] = addr
	}
	switch {
	case c.ClusterID == 0:
		return errors.New("which cluster is it? pass --cluster-id")
	case c.StoreID == 0:
		return errors.New("which store is it? pass --store-id")
	case len(c.members) == 0:
		return errors.New("which stores are there? pass --peer ID=HOST:PORT for each")
	case c.members[c.StoreID] == "":
		return errors.Errorf("store %d is not among the peers: pass --peer %d=HOST:PORT too", c.StoreID, c.StoreID)
	case c.bootstrap && c.rejoin:
		return errors.New("--bootstrap is for a new cluster, --rejoin for an old one: pass one of them")
	case c.rejoin && len(c.members) == 1:
		return errors.New("--rejoin: no other store has the data of a cluster's only store")
	}
	return c.checkReplicated()
}

// checkReplicated checks the settings that every store of a cluster has.
func (c *config) checkReplicated() error {
	switch {
	case !c.Sync:
		return errors.New("sync is off: in a cluster every acknowledged write must be durable; leave it on")
	case c.Tick < minTick:
		return errors.Errorf("tick %s is too short: %s is the least", time.Duration(c.Tick), time.Duration(minTick))
	case c.MaxLogEntries == 0:
		return errors.New("max-log-entries 0 leaves nothing to send: 1 is the least")
	case c.SplitSize > 0 && c.SplitSize < minSplitSize:
		return errors.Errorf("split-size %d is too small: %d is the least, or 0 for never", c.SplitSize, minSplitSize)
	}
	return nil
}

// minSplitSize keeps a store from splitting all the time.
const minSplitSize = 64 << 10

// minTick is the shortest tick: with less, a busy machine would elect leaders all
// the time.
const minTick = service.Duration(5 * time.Millisecond)

// addresses are where stores listen, by the decimal number of their id. As a flag
// they are a list of ID=HOST:PORT, each of which replaces what was said of that
// id before.
type addresses map[string]string

// String implements pflag.Value.
func (a *addresses) String() string {
	var list []string
	for _, id := range slices.Sorted(maps.Keys(*a)) {
		list = append(list, id+"="+(*a)[id])
	}
	return strings.Join(list, ",")
}

// Set implements pflag.Value.
func (a *addresses) Set(text string) error {
	for peer := range strings.SplitSeq(text, ",") {
		id, addr, found := strings.Cut(peer, "=")
		if !found {
			return errors.Errorf("%q is not ID=HOST:PORT", peer)
		}
		if *a == nil {
			*a = addresses{}
		}
		(*a)[id] = addr
	}
	return nil
}

// Type implements pflag.Value.
func (a *addresses) Type() string { return "ID=HOST:PORT" }
