// Package client talks to the stores of a cluster. It finds the store that leads
// the region of a key, and sends a request again when that is right. There are two
// clients: a Raw reads and writes single keys, and a Transactional has transactions
// over any keys. A cluster uses one or the other for a key.
//
// # Single keys
//
//	c, err := client.NewRaw(client.Config{Stores: client.At("10.0.0.1:20160", "10.0.0.2:20160")})
//	defer c.Close()
//	err = c.Put(ctx, engine.CFDefault, key, value)
//
// A call goes on until a store has served its request or the deadline of its
// context is over; without a deadline it may go on forever. Then it ends with one
// of two errors: a *RefusedError if the request had no effect and never will, an
// *OutcomeUnknownError if that is not certain.
//
// In a cluster with a scheduler the client asks that where regions and stores are:
//
//	c, err := client.NewRaw(client.Config{Scheduler: schedulerpb.NewSchedulerClient(conn)})
//
// It asks for what it needs and does not know, and again if no store of a region
// serves a request. What it knows goes on to be used while the scheduler is away.
//
// # Transactions
//
// They need the scheduler, which hands out their timestamps:
//
//	c, err := client.NewTransactional(client.Config{Scheduler: schedulerpb.NewSchedulerClient(conn)})
//	defer c.Close()
//	err = c.Run(ctx, func(ctx context.Context, txn *client.Txn) error {
//		value, found, err := txn.Get(ctx, key)
//		...
//		return txn.Put(key, value)
//	})
//
// A transaction reads the snapshot of its start, keeps its writes in memory, and
// commits them all or not at all: that is snapshot isolation. Run tries again on
// conflicts; with Begin and Commit the caller does that. A call goes on until the
// deadline of its context here, too. What the errors of Commit mean, and what to do:
//
//	*ConflictError        another transaction has changed a key: run it again
//	*AbortedError         another client has rolled it back: run it again
//	*TooOldError          it took longer than old versions are kept: begin anew
//	*LockedError          a lock was in the way until the deadline: try later
//	*RefusedError         a store or the scheduler was out of reach until the
//	                      deadline, or refuses for good: nothing was written
//	*OutcomeUnknownError  the deadline ended while the commit was on its way:
//	                      read what there is before trying again
//
// # Files
//
// retry.go is the one loop that sends requests, pace.go says how fast, react.go
// where to next; attempt.go decides what came of one request, fate.go how far it got;
// stores.go and regions.go are what the client knows of the cluster, locate.go and
// scheduler.go how it asks for what it does not know; raw.go and scan.go have the raw
// commands.
//
// transactional.go begins transactions, txn.go is one, and snapshot.go what it reads.
// commit.go has the two phases of a commit, prewrite.go the first of them; portion.go
// cuts keys into requests, pulse.go keeps a transaction alive; locks.go deals with locks
// of others, and decided.go remembers what became of their transactions; timestamps.go
// gets timestamps, txnerrors.go has the errors; collect.go removes old versions.
//
// The network, the clock and the dice come from the Config, so that the clients
// of a simulation are this package, too.
package client

import (
	"context"
	"math/rand/v2"
	"time"

	"google.golang.org/grpc"

	"github.com/labkv/labkv/proto/schedulerpb"
)

// A Config says where the stores are, and how to reach them.
type Config struct {
	// Stores are all stores of the cluster, and requests begin at the first. With a
	// Scheduler they need not be there: those that are, with their ids, are dialled
	// at once, and the scheduler is not asked where they are unless they fail.
	Stores []Store
	// Scheduler is asked where regions and stores are. The caller owns the connection
	// under it, which must outlive the client. nil means that the cluster is what
	// Stores says: a key whose region is not known is asked of every store in turn.
	Scheduler schedulerpb.SchedulerClient

	// Dial connects to the store at addr. It is called once for each store; with a
	// Scheduler by the first request that needs the store, and again if that has
	// moved, so that calls may come from several goroutines at once. nil means gRPC
	// over TCP, without encryption, which connects when it is first used.
	Dial func(addr string) (Conn, error)
	// Go runs f, at once or concurrently. A Transactional uses it for requests that
	// need not wait for each other, and for work that goes on when a call has
	// returned. nil means a goroutine; a client that must make one call after the
	// other runs f itself.
	Go func(f func())
	// Background is the context of the work that goes on when a call of a
	// Transactional has returned. nil means one that never ends.
	Background context.Context
	// Sleep returns nil after d, or the error of ctx as soon as ctx is done. nil
	// means the clock of the process.
	Sleep func(ctx context.Context, d time.Duration) error
	// Rand returns a number in [0, n). Calls may come from several goroutines at
	// once. nil means the generator of the process.
	Rand func(n int64) int64
}

// A Store is a process that has peers of regions.
type Store struct {
	ID   uint64 // 0: not known
	Addr string // host:port, or whatever else Dial takes
}

// At returns the stores at addrs, whose ids are not known.
func At(addrs ...string) []Store {
	var stores []Store
	for _, addr := range addrs {
		stores = append(stores, Store{Addr: addr})
	}
	return stores
}

// A Conn is a connection to a store. The error of Invoke may be a *CallError,
// which says how far the call got. Any other error means that the store may have
// the request, or may get it yet.
type Conn interface {
	grpc.ClientConnInterface
	// Close ends the use of the connection. Calls under way fail.
	Close() error
}

// withDefaults returns cfg with the means of a program where it names none.
func (cfg Config) withDefaults() Config {
	if cfg.Dial == nil {
		cfg.Dial = dial
	}
	if cfg.Go == nil {
		cfg.Go = func(f func()) { go f() }
	}
	if cfg.Background == nil {
		cfg.Background = context.Background()
	}
	if cfg.Sleep == nil {
		cfg.Sleep = sleep
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Int64N
	}
	return cfg
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
