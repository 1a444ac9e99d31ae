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

// What may wait for one store. Beyond that it gets messages too slowly for them
// to be of use, and Raft had better know.
const (
	maxQueued      = 4096
	maxQueuedBytes = 32 << 20
)

// patience is how long a message may wait for company that nobody waits for. It is
// short beside the time between two heartbeats.
const patience = 20 * time.Millisecond

// A link carries the messages to one other store: they wait in a queue, and one
// goroutine sends them. It alone takes from the queue. Whenever the stream breaks, what waits is dropped, and
// so is all that comes until the next attempt to connect is due.
type link struct {
	t    *Transport
	to   uint64
	addr string
	// wake has a token when the queue may have something.
	wake chan struct{}

	mu    sync.Mutex
	queue []*raftserverpb.RaftMessage
	bytes int
	// patient are messages that go with the next one of the queue, or once
	// timer has fired, which is set while there are any: of each region the
	// last.
	patient map[target]*raftserverpb.RaftMessage
	timer   *time.Timer
	fired   bool
	// down is true while messages are dropped instead of queued.
	down bool
	// reported are the peers that were reported unreachable since things
	// last went well: once is enough.
	reported map[target]bool
}

// A target is a peer that messages are for.
type target struct{ region, peer uint64 }

func targetOf(m *raftserverpb.RaftMessage) target { return target{m.RegionId, m.ToPeer.GetId()} }

func newLink(t *Transport, to uint64, addr string) *link {
	l := &link{t: t, to: to, addr: addr, wake: make(chan struct{}, 1),
		patient: map[target]*raftserverpb.RaftMessage{}, reported: map[target]bool{}}
	l.timer = time.AfterFunc(patience, func() {
		l.mu.Lock()
		l.fired = true
		l.mu.Unlock()
		l.notify()
	})
	l.timer.Stop()
	return l
}

// isPatient reports whether m brings no more than news of the commit index, or is a
// probe. No client waits for that, and the next append for the same peer says it, too.
func isPatient(m *raftserverpb.RaftMessage) bool {
	return m.Message.GetMsgType() == eraftpb.MessageType_MsgAppend && len(m.Message.Entries) == 0
}

// notify has the sender look at what there is.
func (l *link) notify() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// size returns about the number of bytes that m takes on its way.
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
	case isPatient(m):
		if len(l.patient) == 0 {
			l.timer.Reset(patience)
		}
		l.patient[targetOf(m)] = m
		l.mu.Unlock()
		return
	default:
		if m.Message.GetMsgType() == eraftpb.MessageType_MsgAppend {
			delete(l.patient, targetOf(m))
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

// drop counts messages that are lost, and tells Raft.
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

// take waits for messages that are to be sent now and returns all that there are,
// or none if ctx ended.
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
	for _, m := range l.patient {
		messages = append(messages, m)
	}
	clear(l.patient)
	l.timer.Stop()
	l.fired = false
	return messages
}

// run connects and sends until ctx ends.
func (l *link) run(ctx context.Context) {
	defer l.timer.Stop()
	logger := l.t.cfg.Logger.With("store", l.to, "addr", l.addr)
	wait := pause{Backoff: l.t.cfg.Backoff}
	said := "" // what was wrong last time
	for {
		// There is no use in a stream before there is something to say.
		select {
		case <-l.wake:
		case <-ctx.Done():
			return
		}
		err := l.session(ctx, func() {
			logger.Info("connected to a store")
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
				// Whoever runs this process must know, not only those
				// who look after the others.
				log = logger.Error
			}
			log("cannot reach a store", "error", err)
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

// session opens a stream, calls connected, and sends until the stream breaks. It
// returns why.
func (l *link) session(ctx context.Context, connected func()) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	conn, err := l.t.dial(l.addr)
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

	// The other side never answers before the end of the stream, so whatever
	// it says is the end. Sending alone would notice late.
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

// cause prefers the reason for which ctx was ended to err, which is what came of
// that.
func cause(ctx context.Context, err error) error {
	if c := context.Cause(ctx); c != nil {
		return c
	}
	return err
}

// dial returns a connection that is tried once, when it is first used: when to
// try again is decided here and not in gRPC.
func (t *Transport) dial(addr string) (*grpc.ClientConn, error) {
	conn, err := grpc.NewClient(addr, append([]grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: time.Minute, Multiplier: 1, MaxDelay: time.Minute},
			MinConnectTimeout: connectTimeout,
		}),
		// Nothing comes back but the end of a stream. A window of a fixed size
		// keeps gRPC from measuring for a better one.
		grpc.WithInitialWindowSize(64 << 10),
		// A machine that lost its power closes no connection.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 10 * time.Second, Timeout: 5 * time.Second}),
	}, t.cfg.DialOptions...)...)
	return conn, errors.Annotatef(err, "address %s", addr)
}

// greet waits for the answer of the store at the other end of a stream, and
// checks that it is the one that was looked for.
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

// Raft serves the stream of another store's Raft messages. It ends when the other
// store ends it, or when the transport or ctx of the stream does.
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
			if err == nil && m.Message.Snapshot != nil {
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

// serve runs receive, which waits for a stream, and returns early when ctx or the
// transport ends: to return is what ends a stream, and with it receive.
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
		return errStopping // or the other side has gone, and nobody reads this
	case <-t.ctx.Done():
		return errStopping
	}
}
