package sim

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing/synctest"
	"time"

	"github.com/labkv/labkv/lab/agenda"
	"github.com/labkv/labkv/lab/dice"
	"github.com/labkv/labkv/lab/trace"
)

// A World is one run of a schedule: machines with their disks, the network
// between them, clients, and a virtual clock. One goroutine, the driver, makes
// one thing happen at a time.
type World struct {
	scenario *Scenario
	system   System
	schedule Schedule
	setting  Setting
	dice     dice.Dice
	machines []*machine // machine i is at i-1

	ctx    context.Context // ends with the run
	cancel context.CancelFunc
	epoch  time.Time
	timer  *time.Timer
	woken  chan struct{}

	// progress counts events, for who watches the run from outside. served is its
	// value when a client was last told that a request was done.
	progress, served atomic.Int64
	bubble           atomic.Value // the number of the bubble, a string

	// What happens in the world has owners.

	network network
	faults  faults
	calls   calls
	clients clientele
	phases  phases
	record  record

	// running is the incarnation whose code runs, or ran last.
	running atomic.Pointer[life]

	// mu guards everything below, and what the owners say that it guards. It is never
	// held while code of the system or of a disk runs.
	mu      sync.Mutex
	agenda  agenda.Agenda[planned, *planned]
	target  time.Duration // when the driver is going to look at the agenda
	fallen  []*life       // incarnations that have crashed and were not closed yet
	failure *Failure
	reached map[Goal]bool

	// ended and took belong to the driver.
	ended bool
	took  time.Duration
}

// now returns the time since the beginning of the run.
func (w *World) now() time.Duration { return time.Since(w.epoch) }

// machine returns the machine of that id, or nil if there is none.
func (w *World) machine(id uint64) *machine {
	if id == 0 || id > uint64(len(w.machines)) {
		return nil
	}
	return w.machines[id-1]
}

// post adds e to the agenda, and wakes the driver if it would be late for it.
func (w *World) post(e *event) {
	w.mu.Lock()
	w.agenda.Add(planned{e})
	late := e.at < w.target
	w.mu.Unlock()
	if late {
		select {
		case w.woken <- struct{}{}:
		default:
		}
	}
}

// drive takes events from the agenda until the run is over.
func (w *World) drive() {
	w.settle()
	for !w.phases.over && w.failed() == nil {
		w.mu.Lock()
		e := w.agenda.Peek()
		w.target = e.at
		w.mu.Unlock()
		if wait := e.at - w.now(); wait > 0 {
			w.timer.Reset(wait)
			select {
			case <-w.timer.C:
			case <-w.woken:
			}
			// Goroutines that this moment woke come first: what they do may
			// belong before e.
			w.settle()
			w.mu.Lock()
			e = w.agenda.Peek()
			w.target = 0
			w.mu.Unlock()
			if e.at > w.now() {
				continue
			}
		}
		w.mu.Lock()
		e = w.agenda.Next()
		w.target = 0
		w.mu.Unlock()
		w.record.note(e.event)
		w.progress.Add(1)
		w.happen(e.event)
		w.settle()
		w.watch()
		w.watchStir()
	}
}

// maxStir is how many events may happen in a row without any request of a client
// being served. Stores that wait for each other, for as long as faults and recovery
// last, make less than half as many.
const maxStir = 100_000

// ruleLivelock is the rule of watchStir.
const ruleLivelock = "the stores make progress"

// watchStir ends a run in which the stores send each other messages forever, and get
// nowhere. Otherwise it would take minutes until the time to recover is over.
func (w *World) watchStir() {
	if n := w.progress.Load() - w.served.Load(); n > maxStir && len(w.scenario.Clients) > 0 {
		w.fail(&Failure{Rule: ruleLivelock, lesser: true, Found: fmt.Sprintf("%d events in a row happened without a single request of a client being served; the last were %s", n, w.record.last())})
	}
}

// happen does what e says, unless the machine that it is for holds it back.
func (w *World) happen(e *event) {
	switch e.kind {
	case ticks:
		if m := w.machine(e.to); !m.clockTicks(e) || m.holds(e) {
			return
		}
	case delivers, transfers, requests, worksSlowly, handsOver, reports, departs, answers, asks, hears, commands:
		if w.machine(e.to).holds(e) {
			return
		}
	}
	w.carryOut(e)
}

// carryOut does what e says.
func (w *World) carryOut(e *event) {
	switch e.kind {
	case delivers:
		w.network.deliver(e)
	case transfers:
		w.network.transfer(e)
	case ticks, worksSlowly, handsOver, reports, commands:
		if l := w.addressee(e); l != nil {
			w.enter(l, e.do)
		}
	case departs, answers, asks, hears:
		if w.addressee(e) != nil {
			e.do()
		}
	default:
		e.do()
	}
}

// addressee returns the incarnation that e is for, or nil if it is over.
func (w *World) addressee(e *event) *life {
	l := w.machine(e.to).current()
	if l == nil || l.incarnation != e.incarnation {
		return nil
	}
	return l
}

// maxPasses bounds what a process may do after one event.
const maxPasses = 100_000

// settle runs processes and goroutines until there is nothing left to do.
func (w *World) settle() {
	for passes := 0; ; {
		synctest.Wait()
		w.bury()
		busy := false
		for _, m := range w.machines {
			for l := m.attentive(); l != nil && l.alive() && w.pass(l); l = m.attentive() {
				synctest.Wait() // what the pass woke acts before the next one
				busy = true
				if passes++; passes > maxPasses {
					w.fail(&Failure{Rule: "idle", Store: m.id, Found: fmt.Sprintf("%v does not run out of work", m)})
					return
				}
			}
		}
		if !busy {
			return
		}
	}
}

func (w *World) pass(l *life) (more bool) {
	defer w.recover(l)
	w.running.Store(l)
	more = l.process.Pass()
	l.touched = l.touched || more
	return more
}

// enter runs f, which is code of the incarnation l.
func (w *World) enter(l *life, f func()) {
	defer w.recover(l)
	w.running.Store(l)
	l.touched = true
	f()
}

// note adds to the log of the run what the code of the incarnation that runs, or whose
// goroutines do, has to say.
func (w *World) note(text string) {
	if l := w.running.Load(); l != nil && l.alive() {
		w.record.tell(trace.Event{Kind: trace.Note, Store: l.machine.id, Text: text})
	}
}

// bury closes the incarnations that have crashed: their goroutines end, and
// callers that wait for them hear that they are gone.
func (w *World) bury() {
	for {
		w.mu.Lock()
		if len(w.fallen) == 0 {
			w.mu.Unlock()
			return
		}
		l := w.fallen[0]
		w.fallen = w.fallen[1:]
		w.mu.Unlock()
		w.calls.hangUp(l)
		l.kill()
		l.machine.letGo()
		if l.process != nil {
			w.enter(l, l.process.Close)
		}
		synctest.Wait()
	}
}

// watch checks what must always hold, of the processes that had something to do and
// have done it.
func (w *World) watch() {
	for _, m := range w.machines {
		l := m.attentive()
		if l == nil || !l.touched {
			continue
		}
		w.enter(l, func() {
			l.touched = false
			if err := w.system.Watch(m.id, l.process); err != nil {
				f := violation(err)
				f.Store = cmp.Or(f.Store, m.id)
				w.fail(f)
			}
			if leader, ok := l.process.(Leader); ok {
				leads := leader.Leads()
				if m.leads && !leads {
					w.Reach(LeaderDeposed)
				}
				m.leads = leads
			}
		})
	}
}

// fail ends the run with f, unless it has failed already.
func (w *World) fail(f *Failure) {
	now := w.now()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failure == nil {
		f.At = now
		w.failure = f
		w.record.violated(f)
	}
}

func (w *World) failed() *Failure {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.failure
}

// Reach notes that the run has come to a situation of interest.
func (w *World) Reach(g Goal) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reached[g] = true
}

// shutDown ends everything that runs in the world.
func (w *World) shutDown() {
	w.cancel()
	for _, m := range w.machines {
		if l := m.current(); l != nil {
			l.hangUp()
		}
	}
	synctest.Wait()
	for _, m := range w.machines {
		m.shutDown()
	}
	w.bury()
	synctest.Wait()
	w.timer.Stop()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range w.machines {
		if m.last == nil || w.failure != nil {
			continue
		}
		for c, runs := range m.last.serving {
			if !runs {
				continue
			}
			w.failure = &Failure{Rule: "answers", At: time.Since(w.epoch),
				Found: fmt.Sprintf("the handler of %v does not return, although the store was closed and the context of the request has ended", c)}
			break
		}
	}
}
