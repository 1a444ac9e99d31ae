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
	"google.golang.org/grpc"

	"github.com/labkv/labkv/kv/client"
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/lab/cluster"
	"github.com/labkv/labkv/proto/schedulerpb"
	schedulerclient "github.com/labkv/labkv/scheduler/client"
)

// labkv is a cluster of this tree's stores, whose keys are spread over so many regions.
type labkv struct {
	bin      string // directory of the programs
	regions  int
	profiles string // directory, or empty

	cluster   *cluster.Cluster
	conn      *grpc.ClientConn // to the scheduler
	scheduler schedulerpb.SchedulerClient
	leader    string            // of the first key's region
	debug     map[string]string // where profiles are served, by address
}

func (l *labkv) name() string { return labkvName(l.regions) }

func labkvName(regions int) string { return fmt.Sprintf("labkv with %d regions", regions) }

func (l *labkv) start(ctx context.Context, dir string) error {
	c, err := cluster.New(cluster.Config{
		Server: filepath.Join(l.bin, "labkv-server"), Scheduler: filepath.Join(l.bin, "labkv-scheduler"), Dir: dir, Stores: members,
		Args: []string{"--log-level", "warn", "--split-size", "0"}, SchedulerArgs: []string{"--log-level", "warn"},
	})
	if err != nil {
		return err
	}
	l.cluster = c
	if l.conn, err = schedulerclient.Dial(c.Scheduler().Addr); err != nil {
		return err
	}
	l.scheduler = schedulerpb.NewSchedulerClient(l.conn)
	debug, err := cluster.FreeAddrs(len(c.Stores()))
	if err != nil {
		return err
	}
	if err := c.Scheduler().Start(); err != nil {
		return err
	}
	l.debug = map[string]string{}
	for i, s := range c.Stores() {
		var args []string
		if l.profiles != "" {
			l.debug[s.Addr] = debug[i]
			args = append(args, "--debug-addr", debug[i])
		}
		if err := s.Start(args...); err != nil {
			return err
		}
	}
	return l.split(ctx)
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
	return client.NewRaw(client.Config{Scheduler: l.scheduler})
}

func (l *labkv) processes() (ids []int) {
	for _, s := range l.cluster.Stores() {
		ids = append(ids, s.Process())
	}
	return append(ids, l.cluster.Scheduler().Process())
}

func (l *labkv) stop() {
	if l.cluster != nil {
		l.cluster.Stop(5 * time.Second)
	}
	if l.conn != nil {
		l.conn.Close()
	}
}

func (l *labkv) connect() (connection, error) {
	c, err := l.newClient()
	if err != nil {
		return nil, err
	}
	t, err := client.NewTransactional(client.Config{Scheduler: l.scheduler})
	if err != nil {
		c.Close()
		return nil, err
	}
	return labkvConnection{c, t}, nil
}

// profile writes a CPU profile of each store over period.
func (l *labkv) profile(ctx context.Context, name string, period time.Duration) error {
	group, ctx := errgroup.WithContext(ctx)
	for i, addr := range l.cluster.Addrs() {
		role := fmt.Sprintf("store%d", i+1)
		if l.regions == 1 {
			role = fmt.Sprintf("follower%d", i+1)
			if addr == l.leader {
				role = "leader"
			}
		}
		group.Go(func() error {
			url := fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%.0f", l.debug[addr], max(1, period.Seconds()))
			return fetch(ctx, url, filepath.Join(l.profiles, fmt.Sprintf("%s-%d-%s.pprof", name, l.regions, role)))
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

// A labkvConnection finds the leader of a region with the first request for it, and stays
// with it.
type labkvConnection struct {
	client       *client.Raw
	transactions *client.Transactional
}

func (c labkvConnection) close() {
	c.client.Close()
	c.transactions.Close()
}

func (c labkvConnection) read(ctx context.Context, keys [][]byte) error {
	if len(keys) == 1 {
		_, _, err := c.transactions.Get(ctx, keys[0])
		return err
	}
	txn, err := c.transactions.Begin(ctx)
	if err != nil {
		return err
	}
	defer txn.Rollback()
	_, err = txn.BatchGet(ctx, keys)
	return err
}

func (c labkvConnection) update(ctx context.Context, keys [][]byte, value []byte) error {
	return c.transactions.Run(ctx, func(ctx context.Context, txn *client.Txn) error {
		if _, err := txn.BatchGet(ctx, keys); err != nil {
			return err
		}
		for _, key := range keys {
			if err := txn.Put(key, value); err != nil {
				return err
			}
		}
		return nil
	})
}

func (c labkvConnection) put(ctx context.Context, key, value []byte) error {
	return c.client.Put(ctx, engine.CFDefault, key, value)
}

func (c labkvConnection) get(ctx context.Context, key []byte) (int, error) {
	value, _, err := c.client.Get(ctx, engine.CFDefault, key)
	return len(value), err
}
