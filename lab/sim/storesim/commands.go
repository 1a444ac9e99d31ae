package storesim

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/labkv/labkv/lab/sim"
	"github.com/labkv/labkv/lab/trace"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/tinykvpb"
)

// What a run with transactions can come to.
const (
	SpansRegions  sim.Goal = "a transaction locked keys in several regions"
	ReadMetLock   sim.Goal = "a read met a lock"
	WriteMetLock  sim.Goal = "a prewrite met a lock"
	WriteConflict sim.Goal = "a prewrite met a version that is newer than its transaction"
	RolledBack    sim.Goal = "a transaction was rolled back by another client"
	FoundCommit   sim.Goal = "a client met a lock of a transaction that was committed"
	LockResolved  sim.Goal = "a client removed a lock that another one had left"
	// What a run with Options.Collect can come to.
	VersionsRemoved sim.Goal = "old versions were removed"
	ReadTooOld      sim.Goal = "a read was refused as it was older than the safe point"
	WriteTooOld     sim.Goal = "a prewrite was refused as it was older than the safe point"
	OldLockFound    sim.Goal = "a lock was found that was older than the safe point"
	FateUnknown     sim.Goal = "a store no longer knew what became of a transaction"
)

// commands are the handlers of a store. They note what became of the commands that make
// up transactions.
type commands struct {
	tinykvpb.TinyKvServer
	s *store
}

// transactions are what a run knows of transactions.
type transactions struct {
	mu sync.Mutex
	// regions are where a transaction was prewritten first, by its start.
	regions map[uint64]uint64
}

// spans notes that a transaction is prewritten in a region, and reports whether it was
// in another one before.
func (t *transactions) spans(start, region uint64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	first, known := t.regions[start]
	if !known {
		t.regions[start] = region
	}
	return known && first != region
}

// tell logs what came of a command for the transaction that began at start.
func (c commands) tell(ctx context.Context, start uint64, fate, format string, args ...any) {
	if !c.s.env.Tracing() {
		return
	}
	client, n := sim.CallOf(ctx)
	c.s.env.Tell(trace.Event{Kind: trace.Transaction, Client: client, N: n, Start: start, Fate: fate, Text: fmt.Sprintf(format, args...)})
}

// KvGet implements tinykvpb.TinyKvServer.
func (c commands) KvGet(ctx context.Context, r *kvrpcpb.GetRequest) (*kvrpcpb.GetResponse, error) {
	resp, err := c.TinyKvServer.KvGet(ctx, r)
	switch {
	case err != nil || resp.RegionError != nil:
	case resp.Error.GetLocked() != nil:
		c.s.env.Reach(ReadMetLock)
		c.tell(ctx, r.Version, "reads", "%q: %s", r.Key, ofLock(resp.Error.Locked))
	case resp.Error != nil:
		c.s.env.Reach(ReadTooOld)
		c.tell(ctx, r.Version, "reads", "%q: %s", r.Key, ofError(resp.Error))
	case resp.NotFound:
		c.tell(ctx, r.Version, "reads", "%q: absent", r.Key)
	default:
		c.tell(ctx, r.Version, "reads", "%q: %q", r.Key, shortened(string(resp.Value)))
	}
	return resp, err
}

// KvScan implements tinykvpb.TinyKvServer.
func (c commands) KvScan(ctx context.Context, r *kvrpcpb.ScanRequest) (*kvrpcpb.ScanResponse, error) {
	resp, err := c.TinyKvServer.KvScan(ctx, r)
	if err != nil || resp.RegionError != nil {
		return resp, err
	}
	var found []string
	for _, p := range resp.Pairs {
		if lock := p.Error.GetLocked(); lock != nil {
			c.s.env.Reach(ReadMetLock)
			found = append(found, fmt.Sprintf("%q: %s", p.Error.Locked.Key, ofLock(lock)))
		} else if p.Error != nil {
			c.s.env.Reach(ReadTooOld)
			found = append(found, ofError(p.Error))
		} else {
			found = append(found, fmt.Sprintf("%q: %q", p.Key, shortened(string(p.Value))))
		}
	}
	c.tell(ctx, r.Version, "scans", "from %q, %d at most: %s", r.StartKey, r.Limit, strings.Join(found, ", "))
	return resp, err
}

// KvPrewrite implements tinykvpb.TinyKvServer.
func (c commands) KvPrewrite(ctx context.Context, r *kvrpcpb.PrewriteRequest) (*kvrpcpb.PrewriteResponse, error) {
	resp, err := c.TinyKvServer.KvPrewrite(ctx, r)
	if err != nil || resp.RegionError != nil {
		return resp, err
	}
	var keys, errors []string
	for _, m := range r.Mutations {
		keys = append(keys, fmt.Sprintf("%s %q", strings.ToLower(m.Op.String()), m.Key))
	}
	for _, e := range resp.Errors {
		switch {
		case e.Locked != nil:
			c.s.env.Reach(WriteMetLock)
		case e.Conflict != nil:
			c.s.env.Reach(WriteConflict)
		case e.TooOld != nil:
			c.s.env.Reach(WriteTooOld)
		}
		errors = append(errors, ofError(e))
	}
	if len(errors) > 0 {
		c.tell(ctx, r.StartVersion, "is not prewritten", "%s; %s", strings.Join(keys, ", "), strings.Join(errors, ", "))
		return resp, err
	}
	if c.s.system.transactions.spans(r.StartVersion, r.Context.GetRegionId()) {
		c.s.env.Reach(SpansRegions)
	}
	c.tell(ctx, r.StartVersion, "is prewritten", "%s; primary %q", strings.Join(keys, ", "), r.PrimaryLock)
	return resp, err
}

// KvCommit implements tinykvpb.TinyKvServer.
func (c commands) KvCommit(ctx context.Context, r *kvrpcpb.CommitRequest) (*kvrpcpb.CommitResponse, error) {
	resp, err := c.TinyKvServer.KvCommit(ctx, r)
	switch {
	case err != nil || resp.RegionError != nil:
	case resp.Error != nil:
		if resp.Error.TooOld != nil {
			c.s.env.Reach(FateUnknown)
		}
		c.tell(ctx, r.StartVersion, "is not committed", "%s; %s", quoted(r.Keys), ofError(resp.Error))
	default:
		c.tell(ctx, r.StartVersion, "is committed", "%s, at %d", quoted(r.Keys), r.CommitVersion)
	}
	return resp, err
}

// KvBatchRollback implements tinykvpb.TinyKvServer.
func (c commands) KvBatchRollback(ctx context.Context, r *kvrpcpb.BatchRollbackRequest) (*kvrpcpb.BatchRollbackResponse, error) {
	resp, err := c.TinyKvServer.KvBatchRollback(ctx, r)
	switch {
	case err != nil || resp.RegionError != nil:
	case resp.Error != nil:
		c.tell(ctx, r.StartVersion, "is not rolled back", "%s; %s", quoted(r.Keys), ofError(resp.Error))
	default:
		c.tell(ctx, r.StartVersion, "is rolled back", "%s", quoted(r.Keys))
	}
	return resp, err
}

// KvCheckTxnStatus implements tinykvpb.TinyKvServer.
func (c commands) KvCheckTxnStatus(ctx context.Context, r *kvrpcpb.CheckTxnStatusRequest) (*kvrpcpb.CheckTxnStatusResponse, error) {
	resp, err := c.TinyKvServer.KvCheckTxnStatus(ctx, r)
	if err != nil || resp.RegionError != nil {
		return resp, err
	}
	what := "it was rolled back before"
	switch {
	case resp.Error != nil:
		if resp.Error.TooOld != nil {
			c.s.env.Reach(FateUnknown)
		}
		what = ofError(resp.Error)
	case resp.LockTtl > 0:
		what = sim.TextAlive
	case resp.CommitVersion > 0:
		c.s.env.Reach(FoundCommit)
		what = fmt.Sprintf("it is committed at %d", resp.CommitVersion)
	case resp.Action == kvrpcpb.Action_TTLExpireRollback:
		c.s.env.Reach(RolledBack)
		what = "its time is over: it is rolled back"
	case resp.Action == kvrpcpb.Action_LockNotExistRollback:
		c.s.env.Reach(RolledBack)
		what = "there is no lock: it is rolled back before it comes"
	}
	c.tell(ctx, r.LockTs, "is looked up", "primary %q, at %d: %s", r.PrimaryKey, r.CurrentTs, what)
	return resp, err
}

// KvResolveLock implements tinykvpb.TinyKvServer.
func (c commands) KvResolveLock(ctx context.Context, r *kvrpcpb.ResolveLockRequest) (*kvrpcpb.ResolveLockResponse, error) {
	resp, err := c.TinyKvServer.KvResolveLock(ctx, r)
	switch {
	case err != nil || resp.RegionError != nil:
	case resp.Error != nil:
		c.tell(ctx, r.StartVersion, "is not resolved", "%s", ofError(resp.Error))
	case r.CommitVersion > 0:
		c.s.env.Reach(LockResolved)
		c.tell(ctx, r.StartVersion, "is resolved", "its locks in region %d are committed at %d", r.Context.GetRegionId(), r.CommitVersion)
	default:
		c.s.env.Reach(LockResolved)
		c.tell(ctx, r.StartVersion, "is resolved", "its locks in region %d are rolled back", r.Context.GetRegionId())
	}
	return resp, err
}

// KvScanLock implements tinykvpb.TinyKvServer.
func (c commands) KvScanLock(ctx context.Context, r *kvrpcpb.ScanLockRequest) (*kvrpcpb.ScanLockResponse, error) {
	resp, err := c.TinyKvServer.KvScanLock(ctx, r)
	for _, lock := range resp.GetLocks() {
		c.s.env.Reach(OldLockFound)
		c.tell(ctx, lock.LockVersion, "is old", "it has locked %q, below the safe point %d", lock.Key, r.MaxVersion)
	}
	return resp, err
}

// KvGC implements tinykvpb.TinyKvServer.
func (c commands) KvGC(ctx context.Context, r *kvrpcpb.GCRequest) (*kvrpcpb.GCResponse, error) {
	resp, err := c.TinyKvServer.KvGC(ctx, r)
	if resp.GetRemoved() > 0 {
		c.s.env.Reach(VersionsRemoved)
	}
	return resp, err
}

func quoted(keys [][]byte) string {
	var all []string
	for _, key := range keys {
		all = append(all, fmt.Sprintf("%q", key))
	}
	return strings.Join(all, ", ")
}

func ofLock(l *kvrpcpb.LockInfo) string {
	return fmt.Sprintf("locked by the transaction of %d, primary %q", l.LockVersion, l.PrimaryLock)
}

// ofError says what a KeyError says.
func ofError(e *kvrpcpb.KeyError) string {
	switch {
	case e.Locked != nil:
		return fmt.Sprintf("%q is %s", e.Locked.Key, ofLock(e.Locked))
	case e.Conflict != nil:
		return fmt.Sprintf("%q was written at %d", e.Conflict.Key, e.Conflict.ConflictTs)
	case e.Retryable != "":
		return e.Retryable
	case e.TooOld != nil:
		return fmt.Sprintf("the safe point is %d", e.TooOld.SafePoint)
	default:
		return e.Abort
	}
}
