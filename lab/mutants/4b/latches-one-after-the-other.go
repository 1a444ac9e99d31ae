//go:build mutant

// Acquire takes one key after the other, in the order of the request. A command that
// has a and wants b, and one that has b and wants a, wait forever.
//
//lab:mutant 4B kv/transaction
package transaction

import (
	"context"
)

func (l *Latches) Acquire(ctx context.Context, keys [][]byte) (release func(), err error) {
	var releases []func()
	release = func() {
		for _, r := range releases {
			r()
		}
	}
	seen := map[string]bool{}
	for _, key := range keys {
		if seen[string(key)] {
			continue
		}
		seen[string(key)] = true
		r, err := l.Acquire_original(ctx, [][]byte{key})
		if err != nil {
			release()
			return nil, err
		}
		releases = append(releases, r)
	}
	return release, nil
}
