package client

import (
	"context"
	stderrors "errors"

	"github.com/pingcap/errors"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/errorpb"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/tinykvpb"
)

// A request is one command for the region of a key.
type request struct {
	key   []byte // in the key space of the engine, as the bounds of regions are
	write bool
	// repeatable is set for a write that has the same effect if it is carried out
	// twice, or late. It is sent again when its outcome is unknown.
	repeatable bool
	// fit is called before each send with the keys of the region that the request
	// goes to. A command for several keys takes those that are among them. It may be
	// nil.
	fit  func(keys engine.Range)
	send func(ctx context.Context, stub tinykvpb.TinyKvClient, rc *kvrpcpb.Context) (response, error)
	// meanwhile is called before each pause. It may be nil.
	meanwhile func(ctx context.Context)
}

// A response is what a store answers to a command.
type response interface {
	GetRegionError() *errorpb.Error
}

// failure returns why a store could not carry out a raw command, "" if it could. The
// errors of transactional commands are answers.
func failure(resp response) string {
	if raw, ok := resp.(interface{ GetError() string }); ok {
		return raw.GetError()
	}
	return ""
}

// A RefusedError is returned for a request that had no effect and never will.
type RefusedError struct {
	Addr string // of the store that was asked last; "the scheduler" if it was that
	// Err is the reason: a *region.Error, or an error with a gRPC status, or what
	// the store says of a read, or why there is no store to ask.
	Err error

	// final is set if every store would refuse it, at any time.
	final bool
}

func (e *RefusedError) Error() string { return e.Addr + ": " + e.Err.Error() }
func (e *RefusedError) Unwrap() error { return e.Err }

// An OutcomeUnknownError is returned for a write, or for the commit of a transaction,
// that may have taken effect, or may yet. Only the caller can decide whether to do it
// again: if it did take effect, that could undo what another client has written since.
type OutcomeUnknownError struct {
	Addr string // of the store that was asked
	Err  error  // what became of the call
}

func (e *OutcomeUnknownError) Error() string {
	return "the outcome of the write is unknown, asked " + e.Addr + ": " + e.Err.Error()
}

func (e *OutcomeUnknownError) Unwrap() error { return e.Err }

// undoubted returns err for callers to whom it makes no difference whether a write has
// taken effect: an *OutcomeUnknownError becomes a *RefusedError.
func undoubted(err error) error {
	if unknown, ok := err.(*OutcomeUnknownError); ok {
		return &RefusedError{Addr: unknown.Addr, Err: unknown.Err}
	}
	return err
}

// outcome decides what came of a call to the store at addr. The error is nil, a
// *RefusedError or an *OutcomeUnknownError.
func outcome(addr string, write bool, resp response, err error) error {
	refused := func(err error) error { return &RefusedError{Addr: addr, Err: err} }
	final := func(err error) error { return &RefusedError{Addr: addr, Err: err, final: true} }
	unknown := func(err error) error { return &OutcomeUnknownError{addr, err} }

	if err == nil {
		switch e, text := resp.GetRegionError(), failure(resp); {
		case e != nil:
			return refused(&region.Error{Err: e})
		case text == "":
			return nil
		case write: // The store tried, and does not say how far it came.
			return unknown(errors.New(text))
		default:
			return final(errors.New(text))
		}
	}

	fate := Lost
	var call *CallError
	if stderrors.As(err, &call) {
		fate, err = call.Fate, call.Err
	}
	switch code := status.Code(err); {
	case fate == Answered && code == codes.Unavailable:
		// The store does not serve now, and has not looked at the request.
		return refused(err)
	case fate == Answered && (code == codes.InvalidArgument || code == codes.ResourceExhausted || code == codes.Unimplemented):
		return final(err)
	case write && fate != Unsent:
		return unknown(err)
	case fate != Lost && code == codes.Internal:
		// It cannot be encoded, or it is a read on which the store panics.
		return final(err)
	default:
		return refused(err)
	}
}

// lost reports whether the store at the other end of a call that ended with err
// gave no sign of life. err is not nil.
func lost(err error) bool {
	var call *CallError
	return !stderrors.As(err, &call)
}
