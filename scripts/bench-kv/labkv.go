package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/pingcap/errors"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/labkv/labkv/lab/cluster"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/tinykvpb"
)

// labkv is a cluster of this tree's stores.
type labkv struct {
	server  string
	profile bool

	cluster *cluster.Cluster
	leader  string
	debug   map[string]string // by address
	count   int
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
	l.debug = map[string]string{}
	debug, err := cluster.FreeAddrs(len(c.Stores()))
	if err != nil {
		return err
	}
	for i, s := range c.Stores() {
		args := []string{"--bootstrap"}
		if l.profile {
			l.debug[s.Addr] = debug[i]
			args = append(args, "--debug-addr", debug[i])
		}
		if err := s.Start(args...); err != nil {
			return err
		}
	}
	for ctx.Err() == nil {
		for _, addr := range c.Addrs() {
			conn, err := dial(addr)
			if err != nil {
				return err
			}
			resp, err := tinykvpb.NewTinyKvClient(conn).RawGet(ctx, &kvrpcpb.RawGetRequest{Context: region, Key: key(0)})
			conn.Close()
			if err == nil && resp.RegionError == nil {
				l.leader = addr
				return nil
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	return ctx.Err()
}

func (l *labkv) stop() {
	if l.cluster != nil {
		l.cluster.Stop(5 * time.Second)
	}
}

func (l *labkv) connect(ctx context.Context) (connection, error) {
	conn, err := dial(l.leader)
	if err != nil {
		return nil, err
	}
	if l.profile {
		l.count++
		go l.writeProfile(ctx, fmt.Sprintf("labkv-%d.pprof", l.count))
	}
	return &labkvConnection{conn, tinykvpb.NewTinyKvClient(conn)}, nil
}

// writeProfile writes where the leader spends the next seconds.
func (l *labkv) writeProfile(ctx context.Context, name string) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+l.debug[l.leader]+"/debug/pprof/profile?seconds=4", nil)
	if err != nil {
		return
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return
	}
	defer resp.Body.Close()
	f, err := os.Create(name)
	if err != nil {
		return
	}
	defer f.Close()
	_, _ = io.Copy(f, resp.Body)
}

func dial(addr string) (*grpc.ClientConn, error) {
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	return conn, errors.Trace(err)
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
