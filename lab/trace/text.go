package trace

import (
	"fmt"
	"io"
	"strings"

	"github.com/pingcap/errors"
)

// WriteText writes l for people: one line per event.
func (l *Log) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s seed %d, %d stores, %d clients, digest %s\n",
		l.Header.Test, l.Header.Seed, l.Header.Stores, l.Header.Clients, l.Header.Digest)
	for _, line := range l.Header.Schedule {
		fmt.Fprintf(&b, "    %s\n", line)
	}
	for i := range l.Events {
		b.WriteString(l.Events[i].String())
		b.WriteByte('\n')
	}
	if l.Header.Found != "" {
		fmt.Fprintf(&b, "failed: %s\n", l.Header.Found)
	}
	_, err := io.WriteString(w, b.String())
	return errors.Trace(err)
}

// String returns e on one line.
func (e *Event) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%10.6fs  ", e.At.Seconds())
	switch e.Kind {
	case Message:
		fmt.Fprintf(&b, "%d->%d  %s #%d", e.From, e.To, e.Fate, e.N)
	case Call, Operation:
		if e.Client != 0 {
			fmt.Fprintf(&b, "client %d", e.Client)
		} else {
			fmt.Fprint(&b, e.From)
		}
		if e.Store != 0 {
			fmt.Fprintf(&b, "->%d", e.Store)
		}
		fmt.Fprintf(&b, "  %s #%d %s", e.Kind, e.N, e.Fate)
	case Transaction:
		fmt.Fprintf(&b, "store %d  transaction %d %s, for client %d #%d:", e.Store, e.Start, e.Fate, e.Client, e.N)
	case FaultBegins, FaultEnds:
		b.WriteString(string(e.Kind))
		if e.Store != 0 {
			fmt.Fprintf(&b, " on store %d", e.Store)
		}
	default:
		if e.Store != 0 {
			fmt.Fprintf(&b, "store %d  ", e.Store)
		}
		b.WriteString(string(e.Kind))
		if e.Client != 0 {
			fmt.Fprintf(&b, " of client %d #%d", e.Client, e.N)
		}
	}
	if e.Region != 0 {
		fmt.Fprintf(&b, " region %d", e.Region)
	}
	if e.Role != "" {
		fmt.Fprintf(&b, " %s", e.Role)
	}
	switch {
	case e.Term != 0 && e.Index != 0:
		fmt.Fprintf(&b, " (term %d, index %d)", e.Term, e.Index)
	case e.Term != 0:
		fmt.Fprintf(&b, " (term %d)", e.Term)
	case e.Index != 0:
		fmt.Fprintf(&b, " (index %d)", e.Index)
	}
	if e.Text != "" {
		fmt.Fprintf(&b, " %s", e.Text)
	}
	return b.String()
}
