package main

import (
	"context"
	stderrors "errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/labkv/labkv/kv/client"
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/lab/check"
	"github.com/labkv/labkv/lab/cluster"
)

// A worker is a client that does one thing after the other.
type worker struct {
	client   *client.Raw
	recorder *check.Recorder
	rng      *rand.Rand
	id, keys int
	writes   int
}

// patience is how long a client waits for one operation.
const patience = 3 * time.Second

func newWorker(c *cluster.Cluster, r *check.Recorder, o *options, id int) (*worker, error) {
	raw, err := client.NewRaw(client.Config{Addrs: c.Addrs()})
	if err != nil {
		return nil, err
	}
	return &worker{client: raw, recorder: r, rng: rand.New(rand.NewPCG(o.seed, uint64(id+1))), id: id, keys: o.keys}, nil
}

// work reads, puts and deletes until ctx ends. What is under way then is
// finished.
func (w *worker) work(ctx context.Context) {
	for ctx.Err() == nil {
		key := keyName(w.rng.IntN(w.keys))
		switch p := w.rng.IntN(100); {
		case p < 45:
			// An error is no answer, and says nothing.
			_ = w.read(context.WithoutCancel(ctx), key, patience)
		case p < 95:
			w.writes++
			value := fmt.Sprintf("%d/%d", w.id, w.writes)
			w.write(ctx, check.Operation{Op: check.Put, Key: key, Value: value}, func(ctx context.Context) error {
				return w.client.Put(ctx, engine.CFDefault, []byte(key), []byte(value))
			})
		default:
			w.write(ctx, check.Operation{Op: check.Delete, Key: key}, func(ctx context.Context) error {
				return w.client.Delete(ctx, engine.CFDefault, []byte(key))
			})
		}
	}
}

func (w *worker) read(ctx context.Context, key string, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	p := w.recorder.Begin(check.Operation{Op: check.Get, Key: key})
	value, found, err := w.client.Get(ctx, engine.CFDefault, []byte(key))
	if err != nil {
		p.Refused()
		return err
	}
	p.Read(string(value), found)
	return nil
}

func (w *worker) write(ctx context.Context, op check.Operation, do func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	p := w.recorder.Begin(op)
	err := do(ctx)
	var unknown *client.OutcomeUnknownError
	switch {
	case err == nil:
		p.Done()
	case stderrors.As(err, &unknown):
		p.Unknown()
	default:
		p.Refused()
	}
}
