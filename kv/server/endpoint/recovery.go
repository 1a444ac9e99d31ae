package endpoint

import (
	"context"
	"log/slog"
	"runtime/debug"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// A recovery turns the panic of a handler into a status: what explain returns, or
// else Internal. Then the client learns that something broke; what did is for the
// log, not for the client.
type recovery struct {
	log     *slog.Logger
	explain func(panicked any) error
}

func (r recovery) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (resp any, err error) {
	defer r.recover(info.FullMethod, &err)
	return handle(ctx, req)
}

func (r recovery) stream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handle grpc.StreamHandler) (err error) {
	defer r.recover(info.FullMethod, &err)
	return handle(srv, stream)
}

// recover is deferred itself, because the built-in works only in the function
// that was deferred.
func (r recovery) recover(method string, err *error) {
	if p := recover(); p != nil {
		if *err = r.explain(p); *err != nil {
			r.log.Warn("a call was refused", "method", method, "error", *err)
			return
		}
		r.log.Error("handler panicked", "method", method, "panic", p, "stack", string(debug.Stack()))
		*err = status.Errorf(codes.Internal, "internal error in %s, see the server's log", method)
	}
}
