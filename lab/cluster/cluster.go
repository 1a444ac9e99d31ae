// Package cluster runs the processes of a cluster on this machine, with real disks
// and a real network: to try the system, to torture it, to measure it. There are two
// kinds of clusters: with a scheduler, which gives stores their ids and moves regions
// between them; and without one, where all stores are known from the beginning and each
// has all keys.
package cluster

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/pelletier/go-toml/v2"
	"github.com/pingcap/errors"
)

// A Config says what to run.
type Config struct {
	// Server is the program of the stores, labkv-server.
	Server string
	// Scheduler is the program of the scheduler, labkv-scheduler. If it is empty, a
	// new cluster has none.
	Scheduler string
	// Dir has a directory for the data of each process, its log, and the
	// configuration of the cluster. A cluster that is there already goes on, and is
	// of the kind that it is.
	Dir string
	// Stores is the number of stores of a new cluster.
	Stores int
	// Args are passed to every store, SchedulerArgs to the scheduler.
	Args, SchedulerArgs []string
}

// A Cluster is a number of processes, each of which may run or not. It must not be
// used from several goroutines at once.
type Cluster struct {
	cfg       Config
	addrs     []string // as in the file; empty for a store that was removed
	stores    []*Member
	scheduler *Member // nil if there is none
}

// A Member is one process of a cluster, with its directory: a store or the scheduler.
type Member struct {
	// Name is how it is called in output: "scheduler", "store 2", or "server-2" for a
	// store whose id the scheduler decides.
	Name string
	// ID is that of a store; 0 if it gets its id from the scheduler.
	ID   uint64
	Addr string
	Dir  string // of its data
	Log  string // file, to which every run of the process appends

	cluster *Cluster
	program string
	args    []string // of every start
	// exited is closed when the process has ended; nil before the first
	// start.
	exited  chan struct{}
	process *exec.Cmd
}

// static is the configuration of a cluster without a scheduler, which all stores share.
type static struct {
	ClusterID uint64            `toml:"cluster-id"`
	Peers     map[string]string `toml:"peers"`
}

// scheduled has the addresses of a cluster with a scheduler, so that its processes are at
// the same addresses whenever they run. The address of a store that was removed is empty.
type scheduled struct {
	Scheduler string   `toml:"scheduler"`
	Stores    []string `toml:"stores"`
}

const addressFile = "addresses.toml"

// ID is the id of every cluster.
const ID = 1

// New returns a cluster whose processes do not run yet. It chooses the addresses of a
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
	scheduler, err := c.load()
	if err != nil {
		return nil, err
	}
	if scheduler != "" {
		if cfg.Scheduler == "" {
			return nil, errors.Errorf("%s holds a cluster with a scheduler, and there is no program for one", dir)
		}
		c.scheduler = c.member("scheduler", "scheduler", scheduler)
		c.scheduler.program = cfg.Scheduler
		c.scheduler.args = []string{"--cluster-id", fmt.Sprint(ID), "--addr", scheduler, "--path", c.scheduler.Dir}
		c.scheduler.args = append(c.scheduler.args, cfg.SchedulerArgs...)
	}
	for i, addr := range c.addrs {
		if addr != "" {
			c.stores = append(c.stores, c.store(i+1, addr))
		}
	}
	return c, nil
}

// store returns the store with a number.
func (c *Cluster) store(number int, addr string) *Member {
	var s *Member
	if c.scheduler != nil {
		name := fmt.Sprintf("server-%d", number) // the number is not the id of its store
		s = c.member(name, name, addr)
		s.args = []string{"--scheduler", c.scheduler.Addr, "--addr", addr, "--path", s.Dir}
	} else {
		s = c.member(fmt.Sprintf("store-%d", number), fmt.Sprintf("store %d", number), addr)
		s.ID = uint64(number)
		s.args = []string{"--config", c.configFile(), "--store-id", fmt.Sprint(s.ID), "--path", s.Dir}
	}
	s.program = c.cfg.Server
	s.args = append(s.args, c.cfg.Args...)
	return s
}

// Add adds a store, which does not run yet, to a cluster with a scheduler.
func (c *Cluster) Add() (*Member, error) {
	addrs, err := FreeAddrs(1)
	if err != nil {
		return nil, err
	}
	c.addrs = append(c.addrs, addrs[0])
	s := c.store(len(c.addrs), addrs[0])
	c.stores = append(c.stores, s)
	return s, c.save()
}

// Remove takes a store, which does not run, out of a cluster with a scheduler. Its files
// stay, and its number is not used again.
func (c *Cluster) Remove(s *Member) error {
	c.addrs[slices.Index(c.addrs, s.Addr)] = ""
	c.stores = slices.DeleteFunc(c.stores, func(other *Member) bool { return other == s })
	return c.save()
}

// save writes where the processes of a cluster with a scheduler are.
func (c *Cluster) save() error {
	return write(c.addressFile(), scheduled{c.scheduler.Addr, c.addrs})
}

// Scheduled reports whether dir holds a cluster with a scheduler.
func Scheduled(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, addressFile))
	return err == nil
}

func (c *Cluster) member(file, name, addr string) *Member {
	path := filepath.Join(c.cfg.Dir, file)
	return &Member{Name: name, Addr: addr, Dir: path, Log: path + ".log", cluster: c}
}

func (c *Cluster) configFile() string  { return filepath.Join(c.cfg.Dir, "cluster.toml") }
func (c *Cluster) addressFile() string { return filepath.Join(c.cfg.Dir, addressFile) }

// load sets the addresses of the stores, and returns that of the scheduler, empty if
// there is none. It reads what is there, or chooses them and writes what it has chosen.
func (c *Cluster) load() (scheduler string, err error) {
	var (
		s static
		a scheduled
	)
	switch found, err := read(c.configFile(), &s); {
	case err != nil:
		return "", err
	case found:
		for id := 1; id <= len(s.Peers); id++ {
			addr, found := s.Peers[fmt.Sprint(id)]
			if !found {
				return "", errors.Errorf("%s: there is no store %d", c.configFile(), id)
			}
			c.addrs = append(c.addrs, addr)
		}
		return "", nil
	}
	switch found, err := read(c.addressFile(), &a); {
	case err != nil:
		return "", err
	case found:
		if a.Scheduler == "" || len(a.Stores) == 0 {
			return "", errors.Errorf("%s: the address of the scheduler or of the stores is missing", c.addressFile())
		}
		c.addrs = a.Stores
		return a.Scheduler, nil
	}
	if c.cfg.Scheduler != "" {
		addrs, err := FreeAddrs(1 + c.cfg.Stores)
		if err != nil {
			return "", err
		}
		c.addrs = addrs[1:]
		return addrs[0], write(c.addressFile(), scheduled{addrs[0], addrs[1:]})
	}
	if c.addrs, err = FreeAddrs(c.cfg.Stores); err != nil {
		return "", err
	}
	s = static{ClusterID: ID, Peers: map[string]string{}}
	for i, addr := range c.addrs {
		s.Peers[fmt.Sprint(i+1)] = addr
	}
	return "", write(c.configFile(), s)
}

// read fills into from a file, and reports whether there is one.
func read(file string, into any) (found bool, err error) {
	text, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		return false, nil
	}
	if err != nil {
		return false, errors.Trace(err)
	}
	return true, errors.Annotate(toml.Unmarshal(text, into), file)
}

func write(file string, from any) error {
	text, err := toml.Marshal(from)
	if err != nil {
		return errors.Trace(err)
	}
	return errors.Trace(os.WriteFile(file, text, 0o644))
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

// Stores returns all stores, in the order of their names.
func (c *Cluster) Stores() []*Member { return c.stores }

// Scheduler returns the scheduler, or nil if there is none.
func (c *Cluster) Scheduler() *Member { return c.scheduler }

// members returns all processes, the scheduler first.
func (c *Cluster) members() []*Member {
	if c.scheduler == nil {
		return c.stores
	}
	return append([]*Member{c.scheduler}, c.stores...)
}

// Addrs returns the addresses of all stores.
func (c *Cluster) Addrs() []string {
	var addrs []string
	for _, s := range c.stores {
		addrs = append(addrs, s.Addr)
	}
	return addrs
}

// Start starts all processes that do not run.
func (c *Cluster) Start() error {
	for _, s := range c.members() {
		if s.Running() {
			continue
		}
		if err := s.start(); err != nil {
			return err
		}
	}
	return nil
}

// start starts the process, with --bootstrap if it is a store without data and without
// a scheduler.
func (s *Member) start() error {
	if s.cluster.scheduler != nil || s.hasData() {
		return s.Start()
	}
	return s.Start("--bootstrap")
}

// Stop asks all processes to stop, and waits for them; one that has not stopped after
// grace is killed.
func (c *Cluster) Stop(grace time.Duration) {
	var stopping sync.WaitGroup
	for _, s := range c.members() {
		if !s.Running() {
			continue
		}
		stopping.Go(func() { s.stop(context.Background(), grace) })
	}
	stopping.Wait()
}

// stop asks a process that runs to stop, and waits for it. If it has not stopped after
// grace, it is killed. It returns false if ctx is done before that.
func (s *Member) stop(ctx context.Context, grace time.Duration) bool {
	// Errors mean that it has ended by itself.
	_ = s.process.Process.Signal(syscall.SIGTERM)
	_ = resume(s.process.Process)
	select {
	case <-s.exited:
	case <-time.After(grace):
		s.Kill()
	case <-ctx.Done():
		return false
	}
	return true
}

// hasData reports whether the process has been started before.
func (s *Member) hasData() bool {
	entries, err := os.ReadDir(s.Dir)
	return err == nil && len(entries) > 0
}

// Start starts the process with these arguments and those of every start. It does not
// wait until the process serves.
func (s *Member) Start(args ...string) error {
	log, err := os.OpenFile(s.Log, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return errors.Trace(err)
	}
	defer log.Close() // the process has it, too
	p := exec.Command(s.program, append(slices.Clone(s.args), args...)...)
	p.Stdout, p.Stderr = log, log
	// An interrupt from the terminal is for the program that runs the
	// cluster, which then stops it.
	p.SysProcAttr = ownGroup()
	if err := p.Start(); err != nil {
		return errors.Annotate(err, s.Name)
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
func (s *Member) Running() bool {
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
func (s *Member) Exit() string { return s.process.ProcessState.String() }

// Process returns the id of the process that was started last.
func (s *Member) Process() int { return s.process.Process.Pid }

// Exited returns a channel that is closed when the process, which was started
// before, has ended.
func (s *Member) Exited() <-chan struct{} { return s.exited }

// Kill ends the process at once, as kill -9 does, and waits until it is gone.
func (s *Member) Kill() {
	if s.Running() {
		_ = s.process.Process.Kill() // an error means that it was faster
		<-s.exited
	}
}

// Wipe removes the data of a process that does not run.
func (s *Member) Wipe() error { return errors.Trace(os.RemoveAll(s.Dir)) }
