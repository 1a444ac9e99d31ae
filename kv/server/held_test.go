package server_test

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/kv/storage/standalone"
	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/lab/await"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

// moment is how long a test waits for what must not happen. On a machine that is slower
// than that, the test sees less; a right solution never fails for it.
const moment = 100 * time.Millisecond

// A heldStorage is a storage in the hands of a test: it can hold writes back, as a log
// does while it waits for a majority, refuse them, and have a term.
type heldStorage struct {
	storage.Storage
	engine *memory.Engine

	// What follows is set before the server is used.

	// hold is the key whose first write waits until the test lets it go on; "" for none.
	hold string
	// writeErr and readerErr are what Write and Reader return, if not nil.
	writeErr, readerErr error
	// read is what Get and Iterate of readers return, and walk what iterators meet.
	read, walk error
	// term is what readers say, if not 0.
	term uint64

	t    *graded.T
	held chan *heldWrite

	mu       sync.Mutex
	contexts []*kvrpcpb.Context // of all writes
}

// A heldWrite waits for the test.
type heldWrite struct {
	goOn func()        // lets it take place
	done chan struct{} // closed when it has
}

// letGo lets the write take place, and returns when it has.
func (w *heldWrite) letGo(t *graded.T) {
	t.Helper()
	w.goOn()
	await.Receive(t, w.done, "a write of the storage")
}

// serve serves s, on an empty disk, until the test ends.
func (s *heldStorage) serve(t *graded.T) txnClient {
	t.Helper()
	disk := memory.NewDisk()
	s.t, s.held = t, make(chan *heldWrite, 1)
	s.Storage = standalone.New(standalone.Config{Open: func() (engine.Engine, error) {
		e, err := disk.Open(engine.Families...)
		s.engine = e
		return e, err
	}})
	require.NoError(t, s.Start(), "starting the storage")
	t.Cleanup(func() { s.Stop() })
	return txnClient{connect(t, s)}
}

func (s *heldStorage) Write(ctx context.Context, rc *kvrpcpb.Context, ops []engine.Op) error {
	s.mu.Lock()
	s.contexts = append(s.contexts, rc)
	held := s.hold != "" && touches(ops, s.hold)
	if held {
		s.hold = ""
	}
	s.mu.Unlock()
	if s.writeErr != nil {
		return s.writeErr
	}
	if !held {
		return s.Storage.Write(ctx, rc, ops)
	}
	ready, goOn := context.WithCancel(context.Background())
	w := &heldWrite{goOn, make(chan struct{})}
	written := make(chan error, 1)
	go func() {
		<-ready.Done()
		written <- s.Storage.Write(context.WithoutCancel(ctx), rc, ops)
		close(w.done)
	}()
	s.t.Cleanup(goOn)
	s.held <- w
	select {
	case err := <-written:
		return err
	case <-ctx.Done():
		return storage.ErrOutcomeUnknown // it is on its way, and will be written
	}
}

// touches reports whether ops write to a user's key.
func touches(ops []engine.Op, key string) bool {
	for _, op := range ops {
		if bytes.HasPrefix(op.Key, transaction.EncodeKey([]byte(key))) {
			return true
		}
	}
	return false
}

func (s *heldStorage) Reader(ctx context.Context, rc *kvrpcpb.Context) (storage.Reader, error) {
	if s.readerErr != nil {
		return nil, s.readerErr
	}
	r, err := s.Storage.Reader(ctx, rc)
	if err != nil {
		return nil, err
	}
	return &heldReader{r, s}, nil
}

type heldReader struct {
	storage.Reader
	of *heldStorage
}

func (r *heldReader) Term() uint64 { return r.of.term }

func (r *heldReader) Get(cf engine.CF, key []byte) (value []byte, found bool, err error) {
	if r.of.read != nil {
		return nil, false, r.of.read
	}
	return r.Reader.Get(cf, key)
}

func (r *heldReader) Iterate(cf engine.CF, within engine.Range) (engine.Iterator, error) {
	if r.of.read != nil {
		return nil, r.of.read
	}
	it, err := r.Reader.Iterate(cf, within)
	if err != nil || r.of.walk == nil {
		return it, err
	}
	return &brokenIterator{it, r.of.walk}, nil
}

// A brokenIterator looks as if there were no keys, until it is closed.
type brokenIterator struct {
	engine.Iterator
	err error
}

func (it *brokenIterator) Valid() bool { return false }
func (it *brokenIterator) Close() error {
	it.Iterator.Close()
	return it.err
}

// A txnClient sends transactional requests.
type txnClient struct{ client }

// millis is a timestamp in milliseconds.
func millis(ts uint64) string { return fmt.Sprint(transaction.Physical(ts)) }

// at is the timestamp of a number of milliseconds.
func at(ms int) uint64 { return transaction.Timestamp(int64(ms), 0) }

// prewriteOf is the request of a transaction that puts keys, the first of which is its
// primary key. The value is its start timestamp.
func prewriteOf(ms int, keys ...string) *kvrpcpb.PrewriteRequest {
	req := &kvrpcpb.PrewriteRequest{Context: rc, PrimaryLock: []byte(keys[0]), StartVersion: at(ms), LockTtl: 3000}
	for _, key := range keys {
		req.Mutations = append(req.Mutations, &kvrpcpb.Mutation{Op: kvrpcpb.Op_Put, Key: []byte(key), Value: []byte(millis(at(ms)))})
	}
	return req
}

func commitOf(start, commit int, keys ...string) *kvrpcpb.CommitRequest {
	req := &kvrpcpb.CommitRequest{Context: rc, StartVersion: at(start), CommitVersion: at(commit)}
	for _, key := range keys {
		req.Keys = append(req.Keys, []byte(key))
	}
	return req
}

// prewrite sends a prewrite and says in a word what became of it.
func (c txnClient) prewrite(ctx context.Context, req *kvrpcpb.PrewriteRequest) string {
	resp, err := c.KvPrewrite(ctx, req)
	return answer(err, resp.GetRegionError().GetMessage(), resp.GetErrors()...)
}

// commit does the same with a commit.
func (c txnClient) commit(ctx context.Context, req *kvrpcpb.CommitRequest) string {
	resp, err := c.KvCommit(ctx, req)
	var errors []*kvrpcpb.KeyError
	if e := resp.GetError(); e != nil {
		errors = append(errors, e)
	}
	return answer(err, resp.GetRegionError().GetMessage(), errors...)
}

// read does the same with a get.
func (c txnClient) read(ctx context.Context, key string, ms int) string {
	resp, err := c.KvGet(ctx, &kvrpcpb.GetRequest{Context: rc, Key: []byte(key), Version: at(ms)})
	switch {
	case err != nil || resp.RegionError != nil:
		return answer(err, resp.GetRegionError().GetMessage())
	case resp.Error != nil:
		return answer(nil, "", resp.Error)
	case resp.NotFound:
		return absent
	}
	return string(resp.Value)
}

// answer shows a response in a word or two.
func answer(err error, region string, errors ...*kvrpcpb.KeyError) string {
	switch {
	case err != nil:
		if s := status.Convert(err); s.Code() == codes.DeadlineExceeded {
			return s.Message()
		}
		return "status " + status.Code(err).String()
	case region != "":
		return "region error " + region
	case len(errors) == 0:
		return "done"
	}
	switch e := errors[0]; {
	case e.GetLocked() != nil:
		return "locked by " + millis(e.GetLocked().LockVersion)
	case e.GetConflict() != nil:
		return "conflict at " + millis(e.GetConflict().ConflictTs)
	case e.GetAbort() != "":
		return "abort"
	case e.GetRetryable() != "":
		return "retryable"
	}
	return "an error that says nothing"
}

// soon runs a call and returns where its answer comes.
func soon(call func() string) <-chan string {
	answered := make(chan string, 1)
	go func() { answered <- call() }()
	return answered
}

// notYet demands that a call is not answered for a moment.
func notYet(t *graded.T, answered <-chan string, what string) {
	t.Helper()
	select {
	case answer := <-answered:
		t.Fatalf("%s: the answer is %q, and there should be none yet", what, answer)
	case <-time.After(moment):
	}
}
