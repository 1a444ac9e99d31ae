package main

import (
	"context"
	"time"

	"google.golang.org/grpc"

	kvclient "github.com/labkv/labkv/kv/client"
	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/proto/schedulerpb"
	"github.com/labkv/labkv/scheduler/client"
)

// oracleLimit is how long a request waits for what the scheduler says. A transaction that could
// be committed in one phase is then committed in two, with a timestamp that its client gets. A
// request that may be about versions that were removed is refused, and comes again.
const oracleLimit = time.Second

// An oracle gets timestamps and the safe point from the scheduler. Its methods may be called
// from several goroutines at once: they share requests for timestamps.
type oracle struct {
	conn         *grpc.ClientConn
	transactions *kvclient.Transactional
}

func newOracle(scheduler string) (*oracle, error) {
	conn, err := client.Dial(scheduler)
	if err != nil {
		return nil, err
	}
	t, err := kvclient.NewTransactional(kvclient.Config{Scheduler: schedulerpb.NewSchedulerClient(conn)})
	if err != nil {
		conn.Close()
		return nil, err
	}
	return &oracle{conn, t}, nil
}

func (o *oracle) timestamp(ctx context.Context) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, oracleLimit)
	defer cancel()
	return o.transactions.Timestamp(ctx)
}

func (o *oracle) safePoint(ctx context.Context) (transaction.SafePoint, error) {
	ctx, cancel := context.WithTimeout(ctx, oracleLimit)
	defer cancel()
	return o.transactions.SafePoint(ctx)
}

func (o *oracle) close() {
	o.transactions.Close()
	o.conn.Close()
}
