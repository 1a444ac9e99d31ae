package main

import (
	"context"
	"log/slog"
	"net"
	"time"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/server"
	"github.com/labkv/labkv/kv/server/endpoint"
	"github.com/labkv/labkv/kv/storage/standalone"
	"github.com/labkv/labkv/proto/tinykvpb"
)

// serve runs a store until ctx is done, or until it cannot go on.
func serve(ctx context.Context, c *config, log *slog.Logger) (err error) {
	storage := standalone.New(standalone.Config{
		Open:   func() (engine.Engine, error) { return openEngine(c.Path) },
		NoSync: !c.Sync,
	})
	if err := storage.Start(); err != nil {
		return err
	}
	defer func() {
		if stopErr := storage.Stop(); err == nil {
			err = stopErr
		}
	}()

	listener, err := net.Listen("tcp", c.Addr)
	if err != nil {
		return errors.Trace(err)
	}
	e := endpoint.New(endpoint.Config{
		MaxMessageSize: c.MaxMessageSize,
		StopTimeout:    time.Duration(c.StopTimeout),
		Logger:         log,
	})
	tinykvpb.RegisterTinyKvServer(e, server.New(storage))

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
	return err
}
