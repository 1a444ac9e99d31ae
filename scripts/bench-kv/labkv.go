package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/pingcap/errors"
	"golang.org/x/sync/errgroup"

	"github.com/labkv/labkv/kv/client"
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/lab/cluster"
)

// labkv is a cluster of this tree's stores.
type labkv struct {
	server   string
	profiles string // directory, or empty

	cluster *cluster.Cluster
	leader  string
	debug   map[string]string // where profiles are served, by address
}

func (l *labkv) name() string { return "labkv" }

func (l *labkv) start(ctx context.Context, dir string) error {
	c, err := cluster.New(cluster.Config{Server: l.server, Dir: dir, Stores: 3, Args: []string{"--log-level", "warn"}})
	if err != nil {
		return err
	}
	l.cluster = c
	debug, err := cluster.FreeAddrs(len(c.Stores()))
	if err != nil {
		return err
	}
	l.debug = map[string]string{}
	for i, s := range c.Stores() {
		args := []string{"--bootstrap"}
		if l.profiles != "" {
			l.debug[s.Addr] = debug[i]
			args = append(args, "--debug-addr", debug[i])
		}
		if err := s.Start(args...); err != nil {
			return err
		}
	}
	return l.findLeader(ctx)
}

func (l *labkv) findLeader(ctx context.Context) error {
	c, err := l.newClient()
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(ctx, electionLimit)
	defer cancel()
	leader, err := c.Leader(ctx, key(0))
	l.leader = leader.Addr
	return errors.Annotatef(err, "no leader within %s", electionLimit)
}

func (l *labkv) newClient() (*client.Raw, error) {
	return client.NewRaw(client.Config{Stores: client.At(l.cluster.Addrs()...)})
}

func (l *labkv) processes() (ids []int) {
	for _, s := range l.cluster.Stores() {
		ids = append(ids, s.Process())
	}
	return ids
}

func (l *labkv) stop() {
	if l.cluster != nil {
		l.cluster.Stop(5 * time.Second)
	}
}

func (l *labkv) connect() (connection, error) {
	c, err := l.newClient()
	if err != nil {
		return nil, err
	}
	return labkvConnection{c}, nil
}

// profile writes a CPU profile of each store over period.
func (l *labkv) profile(ctx context.Context, name string, period time.Duration) error {
	group, ctx := errgroup.WithContext(ctx)
	for i, addr := range l.cluster.Addrs() {
		role := fmt.Sprintf("follower%d", i+1)
		if addr == l.leader {
			role = "leader"
		}
		group.Go(func() error {
			url := fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%.0f", l.debug[addr], max(1, period.Seconds()))
			return fetch(ctx, url, filepath.Join(l.profiles, name+"-"+role+".pprof"))
		})
	}
	return group.Wait()
}

func fetch(ctx context.Context, url, file string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return errors.Trace(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return errors.Trace(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = errors.Errorf("%s: %s", url, resp.Status)
	}
	if err != nil {
		return errors.Trace(err)
	}
	return errors.Trace(os.WriteFile(file, data, 0o644))
}

// A labkvConnection finds the leader with its first request, and stays with it.
type labkvConnection struct{ client *client.Raw }

func (c labkvConnection) close() { c.client.Close() }

func (c labkvConnection) put(ctx context.Context, key, value []byte) error {
	return c.client.Put(ctx, engine.CFDefault, key, value)
}

func (c labkvConnection) get(ctx context.Context, key []byte) (int, error) {
	value, _, err := c.client.Get(ctx, engine.CFDefault, key)
	return len(value), err
}
