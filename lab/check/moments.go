package check

import "fmt"

// A window is a time, in stamps, within which something was there. At from and
// until it may have been there or not.
type window struct {
	from, until int64
	why         string // what ended it
}

// checkMoments checks that what each scan saw can have been there at one moment
// between its beginning and its end.
func checkMoments(ops []*Operation, keys []*keyed) error {
	writes := map[string]*written{}
	for _, k := range keys {
		writes[k.name] = newWritten(k.ops)
	}
	for _, o := range ops {
		if o.Op != Scan {
			continue
		}
		all := window{from: o.Call, until: o.Return}
		var first, last string
		for _, s := range o.seen(keys) {
			w := writes[s.key.name].window(s.value, s.found, o.Call)
			what := fmt.Sprintf("key %q as %s", s.key.name, value(s.value, s.found))
			if w.from > all.from {
				all.from, first = w.from, what
			}
			if w.until < all.until {
				all.until, last = w.until, what+", which "+w.why
			}
		}
		if all.from > all.until {
			return &Violation{Rule: RuleScan, At: o.End, Found: fmt.Sprintf(
				"%v: it saw %s, together with %s, which was not there yet", o, last, first)}
		}
	}
	return nil
}

// written are the writes to one key.
type written struct {
	puts    map[string][]*Operation
	deletes []*Operation
	all     []*Operation
}

func newWritten(ops []*Operation) *written {
	w := &written{puts: map[string][]*Operation{}}
	for _, o := range ops {
		switch o.Op {
		case Put:
			w.puts[o.Value] = append(w.puts[o.Value], o)
			w.all = append(w.all, o)
		case Delete:
			w.deletes = append(w.deletes, o)
			w.all = append(w.all, o)
		}
	}
	return w
}

// window returns when a value can have been there, as seen by a scan that began
// at call. It never is too small.
func (w *written) window(v string, found bool, call int64) window {
	win := window{until: Never}
	writers := w.deletes
	if found {
		win.from, writers = Never, w.puts[v]
		for _, o := range writers {
			win.from = min(win.from, o.Call)
		}
	} else {
		win.from = w.absentFrom(call)
	}
	over := int64(0)
	for _, o := range writers {
		over = max(over, o.Return)
	}
	for _, o := range w.all {
		if !o.Unknown() && o.Call > over && o.Return < win.until {
			win.until = o.Return
			win.why = fmt.Sprintf("%v had changed", o)
		}
	}
	return win
}

// absentFrom returns when a key that was absent at call or later became so.
func (w *written) absentFrom(call int64) int64 {
	// The last put that was there for sure, and the deletes that can have
	// followed it.
	last := int64(-1)
	for _, puts := range w.puts {
		for _, o := range puts {
			if o.Return < call {
				last = max(last, o.Call)
			}
		}
	}
	if last < 0 {
		return 0 // it may never have been there
	}
	from := int64(Never)
	for _, o := range w.deletes {
		if o.Return > last {
			from = min(from, o.Call)
		}
	}
	return from
}
