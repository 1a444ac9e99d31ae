package client

import (
	"math/rand/v2"
	"time"

	"github.com/pingcap/errors"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	"github.com/labkv/labkv/proto/schedulerpb"
)

// Pauses between attempts to reach the scheduler. They begin at minPause and
// double up to maxPause, less a random part, so that the stores that lost the
// scheduler at the same moment do not all come back at the same moment.
const (
	minPause = 50 * time.Millisecond
	maxPause = time.Second
)

// connectTimeout bounds one attempt to connect.
const connectTimeout = 3 * time.Second

// Dial returns a connection to the scheduler at addr, host:port, which is made
// when it is first used, and again whenever it is lost. The error is that addr
// cannot be an address. Options are added to those of a scheduler's client.
func Dial(addr string, options ...grpc.DialOption) (*grpc.ClientConn, error) {
	conn, err := grpc.NewClient(addr, append([]grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: minPause, Multiplier: 2, Jitter: 0.5, MaxDelay: maxPause},
			MinConnectTimeout: connectTimeout,
		}),
		// A machine that lost its power closes no connection.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 10 * time.Second, Timeout: 5 * time.Second}),
	}, options...)...)
	return conn, errors.Annotatef(err, "address %s of the scheduler", addr)
}

// pauses are the pauses of one series of attempts.
type pauses struct{ last time.Duration }

func (p *pauses) reset() { p.last = 0 }

func (p *pauses) next() time.Duration {
	p.last = min(max(2*p.last, minPause), maxPause)
	return p.last - rand.N(p.last/2)
}

// A RefusedError is the scheduler's refusal of a request.
type RefusedError struct {
	Type    schedulerpb.ErrorType
	Message string // one line
}

func (e *RefusedError) Error() string { return e.Message }

// Check returns the *RefusedError that a response has in its header, or nil.
func Check(header *schedulerpb.ResponseHeader) error {
	e := header.GetError()
	if e.GetType() == schedulerpb.ErrorType_OK {
		return nil
	}
	message := e.Message
	if message == "" {
		message = e.Type.String()
	}
	return &RefusedError{e.Type, message}
}

// IsRefused reports whether err is a refusal of that type.
func IsRefused(err error, what schedulerpb.ErrorType) bool {
	refused, ok := errors.Cause(err).(*RefusedError)
	return ok && refused.Type == what
}
