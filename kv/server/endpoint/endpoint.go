// Package endpoint runs gRPC services on a listener the way every process of a
// cluster does: with health and reflection services, a limit on the size of
// messages, panics that cost one call instead of the process, and a stop that
// lets calls finish for a while.
//
//	e := endpoint.New(endpoint.Config{Logger: log})
//	tinykvpb.RegisterTinyKvServer(e, server.New(storage))
//	go func() { <-signal; e.Stop() }()
//	err := e.Serve(listener)
package endpoint

import (
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/pingcap/errors"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"
)

const (
	// DefaultMaxMessageSize has room for the largest value that an engine
	// takes, with its key.
	DefaultMaxMessageSize = 16 << 20
	// DefaultStopTimeout is how long Stop waits for calls to finish.
	DefaultStopTimeout = 10 * time.Second

	// handlers is how many goroutines are kept to run handlers; more are
	// started when all are busy. A handler needs a large stack, and to grow
	// that of a new goroutine takes a fifth of the time of a small request.
	handlers = 256

	// How many bytes a client may send before they are read, on one stream and
	// on all of a connection.
	streamWindow     = 1 << 20
	connectionWindow = 4 << 20
)

// A Config says how an Endpoint serves. The zero Config has the defaults.
type Config struct {
	// MaxMessageSize bounds every message, received or sent, in bytes. A
	// larger one ends its call with status ResourceExhausted. 0 means
	// DefaultMaxMessageSize.
	MaxMessageSize int
	// StopTimeout bounds how long Stop waits for calls to finish by
	// themselves. 0 means DefaultStopTimeout.
	StopTimeout time.Duration
	// Logger is told of panics. nil means none.
	Logger *slog.Logger
	// Explain returns the status that ends a call whose handler panicked with a
	// value, if the client can do something about it. Otherwise it returns nil: the
	// panic is logged, and the client learns that something broke. A nil Explain
	// always does.
	Explain func(panicked any) error
	// Unary, if it is not nil, is called for each call that is no stream, and calls
	// the handler.
	Unary grpc.UnaryServerInterceptor
}

// An Endpoint serves the services that are registered with it. It is a
// grpc.ServiceRegistrar.
type Endpoint struct {
	server      *grpc.Server
	health      *health.Server
	stopTimeout time.Duration
	drain       *drain

	mu       sync.Mutex
	services []string // that are registered, and "" for the whole
	serving  bool     // Serve was called
	unready  bool     // SetReady has said so
}

var _ grpc.ServiceRegistrar = (*Endpoint)(nil)

// New returns an Endpoint with the health and reflection services. Register
// others before Serve.
func New(config Config) *Endpoint {
	if config.MaxMessageSize == 0 {
		config.MaxMessageSize = DefaultMaxMessageSize
	}
	if config.StopTimeout == 0 {
		config.StopTimeout = DefaultStopTimeout
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	if config.Explain == nil {
		config.Explain = func(any) error { return nil }
	}
	r := recovery{log: config.Logger, explain: config.Explain}
	d := newDrain()
	unary := []grpc.UnaryServerInterceptor{d.unary, r.unary}
	if config.Unary != nil {
		unary = append(unary, config.Unary)
	}
	e := &Endpoint{
		server: grpc.NewServer(
			grpc.MaxRecvMsgSize(config.MaxMessageSize),
			grpc.MaxSendMsgSize(config.MaxMessageSize),
			grpc.ChainUnaryInterceptor(unary...),
			grpc.ChainStreamInterceptor(d.stream, r.stream),
			grpc.NumStreamWorkers(handlers),
			// Windows of a fixed size: to find out a good one, gRPC would
			// answer every burst of data with a ping.
			grpc.InitialWindowSize(streamWindow),
			grpc.InitialConnWindowSize(connectionWindow),
			// A machine that lost its power closes no connection. Clients
			// ask in the same way, and more often than gRPC likes by itself.
			grpc.KeepaliveParams(keepalive.ServerParameters{Time: 10 * time.Second, Timeout: 5 * time.Second}),
			grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 5 * time.Second}),
		),
		health:      health.NewServer(),
		stopTimeout: config.StopTimeout,
		drain:       d,
		services:    []string{""},
	}
	e.setHealth()
	grpc_health_v1.RegisterHealthServer(e.server, e.health)
	reflection.Register(e.server)
	return e
}

// RegisterService adds a service; generated Register functions call it.
func (e *Endpoint) RegisterService(desc *grpc.ServiceDesc, impl any) {
	e.server.RegisterService(desc, impl)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.services = append(e.services, desc.ServiceName)
	e.setHealth()
}

// SetReady says whether clients are to come: health says not serving while they
// are not. An endpoint is ready until SetReady says otherwise. Calls are served
// in either case.
func (e *Endpoint) SetReady(ready bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.unready = !ready
	e.setHealth()
}

// setHealth makes the health service say what is true, for all services. The
// caller holds mu. After Stop nothing changes.
func (e *Endpoint) setHealth() {
	// Before Serve no client is to come: the listener does not accept.
	status := grpc_health_v1.HealthCheckResponse_NOT_SERVING
	if e.serving && !e.unready {
		status = grpc_health_v1.HealthCheckResponse_SERVING
	}
	for _, service := range e.services {
		e.health.SetServingStatus(service, status)
	}
}

// Serve accepts connections on l, which it closes in the end, until Stop. It
// returns nil if it was Stop that ended it.
func (e *Endpoint) Serve(l net.Listener) error {
	e.mu.Lock()
	e.serving = true
	e.setHealth()
	e.mu.Unlock()
	err := e.server.Serve(l)
	if err == grpc.ErrServerStopped { // Stop came before Serve
		return nil
	}
	return errors.Annotatef(err, "serve on %s", l.Addr())
}

// Stop ends Serve: no new call is accepted, health says not serving, and calls
// under way may finish until the stop timeout is over. Then their contexts are
// canceled and their connections closed. Streams have no end of their own, and
// calls may need them: their contexts are canceled as soon as no other call is
// under way, and their handlers are to return then. Stop reports whether all
// finished in time. A second call does nothing.
func (e *Endpoint) Stop() (graceful bool) {
	e.health.Shutdown()
	e.drain.begin()
	finished := make(chan struct{})
	go func() {
		e.server.GracefulStop()
		close(finished)
	}()
	timeout := time.NewTimer(e.stopTimeout)
	defer timeout.Stop()
	select {
	case <-finished:
		return true
	case <-timeout.C:
		e.drain.endStreams()
		// GracefulStop goes on waiting for a handler that does not heed its
		// context. Stop does not.
		e.server.Stop()
		return false
	}
}
