package status

import (
	"math"
	"time"

	"github.com/labkv/labkv/proto/raftserverpb"
)

// A meter makes rates of what a store has counted since its process started.
type meter struct {
	last *raftserverpb.Load // nil before the first
	at   time.Time          // of last
	// sum is what was counted since the last take, over a time.
	sum  counts
	over time.Duration
}

// counts are requests that have ended. Those of several stores add up.
type counts struct {
	reads, writes durations
	refused       uint64
}

// durations are a histogram of requests that were done.
type durations struct {
	bounds []float64 // seconds
	counts []uint64
}

// note takes what a store says of itself at a moment. What was counted before the
// first note, and between two lives of a process, is not known, and left out.
func (m *meter) note(at time.Time, l *raftserverpb.Load) {
	if l == nil {
		return
	}
	last, over := m.last, at.Sub(m.at)
	m.last, m.at = l, at
	if last == nil || last.Started != l.Started || over <= 0 {
		return
	}
	m.over += over
	m.sum.reads.add(l.Reads, last.Reads)
	m.sum.writes.add(l.Writes, last.Writes)
	m.sum.refused += grown(l.Reads.GetRefused(), last.Reads.GetRefused()) + grown(l.Writes.GetRefused(), last.Writes.GetRefused())
}

// take returns what was counted since the last take, and the time that it took.
func (m *meter) take() (counts, time.Duration) {
	sum, over := m.sum, m.over
	m.sum, m.over = counts{}, 0
	return sum, over
}

func grown(now, before uint64) uint64 { return now - min(before, now) }

// add adds what now has more than before.
func (d *durations) add(now, before *raftserverpb.Requests) {
	d.bounds = now.GetBounds()
	if d.counts == nil {
		d.counts = make([]uint64, len(now.GetCounts()))
	}
	for i, n := range now.GetCounts() {
		if i < len(d.counts) && i < len(before.GetCounts()) {
			d.counts[i] += grown(n, before.Counts[i])
		}
	}
}

// merge adds what another store has counted.
func (d *durations) merge(other durations) {
	if d.counts == nil {
		d.bounds, d.counts = other.bounds, make([]uint64, len(other.counts))
	}
	for i := range min(len(d.counts), len(other.counts)) {
		d.counts[i] += other.counts[i]
	}
}

func (d durations) total() (n uint64) {
	for _, c := range d.counts {
		n += c
	}
	return n
}

// latency returns quantiles, or nil if there was no request.
func (d durations) latency() *Latency {
	n := d.total()
	if n == 0 || len(d.bounds) == 0 {
		return nil
	}
	return &Latency{P50: d.quantile(n, 0.5), P99: d.quantile(n, 0.99)}
}

// quantile returns a quantile of n requests in milliseconds. Within a bucket they are
// taken to be spread evenly; those above the last bound count as that.
func (d durations) quantile(n uint64, q float64) float64 {
	rank := q * float64(n)
	below := 0.0
	for i, c := range d.counts {
		if i >= len(d.bounds) {
			break
		}
		if below+float64(c) >= rank && c > 0 {
			from := 0.0
			if i > 0 {
				from = d.bounds[i-1]
			}
			return round(1000*(from+(d.bounds[i]-from)*(rank-below)/float64(c)), 3)
		}
		below += float64(c)
	}
	return round(1000*d.bounds[len(d.bounds)-1], 3)
}

// load returns rates over a time.
func (c counts) load(over time.Duration) Load {
	if over <= 0 {
		return Load{}
	}
	per := func(n uint64) float64 { return round(float64(n)/over.Seconds(), 1) }
	return Load{
		Reads: per(c.reads.total()), Writes: per(c.writes.total()), Refused: per(c.refused),
		Read: c.reads.latency(), Write: c.writes.latency(),
	}
}

func round(x float64, digits int) float64 {
	p := math.Pow10(digits)
	return math.Round(x*p) / p
}
