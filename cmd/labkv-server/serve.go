package main

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/pingcap/errors"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/labkv/labkv/internal/service"
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/kv/server"
	"github.com/labkv/labkv/kv/server/endpoint"
	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/kv/storage/replicated"
	"github.com/labkv/labkv/kv/storage/standalone"
	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/lab/todo"
	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/proto/tinykvpb"
)

// serve runs a store until ctx is done, or until it cannot go on.
func serve(ctx context.Context, c *config, log *slog.Logger) (err error) {
	started := time.Now()
	var (
		s  storage.Storage
		m  *metrics
		rs *replicated.Storage // nil if the store serves alone
		f  *founders           // nil but for one of stores that are all known from the beginning
		// listener is where clients and other stores come; nil until it is needed.
		listener net.Listener
	)
	if c.Scheduler != "" {
		// Others are told the address before the store serves. Whoever comes before
		// that waits.
		if listener, err = net.Listen("tcp", c.Addr); err != nil {
			return errors.Trace(err)
		}
		defer listener.Close() // in the end the endpoint has done so
		if c.AdvertiseAddr == "" {
			c.AdvertiseAddr = listener.Addr().String()
		}
	}
	if c.Standalone {
		m = newMetrics(engineStandalone)
		s = standalone.New(standalone.Config{
			Open: func() (engine.Engine, error) {
				e, err := openStandalone(c.Path)
				if err != nil {
					return nil, err
				}
				return m.engine(engineStandalone, e), nil
			},
			NoSync: !c.Sync,
		})
	} else {
		m = newMetrics(engineRaft, engineKV)
		open := func() (*replicated.Disk, error) { return openScheduled(ctx, c, log) }
		if c.Scheduler == "" {
			f = newFounders(c, log)
			open = func() (*replicated.Disk, error) { return openReplicated(ctx, c, f, log) }
		}
		rs = replicated.New(replicated.Config{
			ClusterID: c.ClusterID,
			StoreID:   c.StoreID,
			Addrs:     c.members,
			Open: func() (*replicated.Disk, error) {
				disk, err := open()
				if err != nil {
					return nil, err
				}
				disk.Raft, disk.KV = m.engine(engineRaft, disk.Raft), m.engine(engineKV, disk.KV)
				return disk, nil
			},
			Tick:          time.Duration(c.Tick),
			MaxLogEntries: c.MaxLogEntries,
			SplitSize:     c.SplitSize,
			SplitKey:      transaction.SplitKey,
			Logger:        log,
			Around:        m.around,
			Applied:       m.countApplied,
		})
		m.replicated(rs)
		s = rs
	}
	r := newReadiness()
	m.ready(r)
	// They say that the process lives while it waits for others.
	for _, pages := range []struct {
		addr, what string
		mux        *http.ServeMux
	}{{c.StatusAddr, "status", statusPages(m, r)}, {c.DebugAddr, "profiles", service.Profiles()}} {
		if pages.addr == "" {
			continue
		}
		stop, err := service.ServeHTTP(pages.addr, pages.what, pages.mux, log)
		if err != nil {
			return err
		}
		defer stop()
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

	if listener == nil {
		if listener, err = net.Listen("tcp", c.Addr); err != nil {
			return errors.Trace(err)
		}
	}
	e := endpoint.New(endpoint.Config{
		MaxMessageSize: c.MaxMessageSize,
		StopTimeout:    time.Duration(c.StopTimeout),
		Logger:         log,
		Explain:        explainPanic,
	})
	if rs == nil {
		tinykvpb.RegisterTinyKvServer(e, server.New(measured{s, m}))
	} else {
		if f != nil {
			tinykvpb.RegisterTinyKvServer(e, server.New(peersOf{measured{s, m}, rs}))
			raftserverpb.RegisterBootstrapServer(e, f)
		} else {
			o, err := newOracle(c.Scheduler)
			if err != nil {
				return err
			}
			defer o.close()
			guard := server.NewGuard(o.safePoint, m.countCollected)
			kv := server.NewOnePhase(server.New(peersOf{guard.Storage(measured{s, m}), rs}), o.timestamp)
			tinykvpb.RegisterTinyKvServer(e, guard.Server(kv, measured{s, m}))
		}
		raftserverpb.RegisterInspectServer(e, server.NewInspect(&inspector{storage: rs, metrics: m, path: c.Path, started: started}))
	}

	ctx, fail := context.WithCancel(ctx)
	var watching sync.WaitGroup
	defer watching.Wait()
	defer fail()
	if rs == nil {
		r.set(nil)
	} else {
		failed := rs.Failed()
		watching.Go(func() {
			select {
			case <-failed:
				fail()
			case <-ctx.Done():
			}
		})
		e.SetReady(false)
		r.changed = e.SetReady
		watching.Go(func() { r.watch(ctx, rs, log) })
	}
	stopped := make(chan struct{})
	cancel := context.AfterFunc(ctx, func() {
		defer close(stopped)
		r.set(errStopping)
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

// peersOf is what lies around a replicated storage, with the storage's other stores.
type peersOf struct {
	storage.Storage
	server.Peers
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
	case errors.Cause(err) == raftstore.ErrNotBootstrapped && c.Scheduler != "":
		return errors.Errorf("%s has lost data of its store: it cannot come back under its id; "+
			"start a new store with an empty directory, and take this one out of the cluster (labkv-ctl store remove)", c.Path)
	case errors.Cause(err) == raftstore.ErrNotBootstrapped:
		return c.halfStore()
	case ok:
		return errors.Errorf("%s: %v: check --%s-id and --path", c.Path, stranger, stranger.What)
	}
	return err
}
