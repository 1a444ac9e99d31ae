package source

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
)

// Edits are replacements of byte ranges of one source. The zero value is ready
// to use. All offsets refer to the source before any edit.
type Edits struct {
	list []edit
}

type edit struct {
	start, end int
	text       string
}

// Replace puts text in the place of src[start:end]; start == end inserts.
func (e *Edits) Replace(start, end int, text string) {
	e.list = append(e.list, edit{start, end, text})
}

// Delete removes src[start:end].
func (e *Edits) Delete(start, end int) { e.Replace(start, end, "") }

// Empty reports whether nothing was edited.
func (e *Edits) Empty() bool { return len(e.list) == 0 }

// Covers reports whether offset lies in a range that an edit removes or replaces.
func (e *Edits) Covers(offset int) bool {
	_, ok := e.Start(offset)
	return ok
}

// Start returns where the range begins that an edit removes or replaces, and
// that offset lies in.
func (e *Edits) Start(offset int) (start int, ok bool) {
	i := slices.IndexFunc(e.list, func(d edit) bool { return d.start <= offset && offset < d.end })
	if i < 0 {
		return 0, false
	}
	return e.list[i].start, true
}

// Apply returns src with the edits made; src is not changed. An edit inside a
// range that another one replaces is dropped: the outer one decides. Ranges
// that overlap in part are a broken invariant.
func (e *Edits) Apply(src []byte) []byte {
	list := slices.Clone(e.list)
	slices.SortStableFunc(list, func(a, b edit) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(b.end, a.end))
	})
	var out bytes.Buffer
	at := 0
	for _, d := range list {
		if d.start < at {
			if d.end > at {
				panic(fmt.Sprintf("source: edits overlap: [%d,%d) begins before %d", d.start, d.end, at))
			}
			continue
		}
		out.Write(src[at:d.start])
		out.WriteString(d.text)
		at = d.end
	}
	out.Write(src[at:])
	return out.Bytes()
}

// Add takes over the edits of other, which must refer to the same source.
func (e *Edits) Add(other *Edits) { e.list = append(e.list, other.list...) }
