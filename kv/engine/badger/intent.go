//go:build cgo

package badger

import (
	"encoding/binary"

	"github.com/pingcap/errors"
)

// intentOverhead is the most bytes that the two lengths of an entry take.
const intentOverhead = 2 * binary.MaxVarintLen32

// appendIntent appends the intent to write entries to b. It keeps their order,
// and leaves out the engine's own entries. An entry is encoded as the length of
// the key, the key, the length of the value plus one (zero for a deletion), and
// the value.
func appendIntent(b []byte, entries []entry) []byte {
	for i := range entries {
		e := &entries[i]
		if e.key[0] == 0 {
			continue
		}
		b = binary.AppendUvarint(b, uint64(len(e.key)))
		b = append(b, e.key...)
		if e.delete {
			b = append(b, 0)
			continue
		}
		b = binary.AppendUvarint(b, uint64(len(e.value))+1)
		b = append(b, e.value...)
	}
	return b
}

// decodeIntent returns the entries of an intent. They share its memory.
func decodeIntent(intent []byte) ([]entry, error) {
	var entries []entry
	number := func() (int, bool) {
		n, size := binary.Uvarint(intent)
		if size <= 0 || n > uint64(len(intent)) {
			return 0, false
		}
		intent = intent[size:]
		return int(n), true
	}
	for len(intent) > 0 {
		var e entry
		n, ok := number()
		if !ok || n == 0 || n > len(intent) {
			return nil, errors.New("intent has a bad key")
		}
		e.key, intent = intent[:n], intent[n:]
		n, ok = number()
		if !ok || n-1 > len(intent) {
			return nil, errors.New("intent has a bad value")
		}
		if e.delete = n == 0; !e.delete {
			e.value, intent = intent[:n-1], intent[n-1:]
		}
		entries = append(entries, e)
	}
	return entries, nil
}
