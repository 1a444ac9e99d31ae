package sim

import (
	"cmp"
	"context"
	"fmt"
	"math/rand"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/labkv/labkv/lab/check"
	"github.com/labkv/labkv/lab/dice"
	"github.com/labkv/labkv/lab/stack"
	"github.com/labkv/labkv/lab/trace"
	"github.com/labkv/labkv/raft/note"
)

// An Outcome is what became of a run.
type Outcome struct {
	// Failure is nil if nothing was wrong.
	Failure *Failure
	// Digest is the digest of all events: runs with the same digest are the same.
	Digest uint64
	// Events is the number of events, Took the virtual time.
	Events int
	Took   time.Duration
	// Reached are the goals that the run has come to.
	Reached map[Goal]bool
	// History is what the clients did and saw.
	History *check.History
	// Writes is how often each store wrote to its disks until the first
	// phase was over, store 1 first.
	Writes []uint64
	// Calls is how often each client had made a call by then, client 1 first.
	Calls []uint64
	// Trace is the log of the run, if it was kept.
	Trace []trace.Event

	log []entry
}

// Run runs schedule s of a scenario. It keeps the log of the run if trace is set.
//
// The run happens in a testing/synctest bubble of its own. A system that does
// not let go of the driver, because it waits for something that never comes or
// computes forever, ends the run too; its goroutines stay behind.
func Run(t *testing.T, sc *Scenario, s Schedule, trace bool) *Outcome {
	t.Helper()
	//lint:ignore SA1019 rand.Seed is the only way to pin what systems draw from the top-level source
	rand.Seed(int64(s.Seed))
	w := newWorld(sc, s, trace)
	if trace {
		defer note.Listen(w.note)()
	}
	out := make(chan *Failure, 1)
	go func() {
		defer func() {
			if r := recover(); r != nil {
				out <- w.deadlocked(r)
			}
		}()
		synctest.Test(t, func(*testing.T) { w.run() })
		out <- nil
	}()
	stuck := w.await(out)
	o := w.outcome(stuck)
	if sc.Check != nil && (o.Failure == nil || o.Failure.lesser) {
		if err := sc.Check(o.History); err != nil {
			if f := violation(err); o.Failure == nil || !f.Harness {
				o.Failure = f
				w.record.violated(f)
				o.Trace = w.record.trace
			}
		}
	}
	return o
}

func newWorld(sc *Scenario, s Schedule, tracing bool) *World {
	w := &World{scenario: sc, schedule: s, setting: s.Setting, dice: dice.Dice(s.Seed), reached: map[Goal]bool{}}
	w.network = network{w: w, links: map[link]*traffic{}}
	w.faults = faults{w: w}
	w.calls = calls{w: w, made: map[link]uint64{}}
	w.clients = clientele{w: w, working: map[*Session]bool{}, mortals: map[uint64]*mortal{}, history: &check.History{}}
	w.phases = phases{w: w}
	w.record = record{w: w, tracing: tracing}
	for _, f := range s.Setting.fleets() {
		for range f.Machines {
			w.machines = append(w.machines, newMachine(w, uint64(len(w.machines))+1, f.Role))
		}
	}
	return w
}

// run is what happens in the bubble.
func (w *World) run() {
	w.epoch = time.Now()
	w.bubble.Store(bubbleOf(ownHead()))
	w.ctx, w.cancel = context.WithCancel(context.Background())
	w.timer = time.NewTimer(time.Hour)
	w.woken = make(chan struct{}, 1)
	w.system = w.scenario.System(w)
	w.faults.plan()
	for _, m := range w.machines {
		m.boot()
	}
	w.clients.admit(w.scenario.Clients)
	w.drive()
	w.took = w.now()
	w.shutDown()
	w.ended = true
}

// patience is how long, in real time, a single event may take. It decides
// nothing but when to give up.
var patience = 20 * time.Second

// await waits for the end of the run. It gives up on a run that makes no progress:
// the system computes forever, or waits for a lock, and the runtime notices neither.
func (w *World) await(out <-chan *Failure) *Failure {
	look := time.NewTicker(patience)
	defer look.Stop()
	for before := int64(-1); ; {
		select {
		case f := <-out:
			return f
		case <-look.C:
			now := w.progress.Load()
			if now == before {
				found, text := tellStuck(w.stuck(false, looks))
				return &Failure{Rule: "blocked", Found: "the store computes forever, or waits for a lock that is never released: " + found, Stack: text}
			}
			before = now
		}
	}
}

// deadlocked explains why the runtime gave up on the bubble: r says so.
func (w *World) deadlocked(r any) *Failure {
	if text := fmt.Sprint(r); !strings.HasPrefix(text, "deadlock: ") {
		panic(r)
	}
	if !w.ended {
		found, text := tellStuck(w.stuck(true, 1))
		return &Failure{Rule: "blocked", Found: "the store waits for something that never comes: " + found, Stack: text}
	}
	// Handlers of a store that crashed need not end: the process is gone.
	goroutines := w.stuck(false, 1)
	if len(goroutines) == 0 {
		return nil
	}
	found, text := tellStuck(goroutines)
	return &Failure{Rule: "leak", Found: "a goroutine does not end when its store is closed: " + found, Stack: text}
}

// A stuck is a goroutine that runs code of the system and does not come to an end.
type stuck struct {
	calls  []stack.Call // the innermost first
	does   string       // "waits to receive from a channel"
	driver bool         // it is the driver
}

func (s *stuck) text() string { return stack.Text(s.calls) }

// tellStuck says where the first of goroutines is, and tells the calls of all.
func tellStuck(goroutines []stuck) (found, text string) {
	if len(goroutines) == 0 {
		return "(no goroutine of the project is left)", ""
	}
	first := goroutines[0]
	var texts []string
	for _, g := range goroutines {
		texts = append(texts, g.text())
	}
	return fmt.Sprintf("%s %s (%s)", first.calls[0].Function, first.does, first.calls[0].At()), strings.Join(texts, "\n\n")
}

// ownHead returns the first line of the caller's stack.
func ownHead() string {
	buf := make([]byte, 128)
	head, _, _ := strings.Cut(string(buf[:runtime.Stack(buf, false)]), "\n")
	return head
}

// bubbleOf returns the number of the bubble in the first line of a goroutine's
// stack, such as "goroutine 12 [chan receive (durable), synctest bubble 2]:".
func bubbleOf(head string) string {
	_, number, _ := strings.Cut(head, "synctest bubble ")
	return strings.TrimRight(number, "]:")
}

// A goroutine that computes is now here, now there. Where it was each of several times
// is what it does not come out of.
const (
	looks       = 10
	betweenThem = 10 * time.Millisecond
)

// stuck returns the goroutines in the bubble that run code of the system: the driver
// first, the others in the order of their calls. all includes handlers. It looks n
// times, and leaves out of the driver's calls those that have returned meanwhile.
func (w *World) stuck(all bool, n int) []stuck {
	goroutines := w.look(all)
	for range n - 1 {
		time.Sleep(betweenThem)
		again := w.look(all)
		if len(goroutines) == 0 || len(again) == 0 || !goroutines[0].driver || !again[0].driver {
			break
		}
		goroutines[0].calls = stack.Outer(goroutines[0].calls, again[0].calls)
	}
	return slices.DeleteFunc(goroutines, func(s stuck) bool { return len(s.calls) == 0 })
}

func (w *World) look(all bool) []stuck {
	bubble, _ := w.bubble.Load().(string)
	buf := make([]byte, 1<<20)
	buf = buf[:runtime.Stack(buf, true)]
	var drivers, others []stuck
	for _, g := range stack.Parse(string(buf), stack.Root) {
		head, _, _ := strings.Cut(g.Text, "\n")
		if bubble == "" || bubbleOf(head) != bubble {
			continue
		}
		s := stuck{calls: systemCalls(&g), does: g.Waits()}
		switch {
		case len(s.calls) == 0:
		case strings.Contains(g.Text, "sim.(*World).run("):
			s.driver = true
			drivers = append(drivers, s)
		case strings.Contains(g.Text, "sim.(*clientele).serve("):
		case strings.Contains(g.Text, "sim.(*call).handle") && !all:
		default:
			others = append(others, s)
		}
	}
	slices.SortFunc(others, func(a, b stuck) int { return cmp.Compare(a.text(), b.text()) })
	return append(drivers, others...)
}

// outcome returns what became of the run. stuck is why it did not end by itself.
func (w *World) outcome(stuck *Failure) *Outcome {
	w.mu.Lock()
	defer w.mu.Unlock()
	o := &Outcome{
		Failure: w.failure, Digest: w.record.digest, Events: len(w.record.log), Took: w.took, Reached: w.reached,
		Writes: w.phases.writes, Calls: w.phases.calls, History: w.clients.history, Trace: w.record.trace, log: w.record.log,
	}
	if o.Failure == nil && stuck != nil {
		if n := len(w.record.log); n > 0 {
			stuck.At = w.record.log[n-1].at
		}
		o.Failure = stuck
		w.record.violated(stuck)
		o.Trace = w.record.trace
	}
	return o
}
