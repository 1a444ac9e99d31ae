package sim

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/client"
)

// A caller is an end from which calls are made: a client, or an incarnation on a
// machine.
type caller struct {
	end    uint64 // of links: the id of the machine, or a client's id plus clientEnd
	client uint64 // 0 for a machine
	life   *life  // nil for a client
	ctx    context.Context

	// session is the client's, nil for a machine, and die ends this life of the client.
	session *Session
	die     context.CancelFunc

	// call is the last one that was begun and has not returned. It is guarded by the
	// world's lock.
	call *call
}

// clientEnd tells clients from machines where both are an end of a link.
const clientEnd = 1 << 20

// A conn is a connection to a machine. It carries calls of generated stubs to the
// handlers of whatever incarnation runs there. It is never broken for good: a call
// that cannot be made fails, and the next one may succeed. As a client.Conn it says how
// far a call got wherever a connection over TCP could tell.
//
// The calls that one end makes to a machine are numbered, so they must begin one after
// the other.
type conn struct {
	calls *calls
	from  *caller
	to    uint64
}

// Invoke implements client.Conn.
func (c *conn) Invoke(ctx context.Context, method string, args, reply any, _ ...grpc.CallOption) error {
	call, err := c.calls.open(ctx, c, method, args.(proto.Message), reply.(proto.Message))
	if err != nil {
		return &client.CallError{Fate: client.Unsent, Err: err}
	}
	defer call.returned()
	body, err := call.down.next()
	if err != nil {
		return err
	}
	return proto.Unmarshal(body, reply.(proto.Message))
}

// Close implements client.Conn. A connection holds nothing beside its calls, and none is
// under way: its owner makes one after the other.
func (c *conn) Close() error { return nil }

// NewStream implements client.Conn.
func (c *conn) NewStream(ctx context.Context, _ *grpc.StreamDesc, method string, _ ...grpc.CallOption) (grpc.ClientStream, error) {
	call, err := c.calls.open(ctx, c, method, nil, nil)
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, call.returned) // also if the caller never receives
	return &clientStream{call}, nil
}

// A handler is a method of a service that a process has registered: one of the two
// kinds.
type handler struct {
	impl   any
	unary  grpc.MethodHandler
	stream grpc.StreamHandler
}

// handlers returns the methods of services by their full names.
func handlers(services []Service) map[string]handler {
	all := map[string]handler{}
	for _, s := range services {
		for _, m := range s.Desc.Methods {
			all["/"+s.Desc.ServiceName+"/"+m.MethodName] = handler{impl: s.Impl, unary: m.Handler}
		}
		for _, m := range s.Desc.Streams {
			all["/"+s.Desc.ServiceName+"/"+m.StreamName] = handler{impl: s.Impl, stream: m.Handler}
		}
	}
	return all
}

var errReset = status.Error(codes.Unavailable, "connection reset")

// A frame is what travels in one piece: a message, or the end of its direction, or
// both.
type frame struct {
	body []byte
	// end is nil while more may follow, io.EOF at the end of the messages, and else why
	// the call has failed: a *client.CallError if the machine that was called has ended
	// it.
	end error
}
