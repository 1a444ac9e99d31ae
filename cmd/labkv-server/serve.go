package main

import (
	"context"
	"log/slog"
	"net"
	"time"

	"github.com/pingcap/errors"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/kv/server"
	"github.com/labkv/labkv/kv/server/endpoint"
	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/kv/storage/replicated"
	"github.com/labkv/labkv/kv/storage/standalone"
	"github.com/labkv/labkv/lab/todo"
	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/proto/tinykvpb"
)

// serve runs a store until ctx is done, or until it cannot go on.
func serve(ctx context.Context, c *config, log *slog.Logger) (err error) {
	var (
		s storage.Storage
		// Both are nil if the store serves alone.
		rs *replicated.Storage
		f  *founders
	)
	if c.Standalone {
		s = standalone.New(standalone.Config{
			Open:   func() (engine.Engine, error) { return openStandalone(c.Path) },
			NoSync: !c.Sync,
		})
	} else {
		f = newFounders(c, log)
		rs = replicated.New(replicated.Config{
			ClusterID:     c.ClusterID,
			StoreID:       c.StoreID,
			Addrs:         c.members,
			Open:          func() (*replicated.Disk, error) { return openReplicated(ctx, c, f, log) },
			Tick:          time.Duration(c.Tick),
			MaxLogEntries: c.MaxLogEntries,
			Logger:        log,
		})
		s = rs
	}
	if err := s.Start(); err != nil {
		if ctx.Err() != nil {
			log.Info("stopped before the store began to serve")
			return nil
		}
		return explain(c, err)
	}
	defer func() {
		if stopErr := s.Stop(); err == nil {
			err = stopErr
		}
	}()

	if c.DebugAddr != "" {
		stop, err := serveDebug(c.DebugAddr, log)
		if err != nil {
			return err
		}
		defer stop()
	}
	listener, err := net.Listen("tcp", c.Addr)
	if err != nil {
		return errors.Trace(err)
	}
	e := endpoint.New(endpoint.Config{
		MaxMessageSize: c.MaxMessageSize,
		StopTimeout:    time.Duration(c.StopTimeout),
		Logger:         log,
		Explain:        explainPanic,
	})
	tinykvpb.RegisterTinyKvServer(e, server.New(s))
	if f != nil {
		raftserverpb.RegisterBootstrapServer(e, f)
	}

	ctx, fail := context.WithCancel(ctx)
	defer fail()
	if rs != nil {
		failed := rs.Failed()
		go func() {
			select {
			case <-failed:
				fail()
			case <-ctx.Done():
			}
		}()
	}
	stopped := make(chan struct{})
	cancel := context.AfterFunc(ctx, func() {
		defer close(stopped)
		log.Info("stopping", "timeout", time.Duration(c.StopTimeout))
		if !e.Stop() {
			log.Warn("calls were cut off")
		}
	})
	log.Info("listening", "addr", listener.Addr().String(), "path", c.Path)
	err = e.Serve(listener)
	if !cancel() {
		<-stopped // the storage must not go before the calls that use it
		log.Info("stopped")
	}
	if rs != nil && err == nil {
		err = errors.Annotate(rs.Err(), "the store has failed")
	}
	return err
}

// explainPanic tells a client of a handler that is not written yet.
func explainPanic(panicked any) error {
	if missing, ok := todo.Recovered(panicked); ok {
		return status.Error(codes.Unimplemented, missing.Explain("."))
	}
	return nil
}

// explain adds to the error of a store that does not start what to do about it.
func explain(c *config, err error) error {
	switch stranger, ok := errors.Cause(err).(*raftstore.StrangerError); {
	case errors.Cause(err) == raftstore.ErrNotBootstrapped:
		return c.halfStore()
	case ok:
		return errors.Errorf("%s: %v: check --%s-id and --path", c.Path, stranger, stranger.What)
	}
	return err
}
