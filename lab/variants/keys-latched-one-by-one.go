//go:build variant

// A command takes the latches of its keys one after the other, in the order of the
// keys. It may hold some while it waits for the next one. Commands that want the same
// keys never wait for each other, since all of them take the smallest one first.
//
//lab:variant kv/transaction 4B 4C
package transaction

import (
	"bytes"
	"context"
	"slices"
)

func (l *Latches) Acquire(ctx context.Context, keys [][]byte) (release func(), err error) {
	sorted := slices.SortedFunc(slices.Values(keys), bytes.Compare)
	sorted = slices.CompactFunc(sorted, bytes.Equal)
	var releases []func()
	release = func() {
		for _, r := range releases {
			r()
		}
	}
	for _, key := range sorted {
		r, err := l.Acquire_original(ctx, [][]byte{key})
		if err != nil {
			release()
			return nil, err
		}
		releases = append(releases, r)
	}
	return release, nil
}
