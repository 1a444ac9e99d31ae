package sim_test

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/labkv/labkv/lab/sim"
	"github.com/labkv/labkv/proto/metapb"
)

const scheduler sim.Role = "scheduler"

// An office is a system of a store and a scheduler, which the store calls on a
// goroutine of its own.
type office struct {
	// work is what the store's goroutine does with a connection to the scheduler.
	work func(ctx context.Context, env *sim.Env, conn grpc.ClientConnInterface)
	// ended are the errors of the contexts of streams, as their handlers see them.
	ended []error
}

func (o *office) Boot(env *sim.Env) (sim.Process, error) {
	if env.Role == scheduler {
		return &clerk{office: o}, nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &visitor{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		o.work(ctx, env, env.Dial(env.Setting.Machines(scheduler)[0]))
	}()
	return p, nil
}
func (*office) Watch(uint64, sim.Process) error { return nil }
func (*office) Unsettled([]sim.Process) string  { return "" }

type visitor struct {
	idle
	cancel context.CancelFunc
	done   chan struct{}
}

func (v *visitor) Close() {
	v.cancel()
	<-v.done
}

type clerk struct {
	idle
	office *office
}

func (c *clerk) Services() []sim.Service { return []sim.Service{{Desc: &deskDesc, Impl: c}} }

// The service of the clerk: numbers, as ids of peers.
var (
	streamDesc = grpc.StreamDesc{StreamName: "Double", ServerStreams: true, ClientStreams: true, Handler: double}
	deskDesc   = grpc.ServiceDesc{
		ServiceName: "Desk",
		Methods:     []grpc.MethodDesc{{MethodName: "Next", Handler: next}},
		Streams:     []grpc.StreamDesc{streamDesc},
	}
)

// next answers with the number after the request's.
func next(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	var q metapb.Peer
	if err := decode(&q); err != nil {
		return nil, err
	}
	return &metapb.Peer{Id: q.Id + 1}, nil
}

// double answers each number with two of it, and with their count in the end.
func double(impl any, stream grpc.ServerStream) error {
	defer func() {
		o := impl.(*clerk).office
		o.ended = append(o.ended, stream.Context().Err())
	}()
	for n := uint64(0); ; n += 2 {
		var q metapb.Peer
		err := stream.RecvMsg(&q)
		if err == io.EOF {
			return stream.SendMsg(&metapb.Peer{Id: n})
		}
		if err != nil {
			return err
		}
		for range 2 {
			if err := stream.SendMsg(&q); err != nil {
				return err
			}
		}
	}
}

func ask(ctx context.Context, conn grpc.ClientConnInterface, n uint64) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	var r metapb.Peer
	err := conn.Invoke(ctx, "/Desk/Next", &metapb.Peer{Id: n}, &r)
	return r.Id, err
}

// visit runs an office for a second, and returns its digest.
func visit(t *testing.T, o *office, faults ...sim.Fault) uint64 {
	t.Helper()
	s := sim.Schedule{Seed: 1, Faults: faults, Setting: sim.Setting{
		Stores: 1, Beside: []sim.Fleet{{Role: scheduler, Machines: 1}}, Tick: 10 * time.Millisecond,
		LatencyMin: time.Millisecond, LatencyMax: 3 * time.Millisecond, Span: time.Second,
	}}
	parsed, err := sim.ParseSchedule(s.String())
	require.NoError(t, err)
	require.Equal(t, s.String(), parsed.String())
	out := sim.Run(t, &sim.Scenario{System: func(*sim.World) sim.System { return o }}, s, true)
	require.Nil(t, out.Failure, "%v", out.Failure)
	return out.Digest
}

// fault is one in the second half of a visit.
func fault(kind sim.FaultKind, role sim.Role) sim.Fault {
	return sim.Fault{Kind: kind, Role: role, From: 500 * time.Millisecond, Until: 900 * time.Millisecond, ID: 1}
}

// A machine calls another one. Calls fail while that is down, cut off or paused, and
// succeed before and after.
func TestMachinesCall(t *testing.T) {
	for _, kind := range []sim.FaultKind{sim.Crash, sim.Isolate, sim.Pause} {
		var digests []uint64
		for range 2 {
			good, bad := map[bool]int{}, map[codes.Code]int{}
			during := func(at time.Duration) bool {
				return at >= 500*time.Millisecond && at < 900*time.Millisecond
			}
			o := &office{work: func(ctx context.Context, env *sim.Env, conn grpc.ClientConnInterface) {
				for n := uint64(1); ctx.Err() == nil; n++ {
					begin := env.Now()
					r, err := ask(ctx, conn, n)
					if err == nil {
						require.Equal(t, n+1, r)
						require.GreaterOrEqual(t, env.Now()-begin, 2*time.Millisecond)
						good[during(begin)]++
					} else if env.Now() < time.Second-30*time.Millisecond { // the run still lasts
						require.True(t, during(begin) || during(begin+6*time.Millisecond), "%v at %v", err, begin)
						bad[status.Code(err)]++
					}
				}
			}}
			digests = append(digests, visit(t, o, fault(kind, scheduler)))
			require.Greater(t, good[false], 100, kind)
			require.LessOrEqual(t, good[true], 1, kind)
			require.Equal(t, kind != sim.Pause, bad[codes.Unavailable] > 0, kind)
			require.Equal(t, kind != sim.Crash, bad[codes.DeadlineExceeded] > 0, kind)
		}
		require.Equal(t, digests[0], digests[1], kind)
	}
}

// Messages of a stream come in order, and then its end.
func TestStreams(t *testing.T) {
	rounds := 0
	o := &office{work: func(ctx context.Context, _ *sim.Env, conn grpc.ClientConnInterface) {
		for ctx.Err() == nil {
			stream, err := conn.NewStream(ctx, &streamDesc, "/Desk/Double")
			require.NoError(t, err)
			for n := uint64(1); n <= 5; n++ {
				require.NoError(t, stream.SendMsg(&metapb.Peer{Id: n}))
			}
			require.NoError(t, stream.CloseSend())
			var got []uint64
			for {
				var r metapb.Peer
				if err = stream.RecvMsg(&r); err != nil {
					break
				}
				got = append(got, r.Id)
			}
			if status.Code(err) == codes.Canceled {
				return // the run is over
			}
			require.Equal(t, io.EOF, err)
			require.Equal(t, []uint64{1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 10}, got)
			require.Equal(t, io.EOF, stream.SendMsg(&metapb.Peer{}))
			rounds++
		}
	}}
	visit(t, o)
	require.Greater(t, rounds, 20)
}

// Both ends of a stream hear when the other one is gone.
func TestStreamsBreak(t *testing.T) {
	for _, c := range []struct {
		name   string
		fault  sim.Fault
		caller codes.Code // what the caller sees, OK if it is gone itself
	}{
		{"the handler crashes", fault(sim.Crash, scheduler), codes.Unavailable},
		{"the caller crashes", fault(sim.Crash, sim.Store), codes.OK},
		{"the network breaks", fault(sim.Isolate, sim.Store), codes.Unavailable},
		{"the caller cancels", sim.Fault{}, codes.Canceled},
	} {
		t.Run(c.name, func(t *testing.T) {
			var faults []sim.Fault
			if c.fault.Kind != "" {
				faults = append(faults, c.fault)
			}
			var seen error
			o := &office{}
			o.work = func(ctx context.Context, env *sim.Env, conn grpc.ClientConnInterface) {
				if env.Incarnation > 1 {
					return
				}
				ctx, cancel := context.WithCancel(ctx)
				defer cancel()
				stream, err := conn.NewStream(ctx, &streamDesc, "/Desk/Double")
				require.NoError(t, err)
				for n := uint64(1); seen == nil; n++ {
					if env.Now() > 600*time.Millisecond {
						cancel()
					}
					_ = stream.SendMsg(&metapb.Peer{Id: n})
					for range 2 {
						if err := stream.RecvMsg(&metapb.Peer{}); err != nil {
							seen = err
							break
						}
					}
				}
				<-ctx.Done()
			}
			visit(t, o, faults...)
			if c.caller != codes.OK {
				require.Equal(t, c.caller, status.Code(seen), "%v", seen)
			}
			require.NotEmpty(t, o.ended)
			require.Equal(t, context.Canceled, o.ended[0])
		})
	}
}
