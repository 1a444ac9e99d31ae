package transport

import (
	"context"
	"sync"
	"time"

	"github.com/pingcap/errors"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"

	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/proto/tinykvpb"
)

// The number of messages that may wait for one store, and their bytes. A store
// that has more to wait for takes messages too slowly for them to be of use,
// and Raft is told so.
const (
	maxQueued      = 4096
	maxQueuedBytes = 32 << 20
)

// commitDelay is how long a message that only carries a commit index may wait
// for another message to leave with. It is short compared to the time between
// two heartbeats.
const commitDelay = 20 * time.Millisecond

// A link carries the messages to one other store: they wait in a queue, from
// which one goroutine takes and sends them. When the stream breaks, all
// messages that wait are dropped, and so are all that come before the next
// attempt to connect is due.
type link struct {
	t  *Transport
	to uint64
	// wake has a token when the queue may have something.
	wake chan struct{}

	mu    sync.Mutex
	queue []*raftserverpb.RaftMessage
	bytes int
	// delayed holds, for each target, the last message that only carries a
	// commit index. It leaves with the next messages of the queue, or once
	// timer has fired. timer runs while there are any.
	delayed map[target]*raftserverpb.RaftMessage
	timer   *time.Timer
	fired   bool
	// down is true while messages are dropped instead of queued.
	down bool
	// reported are the peers that were reported unreachable since the link
	// last sent messages or ended a pause: one report is enough.
	reported map[target]bool
}

// A target is a peer that messages are for.
type target struct{ region, peer uint64 }

func targetOf(m *raftserverpb.RaftMessage) target { return target{m.RegionId, m.ToPeer.GetId()} }

func newLink(t *Transport, to uint64) *link {
	l := &link{t: t, to: to, wake: make(chan struct{}, 1),
		delayed: map[target]*raftserverpb.RaftMessage{}, reported: map[target]bool{}}
	l.timer = time.AfterFunc(commitDelay, func() {
		l.mu.Lock()
		l.fired = true
		l.mu.Unlock()
		l.notify()
	})
	l.timer.Stop()
	return l
}

// mayWait reports whether m is an append without entries: it only carries a
// commit index, or is a probe. No client waits for it, and the next append to
// the same peer says the same.
func mayWait(m *raftserverpb.RaftMessage) bool {
	return m.Message.GetMsgType() == eraftpb.MessageType_MsgAppend && len(m.Message.Entries) == 0
}

// notify makes the sender look at what there is.
func (l *link) notify() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// size estimates the number of bytes that m takes on the network.
func size(m *raftserverpb.RaftMessage) int {
	const overhead = 64
	n := overhead
	for _, e := range m.Message.GetEntries() {
		n += len(e.Data) + overhead
	}
	return n
}

// send queues m, or drops it.
func (l *link) send(m *raftserverpb.RaftMessage) {
	l.mu.Lock()
	var why DropReason
	switch {
	case l.down:
		why = DropUnreachable
	case len(l.queue) >= maxQueued || l.bytes >= maxQueuedBytes:
		why = DropQueueFull
	case mayWait(m):
		if len(l.delayed) == 0 {
			l.timer.Reset(commitDelay)
		}
		l.delayed[targetOf(m)] = m
		l.mu.Unlock()
		return
	default:
		if m.Message.GetMsgType() == eraftpb.MessageType_MsgAppend {
			delete(l.delayed, targetOf(m))
		}
		l.queue = append(l.queue, m)
		l.bytes += size(m)
		l.mu.Unlock()
		l.notify()
		return
	}
	l.mu.Unlock()
	l.drop(why, m)
}

// drop counts messages that are lost, and reports their receivers unreachable.
func (l *link) drop(why DropReason, messages ...*raftserverpb.RaftMessage) {
	for _, m := range messages {
		l.t.drops.count(why, "to", l.to)
		to := targetOf(m)
		l.mu.Lock()
		before := l.reported[to]
		l.reported[to] = true
		l.mu.Unlock()
		if !before {
			l.t.store.ReportUnreachable(to.region, to.peer)
		}
	}
}

// take waits until messages are due, and returns all that there are, or none if
// ctx has ended.
func (l *link) take(ctx context.Context) []*raftserverpb.RaftMessage {
	for {
		l.mu.Lock()
		var messages []*raftserverpb.RaftMessage
		if len(l.queue) > 0 || l.fired {
			messages = l.takeLocked()
		}
		l.mu.Unlock()
		if len(messages) > 0 {
			return messages
		}
		select {
		case <-l.wake:
		case <-ctx.Done():
			return nil
		}
	}
}

// takeLocked returns all messages that there are. The caller holds mu.
func (l *link) takeLocked() []*raftserverpb.RaftMessage {
	messages := l.queue
	l.queue, l.bytes = nil, 0
	for _, m := range l.delayed {
		messages = append(messages, m)
	}
	clear(l.delayed)
	l.timer.Stop()
	l.fired = false
	return messages
}

// run connects and sends until ctx ends.
func (l *link) run(ctx context.Context) {
	defer l.timer.Stop()
	logger := l.t.cfg.Logger.With("store", l.to)
	wait := pause{Backoff: l.t.cfg.Backoff}
	said := "" // what was wrong last time
	for {
		// A stream is of no use before there is a message to send.
		select {
		case <-l.wake:
		case <-ctx.Done():
			return
		}
		addr, err := l.session(ctx, func(addr string) {
			logger.Info("connected to a store", "addr", addr)
			wait.reset()
			said = ""
		})
		if ctx.Err() != nil {
			return
		}
		if s := err.Error(); s != said {
			said = s
			log := logger.Warn
			if status.Code(errors.Cause(err)) == codes.AlreadyExists {
				// The operator of this process must know, not
				// only the operators of the other stores.
				log = logger.Error
			}
			log("cannot reach a store", "addr", addr, "error", err)
		}

		l.mu.Lock()
		l.down = true
		lost := l.takeLocked()
		l.mu.Unlock()
		l.drop(DropUnreachable, lost...)
		if !sleep(ctx, wait.next(l.t.cfg.Rand())) {
			return
		}
		l.mu.Lock()
		l.down = false
		clear(l.reported)
		l.mu.Unlock()
	}
}

// session finds the address of the store and carries messages there. It returns
// the reason for its end, never nil, and the address, "" if it was not found.
func (l *link) session(ctx context.Context, connected func(addr string)) (string, error) {
	addr, err := l.t.address(ctx, l.to)
	if err != nil {
		return "", err
	}
	return addr, l.carry(ctx, addr, func() { connected(addr) })
}

// carry opens a stream to addr, calls connected, and sends until the stream
// breaks. It returns the reason, never nil.
func (l *link) carry(ctx context.Context, addr string, connected func()) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	conn, err := l.t.dial(addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	late := time.AfterFunc(connectTimeout, func() { cancel(errors.Errorf("no answer within %s", connectTimeout)) })
	defer late.Stop()
	stream, err := tinykvpb.NewTinyKvClient(conn).Raft(l.t.introduce(ctx, l.to))
	if err != nil {
		return cause(ctx, err)
	}
	if err := l.t.greet(stream, l.to); err != nil {
		return cause(ctx, err)
	}
	late.Stop()
	connected()

	// The other side never answers before the end of the stream, so any
	// answer is the end. Sending alone would notice the end late.
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		err := stream.RecvMsg(&raftserverpb.Done{})
		if err == nil {
			err = errors.New("the store has closed the stream")
		}
		cancel(err)
	}()
	defer func() { cancel(nil); <-ended }()
	for {
		messages := l.take(ctx)
		if messages == nil {
			return cause(ctx, ctx.Err())
		}
		for i, m := range messages {
			if err := stream.Send(m); err != nil {
				l.drop(DropUnreachable, messages[i:]...)
				return cause(ctx, err)
			}
		}
		l.mu.Lock()
		clear(l.reported) // it does take messages
		l.mu.Unlock()
	}
}

// cause returns the reason for which ctx was ended, if it was: err is only a
// consequence of it.
func cause(ctx context.Context, err error) error {
	if c := context.Cause(ctx); c != nil {
		return c
	}
	return err
}

// dial returns a connection that gRPC tries to establish once, when it is first
// used: the link decides when to try again.
func (t *Transport) dial(addr string) (*grpc.ClientConn, error) {
	conn, err := grpc.NewClient(addr, append([]grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: time.Minute, Multiplier: 1, MaxDelay: time.Minute},
			MinConnectTimeout: connectTimeout,
		}),
		// Nothing comes back but the end of a stream. A window of a
		// fixed size keeps gRPC from measuring for a better one.
		grpc.WithInitialWindowSize(64 << 10),
		// A machine that lost its power closes no connection.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 10 * time.Second, Timeout: 5 * time.Second}),
	}, t.cfg.DialOptions...)...)
	return conn, errors.Annotatef(err, "address %s", addr)
}

// greet waits for the answer of the store at the other end of a stream, and
// returns an error unless that is store to.
func (t *Transport) greet(stream grpc.ClientStream, to uint64) error {
	header, err := stream.Header()
	if err != nil {
		return err
	}
	if header == nil {
		// The stream has ended before it began, with a status.
		if err := stream.RecvMsg(&raftserverpb.Done{}); err != nil {
			return err
		}
		return errors.New("the store has closed the stream")
	}
	other, err := identityOf(header)
	if err == nil {
		err = t.checkIdentity(other)
	}
	if err == nil && other.from != to {
		err = errors.Errorf("it is store %d, not %d: check the addresses of the peers", other.from, to)
	}
	return err
}

// Raft serves the stream of another store's Raft messages. It ends when the
// other store ends the stream, when the stream's context ends, or when the
// transport stops.
func (t *Transport) Raft(stream tinykvpb.TinyKv_RaftServer) error {
	from, leave, err := t.admit(stream)
	if err != nil {
		return err
	}
	defer leave()
	return t.serve(stream.Context(), func() error {
		for {
			m, err := stream.Recv()
			if err != nil {
				return err
			}
			err = t.check(m, from)
			if err == nil && m.Message.GetSnapshot() != nil {
				err = errors.New("its snapshot did not come with it")
			}
			if err != nil {
				t.drops.count(DropMalformed, "from", from, "error", err)
				continue
			}
			t.store.Step(m)
		}
	})
}

// serve runs receive, which waits for a stream, and returns early when ctx or
// the transport ends. The handler's return ends the stream, and with it
// receive.
func (t *Transport) serve(ctx context.Context, receive func() error) error {
	ended := make(chan error, 1)
	if !t.spawn(func() { ended <- receive() }) {
		return errStopping
	}
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		if err := context.Cause(ctx); err != context.Canceled {
			return err
		}
		return errStopping // or the other side has gone, and the status is lost
	case <-t.ctx.Done():
		return errStopping
	}
}
