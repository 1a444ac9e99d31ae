package sim

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/lab/dice"
	"github.com/labkv/labkv/lab/trace"
)

// An entry is what is kept of an event that happened, so that two runs can be
// compared.
type entry struct {
	at  time.Duration
	sum uint64
	name
}

func (e entry) String() string {
	switch e.kind {
	case delivers, transfers:
		return fmt.Sprintf("at %s, %s %d from store %d to store %d in stream %d", seconds(e.at), e.kind, e.n, e.from, e.to, e.stream)
	case requests, replies:
		return fmt.Sprintf("at %s, %s %d between %d and %d", seconds(e.at), e.kind, e.n, e.from, e.to)
	}
	return fmt.Sprintf("at %s, %s of %d", seconds(e.at), e.kind, e.to)
}

// A record is what is kept of a run: its events and their digest, to compare it with
// another one, and the log that people read, if it is wanted.
type record struct {
	w *World

	// log and digest belong to the driver.
	log    []entry
	digest uint64

	tracing bool
	trace   []trace.Event // guarded by the world's lock
}

// note keeps e, which is about to happen.
func (r *record) note(e *event) {
	if len(r.log) == cap(r.log) {
		r.log = slices.Grow(r.log, max(len(r.log), 1024)) // append alone would copy it more often
	}
	r.log = append(r.log, entry{e.at, e.sum, e.name})
	h := dice.Mix(r.digest ^ uint64(e.at))
	h = dice.Mix(h ^ uint64(e.kind)<<56 ^ e.to<<40 ^ e.from<<24 ^ e.stream)
	r.digest = dice.Mix(h ^ e.n ^ e.sum)
}

// parting returns where two logs part: the number of the first event that
// differs, from 1, or 0 if none does.
func parting(a, b []entry) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i + 1
		}
	}
	if len(a) != len(b) {
		return min(len(a), len(b)) + 1
	}
	return 0
}

// tell adds to the log of the run, if it is kept.
func (r *record) tell(e trace.Event) {
	w := r.w
	if !r.tracing {
		return
	}
	e.At = w.now()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failure != nil {
		return // what follows is only the end of the world
	}
	r.trace = append(r.trace, e)
}

// violated adds to the log of the run what broke, at the moment that it is about, in the
// place of a lesser failure. The caller has the world's lock, or is the only one left.
func (r *record) violated(f *Failure) {
	if !r.tracing {
		return
	}
	e := trace.Event{At: f.At, Kind: trace.Violation, Store: f.Store, Text: f.Found}
	r.trace = slices.DeleteFunc(r.trace, func(e trace.Event) bool { return e.Kind == trace.Violation })
	at := len(r.trace)
	if f.At > 0 {
		for at > 0 && r.trace[at-1].At > f.At {
			at--
		}
	} else if at > 0 {
		e.At = r.trace[at-1].At
	}
	r.trace = slices.Insert(r.trace, at, e)
}

// A Describer is a System that can say what a message says: it fills in what an event
// of that message has of Type, Text, Region, Term, Index and Key.
type Describer interface {
	Describe(m proto.Message, e *trace.Event)
}

// describe fills in what e has of a message of the type of kind with the content body.
func (r *record) describe(kind proto.Message, body []byte, e *trace.Event) {
	e.Type = string(kind.ProtoReflect().Descriptor().Name())
	if d, ok := r.w.system.(Describer); ok {
		m := kind.ProtoReflect().New().Interface()
		if proto.Unmarshal(body, m) == nil {
			d.Describe(m, e)
		}
	}
}

// last tells which events the last were, by their kinds, the most frequent first.
func (r *record) last() string {
	w := r.w
	counts := map[string]int{}
	for _, e := range r.log[max(0, len(r.log)-1000):] {
		what := e.kind.String()
		if e.kind == delivers {
			what = fmt.Sprintf("messages from %v to %v", w.machine(e.from), w.machine(e.to))
		}
		counts[what]++
	}
	whats := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	return strings.Join(whats[:min(2, len(whats))], " and ")
}
