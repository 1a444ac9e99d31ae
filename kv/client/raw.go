// Package client talks to the stores of a cluster: it finds out which of them
// leads, and asks again where asking again is right.
//
//	c, err := client.NewRaw(client.Config{Addrs: addrs})
//	defer c.Close()
//	err = c.Put(ctx, engine.CFDefault, key, value)
//
// The deadline of a call's context bounds it with all its attempts; without one it
// may try for ever.
package client

import (
	"context"
	"math"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/pingcap/errors"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/errorpb"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/tinykvpb"
)

// A Config says where the stores are.
type Config struct {
	// Addrs are the addresses of all stores, host:port. With a single one
	// nothing is tried again that is not answered: there is nobody else.
	Addrs []string

	// DialOptions are added when connecting to a store.
	DialOptions []grpc.DialOption
}

// A Raw reads and writes keys outside of transactions, with the raw commands. Its
// methods may be called from several goroutines at once.
type Raw struct {
	stores []*store
	// leader is the index of the store that answered last.
	leader atomic.Int64
	// region is what is known of the region that holds all keys.
	region atomic.Pointer[metapb.Region]
}

type store struct {
	addr   string
	conn   *grpc.ClientConn
	client tinykvpb.TinyKvClient
}

// wholeSpace is the region that requests are for: one that holds all keys. A
// store answers a request without an epoch with the region as it is now.
var wholeSpace = &metapb.Region{Id: 1}

// about returns what a request says about its region.
func (c *Raw) about() *kvrpcpb.Context {
	r := c.region.Load()
	return &kvrpcpb.Context{RegionId: r.Id, RegionEpoch: r.RegionEpoch}
}

// learn takes over what a store says about regions.
func (c *Raw) learn(e *errorpb.Error) {
	for _, r := range e.GetEpochNotMatch().GetCurrentRegions() {
		if r.Id == wholeSpace.Id {
			c.region.Store(r)
		}
	}
}

// How long to wait before all stores are asked once more: longer each time, up to
// half of it left out at random.
const (
	minPause = 10 * time.Millisecond
	maxPause = 500 * time.Millisecond
	// readPatience is how long a store may take to answer a read before
	// another one is asked: it may lead in its own eyes only.
	readPatience = 2 * time.Second
)

// An OutcomeUnknownError is returned for a write that may have taken effect, or
// may yet. Nobody but the caller can say whether it may be sent again: if it has
// taken effect already, it could undo what somebody else has written since.
type OutcomeUnknownError struct {
	Addr string // of the store that was asked
	Err  error  // what became of the call
}

func (e *OutcomeUnknownError) Error() string {
	return "nobody can tell whether the write took effect, asked " + e.Addr + ": " + e.Err.Error()
}

func (e *OutcomeUnknownError) Unwrap() error { return e.Err }

// A RefusedError is returned when no store has taken a request up to the deadline,
// and says what the last one said. The request has had no effect.
type RefusedError struct {
	Addr string
	Err  error
}

func (e *RefusedError) Error() string { return e.Addr + ": " + e.Err.Error() }
func (e *RefusedError) Unwrap() error { return e.Err }

// NewRaw returns a client. It connects when it is first used.
func NewRaw(cfg Config) (*Raw, error) {
	if len(cfg.Addrs) == 0 {
		return nil, errors.New("no addresses of stores are given")
	}
	c := &Raw{}
	c.region.Store(wholeSpace)
	options := append([]grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithStatsHandler(delivery{}),
		grpc.WithConnectParams(grpc.ConnectParams{
			// A store that was restarted is to be found soon.
			Backoff:           backoff.Config{BaseDelay: minPause, Multiplier: 2, Jitter: 0.5, MaxDelay: maxPause},
			MinConnectTimeout: readPatience,
		}),
		// A machine that lost its power closes no connection.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 10 * time.Second, Timeout: 5 * time.Second}),
		// Windows of a fixed size: to find out a good one, gRPC would answer
		// every burst of data with a ping.
		grpc.WithInitialWindowSize(1 << 20),
		grpc.WithInitialConnWindowSize(4 << 20),
		// Whether an answer is too large is for the store to say.
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(math.MaxInt32)),
	}, cfg.DialOptions...)
	for _, addr := range cfg.Addrs {
		conn, err := grpc.NewClient(addr, options...)
		if err != nil {
			c.Close()
			return nil, errors.Annotatef(err, "address %s", addr)
		}
		c.stores = append(c.stores, &store{addr, conn, tinykvpb.NewTinyKvClient(conn)})
	}
	return c, nil
}

// Close ends the use of the client. Calls under way fail.
func (c *Raw) Close() {
	for _, s := range c.stores {
		s.conn.Close() // it can fail only by being closed already
	}
}

// Get returns the value of key. An absent key is no error: found is false. It
// returns the newest value that was acknowledged before Get was called, or a newer
// one.
func (c *Raw) Get(ctx context.Context, cf engine.CF, key []byte) (value []byte, found bool, err error) {
	var resp *kvrpcpb.RawGetResponse
	err = c.do(ctx, false, func(ctx context.Context, s tinykvpb.TinyKvClient) (response, error) {
		var err error
		resp, err = s.RawGet(ctx, &kvrpcpb.RawGetRequest{Context: c.about(), Cf: cf, Key: key})
		return resp, err
	})
	if err != nil {
		return nil, false, err
	}
	return resp.Value, !resp.NotFound, nil
}

// Put sets key to value. The error is an *OutcomeUnknownError if nobody can tell
// what became of it.
func (c *Raw) Put(ctx context.Context, cf engine.CF, key, value []byte) error {
	return c.do(ctx, true, func(ctx context.Context, s tinykvpb.TinyKvClient) (response, error) {
		return s.RawPut(ctx, &kvrpcpb.RawPutRequest{Context: c.about(), Cf: cf, Key: key, Value: value})
	})
}

// Delete removes key. It succeeds whether or not the key is there, and has the
// errors of Put.
func (c *Raw) Delete(ctx context.Context, cf engine.CF, key []byte) error {
	return c.do(ctx, true, func(ctx context.Context, s tinykvpb.TinyKvClient) (response, error) {
		return s.RawDelete(ctx, &kvrpcpb.RawDeleteRequest{Context: c.about(), Cf: cf, Key: key})
	})
}

// Scan returns pairs in ascending order, from the first key at or after start on:
// at most limit, all of one moment. more is true if the store has cut the answer
// short because of its size.
func (c *Raw) Scan(ctx context.Context, cf engine.CF, start []byte, limit uint32) (pairs []*kvrpcpb.KvPair, more bool, err error) {
	var resp *kvrpcpb.RawScanResponse
	err = c.do(ctx, false, func(ctx context.Context, s tinykvpb.TinyKvClient) (response, error) {
		var err error
		resp, err = s.RawScan(ctx, &kvrpcpb.RawScanRequest{Context: c.about(), Cf: cf, StartKey: start, Limit: limit})
		return resp, err
	})
	if err != nil {
		return nil, false, err
	}
	return resp.Kvs, resp.More, nil
}

// A response of any raw command.
type response interface {
	GetRegionError() *errorpb.Error
	GetError() string
}

// do sends a request to one store after the other until one has taken it.
func (c *Raw) do(ctx context.Context, write bool, send func(context.Context, tinykvpb.TinyKvClient) (response, error)) error {
	pause := minPause
	at := int(c.leader.Load())
	var refusal error // the last one
	for attempt := 1; ; attempt++ {
		s := c.stores[at]
		err, again := s.attempt(ctx, write, len(c.stores) > 1, send)
		if err == nil {
			c.leader.Store(int64(at))
			return nil
		}
		if !again {
			// That time is up says less than what a store had to say before, unless
			// a store may have got the request.
			if _, unknown := err.(*OutcomeUnknownError); !unknown && refusal != nil && over(ctx) {
				return refusal
			}
			return err
		}
		refusal = err
		if e, ok := refused(err); ok && e.EpochNotMatch != nil {
			c.learn(e)
			continue // the same store, which knows better now what is meant
		}
		at = (at + 1) % len(c.stores)
		if attempt%len(c.stores) != 0 {
			continue
		}
		timer := time.NewTimer(pause/2 + rand.N(pause/2))
		pause = min(2*pause, maxPause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return err
		}
	}
}

// attempt asks one store. again is true if the request has had no effect and
// another attempt may do better.
func (s *store) attempt(ctx context.Context, write, others bool, send func(context.Context, tinykvpb.TinyKvClient) (response, error)) (_ error, again bool) {
	call := ctx
	if !write && others {
		var cancel context.CancelFunc
		call, cancel = context.WithTimeout(ctx, readPatience)
		defer cancel()
	}
	fate := &fate{}
	resp, err := send(context.WithValue(call, fateKey{}, fate), s.client)
	switch {
	case err == nil && resp.GetRegionError() != nil:
		return &RefusedError{s.addr, &region.Error{Err: resp.GetRegionError()}}, elsewhere(resp.GetRegionError())
	case err == nil && resp.GetError() != "":
		return errors.New(resp.GetError()), false
	case err == nil:
		return nil, false
	}
	harmless := !write || !fate.sent.Load()
	switch status.Code(err) {
	case codes.Unavailable:
		// If it was the store that said so, it has not looked at the request.
		if harmless || fate.answered.Load() {
			return &RefusedError{s.addr, err}, others && !over(ctx)
		}
	case codes.InvalidArgument, codes.ResourceExhausted, codes.Unimplemented:
		return err, false
	}
	if harmless && over(ctx) {
		return &RefusedError{s.addr, err}, false
	}
	if harmless {
		return err, others && status.Code(err) != codes.Internal
	}
	return &OutcomeUnknownError{s.addr, err}, false
}

// over reports whether there is no time left. gRPC may notice that before ctx does.
func over(ctx context.Context) bool {
	deadline, bounded := ctx.Deadline()
	return ctx.Err() != nil || bounded && time.Until(deadline) <= 0
}

// refused returns the region error that err carries, if it does.
func refused(err error) (*errorpb.Error, bool) {
	if r, ok := err.(*RefusedError); ok {
		if e, ok := r.Err.(*region.Error); ok {
			return e.Err, true
		}
	}
	return nil, false
}

// elsewhere reports whether another store, or the same one later, may take the
// request.
func elsewhere(e *errorpb.Error) bool {
	return e.NotLeader != nil || e.StaleCommand != nil || e.RegionNotFound != nil || e.EpochNotMatch != nil || e.StoreNotMatch != nil || e.ServerIsBusy != nil
}
