package client

import (
	"context"
	"sync"
	"time"

	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/tinykvpb"
)

const (
	// lockTTL is how long the lock of a primary key lives after it was made or had a
	// heart beat.
	lockTTL = 3 * time.Second
	// sizeTTL is how much longer it lives for each full request of its transaction: a
	// store may be busy with that for so long.
	sizeTTL = time.Second
)

// ttl returns the time to live for a lock that is made or prolonged now: in milliseconds
// from the start timestamp, as locks have it.
func (c *committer) ttl() uint64 {
	ttl := time.Since(c.begun) + lockTTL + time.Duration(c.size/portionSize)*sizeTTL
	return uint64(ttl.Milliseconds())
}

// A pulse keeps the lock of a transaction's primary key alive while the other keys are
// prewritten. It has no goroutine: the requests of the transaction take it along, and
// each pause. So what a client sends does not depend on how goroutines take turns. A nil
// pulse, of a transaction whose primary key is not locked yet, does nothing.
type pulse struct {
	c *committer

	mu      sync.Mutex
	beating bool
	last    time.Time // of the last heart beat, successful or not
	lost    error     // an *AbortedError once the lock has gone
	stop    func()    // ends the prewrites then
}

// beat prolongs the life of the lock if a third of it has passed since it was last tried.
func (p *pulse) beat(ctx context.Context) {
	if p == nil || !p.begin() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, lockTTL/3)
	defer cancel()
	var resp *kvrpcpb.TxnHeartBeatResponse
	_, err := p.c.t.cluster.do(ctx, request{
		key: transaction.EncodeKey(p.c.primary()), write: true, repeatable: true,
		send: func(ctx context.Context, stub tinykvpb.TinyKvClient, rc *kvrpcpb.Context) (response, error) {
			var err error
			resp, err = stub.KvTxnHeartBeat(ctx, &kvrpcpb.TxnHeartBeatRequest{
				Context: rc, PrimaryLock: p.c.primary(), StartVersion: p.c.startTS, AdviseLockTtl: p.c.ttl(),
			})
			return resp, err
		},
	})
	p.mu.Lock()
	defer p.mu.Unlock()
	p.beating = false
	if err == nil && resp.Error != nil {
		p.lost = &AbortedError{p.c.startTS, reason(resp.Error)}
		p.stop()
	}
}

// begin reports whether it is time for a heart beat, and none is under way.
func (p *pulse) begin() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.beating || p.lost != nil || time.Since(p.last) < lockTTL/3 {
		return false
	}
	p.beating, p.last = true, time.Now()
	return true
}
