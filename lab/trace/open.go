package trace

import (
	"cmp"
	"encoding/json"
	"slices"

	"github.com/pingcap/errors"
)

// openEvents are the events of the beginning of a log that are still true where it ends,
// each under what makes it end or takes its place.
type openEvents map[openKey]numbered

type openKey struct {
	kind          Kind
	store, region uint64
	text          string
}

type numbered struct {
	n int
	Event
}

// add goes on with the n-th event of the log.
func (o openEvents) add(line []byte, n int) error {
	kind := kindOf(line)
	switch kind {
	case State, Sync, Start, Crash, FaultBegins, FaultEnds, Heal, Operation:
	default:
		return nil
	}
	e := numbered{n: n}
	if err := json.Unmarshal(line, &e.Event); err != nil {
		return errors.Annotatef(err, "trace: event %d", n)
	}
	key := openKey{kind: kind, store: e.Store, region: e.Region}
	ends := false
	switch kind {
	case State:
		ends = e.Fate == "removed"
	case Sync:
		key.text = e.Text
	case Start, Crash:
		if e.Store == 0 {
			return nil // a client's, whose next operation says the same
		}
		key.kind = Start
	case FaultBegins, FaultEnds:
		key = openKey{kind: FaultBegins, store: e.N, text: e.Text}
		ends = kind == FaultEnds
	case Heal:
		for k := range o {
			if k.kind == FaultBegins {
				delete(o, k)
			}
		}
		return nil
	case Operation:
		key = openKey{kind: Operation, store: e.Client}
		switch e.Fate {
		case "begins":
		case "done", "unknown", "refused":
			ends = true
		default:
			return nil // it goes on
		}
	}
	if ends {
		delete(o, key)
	} else {
		o[key] = e
	}
	return nil
}

// events returns them in the order of the log.
func (o openEvents) events() []Event {
	var all []numbered
	for _, e := range o {
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b numbered) int { return cmp.Compare(a.n, b.n) })
	var events []Event
	for _, e := range all {
		events = append(events, e.Event)
	}
	return events
}
