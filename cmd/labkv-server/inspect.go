package main

import (
	"context"
	"time"

	"github.com/labkv/labkv/kv/storage/replicated"
	"github.com/labkv/labkv/proto/raftserverpb"
)

// An inspector adds what the process knows to the status of its storage. To ask it
// costs requests nothing: the counts are the metrics themselves.
type inspector struct {
	storage *replicated.Storage
	metrics *metrics
	path    string // of the data
	started time.Time
}

// Status implements server.Inspector.
func (i *inspector) Status(ctx context.Context) (*raftserverpb.StoreStatus, error) {
	s, err := i.storage.Status(ctx)
	if err != nil {
		return nil, err
	}
	s.Load = &raftserverpb.Load{
		Started: i.started.UnixMilli(),
		Reads:   i.metrics.requestsOf(requestRead),
		Writes:  i.metrics.requestsOf(requestWrite),
	}
	// Where the room is not known, both stay 0.
	s.Load.Capacity, s.Load.Available, _ = room(i.path)
	return s, nil
}
