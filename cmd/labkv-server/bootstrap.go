package main

import (
	"context"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/pingcap/errors"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/labkv/labkv/proto/raftserverpb"
)

// A store without data may be one of a new cluster, or one that has lost what it
// promised: votes, and entries that it has acknowledged. The second must not begin as
// the first does. It could vote again in a term in which it has voted, or help to
// elect a leader without entries that a client was told are safe.
//
// Only the other stores know the difference, so a store that starts with --bootstrap
// asks all of them. It begins once each of them has either been without data itself
// while this process lived, or begun together with this process, which is to say that
// it had heard of this process before it made its data. An earlier process of this
// store has promised nothing then: it could do so only to a store that had begun, and
// such a store had not heard of this process before and calls itself established.
//
// So that all can begin, a store waits until the others have asked it, too. One that
// does not answer is waited for: it may be late, or it may be down and hold promises.

// founders are the stores of a cluster as one of them knows them at its start. It
// serves raftserverpb.Bootstrap.
type founders struct {
	raftserverpb.UnimplementedBootstrapServer

	cluster, self uint64
	addrs         map[uint64]string // of all stores, by id
	// process is a random number that no other process of this store has.
	process uint64
	log     *slog.Logger

	mu sync.Mutex
	// begun is whether this store has data, or is about to make it.
	begun bool
	// met are the processes of the other stores that this one has heard from
	// before it began, the last of each store.
	met map[uint64]uint64
}

func newFounders(c *config, log *slog.Logger) *founders {
	return &founders{
		cluster: c.ClusterID,
		self:    c.StoreID,
		addrs:   c.members,
		process: rand.Uint64(),
		log:     log,
		begun:   !c.bootstrap,
		met:     map[uint64]uint64{},
	}
}

// Ask implements raftserverpb.BootstrapServer.
func (f *founders) Ask(_ context.Context, from *raftserverpb.Newcomer) (*raftserverpb.Member, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := &raftserverpb.Member{ClusterId: f.cluster, StoreId: f.self, Stores: f.stores()}
	process, met := f.met[from.StoreId]
	switch {
	case !f.begun:
		m.State = raftserverpb.Member_NEW
		if from.ClusterId == f.cluster {
			f.met[from.StoreId] = from.Process
		}
	case met && process == from.Process:
		m.State = raftserverpb.Member_BEGAN_TOGETHER
	}
	return m, nil
}

// stores returns the ids of all stores in ascending order.
func (f *founders) stores() []uint64 { return slices.Sorted(maps.Keys(f.addrs)) }

// begin returns once this store may make its data as one of a new cluster. Until
// then it answers other stores at addr, and nothing else. The error says why the
// cluster is not new, or is ctx's.
func (f *founders) begin(ctx context.Context, addr string) error {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return errors.Trace(err)
	}
	// Clients that are here already come again.
	server := grpc.NewServer(grpc.UnknownServiceHandler(func(any, grpc.ServerStream) error { return errWaiting }))
	raftserverpb.RegisterBootstrapServer(server, f)
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(listener) }) // what breaks here, the others wait for
	defer serving.Wait()
	defer server.GracefulStop()

	f.log.Info("first start of a cluster: waiting for all its stores", "stores", list(f.addrs))
	if err := f.askAll(ctx, f.beginsWith); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.begun = true
	return nil
}

var errWaiting = status.Error(codes.Unavailable, "this store waits for the other stores of a new cluster")

// beginsWith reports whether this store begins together with the one that answers, or
// has to ask again. The error is that the cluster is not new.
func (f *founders) beginsWith(m *raftserverpb.Member) (bool, error) {
	switch m.State {
	case raftserverpb.Member_NEW:
		f.mu.Lock()
		defer f.mu.Unlock()
		_, met := f.met[m.StoreId]
		return met, nil
	case raftserverpb.Member_BEGAN_TOGETHER:
		return true, nil
	}
	return false, errors.Errorf("store %d at %s has data of cluster %d already: --bootstrap is for the first start of a new cluster; "+
		"if the data of store %d is lost, pass --rejoin instead (see --help)", m.StoreId, f.addrs[m.StoreId], f.cluster, f.self)
}

// established returns an error unless all other stores answer in time, and have data.
func (f *founders) established(ctx context.Context) error {
	const limit = 5 * time.Second
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := f.askAll(ctx, func(m *raftserverpb.Member) (bool, error) {
		if m.State == raftserverpb.Member_NEW {
			return false, errors.Errorf("store %d at %s has no data either: if the whole cluster is new, pass --bootstrap", m.StoreId, f.addrs[m.StoreId])
		}
		return true, nil
	})
	if ctx.Err() != nil {
		return errors.Annotate(err, "--rejoin needs all other stores, else acknowledged writes could be lost")
	}
	return err
}

// A verdict on an answer is that it will do, or an error if no answer ever will.
type verdict func(*raftserverpb.Member) (bool, error)

// askAll asks every other store until each has given an answer that will do. The error
// is why one never will, or the reason why there was no answer when ctx ended.
func (f *founders) askAll(ctx context.Context, judge verdict) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, id := range f.stores() {
		if id != f.self {
			group.Go(func() error { return f.ask(ctx, id, judge) })
		}
	}
	return group.Wait()
}

// ask is askAll for one store.
func (f *founders) ask(ctx context.Context, id uint64, judge verdict) error {
	const pause = 100 * time.Millisecond
	addr := f.addrs[id]
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: backoff.Config{BaseDelay: pause, Multiplier: 1, MaxDelay: pause}, MinConnectTimeout: time.Second}))
	if err != nil {
		return errors.Annotatef(err, "peer %d", id)
	}
	defer conn.Close()
	said := ""
	for {
		m, err := f.askOnce(ctx, conn)
		switch {
		case err == nil:
			if done, err := f.judge(id, m, judge); done || err != nil {
				return err
			}
		case status.Code(err) == codes.Unimplemented:
			return errors.Errorf("the server at %s is not a store of a cluster: check the addresses of the peers", addr)
		case ctx.Err() != nil:
			return errors.Errorf("store %d at %s does not answer: %s", id, addr, said)
		case said != status.Convert(err).Message():
			said = status.Convert(err).Message()
			f.log.Info("waiting for a store", "store", id, "addr", addr, "error", said)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

func (f *founders) askOnce(ctx context.Context, conn grpc.ClientConnInterface) (*raftserverpb.Member, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	return raftserverpb.NewBootstrapClient(conn).Ask(ctx, &raftserverpb.Newcomer{ClusterId: f.cluster, StoreId: f.self, Process: f.process})
}

// judge gives the verdict on an answer that must be one of store id of this cluster.
func (f *founders) judge(id uint64, m *raftserverpb.Member, judge verdict) (bool, error) {
	addr := f.addrs[id]
	switch {
	case m.ClusterId != f.cluster:
		return false, errors.Errorf("store %d at %s is of cluster %d, not of cluster %d: check --cluster-id and the addresses of the peers", m.StoreId, addr, m.ClusterId, f.cluster)
	case m.StoreId != id:
		return false, errors.Errorf("the server at %s is store %d, not store %d: check the addresses of the peers", addr, m.StoreId, id)
	case !slices.Equal(m.Stores, f.stores()):
		return false, errors.Errorf("store %d at %s has the peers %s, this store has %s: give all stores the same peers", id, addr, join(m.Stores), join(f.stores()))
	}
	return judge(m)
}
