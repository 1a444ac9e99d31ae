package sim_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/labkv/labkv/kv/client"
	"github.com/labkv/labkv/lab/sim"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/tinykvpb"
)

// A chatter is a system in which every store sends a number to every other at
// each tick, and everybody keeps what arrives.
type chatter struct {
	world    *sim.World
	attach   int // bytes
	arrivals []arrival
	ticks    map[uint64][]time.Duration
	reports  []bool
	lost     int
}

type arrival struct {
	at       time.Duration
	from, to uint64
	n        uint64
}

func (c *chatter) Boot(env *sim.Env) (sim.Process, error) {
	return &chatting{chatter: c, env: env, start: time.Now()}, nil
}
func (c *chatter) Watch(uint64, sim.Process) error { return nil }
func (c *chatter) Unsettled([]sim.Process) string  { return "" }

type chatting struct {
	tinykvpb.UnimplementedTinyKvServer
	*chatter
	env   *sim.Env
	start time.Time
	n     uint64
}

func (c *chatting) now() time.Duration {
	begin := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	return time.Since(begin)
}

func (c *chatting) Tick() {
	c.ticks[c.env.ID] = append(c.ticks[c.env.ID], c.now())
	c.n++
	for _, id := range c.env.Setting.Machines(sim.Store) {
		p := &sim.Packet{To: id, Body: &metapb.Peer{Id: c.n}}
		if c.attach > 0 {
			p.Attachment = []byte(strings.Repeat("x", c.attach))
		}
		c.env.Send(p)
	}
}

func (c *chatting) Receive(p *sim.Packet) {
	if len(p.Attachment) != c.attach {
		panic("an attachment is incomplete")
	}
	c.arrivals = append(c.arrivals, arrival{c.now(), p.From, p.To, p.Body.(*metapb.Peer).Id})
}

func (c *chatting) Unreachable(*sim.Packet)                 { c.lost++ }
func (c *chatting) Transferred(_ *sim.Packet, arrived bool) { c.reports = append(c.reports, arrived) }
func (c *chatting) Pass() bool                              { return false }
func (c *chatting) Close()                                  {}
func (c *chatting) Leads() bool                             { return c.env.ID == 2 }
func (c *chatting) Services() []sim.Service {
	return []sim.Service{{Desc: &tinykvpb.TinyKv_ServiceDesc, Impl: c}}
}

func (c *chatting) RawGet(ctx context.Context, q *kvrpcpb.RawGetRequest) (*kvrpcpb.RawGetResponse, error) {
	switch string(q.Key) {
	case "slow":
		<-ctx.Done()
		return nil, ctx.Err()
	case "refuse":
		return nil, status.Error(codes.InvalidArgument, "no")
	}
	return &kvrpcpb.RawGetResponse{Value: fmt.Append(nil, c.env.ID)}, nil
}

// chat runs a schedule of 3 seconds with faults in its second one.
func chat(t *testing.T, setting sim.Setting, attach int, clients []sim.Client, faults ...string) (*chatter, *sim.Outcome) {
	t.Helper()
	text := "seed=1 stores=3 clients=0 tick=10ms latency=1ms..3ms slow-work=1ms span=3s"
	for i, f := range faults {
		text += fmt.Sprintf("\n1s-2s %s (%d)", f, i+1)
	}
	s, err := sim.ParseSchedule(text)
	require.NoError(t, err)
	s.Setting.Reorder, s.Setting.ReportsLoss = setting.Reorder, setting.ReportsLoss
	var c *chatter
	sc := &sim.Scenario{Clients: clients, System: func(w *sim.World) sim.System {
		c = &chatter{world: w, attach: attach, ticks: map[uint64][]time.Duration{}}
		return c
	}}
	out := sim.Run(t, sc, s, false)
	require.Nil(t, out.Failure, "%v", out.Failure)
	return c, out
}

// between returns which links had arrivals in a time.
func (c *chatter) between(from, until time.Duration) map[string]int {
	links := map[string]int{}
	for _, a := range c.arrivals {
		if a.at >= from && a.at < until {
			links[fmt.Sprintf("%d%d", a.from, a.to)]++
		}
	}
	return links
}

// Each fault blocks what it says while it lasts, and nothing before or after.
func TestBlocks(t *testing.T) {
	const all = "12 13 21 23 31 32"
	for fault, open := range map[string]string{
		"partition {1}|{2,3}":          "23 32",
		"one-way {1}|{2,3}":            "21 23 31 32",
		"bridge {1}|{3} store:2":       "12 21 23 32",
		"isolate store:1":              "23 32",
		"isolate leader":               "13 31",
		"deaf store:1":                 "12 13 23 32",
		"mute store:1":                 "21 23 31 32",
		"lose store:1 100%":            "23 32",
		"crash store:3":                "12 21",
		"stall store:1":                "21 23 31 32",
		"pause store:1":                "23 32",
		"slow store:1 100% 1ns":        all,
		"lose-calls 100%":              all,
		"crash-write store:1 #1 after": all,
	} {
		t.Run(fault, func(t *testing.T) {
			c, _ := chat(t, sim.Setting{}, 0, nil, fault)
			for _, w := range []struct {
				from, until time.Duration
				open        string
			}{
				{50 * time.Millisecond, time.Second, all},
				{1010 * time.Millisecond, 2 * time.Second, open},
				{2100 * time.Millisecond, 3 * time.Second, all},
			} {
				links := c.between(w.from, w.until)
				for _, link := range strings.Fields(all) {
					if strings.Contains(w.open, link) {
						require.Greater(t, links[link], 50, "link %s from %s on", link, w.from)
					} else {
						require.Zero(t, links[link], "link %s from %s on", link, w.from)
					}
				}
			}
		})
	}
}

// Faults at the same time add up, but a fault that is over leaves nothing behind:
// after any number of them the network is as it was.
func TestLossDoesNotPileUp(t *testing.T) {
	share := func(c *chatter, from time.Duration) float64 {
		n := 0
		for _, k := range c.between(from, from+time.Second) {
			n += k
		}
		return 1 - float64(n)/600
	}
	c, _ := chat(t, sim.Setting{}, 0, nil, "lose 10%")
	require.InDelta(t, 0.1, share(c, time.Second), 0.04)
	c, _ = chat(t, sim.Setting{}, 0, nil, "lose 10%", "lose 10%", "lose 10%", "lose 10%", "lose 10%", "lose 10%")
	require.InDelta(t, 0.47, share(c, time.Second), 0.06)
	require.InDelta(t, 0, share(c, 2*time.Second), 0.02)
}

func TestOrder(t *testing.T) {
	overtaken := func(c *chatter) int {
		n := 0
		last := map[string]uint64{}
		for _, a := range c.arrivals {
			link := fmt.Sprint(a.from, a.to)
			if a.n < last[link] {
				n++
			}
			last[link] = max(last[link], a.n)
		}
		return n
	}
	c, _ := chat(t, sim.Setting{}, 0, nil)
	require.Zero(t, overtaken(c))
	c, _ = chat(t, sim.Setting{}, 0, nil, "slow 50% 50ms")
	require.Greater(t, overtaken(c), 50)
	c, _ = chat(t, sim.Setting{}, 0, nil, "duplicate 50%")
	require.InDelta(t, 900, c.between(time.Second, 2*time.Second)["12"]+c.between(time.Second, 2*time.Second)["13"]+
		c.between(time.Second, 2*time.Second)["21"]+c.between(time.Second, 2*time.Second)["23"]+
		c.between(time.Second, 2*time.Second)["31"]+c.between(time.Second, 2*time.Second)["32"], 60)
}

func TestReportsOfLoss(t *testing.T) {
	c, _ := chat(t, sim.Setting{ReportsLoss: true}, 0, nil, "isolate store:1")
	require.InDelta(t, 100, c.lost, 40)
	c, _ = chat(t, sim.Setting{}, 0, nil, "isolate store:1")
	require.Zero(t, c.lost)
}

// Each transfer is reported exactly once, and arrives whole or not at all.
func TestTransfers(t *testing.T) {
	for _, fault := range []string{"slow 0% 1ms", "cut 10%", "duplicate 50%", "lose 50%", "isolate store:1", "crash store:2"} {
		t.Run(fault, func(t *testing.T) {
			c, out := chat(t, sim.Setting{}, 20_000, nil, fault)
			sent := 0
			for id := uint64(1); id <= 3; id++ {
				sent += 2 * len(c.ticks[id])
			}
			// Those that were under way at the end were not reported any more;
			// those of a store that crashed are nobody's.
			require.InDelta(t, sent, len(c.reports), 30)
			failed := 0
			for _, arrived := range c.reports {
				if !arrived {
					failed++
				}
			}
			whole := strings.HasPrefix(fault, "slow") || strings.HasPrefix(fault, "dup")
			require.Equal(t, whole, failed == 0, "%d failed", failed)
			require.Equal(t, strings.HasPrefix(fault, "cut") || strings.HasPrefix(fault, "iso") || strings.HasPrefix(fault, "crash"),
				out.Reached[sim.TransferCut])
		})
	}
}

func TestClocks(t *testing.T) {
	in := func(ticks []time.Duration, from, until time.Duration) int {
		n := 0
		for _, at := range ticks {
			if at >= from && at < until {
				n++
			}
		}
		return n
	}
	c, _ := chat(t, sim.Setting{}, 0, nil, "stall store:1", "skew store:2 50%")
	require.Zero(t, in(c.ticks[1], time.Second, 2*time.Second))
	require.InDelta(t, 100, in(c.ticks[1], 2*time.Second, 2*time.Second+time.Millisecond), 5, "the ticks come bunched up")
	require.InDelta(t, 50, in(c.ticks[2], time.Second, 2*time.Second), 5)
	require.InDelta(t, 100, in(c.ticks[2], 2*time.Second, 3*time.Second), 5)
	require.InDelta(t, 100, in(c.ticks[3], time.Second, 2*time.Second), 5)
}

// Clients call handlers through stubs, and do not always hear what became of it.
func TestCalls(t *testing.T) {
	type result struct {
		code codes.Code
		fate client.Fate // of a call that failed
		took time.Duration
	}
	call := func(t *testing.T, fault, key string, bounded bool) (results []result) {
		client := func(s *sim.Session) {
			s.Sleep(1200*time.Millisecond - s.Now())
			for range 40 {
				ctx, cancel := s.Context(), context.CancelFunc(func() {})
				if bounded {
					ctx, cancel = context.WithTimeout(ctx, 15*time.Millisecond)
				}
				begin := s.Now()
				r, err := tinykvpb.NewTinyKvClient(s.Dial(3)).RawGet(ctx, &kvrpcpb.RawGetRequest{Key: []byte(key)})
				cancel()
				if err == nil && string(r.Value) != "3" {
					s.Fail("calls", "store 3 answered %q", r.Value)
				}
				var known client.CallError
				if e, ok := err.(*client.CallError); ok {
					known = *e
				}
				results = append(results, result{status.Code(err), known.Fate, s.Now() - begin})
			}
		}
		chat(t, sim.Setting{}, 0, sim.Clients(1, client), fault)
		return results
	}
	count := func(results []result, c codes.Code) (n int) {
		for _, r := range results {
			if r.code == c {
				n++
			}
		}
		return n
	}
	allAre := func(results []result, c codes.Code, f client.Fate) {
		t.Helper()
		for _, r := range results {
			require.Equal(t, c, r.code)
			require.Equal(t, f, r.fate)
		}
	}

	results := call(t, "slow 0% 1ns", "k", true)
	require.Equal(t, 40, count(results, codes.OK))
	for _, r := range results {
		require.GreaterOrEqual(t, r.took, 2*time.Millisecond)
		require.LessOrEqual(t, r.took, 6*time.Millisecond)
	}
	allAre(call(t, "crash store:3", "k", true), codes.Unavailable, client.Unsent)
	allAre(call(t, "slow 0% 1ns", "refuse", true), codes.InvalidArgument, client.Answered)

	results = call(t, "slow 0% 1ns", "slow", true)
	allAre(results, codes.DeadlineExceeded, client.Lost)
	require.Equal(t, 15*time.Millisecond, results[0].took)

	results = call(t, "lose-calls 30%", "k", true)
	require.Greater(t, count(results, codes.OK), 10)
	require.Greater(t, count(results, codes.Unavailable), 2)
	require.Greater(t, count(results, codes.DeadlineExceeded), 2)
	for _, r := range results {
		require.Equal(t, client.Lost, r.fate)
	}
	require.Zero(t, count(call(t, "lose-calls 30%", "k", false), codes.DeadlineExceeded), "without a deadline, the connection breaks")
	require.Greater(t, count(call(t, "slow-calls 50% 100ms", "k", true), codes.DeadlineExceeded), 10)
}
