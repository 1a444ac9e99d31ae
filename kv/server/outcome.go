package server

import (
	"context"
	stderrors "errors"
	"slices"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/proto/errorpb"
)

// outcome decides how a response reports err. What the client should do about an
// error decides where it goes:
//
//   - Ask elsewhere. A *region.Error becomes the region error of the response.
//   - Send another request. A request that no store could ever serve (no
//     context, an empty key, an unknown family, something too large, a
//     transaction that commits before it starts) ends with status InvalidArgument.
//   - Try again later. A storage that does not run ends with status Unavailable;
//     a call that was canceled or took too long, with the status for that.
//   - Find out first. A write that may or may not have taken effect
//     (storage.ErrOutcomeUnknown) ends with status Unknown. It is not
//     Unavailable, because that invites clients to send the same write again,
//     which could undo what another client wrote in between.
//   - Call for help. Anything else means that the store tried and could not, as
//     with a full disk: it becomes the error text of the response.
//
// The last of the three results is the error that a handler returns; if it is
// not nil, gRPC drops the response. A nil err gives three zero results.
func outcome(err error) (refusal *errorpb.Error, message string, _ error) {
	var wrongPlace *region.Error
	switch {
	case err == nil:
		return nil, "", nil
	case as(err, &wrongPlace):
		return wrongPlace.Err, "", nil
	case badRequest(err):
		return nil, "", status.Error(codes.InvalidArgument, err.Error())
	case is(err, storage.ErrNotRunning), is(err, engine.ErrClosed):
		return nil, "", status.Error(codes.Unavailable, err.Error())
	case is(err, storage.ErrOutcomeUnknown):
		return nil, "", status.Error(codes.Unknown, err.Error())
	case is(err, context.Canceled):
		return nil, "", status.Error(codes.Canceled, err.Error())
	case is(err, context.DeadlineExceeded):
		return nil, "", status.Error(codes.DeadlineExceeded, err.Error())
	default:
		return nil, err.Error(), nil
	}
}

// badRequest reports whether err is the fault of the request.
func badRequest(err error) bool {
	var (
		family   *engine.UnknownFamilyError
		tooLarge *engine.TooLargeError
		request  *transaction.RequestError
	)
	return is(err, storage.ErrNoContext) || is(err, engine.ErrEmptyKey) || as(err, &family) || as(err, &tooLarge) || as(err, &request)
}

// is and as look through both kinds of wrapping, in any order: the standard
// library's, and the one of github.com/pingcap/errors, which errors.Is does not see.
func is(err, target error) bool {
	return wraps(err, func(e error) bool { return stderrors.Is(e, target) })
}

func as(err error, target any) bool {
	return wraps(err, func(e error) bool { return stderrors.As(e, target) })
}

// wraps reports whether found is true of err, or of an error that err wraps.
func wraps(err error, found func(error) bool) bool {
	for err != nil && !found(err) {
		switch e := err.(type) {
		case interface{ Cause() error }:
			err = e.Cause()
		case interface{ Unwrap() []error }:
			return slices.ContainsFunc(e.Unwrap(), func(e error) bool { return wraps(e, found) })
		default:
			err = stderrors.Unwrap(err)
		}
	}
	return err != nil
}
