package kvload

import (
	"context"
	stderrors "errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/labkv/labkv/kv/client"
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/lab/check"
	"github.com/labkv/labkv/lab/sim"
	"github.com/labkv/labkv/lab/trace"
	"github.com/labkv/labkv/proto/schedulerpb"
)

// ScannedOn is a goal of runs with many regions.
const ScannedOn sim.Goal = "a scan went on in another region"

// AddressOf returns the address under which clients reach the store on a machine that
// was erased that often: no two stores have the same.
func AddressOf(machine uint64, erased int) string {
	if erased == 0 {
		return strconv.FormatUint(machine, 10)
	}
	return fmt.Sprintf("%d.%d", machine, erased)
}

// Connect returns the client library for s: its network, clock and randomness
// are those of the run. It asks the given stores, beginning with one that the seed
// chooses, and others only if there is a scheduler, which names them. It need not be
// closed.
func Connect(s *sim.Session, stores ...uint64) *client.Raw {
	c, err := client.NewRaw(config(s, stores))
	if err != nil {
		panic(err) // Dial cannot fail
	}
	return c
}

// config says how s reaches the given stores.
func config(s *sim.Session, stores []uint64) client.Config {
	cfg := client.Config{
		Dial: func(addr string) (client.Conn, error) {
			machine, _, _ := strings.Cut(addr, ".")
			id, err := strconv.ParseUint(machine, 10, 64)
			return s.Dial(id), err
		},
		Go:         func(f func()) { f() }, // one call after the other
		Background: s.Context(),
		Sleep:      s.SleepWithin,
		Rand:       func(n int64) int64 { return int64(s.Draw.IntN(int(n))) },
	}
	if all := s.Setting.Machines(sim.Scheduler); len(all) > 0 {
		cfg.Scheduler = schedulerpb.NewSchedulerClient(s.Dial(all[0]))
	}
	first := s.Draw.IntN(len(stores))
	for i := range stores {
		id := stores[(first+i)%len(stores)]
		cfg.Stores = append(cfg.Stores, client.Store{ID: id, Addr: AddressOf(id, 0)})
	}
	return cfg
}

// A kv is a client of a replicated key-value store, and notes what it does in the
// history of the run. What is one operation for the client library is one
// operation of the history, however often the library sends it; but each part of a
// scan is one of its own, as only a part is of one moment.
type kv struct {
	s          *sim.Session
	raw        *client.Raw
	operations uint64 // so far
}

// newKV returns a client that asks the given stores only.
func newKV(s *sim.Session, stores ...uint64) *kv { return &kv{s: s, raw: Connect(s, stores...)} }

// A request is something that a client wants done. Each operation that tries it is
// new: a write whose outcome is unknown is not repeated, it is followed by one
// with a value of its own.
type request struct {
	operation func() check.Operation
	// run carries an operation out, and sets what it has found.
	run func(ctx context.Context, o *check.Operation) error
}

// do tries r until it is done.
func (c *kv) do(r request) {
	for c.s.Context().Err() == nil && !c.try(r) {
		rest(c.s, c.s.Setting.Tick)
	}
}

// try carries out one operation for r, and reports whether it was done.
func (c *kv) try(r request) bool {
	o := r.operation()
	pending := c.begin(&o)
	ctx, cancel := context.WithTimeout(c.s.Context(), patience(c.s))
	err := r.run(ctx, &o)
	cancel()
	c.over(pending, &o, err)
	return err == nil
}

// begin notes that o is about to be done.
func (c *kv) begin(o *check.Operation) *check.Pending {
	c.operations++
	pending := c.s.History.Begin(*o)
	c.tell(o, "begins")
	return pending
}

// over notes that o has ended with err.
func (c *kv) over(pending *check.Pending, o *check.Operation, err error) {
	var unknown *client.OutcomeUnknownError
	switch {
	case err == nil:
		c.s.Served()
		end(pending, o)
		c.tell(o, "done")
	case stderrors.As(err, &unknown):
		c.s.Reach(sim.UnknownOutcome)
		pending.Unknown()
		c.tell(o, "unknown")
	default:
		pending.Refused()
		c.tell(o, "refused")
	}
}

// patience is how long a client waits for an operation: mostly not much longer than
// an election takes, so that it is soon back with another one, and now and then for
// so long that the library turns away from a store that does not answer.
func patience(s *sim.Session) time.Duration {
	if s.Draw.IntN(8) == 0 {
		return 3 * time.Second
	}
	return 10 * s.Setting.Tick
}

// end notes that o was done.
func end(p *check.Pending, o *check.Operation) {
	switch o.Op {
	case check.Get:
		p.Read(o.Value, o.Found)
	case check.Scan:
		p.Scanned(o.Pairs, o.Until)
	default:
		p.Done()
	}
}

func (c *kv) put(key string) request {
	return request{
		func() check.Operation {
			return check.Operation{Op: check.Put, Key: key, Value: fmt.Sprintf("%d-%d", c.s.ID, c.s.Count())}
		},
		func(ctx context.Context, o *check.Operation) error {
			return c.raw.Put(ctx, engine.CFDefault, []byte(key), []byte(o.Value))
		},
	}
}

func (c *kv) delete(key string) request {
	return request{
		func() check.Operation { return check.Operation{Op: check.Delete, Key: key} },
		func(ctx context.Context, _ *check.Operation) error {
			return c.raw.Delete(ctx, engine.CFDefault, []byte(key))
		},
	}
}

func (c *kv) get(key string) request {
	return request{
		func() check.Operation { return check.Operation{Op: check.Get, Key: key} },
		func(ctx context.Context, o *check.Operation) error {
			value, found, err := c.raw.Get(ctx, engine.CFDefault, []byte(key))
			o.Value, o.Found = string(value), found
			return err
		},
	}
}

// scan reads pairs from start on until there are limit of them or no more. A part
// that failed is tried again; those before it are not.
func (c *kv) scan(start string, limit int) {
	for c.s.Context().Err() == nil && !c.scanParts(&start, &limit) {
		rest(c.s, c.s.Setting.Tick)
	}
}

// scanParts goes on with a scan, up to a part that fails, and reports whether there
// is none. start and limit are what is left to scan.
func (c *kv) scanParts(start *string, limit *int) bool {
	ctx, cancel := context.WithTimeout(c.s.Context(), patience(c.s))
	defer cancel()
	next := func() (*check.Operation, *check.Pending) {
		o := &check.Operation{Op: check.Scan, Key: *start, Limit: *limit}
		return o, c.begin(o)
	}
	o, pending := next()
	for part, err := range c.raw.ScanParts(ctx, engine.CFDefault, []byte(*start), uint32(*limit)) {
		for _, pair := range part.Pairs {
			o.Pairs = append(o.Pairs, check.Pair{Key: string(pair.Key), Value: string(pair.Value)})
		}
		o.Until = string(part.Keys.End)
		c.over(pending, o, err)
		if err != nil {
			return false
		}
		*start = o.Until
		*limit -= len(o.Pairs)
		if *start == "" || *limit <= 0 {
			return true
		}
		c.s.Reach(ScannedOn)
		o, pending = next()
	}
	return true // there is always a part that is the last one
}

// tell adds the present operation to the log of the run. The log has each of its
// calls beside it.
func (c *kv) tell(o *check.Operation, fate string) {
	if !c.s.Tracing() {
		return
	}
	text := fmt.Sprintf("%s %q", o.Op, o.Key)
	switch {
	case o.Op == check.Put:
		text += fmt.Sprintf(" = %q", o.Value)
	case o.Op == check.Get && fate == "done" && o.Found:
		text += fmt.Sprintf(" -> %q", o.Value)
	case o.Op == check.Get && fate == "done":
		text += " -> absent"
	case o.Op == check.Scan && fate == "done":
		text += fmt.Sprintf(" -> %d pairs", len(o.Pairs))
	}
	c.s.Tell(trace.Event{Kind: trace.Operation, N: c.operations, Fate: fate, Text: text})
}
