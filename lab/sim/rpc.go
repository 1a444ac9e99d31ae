package sim

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/lab/dice"
	"github.com/labkv/labkv/lab/trace"
)

// A handler is a method of a service that a process has registered.
type handler struct {
	impl   any
	method grpc.MethodHandler
}

// handlers returns the unary methods of services by their full names.
func handlers(services []Service) map[string]handler {
	all := map[string]handler{}
	for _, s := range services {
		for _, m := range s.Desc.Methods {
			all["/"+s.Desc.ServiceName+"/"+m.MethodName] = handler{s.Impl, m.Handler}
		}
	}
	return all
}

// clientEnd tells clients from stores where both are an end of a link.
const clientEnd = 1 << 20

// A conn is a connection of a client to a store. It carries unary calls of
// generated stubs to the handlers of whatever incarnation runs there, as bytes.
type conn struct {
	world   *World
	session *Session
	to      uint64
}

// A call is one RPC on its way.
type call struct {
	world    *World
	session  *Session
	to       uint64
	n        uint64 // of the calls of the client to that store
	method   string
	args     proto.Message
	body     []byte
	deadline time.Time
	bounded  bool // it has a deadline

	answered bool // guarded by the world's lock; true once an answer is on its way
	done     chan struct{}
	reply    []byte
	err      error
}

// NewStream implements grpc.ClientConnInterface. Clients make no streams yet.
func (c *conn) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, status.Error(codes.Unimplemented, "the simulated network carries unary calls only")
}

// Invoke implements grpc.ClientConnInterface.
func (c *conn) Invoke(ctx context.Context, method string, args, reply any, _ ...grpc.CallOption) error {
	w := c.world
	if err := ctx.Err(); err != nil {
		return status.FromContextError(err).Err()
	}
	body, err := deterministic.Marshal(args.(proto.Message))
	if err != nil {
		return status.Errorf(codes.Internal, "cannot encode the request: %v", err)
	}
	call := &call{world: w, session: c.session, to: c.to, method: method, args: args.(proto.Message), body: body, done: make(chan struct{})}
	call.deadline, call.bounded = ctx.Deadline()
	from := c.session.end()

	w.mu.Lock()
	key := link{from, c.to, 0}
	w.calls[key]++
	call.n = w.calls[key]
	lost, took := w.callFate(from, c.to, 2*call.n)
	c.session.call = call
	w.mu.Unlock()

	if lost {
		w.Reach(RequestLost)
		call.tell("lost")
		call.lose(took)
	} else {
		call.tell("sent")
		w.post(&event{
			at: w.now() + took, name: name{kind: requests, to: c.to, from: from, n: call.n},
			call: call, sum: sumBytes(uint64(len(method)), body),
		})
	}

	select {
	case <-call.done:
	case <-ctx.Done():
		call.tell("abandoned")
		w.mu.Lock()
		call.err = status.FromContextError(ctx.Err()).Err()
		w.mu.Unlock()
	}
	w.mu.Lock()
	c.session.call = nil
	err, answer := call.err, call.reply
	w.mu.Unlock()
	if err != nil {
		return err
	}
	err = proto.Unmarshal(answer, reply.(proto.Message))
	if r, ok := reply.(response); ok && acknowledged(r, err) {
		w.served.Store(w.progress.Load())
	}
	return err
}

// callFate decides what becomes of the nth message between a client and a
// store. The world is locked.
func (w *World) callFate(from, to, nth uint64) (lost bool, took time.Duration) {
	a := from<<32 | to
	lost = w.dice.Chance(w.active.share(LoseCalls, to, to), askLoss, nth, a, 0)
	took = dice.Scaled(w.dice.Roll(askLatency, nth, a, 0), w.setting.LatencyMin, w.setting.LatencyMax)
	for _, f := range w.active.faults {
		if f.Kind == SlowCalls && f.touches(to, to) && w.dice.Chance(f.Share, askDelay, nth, a, 0) {
			took += dice.Scaled(w.dice.Roll(askTail, nth, a, 0), 0, f.Delay)
		}
	}
	return lost, took
}

// lose has the client of c wait in vain, or find its connection broken.
func (c *call) lose(after time.Duration) {
	if !c.bounded || c.world.dice.Roll(askReset, c.n, c.session.end()<<32|c.to, 0)%2 == 0 {
		c.answer(after, nil, status.Error(codes.Unavailable, "connection reset"))
	}
}

// answer has the client of c hear of its outcome, unless it has already heard.
func (c *call) answer(after time.Duration, reply []byte, err error) {
	w := c.world
	w.mu.Lock()
	first := !c.answered
	c.answered = true
	w.mu.Unlock()
	if !first {
		return
	}
	sum := sumBytes(0, reply)
	if err != nil {
		sum ^= uint64(status.Code(err))
	}
	w.post(&event{
		at: w.now() + after, name: name{kind: replies, to: c.session.end(), from: c.to, n: c.n}, sum: sum,
		do: func() {
			c.tell("returns")
			w.mu.Lock()
			c.reply, c.err = reply, err
			w.mu.Unlock()
			close(c.done)
		},
	})
}

// serve hands a request to the store that it is for.
func (w *World) serve(e *event) {
	c := e.call
	l := w.machine(c.to).current()
	w.mu.Lock()
	_, took := w.callFate(c.session.end(), c.to, 2*c.n+1)
	w.mu.Unlock()
	if l == nil {
		c.tell("refused")
		c.answer(took, nil, status.Error(codes.Unavailable, "connection refused"))
		return
	}
	h, ok := l.services[c.method]
	if !ok {
		c.answer(took, nil, status.Errorf(codes.Unimplemented, "unknown method %s", c.method))
		return
	}
	c.tell("arrives")
	w.mu.Lock()
	l.serving[c] = true
	w.mu.Unlock()
	go c.handle(l, h)
}

// handle runs the handler of a request.
func (c *call) handle(l *life, h handler) {
	w := c.world
	defer func() {
		if !l.alive() {
			// It crashed under the handler, and may have been quicker to
			// end than the world to hang up.
			c.reset()
		}
	}()
	defer w.recover(l)
	ctx := l.ctx
	if c.bounded {
		var cancel context.CancelFunc
		// The time that is left travels with the request. So a handler gives up
		// later than its client, never at the same moment.
		ctx, cancel = context.WithDeadline(ctx, c.deadline.Add(w.setting.LatencyMin))
		defer cancel()
	}
	out, err := h.method(h.impl, ctx, func(args any) error { return proto.Unmarshal(c.body, args.(proto.Message)) }, nil)
	w.mu.Lock()
	l.serving[c] = false
	w.mu.Unlock()
	if !l.alive() {
		return
	}
	var reply []byte
	if err == nil {
		reply, err = deterministic.Marshal(out.(proto.Message))
	}
	if err != nil {
		st, ok := status.FromError(err)
		if !ok {
			st = status.FromContextError(err)
		}
		err = st.Err()
	}
	// The handler is on its own, so that it does not know yet whether the machine is
	// busy with what it has just done.
	w.post(&event{
		at: w.now(), name: name{kind: answers, to: c.to, from: c.session.end(), n: c.n},
		incarnation: l.incarnation, do: func() { c.depart(l, reply, err) },
	})
}

// depart has the answer of the incarnation l leave its machine.
func (c *call) depart(l *life, reply []byte, err error) {
	w := c.world
	w.mu.Lock()
	delete(l.serving, c)
	lost, took := w.callFate(c.session.end(), c.to, 2*c.n+1)
	w.mu.Unlock()
	if lost {
		w.Reach(ReplyLost)
		c.tell("answer lost")
		c.lose(took)
		return
	}
	c.tell("answered")
	c.answer(took, reply, err)
}

// hangUp breaks the connections of clients to an incarnation that has crashed.
func (w *World) hangUp(l *life) {
	w.mu.Lock()
	var waiting []*call
	for c := range l.serving {
		waiting = append(waiting, c)
	}
	w.mu.Unlock()
	for _, c := range waiting {
		c.reset()
	}
}

// reset breaks the connection of c, unless it was answered.
func (c *call) reset() {
	c.answer(c.world.setting.LatencyMin, nil, status.Error(codes.Unavailable, "connection reset"))
}

func (c *call) String() string { return fmt.Sprintf("%s on store %d", c.method, c.to) }

func (c *call) tell(fate string) {
	w := c.world
	if !w.tracing {
		return
	}
	w.tell(trace.Event{Kind: trace.Call, Client: c.session.ID, Store: c.to, N: c.n, Fate: fate, Text: c.method + " " + w.describe(c.args, c.body)})
}
