package sim

import (
	"context"
	"fmt"
	"io"
	"path"
	"time"

	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/lab/dice"
	"github.com/labkv/labkv/lab/trace"
)

// Calls are the RPCs of a run. They are unary or streams, and travel as frames, which
// arrive late, or are lost, as the faults and the dice say. A frame that is lost breaks
// the call, as the connection under it breaks: both ends hear of that. The caller of a
// unary call with a deadline may as well wait in vain.
type calls struct {
	w *World
	// made counts the calls from one end to another. The world's lock guards it.
	made map[link]uint64
}

// A call is one RPC on its way.
type call struct {
	calls  *calls
	from   *caller
	to     uint64
	n      uint64 // of the calls of the caller to that machine
	method string
	// args and result tell the types of the request and of the reply of a unary call, and
	// request is what it says.
	args, result proto.Message
	request      []byte

	ctx      context.Context // the caller's
	deadline time.Time
	bounded  bool // it has a deadline

	// up are the frames of the caller, down the frames of the handler.
	up, down flow
	// hang makes the handler's context end. It is nil until there is a handler.
	hang context.CancelFunc
	// answered is true once the last frame to the caller is on its way, and through
	// once the caller is through with the call. The world's lock guards both.
	answered, through bool
}

// open begins a call, unary with args and a reply, or a stream without.
func (cs *calls) open(ctx context.Context, c *conn, method string, args, result proto.Message) (*call, error) {
	w := cs.w
	if err := ctx.Err(); err != nil {
		return nil, status.FromContextError(err).Err()
	}
	if c.from.ctx.Err() != nil || c.from.session != nil && c.from.session.calling(c.from) {
		return nil, errReset
	}
	if err := ctx.Err(); err != nil { // the client has paused
		return nil, status.FromContextError(err).Err()
	}
	call := &call{calls: cs, from: c.from, to: c.to, method: method, args: args, result: result, ctx: ctx}
	call.deadline, call.bounded = ctx.Deadline()
	call.down.readBy(ctx, c.from.ctx)
	var first frame
	if args != nil {
		body, err := encode(args)
		if err != nil {
			return nil, err
		}
		first = frame{body: body, end: io.EOF}
		call.request = body
	}
	w.mu.Lock()
	key := link{c.from.end, c.to, 0}
	cs.made[key]++
	call.n = cs.made[key]
	c.from.call = call
	if c.from.life != nil {
		c.from.life.calling[call] = true
	}
	w.mu.Unlock()
	call.ask(first)
	return call, nil
}

// ask sends a frame to the machine that is called.
func (c *call) ask(fr frame) {
	w := c.calls.w
	w.mu.Lock()
	k := c.up.sent
	c.up.sent++
	w.mu.Unlock()
	c.leaves(k, func() { c.launch(fr, k) })
}

// leaves has do happen when frame k of the caller leaves. What a machine sends leaves when
// it attends, and never if it crashes before: the goroutine that calls knows neither.
func (c *call) leaves(k uint64, do func()) {
	if c.from.life == nil {
		do()
		return
	}
	w := c.calls.w
	w.post(&event{
		at: w.now(), name: name{kind: asks, to: c.from.end, from: c.to, stream: k, n: c.n},
		incarnation: c.from.life.incarnation, do: do,
	})
}

// launch decides what becomes of frame k of the caller.
func (c *call) launch(fr frame, k uint64) {
	w := c.calls.w
	lost, at := c.fate(&c.up, true, k)
	if lost {
		w.Reach(RequestLost)
		c.tell("lost", fr)
		c.lose(at)
		return
	}
	c.tell("sent", fr)
	w.post(&event{
		at: at, name: name{kind: requests, to: c.to, from: c.from.end, stream: k, n: c.n},
		sum: sumFrame(uint64(len(c.method)), fr),
		do: func() {
			if k == 0 {
				c.calls.serve(c, fr)
			} else {
				c.heard(fr)
			}
		},
	})
}

// heard hands a later frame of the caller to the handler.
func (c *call) heard(fr frame) {
	if c.hang == nil {
		return // the call was refused
	}
	c.up.arrives(fr)
	if fr.end != nil && fr.end != io.EOF {
		c.hang()
	}
}

// sumFrame adds a frame to a checksum.
func sumFrame(h uint64, fr frame) uint64 {
	sum := sumBytes(h, fr.body)
	if fr.end != nil && fr.end != io.EOF {
		sum ^= uint64(status.Code(fr.end))
	}
	return sum
}

// fate decides about frame k of a direction: whether it is lost, and when it arrives, or
// when its loss is noticed.
func (c *call) fate(f *flow, up bool, k uint64) (lost bool, at time.Duration) {
	w := c.calls.w
	a, nth := c.from.end<<32|c.to, 2*c.n
	if !up {
		nth++
	}
	from, to := c.from.end, c.to
	w.mu.Lock()
	defer w.mu.Unlock()
	if c.from.client == 0 {
		lost = up && w.faults.blocks(from, to) || !up && w.faults.blocks(to, from)
	} else {
		from = to // faults aim at machines
	}
	lost = lost || w.dice.Chance(w.faults.share(LoseCalls, from, to), askLoss, nth, a, k)
	took := dice.Scaled(w.dice.Roll(askLatency, nth, a, k), w.setting.LatencyMin, w.setting.LatencyMax)
	for _, fault := range w.faults.active {
		if fault.Kind == SlowCalls && fault.touches(from, to) && w.dice.Chance(fault.Share, askDelay, nth, a, k) {
			took += dice.Scaled(w.dice.Roll(askTail, nth, a, k), 0, fault.Delay)
		}
	}
	f.last = max(w.now()+took, f.last+1)
	return lost, f.last
}

// lose breaks the call at a time, as a frame was lost. The caller of a unary call with a
// deadline may wait in vain instead.
func (c *call) lose(at time.Duration) {
	w := c.calls.w
	if c.args != nil && c.bounded && w.dice.Roll(askReset, c.n, c.from.end<<32|c.to, 0)%2 != 0 {
		return
	}
	c.finish(at, frame{end: errReset})
	if c.args == nil {
		c.abandon(errReset)
	}
}

// abandon has the handler hear that the caller is gone.
func (c *call) abandon(err error) {
	w := c.calls.w
	w.mu.Lock()
	at := max(w.now()+w.setting.LatencyMin, c.up.last+1)
	w.mu.Unlock()
	w.post(&event{
		at: at, name: name{kind: requests, to: c.to, from: c.from.end, stream: breaks, n: c.n}, sum: uint64(status.Code(err)),
		do: func() { c.heard(frame{end: err}) },
	})
}

// breaks is the number of the frame that ends a direction.
const breaks = 1 << 40

// finish has the caller hear of the end of the call, unless it is on its way already.
func (c *call) finish(at time.Duration, fr frame) {
	w := c.calls.w
	w.mu.Lock()
	first := !c.answered
	c.answered = true
	w.mu.Unlock()
	if first {
		c.reply(at, breaks, fr)
	}
}

// reply has frame k of the handler arrive at the caller.
func (c *call) reply(at time.Duration, k uint64, fr frame) {
	e := &event{
		at: at, name: name{kind: replies, to: c.from.end, from: c.to, stream: k, n: c.n}, sum: sumFrame(0, fr),
		do: func() {
			c.tell("returns", fr)
			c.down.arrives(fr)
		},
	}
	if c.from.life != nil {
		e.kind, e.incarnation = hears, c.from.life.incarnation
	}
	c.calls.w.post(e)
}

// returned notes that the caller is through with the call. It may be called again.
func (c *call) returned() {
	w := c.calls.w
	w.mu.Lock()
	again := c.through
	c.through = true
	w.mu.Unlock()
	if again {
		return
	}
	if err := c.ctx.Err(); err != nil || c.from.ctx.Err() != nil {
		c.tell("abandoned", frame{})
		if err != context.DeadlineExceeded && c.from.ctx.Err() == nil {
			c.leaves(breaks, func() { c.abandon(status.FromContextError(context.Canceled).Err()) })
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if c.from.call == c {
		c.from.call = nil
	}
	if c.from.life != nil {
		delete(c.from.life.calling, c)
	}
}

// hangUp breaks the calls to and from an incarnation that has crashed.
func (cs *calls) hangUp(l *life) {
	w := cs.w
	w.mu.Lock()
	var served, made []*call
	for c := range l.serving {
		served = append(served, c)
	}
	for c := range l.calling {
		made = append(made, c)
	}
	w.mu.Unlock()
	for _, c := range served {
		c.reset()
	}
	for _, c := range made {
		c.abandon(errReset)
	}
}

// reset breaks the connection of c from the side of the handler.
func (c *call) reset() {
	w := c.calls.w
	w.mu.Lock()
	at := max(w.now()+w.setting.LatencyMin, c.down.last+1)
	w.mu.Unlock()
	c.finish(at, frame{end: errReset})
}

func (c *call) String() string {
	return fmt.Sprintf("%s on %v", c.method, c.calls.w.machine(c.to))
}

// tell adds to the log of the run what becomes of fr, a frame of c. What the handler sent
// is an answer.
func (c *call) tell(fate string, fr frame) {
	w := c.calls.w
	if !w.record.tracing {
		return
	}
	e := trace.Event{Kind: trace.Call, Client: c.from.client, Store: c.to, N: c.n, Fate: fate, Bytes: len(fr.body)}
	if c.from.client == 0 {
		e.From = c.from.end
	}
	if c.args != nil {
		w.record.describe(c.args, c.request, &e)
	}
	switch failed := fr.end != nil && fr.end != io.EOF; {
	case failed:
		e.Text = fr.end.Error()
	case c.result != nil && (fate == "answered" || fate == "answer lost" || fate == "returns"):
		// What it is about, the request says.
		var answer trace.Event
		w.record.describe(c.result, fr.body, &answer)
		e.Text = answer.Text
	}
	e.Type = path.Base(c.method)
	w.record.tell(e)
}
