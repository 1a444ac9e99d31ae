package sim

import (
	"encoding/binary"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/lab/dice"
	"github.com/labkv/labkv/lab/trace"
)

// A link is one direction between two ends, as far as one stream is concerned.
type link struct{ from, to, stream uint64 }

// Traffic is what went over a link.
type traffic struct {
	sent uint64
	// last is when the last of it arrives: a network that keeps the order
	// delivers nothing before.
	last time.Duration
}

// A transit is a packet on its way, as bytes: what its sender does to the packet
// from now on changes nothing, and each receiver gets its own.
type transit struct {
	from, to, stream uint64
	sender           *life
	kind             proto.Message // of the body
	body             []byte
	attachment       []byte
	n                uint64 // of the packets on the link, with a mark if the network repeats it

	// of an attachment on its way
	pieces, arrived uint64
	receiver        uint64 // incarnation
	reported        bool   // somebody else reports
}

func (t *transit) packet() (*Packet, error) {
	body := t.kind.ProtoReflect().New().Interface()
	if err := proto.Unmarshal(t.body, body); err != nil {
		return nil, err
	}
	return &Packet{From: t.from, To: t.to, Stream: t.stream, Body: body, Attachment: slices.Clone(t.attachment)}, nil
}

var deterministic = proto.MarshalOptions{Deterministic: true}

// A network carries packets from machine to machine.
type network struct {
	w     *World
	links map[link]*traffic // guarded by the world's lock
}

// pieceSize is how much of an attachment travels at once, in bytes.
const pieceSize = 4 << 10

// resend tells the copies of a packet that the network makes from the packets.
const resend = 1 << 40

// send takes p over, which leaves its machine now or later.
func (net *network) send(e *Env, p *Packet) {
	w := net.w
	if !e.life.alive() || w.machine(p.To) == nil || p.To == e.ID {
		return
	}
	body, err := deterministic.Marshal(p.Body)
	if err != nil {
		panic("sim: cannot encode a packet: " + err.Error())
	}
	t := &transit{from: e.ID, to: p.To, stream: p.Stream, sender: e.life, kind: p.Body, body: body, attachment: p.Attachment}
	key := link{t.from, t.to, t.stream}

	w.mu.Lock()
	way := net.links[key]
	if way == nil {
		way = &traffic{}
		net.links[key] = way
	}
	way.sent++
	t.n = way.sent
	w.mu.Unlock()
	e.machine.leaves(e.life, name{kind: departs, to: t.from, from: t.to, stream: t.stream, n: t.n}, func() { net.launch(t, way) })
}

// launch decides what becomes of t, which leaves its machine now.
func (net *network) launch(t *transit, way *traffic) {
	w := net.w
	now := w.now()
	w.mu.Lock()
	a, b := t.from<<32|t.to, t.stream
	lost := w.faults.blocks(t.from, t.to) || w.dice.Chance(w.faults.loss(t.from, t.to), askLoss, t.n, a, b)
	again := !lost && w.dice.Chance(w.faults.duplicates(t.from, t.to), askDuplicate, t.n, a, b)
	later := time.Duration(0)
	if !lost && len(t.attachment) > 0 && w.dice.Chance(w.faults.share(Repeat, t.from, t.to), askDuplicate, t.n|resend, a, b) {
		again = true
		bits := w.dice.Roll(askDelay, t.n|2*resend, a, b)
		if later = dice.Scaled(bits, 0, w.faults.delay(Repeat, t.from, t.to)); dice.Mix(bits)%2 == 0 {
			later /= 20 // into what the receiver does about the first
		}
	}
	var copies [2]time.Duration
	copies[0] = now + net.latency(t, 0)
	if again {
		copies[1] = now + net.latency(t, resend) + later
	}
	if !w.setting.Reorder && !w.faults.slows(t.from, t.to) {
		copies[0] = max(copies[0], way.last+1)
		way.last = copies[0]
	}
	w.mu.Unlock()

	if lost {
		w.Reach(MessageLost)
		net.tell(t, "lost")
		if len(t.attachment) > 0 {
			net.reportTransfer(t, false)
		} else if w.setting.ReportsLoss && w.dice.Roll(askReport, t.n, a, b)%4 == 0 {
			net.reportUnreachable(t)
		}
		return
	}
	net.tell(t, "sent")
	net.carry(t, copies[0])
	if again {
		w.Reach(MessageRepeated)
		repeated := *t
		repeated.n |= resend
		repeated.reported = true
		net.tell(&repeated, "sent")
		net.carry(&repeated, copies[1])
	}
}

// carry has t arrive, or the first piece of it.
func (net *network) carry(t *transit, at time.Duration) {
	w := net.w
	sum := sumBytes(uint64(len(t.attachment)), t.body)
	e := &event{at: at, name: name{kind: delivers, to: t.to, from: t.from, stream: t.stream, n: t.n}, packet: t, sum: sum}
	if len(t.attachment) > 0 {
		e.kind = transfers
		e.sum = sumBytes(sum, t.attachment)
		t.pieces = uint64(len(t.attachment)+pieceSize-1) / pieceSize
	}
	w.post(e)
}

// latency returns how long t is on its way.
func (net *network) latency(t *transit, copy uint64) time.Duration {
	w := net.w
	a, b, n := t.from<<32|t.to, t.stream, t.n|copy
	took := dice.Scaled(w.dice.Roll(askLatency, n, a, b), w.setting.LatencyMin, w.setting.LatencyMax)
	for _, f := range w.faults.active {
		if f.Kind == Slow && f.touches(t.from, t.to) && w.dice.Chance(f.Share, askDelay, n, a, b) {
			took += dice.Scaled(w.dice.Roll(askTail, n, a, b), 0, f.Delay)
		}
	}
	return took
}

// deliver hands a packet to the process on its machine.
func (net *network) deliver(e *event) {
	w := net.w
	t := e.packet
	l := w.machine(t.to).current()
	if l == nil {
		net.tell(t, "nobody there")
		return
	}
	net.receive(l, t)
}

func (net *network) receive(l *life, t *transit) {
	w := net.w
	p, err := t.packet()
	if err != nil {
		panic("sim: cannot decode a packet: " + err.Error())
	}
	net.tell(t, "arrives")
	w.enter(l, func() { l.process.Receive(p) })
}

// transfer delivers one more piece of an attachment. The transfer is cut if
// the first piece went to another incarnation, if the machines are cut off from
// each other by now, or by chance.
func (net *network) transfer(e *event) {
	w := net.w
	t := e.packet
	l := w.machine(t.to).current()
	a, b := t.from<<32|t.to, t.stream
	w.mu.Lock()
	cut := w.faults.blocks(t.from, t.to) ||
		w.dice.Chance(w.faults.cuts(t.from, t.to), askCut, t.n<<16|t.arrived, a, b)
	w.mu.Unlock()
	if t.arrived == 0 && l != nil {
		t.receiver = l.incarnation
	}
	if cut || l == nil || l.incarnation != t.receiver || !t.sender.alive() {
		w.Reach(TransferCut)
		net.tell(t, "cut")
		net.reportTransfer(t, false)
		return
	}
	t.arrived++
	if t.arrived == t.pieces {
		net.reportTransfer(t, true)
		net.receive(l, t)
		return
	}
	took := dice.Scaled(w.dice.Roll(askLatency, t.n|t.arrived<<48, a, b), w.setting.LatencyMin, w.setting.LatencyMax)
	w.post(&event{at: w.now() + took/4, name: e.name, packet: t, sum: t.arrived})
}

// reportTransfer tells the sender of t, in a while, whether it has arrived.
func (net *network) reportTransfer(t *transit, arrived bool) {
	if t.reported {
		return
	}
	t.reported = true
	net.report(t, func(r Reporter, p *Packet) { r.Transferred(p, arrived) })
}

// reportUnreachable tells the sender of t, in a while, that it is lost.
func (net *network) reportUnreachable(t *transit) {
	net.report(t, func(r Reporter, p *Packet) { r.Unreachable(p) })
}

func (net *network) report(t *transit, tell func(Reporter, *Packet)) {
	w := net.w
	r, ok := t.sender.process.(Reporter)
	if !ok {
		return
	}
	wait := dice.Scaled(w.dice.Roll(askReport, t.n|resend, t.from<<32|t.to, t.stream), time.Millisecond, 3*w.setting.Tick)
	w.post(&event{
		at:          w.now() + wait,
		name:        name{kind: reports, to: t.from, from: t.to, stream: t.stream, n: t.n},
		incarnation: t.sender.incarnation,
		do: func() {
			if p, err := t.packet(); err == nil {
				tell(r, p)
			}
		},
	})
}

// tell adds to the log of the run what becomes of a packet.
func (net *network) tell(t *transit, fate string) {
	w := net.w
	if !w.record.tracing {
		return
	}
	e := trace.Event{
		Kind: trace.Message, From: t.from, To: t.to, Stream: t.stream, N: t.n &^ resend, Copy: t.n&resend != 0, Fate: fate,
		Bytes: len(t.body) + len(t.attachment),
	}
	w.record.describe(t.kind, t.body, &e)
	w.record.tell(e)
}

// sumBytes adds data to a checksum.
func sumBytes(h uint64, data []byte) uint64 {
	n := uint64(len(data))
	for ; len(data) >= 8; data = data[8:] {
		h = dice.Mix(h ^ binary.LittleEndian.Uint64(data))
	}
	rest := n << 56
	for i, c := range data {
		rest ^= uint64(c) << (8 * i)
	}
	return dice.Mix(h ^ rest)
}
