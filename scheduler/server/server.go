// Package server serves a scheduler over gRPC, and shows over HTTP what it knows
// and does.
//
//	s := server.New(server.Config{Scheduler: core, Logger: log})
//	e := endpoint.New(endpoint.Config{Unary: s.Around})
//	s.Register(e)
//	s.Start()
//	err := e.Serve(listener) // until e.Stop
//	s.Stop()
//
// Package scheduler decides, and this package gives it what a program has and a
// simulation does not have: goroutines, a clock that ticks, and the network.
package server

import (
	"context"
	stderrors "errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/pingcap/errors"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/schedulerpb"
	"github.com/labkv/labkv/scheduler"
)

// DefaultTick is the time between two looks of a scheduler at its cluster.
const DefaultTick = 100 * time.Millisecond

// A Config says which scheduler to serve.
type Config struct {
	// Scheduler decides. The caller closes its engine after Stop.
	Scheduler *scheduler.Scheduler
	// Tick is the time between two calls of Scheduler.Tick. 0 means DefaultTick.
	Tick   time.Duration
	Logger *slog.Logger
}

// A Server implements schedulerpb.SchedulerServer and schedulerpb.AdminServer. The
// calls that are no streams are the scheduler's own methods.
type Server struct {
	schedulerpb.UnsafeSchedulerServer
	schedulerpb.UnsafeAdminServer
	*scheduler.Scheduler

	cfg     Config
	metrics *metrics

	// ctx is done when the server stops.
	ctx     context.Context
	stop    context.CancelFunc
	ticking sync.WaitGroup

	mu      sync.Mutex
	stopped bool
	streams sync.WaitGroup // receivers; added to under mu while not stopped

	failed  chan struct{}
	failure error // set once, before failed is closed; mu guards it
	// warned is when the log last said that the disk is full; mu guards it.
	warned time.Time
}

var (
	_ schedulerpb.SchedulerServer = (*Server)(nil)
	_ schedulerpb.AdminServer     = (*Server)(nil)
)

// New returns a server whose clock stands still until Start.
func New(cfg Config) *Server {
	if cfg.Tick == 0 {
		cfg.Tick = DefaultTick
	}
	s := &Server{Scheduler: cfg.Scheduler, cfg: cfg, failed: make(chan struct{})}
	s.metrics = newMetrics(s)
	s.ctx, s.stop = context.WithCancel(context.Background())
	return s
}

// Register adds the services to r, whose calls must go through Around.
func (s *Server) Register(r grpc.ServiceRegistrar) {
	schedulerpb.RegisterSchedulerServer(r, s)
	schedulerpb.RegisterAdminServer(r, s)
}

// Start starts the scheduler's clock. It is called at most once.
func (s *Server) Start() {
	s.ticking.Go(func() {
		ticker := time.NewTicker(s.cfg.Tick)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				if err := s.tick(); err != nil {
					_ = s.outcome(err) // no caller waits for it
				}
			case <-s.ctx.Done():
				return
			}
		}
	})
}

// A PanicError is why a scheduler failed that panicked: something in memory or on
// disk is impossible. It must not go on, but the process can end in good order.
type PanicError struct {
	Value any // what the scheduler panicked with
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("the scheduler is broken: %v", e.Value) }

// Panic returns the value of the panic, and the stack at that place.
func (e *PanicError) Panic() (value any, stack []byte) { return e.Value, e.Stack }

// catch is deferred where the scheduler works on a goroutine of this package. It sets
// err to the PanicError of a panic there.
func catch(err *error) {
	if p := recover(); p != nil {
		*err = &PanicError{Value: p, Stack: debug.Stack()}
	}
}

func (s *Server) tick() (err error) {
	defer catch(&err)
	return s.Tick()
}

// Stop ends all streams and waits for the last use of the scheduler by streams and
// clock. Calls under way are the caller's to wait for.
func (s *Server) Stop() {
	s.mu.Lock()
	s.stopped = true
	s.mu.Unlock()
	s.stop()
	s.ticking.Wait()
	s.streams.Wait()
}

// Failed returns a channel that is closed when the scheduler cannot go on, because
// the state of its disk is no longer certain; Err says why.
func (s *Server) Failed() <-chan struct{} { return s.failed }

// Err returns why the scheduler failed, or nil.
func (s *Server) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failure
}

// outcome returns the status that tells a caller of an error of the scheduler. A
// full disk is no failure: nothing was written, nothing was promised, and the next
// call may find room. Anything else is.
func (s *Server) outcome(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	full := errors.Find(err, func(e error) bool { return stderrors.Is(e, engine.ErrDiskFull) }) != nil
	if full {
		if now := time.Now(); now.Sub(s.warned) > time.Minute {
			s.warned = now
			s.cfg.Logger.Error("the disk is full: nothing new can be promised until there is room")
		}
		return status.Error(codes.ResourceExhausted, "the disk of the scheduler is full")
	}
	if s.failure == nil {
		s.failure = err
		close(s.failed)
	}
	return status.Error(codes.Unavailable, "the scheduler has failed: "+err.Error())
}

// Around calls the handler of a call, measures it, and tells the caller of errors.
func (s *Server) Around(ctx context.Context, request any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	if info.Server != any(s) {
		return handle(ctx, request)
	}
	begin := time.Now()
	response, err := handle(ctx, request)
	s.metrics.call(info.FullMethod, begin, response, err)
	if err != nil {
		return nil, s.outcome(err)
	}
	return response, nil
}

// Tso implements schedulerpb.SchedulerServer.
func (s *Server) Tso(stream schedulerpb.Scheduler_TsoServer) error {
	return s.serve(stream, func() error {
		for {
			request, err := stream.Recv()
			if err != nil {
				return err
			}
			response, err := s.Timestamps(request)
			if err != nil {
				return s.outcome(err)
			}
			s.metrics.timestamps.Add(float64(response.Count))
			if err := stream.Send(response); err != nil {
				return err
			}
		}
	})
}

// RegionHeartbeat implements schedulerpb.SchedulerServer. The header of the stream
// goes out at once: a store sees that it is connected before there is an order.
func (s *Server) RegionHeartbeat(stream schedulerpb.Scheduler_RegionHeartbeatServer) error {
	if err := stream.SendHeader(metadata.MD{}); err != nil {
		return err
	}
	return s.serve(stream, func() error {
		for {
			heartbeat, err := stream.Recv()
			if err != nil {
				return err
			}
			order := s.Scheduler.RegionHeartbeat(heartbeat)
			s.metrics.heartbeat(order)
			if order == nil {
				continue
			}
			if err := stream.Send(order); err != nil {
				return err
			}
		}
	})
}

// serve runs receive, which waits for a stream, and returns early when the stream's
// context or the server ends. The handler's return ends the stream, and with it
// receive.
func (s *Server) serve(stream grpc.ServerStream, receive func() error) error {
	s.metrics.streams.Inc()
	defer s.metrics.streams.Dec()
	ended := make(chan error, 1)
	s.mu.Lock()
	if s.stopped {
		s.mu.Unlock()
		return errStopping
	}
	s.streams.Go(func() {
		ended <- func() (err error) {
			defer catch(&err)
			return receive()
		}()
	})
	s.mu.Unlock()
	select {
	case err := <-ended:
		if broken, ok := err.(*PanicError); ok {
			s.cfg.Logger.Debug("a stream panicked", "stack", string(broken.Stack))
			panic(broken.Value) // as a handler without a goroutine of its own
		}
		if err == io.EOF { // the client has ended the stream
			return nil
		}
		return err
	case <-stream.Context().Done():
		return errStopping // or the other side has gone, and the status is lost
	case <-s.ctx.Done():
		return errStopping
	}
}

var errStopping = status.Error(codes.Unavailable, "the scheduler is stopping")
