package main

import (
	"context"
	"log/slog"
	"time"

	kvclient "github.com/labkv/labkv/kv/client"
	"github.com/labkv/labkv/proto/schedulerpb"
	"github.com/labkv/labkv/scheduler/client"
)

// collectLimit bounds one removal of old versions. What is left is removed by the next one.
const collectLimit = time.Hour

// collect removes old versions from the cluster of the scheduler at addr, again and again
// until ctx is done. It is a client like any other, so that a person may do the same at the
// same time, and a scheduler that is replaced leaves nothing half done.
func collect(ctx context.Context, addr string, interval, keep time.Duration, log *slog.Logger) error {
	conn, err := client.Dial(addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	c, err := kvclient.NewTransactional(kvclient.Config{Scheduler: schedulerpb.NewSchedulerClient(conn), Background: ctx})
	if err != nil {
		return err
	}
	defer c.Close()
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		begun := time.Now()
		limited, cancel := context.WithTimeout(ctx, collectLimit)
		done, err := c.Collect(limited, keep)
		cancel()
		report := log.With("safe-point", done.SafePoint, "removed", done.Removed, "transactions", done.Transactions, "took", time.Since(begun))
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			report.Warn("old versions were not all removed", "error", err)
		case done.Removed > 0 || done.Transactions > 0:
			report.Info("removed old versions")
		}
	}
}
