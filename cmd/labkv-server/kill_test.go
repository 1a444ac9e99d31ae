//go:build cgo

package main_test

import (
	"context"
	"fmt"
	"math/rand"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/await"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

// kills is how often TestKill kills the server.
const kills = 100

// TestKill kills the server with SIGKILL while clients write, and starts it again,
// a hundred times. After each start everything that was ever acknowledged has to
// be there: for each key its last acknowledged value, or the one write that was
// under way when the server died, which may have happened or not. Every tenth
// time, while the server runs, a second one on the same data is refused.
func TestKill(t *testing.T) {
	const clients, keysPerClient = 4, 8
	dir := t.TempDir()
	rng := rand.New(rand.NewSource(1))
	writers := make([]*writer, clients)
	for i := range writers {
		writers[i] = newWriter(i, keysPerClient)
	}
	acknowledged := 0
	for kill := 1; kill <= kills; kill++ {
		p := start(t, dir)
		check(t, p, writers, kill)
		if kill%10 == 0 {
			fails(t, "in use by another engine", "--standalone", "--path", dir, "--addr", "127.0.0.1:0")
		}
		enough := make(chan struct{}, 1)
		remaining := 1 + rng.Intn(60) // acknowledged writes before the kill
		var mu sync.Mutex
		onAcknowledged := func() {
			mu.Lock()
			defer mu.Unlock()
			acknowledged++
			if remaining--; remaining == 0 {
				enough <- struct{}{}
			}
		}
		ctx := await.Context(t, "writes")
		var running sync.WaitGroup
		for _, w := range writers {
			running.Go(func() { w.writeUntilError(ctx, p, onAcknowledged) })
		}
		await.Receive(t, enough, "acknowledged writes")
		p.kill()
		running.Wait()
	}
	p := start(t, dir)
	check(t, p, writers, kills+1)
	t.Logf("%d kills, %d acknowledged writes, none lost", kills, acknowledged)
}

// A writer writes to its own keys in turn, and remembers the answers.
type writer struct {
	keys   []string
	done   map[string]string // the last acknowledged value; "" if deleted
	trying map[string]string // a write without an answer, if there is one
	next   int
}

func newWriter(id, keys int) *writer {
	w := &writer{done: map[string]string{}, trying: map[string]string{}}
	for k := range keys {
		w.keys = append(w.keys, fmt.Sprintf("%d/%d", id, k))
	}
	return w
}

// writeUntilError puts values that never repeat, and deletes every seventh time.
func (w *writer) writeUntilError(ctx context.Context, p *process, acknowledged func()) {
	for {
		w.next++
		key, value := w.keys[w.next%len(w.keys)], fmt.Sprint(w.next)
		var failed bool
		if w.next%7 == 0 {
			value = ""
			w.trying[key] = value
			resp, err := p.RawDelete(ctx, &kvrpcpb.RawDeleteRequest{Context: rc, Key: []byte(key)})
			failed = err != nil || resp.Error != ""
		} else {
			w.trying[key] = value
			resp, err := p.RawPut(ctx, &kvrpcpb.RawPutRequest{Context: rc, Key: []byte(key), Value: []byte(value)})
			failed = err != nil || resp.Error != ""
		}
		if failed {
			return
		}
		w.done[key] = value
		delete(w.trying, key)
		acknowledged()
	}
}

// check compares what p holds with the answers that the writers got. Of the writes
// without an answer, what it finds is what counts from then on.
func check(t *testing.T, p *process, writers []*writer, start int) {
	t.Helper()
	resp, err := p.RawScan(await.Context(t, "a scan"), &kvrpcpb.RawScanRequest{Context: rc, Limit: 1 << 20})
	require.NoError(t, err)
	require.Empty(t, resp.Error)
	found := map[string]string{}
	for _, pair := range resp.Kvs {
		found[string(pair.Key)] = string(pair.Value)
	}
	for _, w := range writers {
		for _, key := range w.keys {
			possible := []string{w.done[key]}
			if value, ok := w.trying[key]; ok {
				possible = append(possible, value)
			}
			require.Contains(t, possible, found[key], "value of %s at start %d", key, start)
			w.done[key] = found[key]
			delete(w.trying, key)
			delete(found, key)
		}
	}
	require.Empty(t, found, "keys that were never written, at start %d", start)
}
