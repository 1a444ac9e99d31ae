package transport

import (
	"context"
	"strconv"
	"sync"

	"github.com/pingcap/errors"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// The keys of the metadata of a stream, and of the answer to it. All values are
// decimal numbers.
const (
	keyCluster = "labkv-cluster"
	keyFrom    = "labkv-from-store"
	keyTo      = "labkv-to-store"
	keyProcess = "labkv-process"
)

// An identity is what one side of a stream says about itself, and the store
// that it means to talk to.
type identity struct {
	cluster, from, to, process uint64
}

func (i identity) metadata() metadata.MD {
	decimal := func(n uint64) string { return strconv.FormatUint(n, 10) }
	return metadata.Pairs(keyCluster, decimal(i.cluster), keyFrom, decimal(i.from), keyTo, decimal(i.to), keyProcess, decimal(i.process))
}

// identityOf is the inverse of metadata.
func identityOf(md metadata.MD) (i identity, err error) {
	for _, field := range []struct {
		key string
		to  *uint64
	}{{keyCluster, &i.cluster}, {keyFrom, &i.from}, {keyTo, &i.to}, {keyProcess, &i.process}} {
		values := md.Get(field.key)
		if len(values) != 1 {
			return i, errors.Errorf("it does not say its %s: it is not a store", field.key)
		}
		if *field.to, err = strconv.ParseUint(values[0], 10, 64); err != nil {
			return i, errors.Errorf("its %s is %q, which is not a number", field.key, values[0])
		}
	}
	return i, nil
}

// introduce returns a context for a stream to a store, with the identity of
// this one.
func (t *Transport) introduce(ctx context.Context, to uint64) context.Context {
	return metadata.NewOutgoingContext(ctx, t.identity(to).metadata())
}

func (t *Transport) identity(to uint64) identity {
	return identity{cluster: t.cfg.ClusterID, from: t.cfg.StoreID, to: to, process: t.process}
}

// checkIdentity returns an error unless other is a member of this cluster that
// means to talk to this store.
func (t *Transport) checkIdentity(other identity) error {
	switch {
	case other.cluster != t.cfg.ClusterID:
		return errors.Errorf("it is of cluster %d, this is cluster %d: check the addresses of the peers", other.cluster, t.cfg.ClusterID)
	case other.to != t.cfg.StoreID:
		return errors.Errorf("it means to reach store %d, this is store %d: check the addresses of the peers", other.to, t.cfg.StoreID)
	case other.from != t.cfg.StoreID && !t.mayExist(other.from):
		return errors.Errorf("it is store %d, which is not a member of this cluster", other.from)
	}
	return nil
}

// presence knows, for every store that has streams to this one, which process
// it is and how many streams it has.
type presence struct {
	mu     sync.Mutex
	stores map[uint64]*visitor
}

type visitor struct {
	process uint64
	streams int
}

// enter notes a stream of store as process. It notes nothing and returns false
// if the store is connected as another process.
func (p *presence) enter(store, process uint64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	v := p.stores[store]
	if v == nil {
		v = &visitor{process: process}
		p.stores[store] = v
	}
	if v.process != process {
		return false
	}
	v.streams++
	return true
}

// leave notes the end of a stream.
func (p *presence) leave(store uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	v := p.stores[store]
	if v.streams--; v.streams == 0 {
		delete(p.stores, store)
	}
}

// A headerSender is the side of a stream that was opened by another store.
type headerSender interface {
	Context() context.Context
	SendHeader(metadata.MD) error
}

// admit checks the identity of the store that has opened a stream, and answers
// with this store's. The caller must call leave at the end of the stream. The
// error is a gRPC status.
func (t *Transport) admit(stream headerSender) (from uint64, leave func(), err error) {
	if t.ctx.Err() != nil || t.store == nil {
		return 0, nil, errStopping
	}
	md, _ := metadata.FromIncomingContext(stream.Context())
	other, err := identityOf(md)
	if err == nil {
		err = t.checkIdentity(other)
	}
	if err != nil {
		t.drops.count(DropIdentity, "error", err)
		return 0, nil, status.Error(codes.FailedPrecondition, "refused: "+err.Error())
	}
	if other.from == t.cfg.StoreID || !t.present.enter(other.from, other.process) {
		t.drops.count(DropDuplicate, "store", other.from, "process", other.process)
		return 0, nil, status.Errorf(codes.AlreadyExists,
			"refused: another live process is store %d already: stop one of the two, they must not share an id", other.from)
	}
	leave = func() { t.present.leave(other.from) }
	if err := stream.SendHeader(t.identity(other.from).metadata()); err != nil {
		leave()
		return 0, nil, err
	}
	return other.from, leave, nil
}

var errStopping = status.Error(codes.Unavailable, "this store is stopping")
