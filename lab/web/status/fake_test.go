package status_test

import (
	"context"
	"fmt"
	"math"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/labkv/labkv/scheduler/status"
)

// A fake is a cluster that does what a test says. Its page is the real one, and so is
// what serves it.
type fake struct {
	t    testing.TB
	feed *status.Feed
	addr string
	stop func()

	mu        sync.Mutex
	report    *status.Report // the next one; what it points to is the fake's
	processes map[string]*status.Process
	asked     []string // what was done to processes
}

// newFake serves a cluster of stores and regions until the test ends. Twice a second it
// publishes what it is.
func newFake(t testing.TB, stores, regions int) *fake {
	f := &fake{t: t, feed: status.NewFeed(), report: &status.Report{ClusterID: 7}, processes: map[string]*status.Process{}}
	now := time.Now()
	f.report.Scheduler = &status.Scheduler{Addr: "127.0.0.1:20150", State: status.Up, Since: now.Add(-time.Hour).UnixMilli()}
	for id := 1; id <= stores; id++ {
		addr := fmt.Sprintf("127.0.0.1:%d", 20160+id)
		name := fmt.Sprintf("server-%d", id)
		f.processes[name] = &status.Process{Name: name, PID: 1000 + id, State: status.ProcessRunning, Since: now.UnixMilli(), Addr: addr}
		f.report.Stores = append(f.report.Stores, status.Store{
			ID: uint64(id), Addr: addr, State: status.Up, Since: now.Add(-10 * time.Minute).UnixMilli(),
			Heard: now.UnixMilli(), Capacity: 100e9, Available: uint64(60e9 - id*1e9), Process: f.processes[name],
			Load: status.Load{Reads: 120, Writes: 40, Read: &status.Latency{P50: 0.3, P99: 2}, Write: &status.Latency{P50: 4, P99: 31}},
		})
	}
	f.report.Regions = regionsOf(stores, regions)
	for i := range 300 {
		f.report.Samples = append(f.report.Samples, f.sample(now.Add(time.Duration(i-300)*time.Second)))
	}
	f.publish()
	f.serve("127.0.0.1:0")
	stop := make(chan struct{})
	var publishing sync.WaitGroup
	publishing.Go(func() {
		tick := time.NewTicker(500 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				f.publish()
			case <-stop:
				return
			}
		}
	})
	t.Cleanup(func() {
		close(stop)
		publishing.Wait()
		f.stop()
	})
	return f
}

// regionsOf spreads regions with three peers over stores.
func regionsOf(stores, regions int) []status.Region {
	var all []status.Region
	key := func(i int) string {
		if i == 0 || i == regions {
			return ""
		}
		return fmt.Sprintf("%x", fmt.Sprintf("user%04d", i))
	}
	for i := range regions {
		r := status.Region{ID: uint64(2 + 4*i), Start: key(i), End: key(i + 1), ConfVer: 3, Version: uint64(1 + i%9), Term: 6, Size: uint64(2e6 + 1.5e6*math.Sin(float64(i)))}
		for n := range min(3, stores) {
			r.Peers = append(r.Peers, status.Peer{ID: uint64(3 + 4*i + n), Store: uint64((i+n*(1+i%3))%stores + 1), State: status.PeerOK})
		}
		r.Leader = r.Peers[i%len(r.Peers)].Store
		all = append(all, r)
	}
	return all
}

func (f *fake) sample(at time.Time) status.Sample {
	s := status.Sample{At: at.UnixMilli(), Stores: map[uint64]float64{}}
	wave := math.Sin(float64(at.Unix()%600) / 20)
	s.Reads, s.Writes = 900+200*wave, 300+80*wave
	s.Read, s.Write = &status.Latency{P50: 0.4, P99: 2 + wave}, &status.Latency{P50: 5 + wave, P99: 30 + 8*wave}
	for _, st := range f.report.Stores {
		s.Stores[st.ID] = 300 + 90*wave*float64(st.ID%3)
	}
	return s
}

// publish publishes the cluster as it is. What was published does not change after that.
func (f *fake) publish() {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	if n := len(f.report.Samples); now.UnixMilli()-f.report.Samples[n-1].At > 900 {
		f.report.Samples = append(f.report.Samples[1:n:n], f.sample(now))
	}
	r := *f.report
	r.At = now.UnixMilli()
	r.Stores = append([]status.Store(nil), r.Stores...)
	for i := range r.Stores {
		s := &r.Stores[i]
		p := *s.Process
		s.Process = &p
		s.Peers, s.Leaders, s.Size = 0, 0, 0
		for _, region := range r.Regions {
			for _, peer := range region.Peers {
				if peer.Store == s.ID {
					s.Peers++
					s.Size += region.Size
				}
			}
			if region.Leader == s.ID {
				s.Leaders++
			}
		}
	}
	r.Regions = append([]status.Region(nil), r.Regions...)
	r.Operators = append([]status.Operator(nil), r.Operators...)
	f.feed.Publish(&r)
}

// change changes the cluster.
func (f *fake) change(how func(r *status.Report)) {
	f.mu.Lock()
	how(f.report)
	f.mu.Unlock()
	f.publish()
}

// serve serves the page at an address until stop.
func (f *fake) serve(addr string) {
	f.t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		f.t.Fatal(err)
	}
	f.addr = l.Addr().String()
	server := &http.Server{Handler: status.NewServer(status.Options{Feed: f.feed, Processes: f})}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(l)
	}()
	f.stop = func() {
		server.Close()
		<-ended
	}
}

func (f *fake) url() string { return "http://" + f.addr + "/" }

// List implements status.Processes.
func (f *fake) List() []status.Process { return nil } // a server does not need it

// Do implements status.Processes.
func (f *fake) Do(_ context.Context, name, action string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.processes[name]
	if p == nil {
		return &status.UnknownError{Message: "there is no " + name}
	}
	f.asked = append(f.asked, name+" "+action)
	states := map[string]string{status.Kill: status.ProcessEnded, status.Pause: status.ProcessPaused, status.Resume: status.ProcessRunning, status.Restart: status.ProcessRunning}
	if action == status.Kill && p.State == status.ProcessEnded {
		return &status.ConflictError{Message: "it does not run"}
	}
	p.State, p.Since = states[action], time.Now().UnixMilli()
	for i := range f.report.Stores {
		s := &f.report.Stores[i]
		if s.Process != p {
			continue
		}
		s.State, s.Reason, s.Since = map[string]string{status.ProcessEnded: status.Down, status.ProcessPaused: status.Paused, status.ProcessRunning: status.Up}[p.State], "", p.Since
		if s.State != status.Up {
			s.Reason = "signal: killed, as was asked for"
			for i := range f.report.Regions {
				if r := &f.report.Regions[i]; r.Leader == s.ID {
					r.Leader = 0
				}
			}
		}
	}
	return nil
}
