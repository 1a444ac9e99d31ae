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
	fmt.Fprintf(&b, "%s seed %d, %s, digest %s\n", l.Header.Test, l.Header.Seed, l.Header.cast(), l.Header.Digest)
	for _, line := range l.Header.Schedule {
		fmt.Fprintf(&b, "    %s\n", line)
	}
	for i := range l.Events {
		l.Events[i].write(&b, l.Header.name)
		b.WriteByte('\n')
	}
	if l.Header.Found != "" {
		fmt.Fprintf(&b, "failed: %s\n", l.Header.Found)
	}
	_, err := io.WriteString(w, b.String())
	return errors.Trace(err)
}

// cast says how many machines of each role a run has, and clients.
func (h *Header) cast() string {
	var parts []string
	add := func(n int, role string) {
		if n != 1 {
			role += "s"
		}
		parts = append(parts, fmt.Sprintf("%d %s", n, role))
	}
	for i := 0; i < len(h.Machines); {
		role := h.Machines[i].Role
		same := i
		for i < len(h.Machines) && h.Machines[i].Role == role {
			i++
		}
		add(i-same, role)
	}
	if h.Clients > 0 {
		add(h.Clients, "client")
	}
	return strings.Join(parts, ", ")
}

// name returns what a machine is called, such as "store 2".
func (h *Header) name(id uint64) string {
	for _, m := range h.Machines {
		if m.ID == id {
			return fmt.Sprintf("%s %d", m.Role, id)
		}
	}
	return storeName(id)
}

// storeName is what a machine is called if it is not known what it is there for.
func storeName(id uint64) string { return fmt.Sprintf("store %d", id) }

// String returns e on one line. It calls each machine a store.
func (e *Event) String() string {
	var b strings.Builder
	e.write(&b, storeName)
	return b.String()
}

// write writes e on one line.
func (e *Event) write(b *strings.Builder, name func(id uint64) string) {
	fmt.Fprintf(b, "%10.6fs  ", e.At.Seconds())
	switch e.Kind {
	case Message:
		fmt.Fprintf(b, "%d->%d  %s #%d", e.From, e.To, e.Fate, e.N)
	case Call, Operation:
		if e.Client != 0 {
			fmt.Fprintf(b, "client %d", e.Client)
		} else {
			fmt.Fprint(b, e.From)
		}
		if e.Store != 0 {
			fmt.Fprintf(b, "->%d", e.Store)
		}
		fmt.Fprintf(b, "  %s #%d %s", e.Kind, e.N, e.Fate)
	case Transaction:
		fmt.Fprintf(b, "%s  transaction %d %s, for client %d #%d:", name(e.Store), e.Start, e.Fate, e.Client, e.N)
	case LogChange:
		fmt.Fprintf(b, "%s  %s %d..%d", name(e.Store), e.Fate, e.First, e.Last)
	case FaultBegins, FaultEnds:
		b.WriteString(string(e.Kind))
	default:
		if e.Store != 0 {
			fmt.Fprintf(b, "%s  ", name(e.Store))
		}
		b.WriteString(string(e.Kind))
		if e.Client != 0 {
			fmt.Fprintf(b, " of client %d #%d", e.Client, e.N)
		}
	}
	if e.Region != 0 {
		fmt.Fprintf(b, " region %d", e.Region)
	}
	if e.Role != "" {
		fmt.Fprintf(b, " %s", e.Role)
	}
	switch {
	case e.Term != 0 && e.Index != 0:
		fmt.Fprintf(b, " (term %d, index %d)", e.Term, e.Index)
	case e.Term != 0:
		fmt.Fprintf(b, " (term %d)", e.Term)
	case e.Index != 0:
		fmt.Fprintf(b, " (index %d)", e.Index)
	}
	switch e.Kind {
	case State:
		if e.Fate != "" {
			fmt.Fprintf(b, " %s", e.Fate)
			break
		}
		fmt.Fprintf(b, " vote %d, leader %d, log %d..%d, committed %d, applied %d", e.Vote, e.Lead, e.First, e.Last, e.Commit, e.Applied)
	case Sync:
		fmt.Fprintf(b, " vote %d, committed %d, log up to %d:", e.Vote, e.Commit, e.Last)
	}
	if e.Type != "" {
		fmt.Fprintf(b, " %s", e.Type)
	}
	if e.Text != "" {
		fmt.Fprintf(b, " %s", e.Text)
	}
}
