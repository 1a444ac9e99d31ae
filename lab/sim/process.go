package sim

import (
	"log/slog"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/lab/trace"
)

// A System is what runs on the machines of one run, with what is known about it
// beyond what each process knows. A run makes its own.
type System interface {
	// Boot starts an incarnation of the program on a machine, from what the
	// machine's disks hold. An error fails the run. A program that has called
	// Env.Exit returns nil, nil.
	Boot(env *Env) (Process, error)

	// Watch checks what must always hold. It is called after every event for every
	// live machine that had something to do and has nothing left to do, so it must
	// be cheap. An error fails the run; a *check.Violation says which guarantee was
	// broken.
	Watch(id uint64, p Process) error

	// Unsettled says in what the system has not recovered yet, or "". It is
	// asked once all faults are over and all clients have finished.
	Unsettled(live []Process) string
}

// A Process is one incarnation of the program under test. The world calls its
// methods one at a time, and calls Pass until it returns false after everything
// that happened. None may block.
type Process interface {
	// Tick reports that one tick of the machine's clock has passed.
	Tick()
	// Receive takes a packet, which belongs to the process from then on.
	Receive(p *Packet)
	// Pass does some of the work that there is, and reports whether there was
	// any.
	Pass() bool
	// Close ends all goroutines of the process, and answers every call that
	// waits for it. It is also called after a crash: the disks and the network
	// of the process are gone by then.
	Close()
}

// A Reporter is a Process that hears what became of its packets.
type Reporter interface {
	// Unreachable reports that p was not sent. The network reports some
	// losses, not all.
	Unreachable(p *Packet)
	// Transferred reports, once for each packet with an attachment, whether it
	// has arrived.
	Transferred(p *Packet, arrived bool)
}

// A Leader is a Process that can say that it leads, so that faults find it.
type Leader interface {
	Leads() bool
}

// A Server is a Process that serves RPCs.
type Server interface {
	Services() []Service
}

// A Service is the implementation of a gRPC service.
type Service struct {
	Desc *grpc.ServiceDesc
	Impl any
}

// A Packet travels from one machine to another.
type Packet struct {
	From, To uint64
	// Stream tells packets apart that have nothing to do with each other, as
	// packets of different regions: the fate of one never depends on another's.
	Stream uint64
	Body   proto.Message
	// Attachment is what travels with Body in pieces, like a snapshot's file.
	// Nil: nothing.
	Attachment []byte
}

// An Env is what one incarnation has of the world. Once the incarnation has
// crashed, nothing that it does through its Env has an effect.
type Env struct {
	// ID is the machine, and Role what it is there for.
	ID   uint64
	Role Role
	// Incarnation counts the starts of the machine, from 1.
	Incarnation uint64
	// Erased is how often the machine has lost its disks for good.
	Erased int
	// Setting is the setting of the run. It says which machines there are.
	Setting Setting
	// Logger is quiet.
	Logger *slog.Logger

	world   *World
	machine *machine
	life    *life
}

// Disk opens the machine's disk of that name with these families. The first
// incarnation finds it empty.
func (e *Env) Disk(name string, families ...engine.CF) (*memory.Engine, error) {
	return e.machine.disk(name).Open(families...)
}

// Files returns the machine's file system.
func (e *Env) Files() *Files { return &Files{fs: &e.machine.files, life: e.life} }

// Send hands p to the network, which may lose, delay or repeat it. It copies the
// body before it returns.
func (e *Env) Send(p *Packet) { e.world.network.send(e, p) }

// Dial returns a connection to a machine, for calls of generated stubs, unary or
// streams. A call blocks, so it needs a goroutine of the process's own, which ends when
// the process is closed. Calls to one machine must begin one after the other, or a run
// does not replay.
func (e *Env) Dial(machine uint64) grpc.ClientConnInterface {
	return &conn{calls: &e.world.calls, from: &e.life.caller, to: machine}
}

// Go runs work at a later time, as an event of its own. What it returns, which is
// never nil, hands the result over: that is another event, later still. A crash
// may fall in between.
func (e *Env) Go(work func() (done func())) { e.machine.work(e.life, work) }

// Exit ends the incarnation, as of a program that found out that it cannot go on.
// Nothing that it wrote is lost, and the machine starts it again after a while.
func (e *Env) Exit() { e.machine.exit(e.life) }

// Now returns the time since the beginning of the run.
func (e *Env) Now() time.Duration { return e.world.now() }

// Alive reports whether the incarnation is the present one, and has not crashed.
func (e *Env) Alive() bool { return e.life.alive() }

// RandIntN returns a number in [0, n), for a purpose of that number.
func (e *Env) RandIntN(purpose uint64, n int) int {
	e.world.mu.Lock()
	defer e.world.mu.Unlock()
	nth := e.life.drawn[purpose] + 1
	e.life.drawn[purpose] = nth
	return int(e.world.dice.Roll(askSystem, nth, e.ID<<32|e.Incarnation, purpose) % uint64(n))
}

// Reach notes that the run has come to a situation of interest.
func (e *Env) Reach(g Goal) {
	if e.life.alive() {
		e.world.Reach(g)
	}
}

// Tracing reports whether the log of the run is kept: if not, there is no need
// to make up an event for Tell.
func (e *Env) Tracing() bool { return e.world.record.tracing }

// Tell adds to the log of the run. It fills in the time and the store.
func (e *Env) Tell(event trace.Event) {
	if e.life.alive() {
		event.Store = e.ID
		e.world.record.tell(event)
	}
}
