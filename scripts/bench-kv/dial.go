package main

import (
	"context"
	"time"

	"github.com/pingcap/errors"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// dial returns a connection that is made when it is first used.
func dial(addr string) (*grpc.ClientConn, error) {
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	return conn, errors.Trace(err)
}

// electionLimit is how long a cluster may take to elect a leader.
const electionLimit = 30 * time.Second

// find returns the first of addrs that says yes, and asks until one does.
func find(ctx context.Context, addrs []string, ask func(context.Context, *grpc.ClientConn) bool) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, electionLimit, errors.Errorf("no leader within %s", electionLimit))
	defer cancel()
	for {
		for _, addr := range addrs {
			yes, err := askOne(ctx, addr, ask)
			if err != nil || yes {
				return addr, err
			}
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return "", context.Cause(ctx)
		}
	}
}

func askOne(ctx context.Context, addr string, ask func(context.Context, *grpc.ClientConn) bool) (bool, error) {
	conn, err := dial(addr)
	if err != nil {
		return false, err
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	return ask(ctx, conn), nil
}
