package view

import (
	"encoding/binary"
	"strconv"
	"strings"

	"github.com/labkv/labkv/lab/trace"
)

// A table is the events of a log column by column, which takes a browser a fraction of
// the time and memory that an object for each event takes.
type table struct {
	columns []column
	// strings are all strings of the events, each once. The first one is empty.
	strings []string
	ids     map[string]uint64
}

// A column is one field of all events, each a varint. Of times, it is the time since the
// event before.
type column struct {
	Name string `json:"name"`
	// Bytes is the length of data, and Max the largest of its values.
	Bytes int    `json:"bytes"`
	Max   uint64 `json:"max"`
	data  []byte
}

// named is the first number that a column does not hold. JavaScript's numbers are not
// exact far beyond it, and what is larger, such as some timestamps, is an identity and no
// quantity: the column has named plus the place of the number's decimal text in the
// strings.
const named = 1 << 52

func newTable(events []trace.Event) *table {
	t := &table{strings: []string{""}, ids: map[string]uint64{"": 0}}
	numbers := func(name string, of func(e *trace.Event) uint64) {
		c := column{Name: name}
		for i := range events {
			v := of(&events[i])
			if v >= named {
				v = named + t.id(strconv.FormatUint(v, 10))
			}
			c.Max = max(c.Max, v)
			c.data = binary.AppendUvarint(c.data, v)
		}
		c.Bytes = len(c.data)
		t.columns = append(t.columns, c)
	}
	texts := func(name string, of func(e *trace.Event) string) {
		numbers(name, func(e *trace.Event) uint64 { return t.id(of(e)) })
	}
	now := int64(0)
	numbers("at", func(e *trace.Event) uint64 {
		passed := max(0, int64(e.At)-now)
		now += passed
		return uint64(passed)
	})
	texts("kind", func(e *trace.Event) string { return string(e.Kind) })
	numbers("store", func(e *trace.Event) uint64 { return e.Store })
	texts("stores", func(e *trace.Event) string { return list(e.Stores) })
	numbers("client", func(e *trace.Event) uint64 { return e.Client })
	numbers("from", func(e *trace.Event) uint64 { return e.From })
	numbers("to", func(e *trace.Event) uint64 { return e.To })
	numbers("stream", func(e *trace.Event) uint64 { return e.Stream })
	numbers("n", func(e *trace.Event) uint64 { return e.N })
	numbers("bytes", func(e *trace.Event) uint64 { return uint64(max(0, e.Bytes)) })
	texts("type", func(e *trace.Event) string { return e.Type })
	texts("fate", func(e *trace.Event) string { return e.Fate })
	numbers("copy", func(e *trace.Event) uint64 {
		if e.Copy {
			return 1
		}
		return 0
	})
	numbers("region", func(e *trace.Event) uint64 { return e.Region })
	numbers("peer", func(e *trace.Event) uint64 { return e.Peer })
	texts("role", func(e *trace.Event) string { return e.Role })
	numbers("term", func(e *trace.Event) uint64 { return e.Term })
	numbers("vote", func(e *trace.Event) uint64 { return e.Vote })
	numbers("lead", func(e *trace.Event) uint64 { return e.Lead })
	numbers("index", func(e *trace.Event) uint64 { return e.Index })
	numbers("commit", func(e *trace.Event) uint64 { return e.Commit })
	numbers("applied", func(e *trace.Event) uint64 { return e.Applied })
	numbers("first", func(e *trace.Event) uint64 { return e.First })
	numbers("last", func(e *trace.Event) uint64 { return e.Last })
	texts("key", func(e *trace.Event) string { return e.Key })
	numbers("start", func(e *trace.Event) uint64 { return e.Start })
	texts("text", func(e *trace.Event) string { return e.Text })
	return t
}

// id returns the place of s in the strings.
func (t *table) id(s string) uint64 {
	id, ok := t.ids[s]
	if !ok {
		id = uint64(len(t.strings))
		t.ids[s] = id
		t.strings = append(t.strings, s)
	}
	return id
}

func list(ids []uint64) string {
	if len(ids) == 0 {
		return ""
	}
	var b strings.Builder
	for i, id := range ids {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.FormatUint(id, 10))
	}
	return b.String()
}
