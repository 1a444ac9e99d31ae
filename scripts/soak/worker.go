package main

import (
	"bytes"
	"context"
	stderrors "errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/labkv/labkv/kv/client"
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/lab/check"
)

// A worker is a client that does one operation after the other.
type worker struct {
	trial    *trial
	client   *client.Raw
	recorder *check.Recorder
	rng      *rand.Rand
	id       int
	writes   int
}

const (
	// reader is the number of a client that only reads.
	reader = 0
	// patience is how long a client waits for one operation.
	patience = 3 * time.Second
	// scanLimit is the number of pairs that a scan asks for, everything more than
	// there are.
	scanLimit  = 8
	everything = 1 << 30
)

// keyName returns a key that clients share.
func keyName(i int) string { return fmt.Sprintf("key-%03d", i) }

// endOfKeys is beyond all keys of these clients. The accounts of the bank follow.
const endOfKeys = "key."

// newWorker returns a client with a number of its own, or a reader.
func (t *trial) newWorker(id int) (*worker, error) {
	var cfg client.Config
	if t.manager != nil {
		cfg.Scheduler = t.manager.SchedulerClient
	} else {
		for _, s := range t.cluster.Stores() {
			cfg.Stores = append(cfg.Stores, client.Store{ID: s.ID, Addr: s.Addr})
		}
	}
	raw, err := client.NewRaw(cfg)
	if err != nil {
		return nil, err
	}
	return &worker{
		trial: t, client: raw, id: id,
		recorder: t.recorder(id),
		rng:      rand.New(rand.NewPCG(t.seed, uint64(id))),
	}, nil
}

// work does operations until ctx ends, with pauses of random length between them.
// An operation that is under way then is finished.
func (w *worker) work(ctx context.Context) {
	mean := time.Duration(float64(time.Second) / w.trial.rate)
	for sleep(ctx, time.Duration(w.rng.Int64N(int64(2*mean)))) == nil {
		ctx := context.WithoutCancel(ctx)
		key := keyName(w.rng.IntN(w.trial.keys))
		// A read without an answer says nothing.
		switch p := w.rng.IntN(100); {
		case p < 2 && w.trial.manager != nil:
			w.grow(ctx)
		case p < 40:
			_ = w.get(ctx, key, patience)
		case p < 50:
			_ = w.scan(ctx, key, scanLimit, patience)
		case p < 90:
			w.put(ctx, key)
		default:
			w.write(ctx, check.Operation{Op: check.Delete, Key: key}, func(ctx context.Context) error {
				return w.client.Delete(ctx, engine.CFDefault, []byte(key))
			})
		}
	}
}

func (w *worker) get(ctx context.Context, key string, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	p := w.recorder.Begin(check.Operation{Op: check.Get, Key: key})
	value, found, err := w.client.Get(ctx, engine.CFDefault, []byte(key))
	if err != nil {
		p.Refused()
		return err
	}
	p.Read(w.trial.textOf(value), found)
	w.trial.pauses.answered()
	return nil
}

// scan notes each part of a scan as an operation of its own: only a part is of one
// moment.
func (w *worker) scan(ctx context.Context, start string, limit int, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	begin := func(start string, limit int) *check.Pending {
		return w.recorder.Begin(check.Operation{Op: check.Scan, Key: start, Limit: limit})
	}
	left := limit
	p := begin(start, left)
	for part, err := range w.client.ScanParts(ctx, engine.CFDefault, []byte(start), uint32(limit)) {
		if err != nil {
			p.Refused()
			return err
		}
		var pairs []check.Pair
		for _, pair := range part.Pairs {
			if string(pair.Key) < endOfKeys {
				pairs = append(pairs, check.Pair{Key: string(pair.Key), Value: w.trial.textOf(pair.Value)})
			}
		}
		end := string(part.Keys.End)
		last := end == "" || end >= endOfKeys
		if last {
			end = endOfKeys
		}
		p.Scanned(pairs, end)
		w.trial.pauses.answered()
		if last {
			return nil
		}
		left -= len(pairs)
		p = begin(end, left)
	}
	p.Refused() // there is no further part
	return nil
}

// put writes a value that was never written before, and reports whether the write was
// acknowledged.
func (w *worker) put(ctx context.Context, key string) bool {
	w.writes++
	text := fmt.Sprintf("%d/%d", w.id, w.writes)
	return w.write(ctx, check.Operation{Op: check.Put, Key: key, Value: text}, func(ctx context.Context) error {
		return w.client.Put(ctx, engine.CFDefault, []byte(key), w.trial.valueOf(text))
	})
}

// grow puts a key that was never there before, between the keys that clients share, and
// reports whether the write was acknowledged. Regions grow by such keys.
func (w *worker) grow(ctx context.Context) bool {
	return w.put(ctx, fmt.Sprintf("%s/%d/%d", keyName(w.rng.IntN(w.trial.keys)), w.id, w.writes))
}

// padding follows a text in its value with a scheduler, so that regions grow. The history
// has the text alone.
const padding = 1000

func (t *trial) valueOf(text string) []byte {
	if t.manager == nil {
		return []byte(text)
	}
	return append([]byte(text), bytes.Repeat([]byte{'.'}, padding)...)
}

// textOf returns the text of a value, or all of a value that no client has written.
func (t *trial) textOf(value []byte) string {
	text := bytes.TrimRight(value, ".")
	if t.manager == nil || len(value)-len(text) != padding {
		return string(value)
	}
	return string(text)
}

func (w *worker) write(ctx context.Context, op check.Operation, do func(context.Context) error) bool {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	p := w.recorder.Begin(op)
	err := do(ctx)
	var unknown *client.OutcomeUnknownError
	switch {
	case err == nil:
		p.Done()
		w.trial.writes.Add(1)
		w.trial.pauses.answered()
	case stderrors.As(err, &unknown):
		p.Unknown()
	default:
		p.Refused()
	}
	return err == nil
}

// sleep waits, and returns an error if ctx ends first.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return errInterrupted
	}
}

var errInterrupted = stderrors.New("interrupted")
