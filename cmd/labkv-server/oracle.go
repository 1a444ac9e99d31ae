package main

import (
	"context"
	"time"

	"google.golang.org/grpc"

	kvclient "github.com/labkv/labkv/kv/client"
	"github.com/labkv/labkv/proto/schedulerpb"
	"github.com/labkv/labkv/scheduler/client"
)

// oracleLimit is how long a transaction that could be committed in one phase waits for its
// commit timestamp. Then it is committed in two, with a timestamp that its client gets.
const oracleLimit = time.Second

// An oracle gets timestamps from the scheduler. Its timestamp method may be called from
// several goroutines at once: they share requests.
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

func (o *oracle) close() {
	o.transactions.Close()
	o.conn.Close()
}
