package status

import (
	"sync"
	"time"
)

// A Feed has the latest report of a cluster, for any number of readers.
type Feed struct {
	mu      sync.Mutex
	latest  *Report
	next    chan struct{} // closed when latest is replaced
	readers int           // that wait for reports
	read    time.Time     // when the last one of them, or a single read, ended
	wake    chan struct{}
}

// NewFeed returns a feed whose report is empty.
func NewFeed() *Feed {
	return &Feed{
		latest: (&Report{}).complete(),
		next:   make(chan struct{}),
		wake:   make(chan struct{}, 1),
	}
}

// complete makes lists that are nil empty, as the JSON form has no null.
func (r *Report) complete() *Report {
	r.Version = Version
	if r.Stores == nil {
		r.Stores = []Store{}
	}
	if r.Regions == nil {
		r.Regions = []Region{}
	}
	if r.Operators == nil {
		r.Operators = []Operator{}
	}
	if r.Samples == nil {
		r.Samples = []Sample{}
	}
	return r
}

// Publish makes r the latest report. From then on it belongs to the feed. After End it does
// nothing.
func (f *Feed) Publish(r *Report) {
	r.complete()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.publish(r)
}

func (f *Feed) publish(r *Report) {
	if f.latest.Ended != "" {
		return
	}
	f.latest = r
	close(f.next)
	f.next = make(chan struct{})
}

// Latest returns the latest report, and a channel that is closed when it is no longer.
func (f *Feed) Latest() (*Report, <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.latest, f.next
}

// End publishes the latest report once more, as the last one, with the reason why the
// cluster has ended.
func (f *Feed) End(reason string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	last := *f.latest
	last.At, last.Ended = time.Now().UnixMilli(), reason
	f.publish(&last)
}

// open notes that a reader waits for reports, until it calls the function returned.
func (f *Feed) open() (done func()) {
	f.mu.Lock()
	f.readers++
	f.mu.Unlock()
	select {
	case f.wake <- struct{}{}:
	default: // the collector will look
	}
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.readers--
		f.read = time.Now()
	}
}

// watched reports whether there are readers, or were a moment ago.
func (f *Feed) watched() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.readers > 0 || time.Since(f.read) < lingers
}

// lingers is how long a feed counts as watched after its last reader. One that asks for
// single reports comes again.
const lingers = 10 * time.Second
