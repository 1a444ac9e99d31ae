package server_test

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

// A fakeStorage fails as its test wants it to.
type fakeStorage struct {
	// asked, if not nil, is called at the beginning of each call.
	asked func(ctx context.Context, rc *kvrpcpb.Context)
	// err is what every call returns, if not nil.
	err error
	// reader is what Reader returns otherwise.
	reader *fakeReader
}

func (*fakeStorage) Start() error { return nil }
func (*fakeStorage) Stop() error  { return nil }

func (s *fakeStorage) Write(ctx context.Context, rc *kvrpcpb.Context, _ []engine.Op) error {
	if s.asked != nil {
		s.asked(ctx, rc)
	}
	return s.err
}

func (s *fakeStorage) Reader(ctx context.Context, rc *kvrpcpb.Context) (storage.Reader, error) {
	if s.asked != nil {
		s.asked(ctx, rc)
	}
	if s.err != nil {
		return nil, s.err
	}
	s.reader.readers.Add(1)
	return &fakeView{fakeReader: s.reader}, nil
}

// A fakeReader fails as its test wants it to, and counts what is open.
type fakeReader struct {
	get, iterate error // what Get and Iterate return, if not nil
	walk         error // what an iterator meets after some pairs
	pairs        int

	readers, iterators atomic.Int64
}

func (r *fakeReader) Get(engine.CF, []byte) ([]byte, bool, error) { return nil, false, r.get }

func (r *fakeReader) Iterate(engine.CF, engine.Range) (engine.Iterator, error) {
	if r.iterate != nil {
		return nil, r.iterate
	}
	r.iterators.Add(1)
	return &fakeIterator{reader: r, at: -1}, nil
}

// A fakeView is a fakeReader that is open.
type fakeView struct {
	*fakeReader
	closed atomic.Bool
}

// Close counts once: a second call does nothing.
func (v *fakeView) Close() error {
	if !v.closed.Swap(true) {
		v.readers.Add(-1)
	}
	return nil
}

// A fakeIterator walks a few pairs, then meets an error.
type fakeIterator struct {
	reader *fakeReader
	at     int // -1 before the first Seek
	closed bool
}

func (it *fakeIterator) Seek([]byte) { it.at = 0 }
func (it *fakeIterator) Valid() bool { return !it.closed && it.at >= 0 && it.at < it.reader.pairs }
func (it *fakeIterator) Next()       { it.at++ }

func (it *fakeIterator) Key() []byte   { return fmt.Appendf(nil, "key%d", it.at) }
func (it *fakeIterator) Value() []byte { return []byte("value") }

func (it *fakeIterator) Close() error {
	if !it.closed {
		it.closed = true
		it.reader.iterators.Add(-1)
	}
	return it.reader.walk
}
