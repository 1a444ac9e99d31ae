package main

import (
	"context"
	stderrors "errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/pingcap/errors"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/labkv/labkv/internal/service"
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/server/endpoint"
	"github.com/labkv/labkv/lab/todo"
	"github.com/labkv/labkv/proto/schedulerpb"
	"github.com/labkv/labkv/scheduler"
	"github.com/labkv/labkv/scheduler/server"
	clusterstatus "github.com/labkv/labkv/scheduler/status"
)

// serve runs a scheduler until ctx is done, or until it cannot go on.
func serve(ctx context.Context, c *config, log *slog.Logger) (err error) {
	// Without its address there is no reason to touch the data.
	listener, err := net.Listen("tcp", c.Addr)
	if err != nil {
		return errors.Trace(err)
	}
	defer listener.Close() // in the end the endpoint has done so
	if c.AdvertiseAddr == "" {
		c.AdvertiseAddr = listener.Addr().String()
	}
	disk, err := open(c.Path)
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := disk.Close(); err == nil {
			err = errors.Annotate(closeErr, "close the disk")
		}
	}()
	core, err := scheduler.Open(scheduler.Config{
		ClusterID: c.ClusterID,
		Engine:    disk,
		Now:       time.Now,
		Member:    &schedulerpb.Member{Name: "scheduler", MemberId: 1, ClientUrls: []string{"http://" + c.AdvertiseAddr}},
		Options: scheduler.Options{
			MaxPeerCount:        c.Replicas,
			StoreDisconnectTime: time.Duration(c.Disconnect),
			MaxStoreDownTime:    time.Duration(c.Down),
		},
		Logger: log,
	})
	if err != nil {
		return errors.Annotate(err, c.Path)
	}
	s := server.New(server.Config{Scheduler: core, Tick: time.Duration(c.Tick), Logger: log})
	e := endpoint.New(endpoint.Config{
		StopTimeout: time.Duration(c.StopTimeout),
		Logger:      log,
		Explain:     explainPanic,
		Unary:       s.Around,
	})
	s.Register(e)

	ctx, fail := context.WithCancel(ctx)
	defer fail()
	ready := func() error {
		if ctx.Err() != nil {
			return errors.NewNoStackError("the scheduler stops")
		}
		return s.Err()
	}
	feed := clusterstatus.NewFeed()
	pages := s.Pages(ready)
	pages.Handle("/", clusterstatus.NewServer(clusterstatus.Options{Feed: feed, Hosts: names(c)}))
	for _, pages := range []struct {
		addr, what string
		mux        *http.ServeMux
	}{{c.StatusAddr, "status", pages}, {c.DebugAddr, "profiles", service.Profiles()}} {
		if pages.addr == "" {
			continue
		}
		stop, err := service.ServeHTTP(pages.addr, pages.what, pages.mux, log)
		if err != nil {
			return err
		}
		defer stop()
	}

	s.Start()
	defer s.Stop() // before the disk closes
	var watching sync.WaitGroup
	defer watching.Wait()
	defer fail()
	watching.Go(func() {
		select {
		case <-s.Failed():
			log.Error("the scheduler has failed", "error", s.Err())
			fail()
		case <-ctx.Done():
		}
	})
	if c.StatusAddr != "" {
		collector := clusterstatus.NewCollector(clusterstatus.Config{
			ClusterID: c.ClusterID, Scheduler: core, SchedulerAddr: listener.Addr().String(), Feed: feed,
		})
		watching.Go(func() { collector.Run(ctx) })
	}
	if c.GCInterval > 0 {
		watching.Go(func() {
			if err := collect(ctx, listener.Addr().String(), time.Duration(c.GCInterval), time.Duration(c.GCKeep), log); err != nil {
				log.Error("old versions are not removed", "error", err)
			}
		})
	}
	stopped := make(chan struct{})
	cancel := context.AfterFunc(ctx, func() {
		defer close(stopped)
		log.Info("stopping", "timeout", time.Duration(c.StopTimeout))
		if !e.Stop() {
			log.Warn("calls were cut off")
		}
	})
	log.Info("listening", "addr", listener.Addr().String(), "path", c.Path, "cluster", c.ClusterID)
	err = e.Serve(listener)
	if !cancel() {
		<-stopped
		log.Info("stopped")
	}
	if err == nil {
		err = errors.Annotate(s.Err(), "the scheduler has failed")
	}
	return err
}

// names returns the names of this machine, under which its status page may be opened.
func names(c *config) []string {
	var all []string
	for _, addr := range []string{c.StatusAddr, c.AdvertiseAddr} {
		if host, _, err := net.SplitHostPort(addr); err == nil {
			all = append(all, host)
		}
	}
	if host, err := os.Hostname(); err == nil {
		all = append(all, host)
	}
	return all
}

// open opens the engine of a scheduler.
func open(path string) (engine.Engine, error) {
	e, err := openEngine(path, scheduler.Families)
	var other *engine.FamiliesError
	if errors.Find(err, func(e error) bool { return stderrors.As(e, &other) }) != nil {
		return nil, errors.Errorf("%s holds something other than a scheduler, maybe a store: give an empty or a new directory", path)
	}
	return e, err
}

// explainPanic tells a caller of a method that is not written yet.
func explainPanic(panicked any) error {
	if missing, ok := todo.Recovered(panicked); ok {
		return status.Error(codes.Unimplemented, missing.Explain("."))
	}
	return nil
}
