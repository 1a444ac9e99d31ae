package sim

import (
	"context"
	"io"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/client"
)

// farAway is the deadline of a call that has none.
const farAway = 1000 * time.Hour

// serve hands a call to the machine that it is for.
func (cs *calls) serve(c *call, first frame) {
	w := cs.w
	l := w.machine(c.to).current()
	if l == nil {
		c.refuse(client.Unsent, codes.Unavailable, "connection refused")
		return
	}
	h, ok := l.services[c.method]
	if !ok {
		c.refuse(client.Answered, codes.Unimplemented, "unknown method "+c.method)
		return
	}
	c.tell("arrives", first)
	// The time that is left travels with the request. So a handler gives up later than
	// its caller, never at the same moment.
	deadline := w.epoch.Add(farAway)
	if c.bounded {
		deadline = c.deadline.Add(w.setting.LatencyMin)
	}
	ctx, cancel := context.WithDeadline(context.WithValue(l.serves, callKey{}, c), deadline)
	c.up.readBy(ctx, l.serves)
	c.hang = cancel
	if first.end != nil {
		c.up.arrives(first)
	}
	w.mu.Lock()
	l.serving[c] = true
	w.mu.Unlock()
	go c.handle(ctx, l, h)
}

// callKey is the key of a handler's call in its context.
type callKey struct{}

// CallOf returns the client whose call a handler with that context serves, and the call's
// number among those of the client to the machine. Both are 0 if it is not a client's.
func CallOf(ctx context.Context) (client, n uint64) {
	if c, ok := ctx.Value(callKey{}).(*call); ok && c.from.client != 0 {
		return c.from.client, c.n
	}
	return 0, 0
}

// refuse answers a call that no handler gets.
func (c *call) refuse(fate client.Fate, code codes.Code, text string) {
	c.tell("refused", frame{})
	_, at := c.fate(&c.down, false, 0)
	c.finish(at, frame{end: &client.CallError{Fate: fate, Err: status.Error(code, text)}})
}

// handle runs the handler of a call.
func (c *call) handle(ctx context.Context, l *life, h handler) {
	w := c.calls.w
	defer c.hang()
	defer func() {
		if !l.alive() {
			// It crashed under the handler, and may have been quicker to
			// end than the world to hang up.
			c.reset()
		}
	}()
	defer w.recover(l)
	w.running.Store(l)
	last := frame{end: io.EOF}
	var err error
	if h.unary != nil {
		last.body, err = c.handleUnary(ctx, h)
	} else {
		err = h.stream(h.impl, &serverStream{c, ctx, l})
	}
	if err != nil {
		st, ok := status.FromError(err)
		if !ok {
			st = status.FromContextError(err)
		}
		last = frame{end: &client.CallError{Fate: client.Answered, Err: st.Err()}}
	}
	w.mu.Lock()
	l.serving[c] = false
	w.mu.Unlock()
	// Whether the machine has crashed meanwhile shows when the answer is to leave: now
	// the driver may be about to find out.
	c.answer(l, last)
}

func (c *call) handleUnary(ctx context.Context, h handler) ([]byte, error) {
	out, err := h.unary(h.impl, ctx, func(args any) error {
		body, err := c.up.next()
		if err != nil {
			return err
		}
		return proto.Unmarshal(body, args.(proto.Message))
	}, nil)
	if err != nil {
		return nil, err
	}
	return encode(out)
}

// answer sends a frame to the caller. It leaves when the machine attends: the handler is
// on its own, and does not know whether the machine is busy with what it has just done.
func (c *call) answer(l *life, fr frame) {
	w := c.calls.w
	w.mu.Lock()
	k := c.down.sent
	c.down.sent++
	w.mu.Unlock()
	w.post(&event{
		at: w.now(), name: name{kind: answers, to: c.to, from: c.from.end, stream: k, n: c.n},
		incarnation: l.incarnation, do: func() { c.depart(l, k, fr) },
	})
}

// depart has frame k of the handler leave its machine.
func (c *call) depart(l *life, k uint64, fr frame) {
	w := c.calls.w
	if fr.end != nil {
		w.mu.Lock()
		delete(l.serving, c)
		w.mu.Unlock()
	}
	lost, at := c.fate(&c.down, false, k)
	if lost {
		w.Reach(ReplyLost)
		c.tell("answer lost", fr)
		c.lose(at)
		return
	}
	c.tell("answered", fr)
	if fr.end != nil {
		c.finish(at, fr)
		return
	}
	w.mu.Lock()
	broken := c.answered
	w.mu.Unlock()
	if !broken {
		c.reply(at, k, fr)
	}
}
