package scheduler_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/lab/dice"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/schedulerpb"
	"github.com/labkv/labkv/scheduler"
)

// Ids ascend, through crashes too, which lose what was not synced.
func TestIDsNeverRepeat3C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "no id is handed out twice, and none is 0, also after a crash; a crash skips one batch at most",
		Source: "(*window).take, Options.IDBatch",
	}, func(t *graded.T) {
		for _, each := range []int{1, 3, 7, 10, 11, 25} {
			m := boot(t, scheduler.Options{IDBatch: 10})
			last, handed := uint64(0), 0
			for life := range 5 {
				for range each {
					id := m.id()
					if id <= last {
						t.Fatalf("after %d crashes, the id %d comes after %d", life, id, last)
					}
					last = id
					handed++
				}
				if skipped := int(last) - handed; skipped > 10*life {
					t.Fatalf("after %d crashes, %d ids have been skipped: a batch has 10", life, skipped)
				}
				m.crash()
			}
		}
	})
}

func TestIDsCostFewWrites3C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "one write to the disk is enough for a batch of ids",
		Source: "Options.IDBatch",
	}, func(t *graded.T) {
		m := boot(t, scheduler.Options{IDBatch: 10})
		before := m.disk.Writes()
		for range 100 {
			m.id()
		}
		if n := m.disk.Writes() - before; n > 11 {
			t.Fatalf("100 ids in batches of 10 have cost %d writes", n)
		}
	})
}

func TestManyIDsAtOnce3C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a request for more ids than a batch has left is granted as a whole, with new ids",
		Source: "(*window).take",
	}, func(t *graded.T) {
		for _, batch := range []uint64{1, 2, 3, 5, 6, 7} {
			m := cluster(t, 5, scheduler.Options{IDBatch: batch, MaxPeerCount: 5})
			r := reg(10, "", "", 1, 1, 1, 2, 3, 4, 5)
			require.Nil(t, m.report(beat(r)), "an order for a region that is well")
			last := uint64(9999)
			for range 4 {
				resp, err := m.AskSplit(ctx, &schedulerpb.AskSplitRequest{Header: header, Region: r})
				ok(t, m.header(resp, err))
				if len(resp.NewPeerIds) != 5 {
					t.Fatalf("a region of 5 peers gets %d new peer ids", len(resp.NewPeerIds))
				}
				for _, id := range append([]uint64{resp.NewRegionId}, resp.NewPeerIds...) {
					if id <= last {
						t.Fatalf("with batches of %d, the id %d comes after %d", batch, id, last)
					}
					last = id
				}
				m.crash()
				if id := m.id(); id <= last {
					t.Fatalf("with batches of %d, after a crash, the id %d comes after %d", batch, id, last)
				} else {
					last = id
				}
				m.report(beat(r))
			}
		}
	})
}

// later requires that a timestamp is greater than all before, and so are the count-1
// that it stands for. It returns the timestamp.
func later(t testing.TB, ts, last *schedulerpb.Timestamp, count uint32, when string) *schedulerpb.Timestamp {
	t.Helper()
	if ts.Logical >= 1<<18 || ts.Logical < int64(count)-1 {
		t.Fatalf("%s: the last of %d timestamps has the logical part %d: want %d to %d", when, count, ts.Logical, count-1, 1<<18-1)
	}
	first := &schedulerpb.Timestamp{Physical: ts.Physical, Logical: ts.Logical - int64(count) + 1}
	if last != nil && compare(first, last) <= 0 {
		t.Fatalf("%s: %d timestamps from (%d, %d) on come after (%d, %d)", when, count, first.Physical, first.Logical, last.Physical, last.Logical)
	}
	return ts
}

// A table of clocks: the physical part is the clock's, or else as near to it as it
// can be.
func TestTimestampsFollowTheClock3C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "the physical part follows the clock and never goes back; the logical part counts on where the clock does not move",
		Source: "(*oracle).next",
	}, func(t *graded.T) {
		m := boot(t, scheduler.Options{})
		var last *schedulerpb.Timestamp
		for _, c := range []struct {
			clock int64
			count uint32
		}{
			{5000, 1},
			{5000, 3},
			{5001, 2},
			{4000, 1}, // the clock jumps back
			{5001, 1},
			{9000, 1 << 17},
			{9000, 1 << 17}, // may fill the millisecond
			{9000, 1},       // ahead of the clock
			{9001, 1},
			{9001, 1 << 18}, // they do not fit beside the others
			{9001, 1 << 18},
			{-3, 1}, // before 1970
			{9005, 1},
			{20_000, 5},
			{20_001, 1},
			{30_000, 10},
			{30_001, 1<<18 - 5}, // a millisecond of its own has room for them
		} {
			m.at(c.clock)
			ts := later(t, m.timestamp(c.count), last, c.count, "in order")
			want, fits := c.clock, true
			if last != nil && last.Physical >= c.clock {
				want = last.Physical
				fits = last.Logical+int64(c.count) < 1<<18
			}
			if !fits {
				want++
			}
			if ts.Physical != want {
				t.Fatalf("at clock %d, after %v, %d timestamps have the physical part %d, and should have %d", c.clock, last, c.count, ts.Physical, want)
			}
			last = ts
		}
	})
}

func TestTimestampsRefused3C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a request for no timestamp, or for more than a millisecond has, is refused and costs nothing",
		Source: "(*oracle).next",
	}, func(t *graded.T) {
		m := boot(t, scheduler.Options{})
		before := m.timestamp(1)
		for _, count := range []uint32{0, 1<<18 + 1, 1<<32 - 1} {
			resp, err := m.Timestamps(&schedulerpb.TsoRequest{Header: header, Count: count})
			denied(t, m.header(resp, err), "a request for a number of timestamps that cannot be")
			require.Nil(t, resp.Timestamp, "a timestamp in a refusal")
		}
		if ts := m.timestamp(1); ts.Physical != before.Physical || ts.Logical != before.Logical+1 {
			t.Fatalf("after (%d, %d) and refusals comes (%d, %d)", before.Physical, before.Logical, ts.Physical, ts.Logical)
		}
	})
}

// A crash loses what the last incarnation has handed out, but not the bound, even
// if the clock of the next one is years behind.
func TestTimestampsAfterCrash3C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "timestamps are greater than all of earlier incarnations, whatever the clock says, and not further ahead of it than the window",
		Source: "oracle",
	}, func(t *graded.T) {
		m := boot(t, scheduler.Options{})
		m.at(1_000_000)
		last := m.timestamp(5)
		for _, clock := range []int64{1_000_001, 10, 999_999, 1_000_000, 0, 1_500_000, 1_499_000} {
			m.at(clock)
			m.crash()
			next := later(t, m.timestamp(1), last, 1, "after a crash")
			if next.Physical > max(last.Physical, clock)+3000 {
				t.Fatalf("after a crash, at clock %d, after %d, the physical part is %d: further ahead than a window of 3000", clock, last.Physical, next.Physical)
			}
			last = next
		}
		// No client takes the first one for none.
		m = boot(t, scheduler.Options{})
		m.at(0)
		if ts := m.timestamp(1); ts.Physical == 0 {
			t.Fatalf("the first timestamp has the physical part 0")
		}
	})
}

func TestTimestampsCostFewWrites3C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "one write to the disk is enough for the timestamps of a window",
		Source: "Options.TimestampWindow",
	}, func(t *graded.T) {
		m := boot(t, scheduler.Options{TimestampWindow: time.Second})
		before := m.disk.Writes()
		for ms := int64(5000); ms < 9000; ms++ {
			m.at(ms)
			m.timestamp(1)
		}
		if n := m.disk.Writes() - before; n > 5 {
			t.Fatalf("4 s of timestamps, with a window of 1 s, have cost %d writes", n)
		}
	})
}

// Random clocks, counts and crashes.
func TestTimestampsAscend3C(t *testing.T) {
	graded.Seeds(t, graded.Claim{
		Text:   "each timestamp is greater than all before, whatever clocks and crashes do",
		Source: "oracle",
	}, 30, func(t *graded.T, seed uint64) uint64 {
		d := dice.NewDrawer(dice.Dice(seed), 1, 0)
		m := boot(t, scheduler.Options{TimestampWindow: time.Duration(d.Between(1, 3000)) * time.Millisecond})
		var last *schedulerpb.Timestamp
		for range 500 {
			switch d.IntN(10) {
			case 0:
				m.at(int64(d.IntN(10_000)))
			case 1:
				m.crash()
			default:
				m.now = m.now.Add(d.Duration(0, 5*time.Millisecond))
			}
			count := uint32(d.Between(1, dice.Pick(d, 3, 1<<18)))
			last = later(t, m.timestamp(count), last, count, "in a random schedule")
		}
		return 0
	})
}

// Whatever write a crash falls on, everything that was answered before is there
// afterwards, and nothing that was handed out comes again.
func TestCrashAtEveryWrite3C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "an answer leaves only when what it promises is synced",
		Source: "package scheduler, what is durable",
	}, func(t *graded.T) {
		for _, kind := range []memory.FaultKind{memory.CrashBefore, memory.CrashUnacknowledged, memory.CrashAfter} {
			for n, finished := uint64(1), false; !finished; n++ {
				m := boot(t, scheduler.Options{IDBatch: 3, TimestampWindow: 5 * time.Millisecond})
				m.disk.Inject(memory.At(m.disk.Writes()+n, memory.Fault{Kind: kind}))
				var lastID uint64
				var last *schedulerpb.Timestamp
				script := func() bool {
					for i := range 12 {
						m.now = m.now.Add(3 * time.Millisecond)
						id, err := m.AllocID(ctx, &schedulerpb.AllocIDRequest{Header: header})
						if err != nil {
							return false
						}
						lastID = id.Id
						ts, err := m.Timestamps(&schedulerpb.TsoRequest{Header: header, Count: 4})
						if err != nil {
							return false
						}
						last = ts.Timestamp
						if i == 0 {
							_, err = m.Bootstrap(ctx, &schedulerpb.BootstrapRequest{Header: header, Store: store(id.Id)})
						} else {
							_, err = m.PutStore(ctx, &schedulerpb.PutStoreRequest{Header: header, Store: store(id.Id)})
						}
						if err != nil {
							return false
						}
					}
					return true
				}
				finished = script()
				m.disk.Inject(nil)
				m.crash()
				if id := m.id(); id <= lastID {
					t.Fatalf("after a crash at write %d, the id %d comes after %d", n, id, lastID)
				}
				later(t, m.timestamp(1), last, 1, "after a crash")
			}
		}
	})
}

// What could not be written was not handed out.
func TestBrokenDiskHandsOutNothing3C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "what cannot be made durable is not handed out, and has changed nothing",
		Source: "package scheduler, what is durable",
	}, func(t *graded.T) {
		m := cluster(t, 3, scheduler.Options{IDBatch: 1, TimestampWindow: time.Millisecond})
		last := m.timestamp(1)
		for range 3 {
			m.now = m.now.Add(10 * time.Second)
			m.disk.SetCapacity(0)
			before := m.Status()
			before.Counts = scheduler.Counts{}
			for range 3 {
				if id, err := m.AllocID(ctx, &schedulerpb.AllocIDRequest{Header: header}); err == nil {
					t.Fatalf("the disk is full, and the id %d is handed out", id.Id)
				}
				if ts, err := m.Timestamps(&schedulerpb.TsoRequest{Header: header, Count: 1}); err == nil {
					t.Fatalf("the disk is full, and the timestamp (%d, %d) is handed out", ts.Timestamp.Physical, ts.Timestamp.Logical)
				}
				m.mustRefuse(beat(reg(10, "", "", 1, 1, 1, 2, 3)), "a heartbeat of a new region, while the disk is full")
			}
			after := m.Status()
			after.Counts = scheduler.Counts{}
			unchanged(t, before, after, "requests that the disk had no room for")
			m.disk.SetCapacity(memory.Unlimited)
			last = later(t, m.timestamp(1), last, 1, "once the disk has room")
			id := m.id()
			m.crash()
			if next := m.id(); next <= id {
				t.Fatalf("after a full disk and a crash, the id %d comes after %d", next, id)
			}
			last = later(t, m.timestamp(1), last, 1, "after a crash")
		}
	})
}

// mustRefuse sends a heartbeat that must be refused.
func (m *machine) mustRefuse(req *schedulerpb.RegionHeartbeatRequest, what string) *schedulerpb.RegionHeartbeatResponse {
	m.t.Helper()
	resp := m.RegionHeartbeat(req)
	denied(m.t, resp.GetHeader(), what)
	if resp.ChangePeer != nil || resp.TransferLeader != nil || resp.SplitRegion != nil {
		m.t.Fatalf("%s: it is refused, and gets an order", what)
	}
	return resp
}

// unchanged requires that what is known is as it was.
func unchanged(t testing.TB, before, after *scheduler.Status, what string) {
	t.Helper()
	if was, is := fmt.Sprintf("%+v", before), fmt.Sprintf("%+v", after); was != is {
		t.Fatalf("after %s, something has changed that is known:\n%s", what, difference(was, is))
	}
}
