// Package cluster runs the stores of a cluster as processes on this machine, with
// real disks and a real network: to try the system, to torture it, to measure it.
package cluster

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/pelletier/go-toml/v2"
	"github.com/pingcap/errors"
)

// A Config says what to run.
type Config struct {
	// Server is the program, labkv-server.
	Server string
	// Dir has a directory for the data of each store, its log, and the
	// configuration that they share. A cluster that is there already goes on.
	Dir string
	// Stores is the number of stores of a new cluster.
	Stores int
	// Args are passed to every store.
	Args []string
}

// A Cluster is a number of stores, each of which may run or not. It must not be
// used from several goroutines at once.
type Cluster struct {
	cfg    Config
	addrs  []string
	stores []*Store
}

// A Store is one process with its directory.
type Store struct {
	ID   uint64
	Addr string
	Dir  string // of its data
	Log  string // file, to which every run of the process appends

	cluster *Cluster
	// exited is closed when the process has ended; nil before the first
	// start.
	exited  chan struct{}
	process *exec.Cmd
}

// file is the configuration that all stores share.
type file struct {
	ClusterID uint64            `toml:"cluster-id"`
	Peers     map[string]string `toml:"peers"`
}

// New returns a cluster whose stores do not run yet. It chooses the addresses of a
// new one.
func New(cfg Config) (*Cluster, error) {
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, errors.Trace(err)
	}
	cfg.Dir = dir
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, errors.Annotate(err, "cannot make the directory of the cluster")
	}
	c := &Cluster{cfg: cfg}
	if err := c.load(); err != nil {
		return nil, err
	}
	for i, addr := range c.addrs {
		id := uint64(i + 1)
		c.stores = append(c.stores, &Store{
			ID:      id,
			Addr:    addr,
			Dir:     filepath.Join(dir, fmt.Sprintf("store-%d", id)),
			Log:     filepath.Join(dir, fmt.Sprintf("store-%d.log", id)),
			cluster: c,
		})
	}
	return c, nil
}

func (c *Cluster) configFile() string { return filepath.Join(c.cfg.Dir, "cluster.toml") }

// load reads the configuration, or makes one.
func (c *Cluster) load() error {
	var f file
	text, err := os.ReadFile(c.configFile())
	switch {
	case err == nil:
		if err := toml.Unmarshal(text, &f); err != nil {
			return errors.Annotate(err, c.configFile())
		}
		for id := 1; id <= len(f.Peers); id++ {
			addr, found := f.Peers[fmt.Sprint(id)]
			if !found {
				return errors.Errorf("%s: there is no store %d", c.configFile(), id)
			}
			c.addrs = append(c.addrs, addr)
		}
		return nil
	case !os.IsNotExist(err):
		return errors.Trace(err)
	}
	if c.addrs, err = FreeAddrs(c.cfg.Stores); err != nil {
		return err
	}
	f = file{ClusterID: 1, Peers: map[string]string{}}
	for i, addr := range c.addrs {
		f.Peers[fmt.Sprint(i+1)] = addr
	}
	if text, err = toml.Marshal(f); err != nil {
		return errors.Trace(err)
	}
	return errors.Trace(os.WriteFile(c.configFile(), text, 0o644))
}

// FreeAddrs returns n addresses that are free. Another program may take one before a
// store does; the store then says so.
func FreeAddrs(n int) ([]string, error) {
	var addrs []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, errors.Annotate(err, "cannot find a free port")
		}
		defer l.Close() // when all are found, so that they differ
		addrs = append(addrs, l.Addr().String())
	}
	return addrs, nil
}

// Stores returns all stores, in the order of their ids.
func (c *Cluster) Stores() []*Store { return c.stores }

// Addrs returns the addresses of all stores.
func (c *Cluster) Addrs() []string { return c.addrs }

// Start starts all stores that do not run.
func (c *Cluster) Start() error {
	for _, s := range c.stores {
		if s.Running() {
			continue
		}
		if err := s.start(); err != nil {
			return err
		}
	}
	return nil
}

// start starts the process, with --bootstrap if the store has no data.
func (s *Store) start() error {
	if s.hasData() {
		return s.Start()
	}
	return s.Start("--bootstrap")
}

// Stop asks all stores to stop, and waits for them; one that has not stopped after
// grace is killed.
func (c *Cluster) Stop(grace time.Duration) {
	var stopping sync.WaitGroup
	for _, s := range c.stores {
		if !s.Running() {
			continue
		}
		stopping.Go(func() {
			// Errors mean that it has ended by itself.
			_ = s.process.Process.Signal(syscall.SIGTERM)
			_ = resume(s.process.Process)
			select {
			case <-s.exited:
			case <-time.After(grace):
				s.Kill()
			}
		})
	}
	stopping.Wait()
}

// hasData reports whether the store has been started before.
func (s *Store) hasData() bool {
	entries, err := os.ReadDir(s.Dir)
	return err == nil && len(entries) > 0
}

// Start starts the process with these arguments and those of all stores. It does
// not wait until the store serves.
func (s *Store) Start(args ...string) error {
	log, err := os.OpenFile(s.Log, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return errors.Trace(err)
	}
	defer log.Close() // the process has it, too
	all := append([]string{"--config", s.cluster.configFile(), "--store-id", fmt.Sprint(s.ID), "--path", s.Dir}, s.cluster.cfg.Args...)
	p := exec.Command(s.cluster.cfg.Server, append(all, args...)...)
	p.Stdout, p.Stderr = log, log
	// An interrupt from the terminal is for the program that runs the
	// cluster, which then stops the stores.
	p.SysProcAttr = ownGroup()
	if err := p.Start(); err != nil {
		return errors.Annotatef(err, "store %d", s.ID)
	}
	exited := make(chan struct{})
	s.process, s.exited = p, exited
	go func() {
		_ = p.Wait() // its log says why it ended
		close(exited)
	}()
	return nil
}

// Running reports whether the process runs.
func (s *Store) Running() bool {
	if s.exited == nil {
		return false
	}
	select {
	case <-s.exited:
		return false
	default:
		return true
	}
}

// Exit says how the process that was started last has ended, such as "exit status 1"
// or "signal: killed". It must have ended.
func (s *Store) Exit() string { return s.process.ProcessState.String() }

// Process returns the id of the process that was started last.
func (s *Store) Process() int { return s.process.Process.Pid }

// Exited returns a channel that is closed when the process, which was started
// before, has ended.
func (s *Store) Exited() <-chan struct{} { return s.exited }

// Kill ends the process at once, as kill -9 does, and waits until it is gone.
func (s *Store) Kill() {
	if s.Running() {
		_ = s.process.Process.Kill() // an error means that it was faster
		<-s.exited
	}
}

// Wipe removes the data of a store that does not run.
func (s *Store) Wipe() error { return errors.Trace(os.RemoveAll(s.Dir)) }
