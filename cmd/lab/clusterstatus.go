package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"sync"
	"time"

	"github.com/labkv/labkv/internal/service"
	"github.com/labkv/labkv/lab/cluster"
	schedulerclient "github.com/labkv/labkv/scheduler/client"
	"github.com/labkv/labkv/scheduler/status"
)

// statusOff is the value of --status for no page.
const statusOff = "off"

// checkStatus refuses an address for the page that other machines can reach: the page has
// buttons that kill processes.
func checkStatus(addr string) error {
	if addr == statusOff {
		return nil
	}
	if err := service.CheckAddr("--status", addr); err != nil {
		return err
	}
	host, _, _ := net.SplitHostPort(addr)
	if ip, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !ip.IsLoopback()) {
		return fmt.Errorf("--status %q is not a loopback address: the page can kill processes, and is for this machine only", addr)
	}
	return nil
}

// A statusPage serves the page of a cluster whose processes run here.
type statusPage struct {
	listener net.Listener
	feed     *status.Feed
	server   *http.Server
	stop     context.CancelFunc // of what collects
	running  sync.WaitGroup
}

// listen returns a page that is not served yet.
func listen(addr string) (*statusPage, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("--status: %w", err)
	}
	return &statusPage{listener: l, feed: status.NewFeed()}, nil
}

func (p *statusPage) url() string { return "http://" + p.listener.Addr().String() + "/" }

// serve serves the page until close.
func (p *statusPage) serve(c *cluster.Cluster, s *cluster.Supervisor) error {
	processes := supervised{s}
	config := status.Config{ClusterID: cluster.ID, Stores: c.Addrs(), Processes: processes, Feed: p.feed}
	var ctx context.Context
	ctx, p.stop = context.WithCancel(context.Background())
	if scheduler := c.Scheduler(); scheduler != nil {
		conn, err := schedulerclient.Dial(scheduler.Addr)
		if err != nil {
			return err
		}
		context.AfterFunc(ctx, func() { conn.Close() })
		config.Scheduler, config.SchedulerAddr = status.Remote(conn), scheduler.Addr
	}
	collector := status.NewCollector(config)
	p.running.Go(func() { collector.Run(ctx) })
	p.server = &http.Server{
		Handler:           status.NewServer(status.Options{Feed: p.feed, Processes: processes}),
		ReadHeaderTimeout: 10 * time.Second,
	}
	p.running.Go(func() { _ = p.server.Serve(p.listener) }) // it ends with close
	return nil
}

// close tells readers of the page why the cluster has ended, and ends the page. A second
// call does nothing.
func (p *statusPage) close(reason string) {
	if p.server == nil {
		p.listener.Close()
		return
	}
	p.stop()
	p.feed.End(reason)
	// Readers have got the last report within that time, or do not read.
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if p.server.Shutdown(ctx) != nil {
		p.server.Close()
	}
	p.running.Wait()
	p.server = nil
}

// supervised are the processes that a supervisor keeps.
type supervised struct{ *cluster.Supervisor }

// nameOf returns the name of a process in addresses of the page.
func nameOf(m *cluster.Member) string { return filepath.Base(m.Dir) }

var processStates = map[cluster.State]string{
	cluster.Running: status.ProcessRunning,
	cluster.Paused:  status.ProcessPaused,
	cluster.Ended:   status.ProcessEnded,
}

// List implements status.Processes.
func (s supervised) List() []status.Process {
	var all []status.Process
	for _, p := range s.Processes() {
		process := status.Process{
			Name: nameOf(p.Member), PID: p.ID, Addr: p.Member.Addr,
			State: processStates[p.State], Since: p.Since.UnixMilli(), Reason: p.Reason,
		}
		if !p.Restart.IsZero() {
			process.Restart = p.Restart.UnixMilli()
		}
		all = append(all, process)
	}
	return all
}

var processActions = map[string]cluster.Action{
	status.Kill:    cluster.Kill,
	status.Pause:   cluster.Pause,
	status.Resume:  cluster.Resume,
	status.Restart: cluster.Restart,
}

// Do implements status.Processes.
func (s supervised) Do(ctx context.Context, name, action string) error {
	a, ok := processActions[action]
	if !ok {
		return &status.UnknownError{Message: fmt.Sprintf("%q is nothing that can be done to a process: kill, pause, resume or restart it", action)}
	}
	for _, p := range s.Processes() {
		if nameOf(p.Member) != name {
			continue
		}
		err := s.Supervisor.Do(ctx, p.Member, a)
		var refused *cluster.RefusedError
		if errors.As(err, &refused) {
			return &status.ConflictError{Message: refused.Message}
		}
		return err
	}
	return &status.UnknownError{Message: fmt.Sprintf("there is no process %q in this cluster", name)}
}
