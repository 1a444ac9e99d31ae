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

	"github.com/labkv/labkv/lab/cluster"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/tinykvpb"
)

// labkv is a cluster of this tree's stores.
type labkv struct {
	server   string
	profiles string // directory, or empty

	cluster *cluster.Cluster
	leader  string
	debug   map[string]string // where profiles are served, by address
}

// region is what requests are for: all keys are in the one region there is.
var region = &kvrpcpb.Context{RegionId: 1}

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

func (l *labkv) findLeader(ctx context.Context) (err error) {
	l.leader, err = find(ctx, l.cluster.Addrs(), func(ctx context.Context, conn *grpc.ClientConn) bool {
		resp, err := tinykvpb.NewTinyKvClient(conn).RawGet(ctx, &kvrpcpb.RawGetRequest{Context: region, Key: key(0)})
		return err == nil && resp.RegionError == nil
	})
	return err
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
	conn, err := dial(l.leader)
	if err != nil {
		return nil, err
	}
	return &labkvConnection{conn, tinykvpb.NewTinyKvClient(conn)}, nil
}

// profile writes where each store spends its processor time for so long.
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

type labkvConnection struct {
	conn   *grpc.ClientConn
	client tinykvpb.TinyKvClient
}

func (c *labkvConnection) close() { c.conn.Close() }

func (c *labkvConnection) put(ctx context.Context, key, value []byte) error {
	resp, err := c.client.RawPut(ctx, &kvrpcpb.RawPutRequest{Context: region, Key: key, Value: value})
	return refusal(resp.GetRegionError().GetMessage(), resp.GetError(), err)
}

func (c *labkvConnection) get(ctx context.Context, key []byte) (int, error) {
	resp, err := c.client.RawGet(ctx, &kvrpcpb.RawGetRequest{Context: region, Key: key})
	return len(resp.GetValue()), refusal(resp.GetRegionError().GetMessage(), resp.GetError(), err)
}

func refusal(region, message string, err error) error {
	if err == nil && region+message != "" {
		err = errors.New(region + message)
	}
	return err
}
