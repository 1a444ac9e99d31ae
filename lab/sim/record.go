package sim

import (
	"fmt"
	"reflect"
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

// note keeps e, which is about to happen.
func (w *World) note(e *event) {
	w.log = append(w.log, entry{e.at, e.sum, e.name})
	h := dice.Mix(w.digest ^ uint64(e.at))
	h = dice.Mix(h ^ uint64(e.kind)<<56 ^ e.to<<40 ^ e.from<<24 ^ e.stream)
	w.digest = dice.Mix(h ^ e.n ^ e.sum)
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
func (w *World) tell(e trace.Event) {
	if !w.tracing {
		return
	}
	e.At = w.now()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failure != nil {
		return // what follows is only the end of the world
	}
	w.trace = append(w.trace, e)
}

// A Describer is a System that can say what a message says.
type Describer interface {
	Describe(m proto.Message) string
}

// describe returns m on one line.
func (w *World) describe(kind proto.Message, body []byte) string {
	name := reflect.TypeOf(kind).Elem().Name()
	d, ok := w.system.(Describer)
	if !ok {
		return name
	}
	m := kind.ProtoReflect().New().Interface()
	if proto.Unmarshal(body, m) != nil {
		return name
	}
	return d.Describe(m)
}

func (w *World) tellPacket(t *transit, fate string) {
	if !w.tracing {
		return
	}
	w.tell(trace.Event{
		Kind: trace.Message, From: t.from, To: t.to, Stream: t.stream, N: t.n &^ resend, Fate: fate,
		Bytes: len(t.body) + len(t.attachment), Text: w.describe(t.kind, t.body),
	})
}
