package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pingcap/errors"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/labkv/labkv/lab/cluster"
	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/proto/schedulerpb"
	"github.com/labkv/labkv/scheduler/client"
)

const (
	// replicas is the number of peers that each region should have.
	replicas = 3
	// splitSize is the least that a store takes, so that little data has many regions.
	splitSize = 64 << 10
	// A store is heard of every 50 ticks. Disks are shared by all stores here, and a
	// shorter tick would elect leaders all the time.
	scheduledTick = 50 * time.Millisecond
	// disconnected is the silence after which the scheduler gives up a store that was
	// taken out of service: longer than one that was killed needs to come back.
	disconnected = 6 * time.Second
)

// A manager is the way to the scheduler.
type manager struct {
	schedulerpb.SchedulerClient
	schedulerpb.AdminClient
	conn *grpc.ClientConn
	url  string // of its pages
}

// newScheduled returns the soak of a cluster with a scheduler.
func newScheduled(o *options, dir string, out io.Writer) (*trial, error) {
	pages, err := cluster.FreeAddrs(1)
	if err != nil {
		return nil, err
	}
	c, err := cluster.New(cluster.Config{
		Server: filepath.Join(dir, "labkv-server"), Scheduler: filepath.Join(dir, "labkv-scheduler"),
		Dir: filepath.Join(dir, "data"), Stores: o.stores,
		Args: []string{
			"--tick", scheduledTick.String(), "--max-log-entries", fmt.Sprint(o.maxLogEntries),
			"--split-size", fmt.Sprint(splitSize),
		},
		SchedulerArgs: []string{
			"--replicas", fmt.Sprint(replicas), "--status-addr", pages[0],
			"--store-disconnect-time", disconnected.String(),
		},
	})
	if err != nil {
		return nil, err
	}
	conn, err := client.Dial(c.Scheduler().Addr)
	if err != nil {
		return nil, err
	}
	var who []string
	if o.clients > 0 {
		who = append(who, fmt.Sprintf("%d clients on %d keys and more", o.clients, o.keys))
	}
	if o.tellers > 0 {
		who = append(who, fmt.Sprintf("%d tellers of a bank with %d accounts", o.tellers, o.accounts))
	}
	fmt.Fprintf(out, "seed %d: a scheduler and %d stores, %s, a kill every %s for %s and longer\n",
		o.seed, o.stores, strings.Join(who, ", "), o.pace, o.period)
	fmt.Fprintf(out, "watch it, while the scheduler is alive: http://%s/\n", pages[0])
	t := newTrial(o, c, out)
	if o.tellers > 0 {
		t.bank = newBank(t, dir)
	}
	t.manager = &manager{schedulerpb.NewSchedulerClient(conn), schedulerpb.NewAdminClient(conn), conn, "http://" + pages[0]}
	return t, nil
}

// status returns what the scheduler knows.
func (m *manager) status(ctx context.Context) (*status, error) {
	const limit = 5 * time.Second
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, m.url+"/status", nil)
	if err != nil {
		return nil, errors.Trace(err)
	}
	r, err := http.DefaultClient.Do(q)
	if err != nil {
		return nil, errors.Trace(err)
	}
	defer r.Body.Close()
	s := &status{}
	return s, errors.Trace(json.NewDecoder(r.Body).Decode(s))
}

// remove takes a store out of service.
func (m *manager) remove(ctx context.Context, id uint64) error {
	ctx, cancel := context.WithTimeout(ctx, electionPatience)
	defer cancel()
	r, err := m.RemoveStore(ctx, &schedulerpb.RemoveStoreRequest{Header: &schedulerpb.RequestHeader{ClusterId: cluster.ID}, StoreId: id}, grpc.WaitForReady(true))
	if err == nil {
		err = client.Check(r.Header)
	}
	return errors.Annotatef(err, "store %d cannot be taken out of service", id)
}

// until looks at the cluster until what it waits for has happened, and prints now and
// then what there is. A scheduler that does not answer is asked again; between is called
// between two looks.
func (t *trial) until(ctx context.Context, what string, happened func(*status) bool, between func(context.Context) error) error {
	const report = 10 * time.Second
	begin := time.Now()
	said, last := begin, &status{}
	for {
		for _, m := range append([]*cluster.Member{t.cluster.Scheduler()}, t.cluster.Stores()...) {
			if !m.Running() && m != t.leaving {
				return endedByItself(m)
			}
		}
		if s, err := t.manager.status(ctx); err == nil {
			if last = s; happened(s) {
				return nil
			}
		}
		if ctx.Err() != nil {
			return errInterrupted
		}
		if time.Since(begin) > t.settle {
			return errors.Errorf("waited %s for %s; there are %s", t.settle, what, last)
		}
		if time.Since(said) > report {
			said = time.Now()
			t.say("%s; waiting for %s", last, what)
		}
		if err := between(ctx); err != nil {
			return err
		}
	}
}

// look is the time between two looks at a cluster that is left alone.
func look(ctx context.Context) error { return sleep(ctx, 250*time.Millisecond) }

// fill writes until there are enough regions, with peers on all stores.
func (t *trial) fill(ctx context.Context) error {
	filling, done := context.WithCancel(ctx)
	var fillers sync.WaitGroup
	defer fillers.Wait()
	defer done()
	// This much data must be split often enough, and to split it takes a while.
	enough := int64(t.regions) * splitSize * 3 / 2 / padding
	const fewest = 4 // write, also if there are no clients later
	for i := range max(t.clients, fewest) {
		w, err := t.newWorker(t.clients + 1 + i)
		if err != nil {
			return err
		}
		fillers.Go(func() {
			defer w.client.Close()
			for filling.Err() == nil && t.writes.Load() < enough {
				w.grow(context.WithoutCancel(filling))
			}
		})
	}
	err := t.until(ctx, fmt.Sprintf("%d regions with %d peers each, on all stores", t.regions, replicas), func(s *status) bool {
		peers := 0
		for _, r := range s.Regions {
			peers += len(r.Peers)
		}
		least, _ := s.extremes()
		return len(s.Regions) >= t.regions && peers >= replicas*len(s.Regions) && least > 0 && len(s.serving()) == t.stores
	}, look)
	if err != nil {
		return err
	}
	s, err := t.manager.status(ctx)
	if err == nil {
		t.say("%d keys were written; there are %s", t.writes.Load(), s)
	}
	return err
}

// tortureScheduled kills processes all the time, and meanwhile changes which stores there
// are.
func (n *nemesis) tortureScheduled(ctx context.Context) error {
	n.say("kills begin")
	if n.pace > time.Minute {
		return n.killFor(ctx, n.period)
	}
	acts := []func(context.Context) error{n.loseDisk, n.add, n.drain}
	for _, act := range acts {
		if err := n.killFor(ctx, n.period/time.Duration(len(acts)+1)); err != nil {
			return err
		}
		if err := act(ctx); err != nil {
			return err
		}
	}
	return n.killFor(ctx, n.period/time.Duration(len(acts)+1))
}

// loseDisk takes all data from a store. A new store takes its place. Acknowledged writes
// are safe as long as no second disk is lost before all regions have three peers again.
func (n *nemesis) loseDisk(ctx context.Context) error {
	m := n.anyStore()
	id, err := n.idOf(ctx, m)
	if err != nil {
		return err
	}
	if err := n.kill(m); err != nil {
		return err
	}
	if err := m.Wipe(); err != nil {
		return err
	}
	if err := n.cluster.Remove(m); err != nil {
		return err
	}
	n.say("%s (store %d) has lost its disk; it is taken out of service", m.Name, id)
	if err := n.manager.remove(ctx, id); err != nil {
		return err
	}
	if err := n.add(ctx); err != nil {
		return err
	}
	return n.gone(ctx, id)
}

// add adds a store.
func (n *nemesis) add(ctx context.Context) error {
	m, err := n.cluster.Add()
	if err != nil {
		return err
	}
	n.members = append(n.members, m)
	if err := m.Start(); err != nil {
		return err
	}
	n.say("%s is new", m.Name)
	return nil
}

// drain takes a store out of service, and stops it once it is empty.
func (n *nemesis) drain(ctx context.Context) error {
	m := n.anyStore()
	id, err := n.idOf(ctx, m)
	if err != nil {
		return err
	}
	n.say("%s (store %d) is taken out of service", m.Name, id)
	n.leaving = m
	defer func() { n.leaving = nil }()
	if err := n.manager.remove(ctx, id); err != nil {
		return err
	}
	if err := n.gone(ctx, id); err != nil {
		return err
	}
	m.Kill()
	return n.cluster.Remove(m)
}

// gone waits until a store is a tombstone, and goes on to kill meanwhile.
func (n *nemesis) gone(ctx context.Context, id uint64) error {
	begin := time.Now()
	err := n.until(ctx, fmt.Sprintf("the end of store %d", id), func(s *status) bool {
		store := s.store(id)
		return store != nil && store.State == "tombstone"
	}, n.killOne)
	if err == nil {
		n.say("store %d is a tombstone after %s: its peers are elsewhere", id, time.Since(begin).Round(time.Second))
	}
	return err
}

// idOf returns the id that the scheduler has given a store.
func (t *trial) idOf(ctx context.Context, m *cluster.Member) (id uint64, err error) {
	err = t.until(ctx, "the id of "+m.Name, func(s *status) bool {
		i := slices.IndexFunc(s.Stores, func(store storeStatus) bool { return store.Address == m.Addr })
		if i >= 0 {
			id = s.Stores[i].ID
		}
		return id != 0
	}, look)
	return id, err
}

// comesToRest waits until the cluster is as demands says, and prints its stores.
func (t *trial) comesToRest(ctx context.Context) error {
	var problems []string
	var last *status
	err := t.until(ctx, "rest", func(s *status) bool {
		last = s
		problems = demands(s, t.inspect(ctx), t.stores)
		return len(problems) == 0
	}, look)
	if last != nil {
		fmt.Fprintln(t.out, last.table(t))
	}
	if err != nil && len(problems) > 0 {
		const shown = 10
		if n := len(problems); n > shown {
			problems = append(problems[:shown], fmt.Sprintf("and %d more", n-shown))
		}
		return errors.Errorf("the cluster did not come to rest within %s:\n  %s", t.settle, strings.Join(problems, "\n  "))
	}
	return err
}

// back waits until a process that was killed serves again, but not forever: that may
// depend on other processes.
func back(ctx context.Context, m *cluster.Member) error {
	const limit = 10 * time.Second
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	conn, err := client.Dial(m.Addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	for m.Running() && ctx.Err() == nil {
		r, err := grpc_health_v1.NewHealthClient(conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{})
		if err == nil && r.Status == grpc_health_v1.HealthCheckResponse_SERVING {
			break
		}
		_ = sleep(ctx, 50*time.Millisecond) // its error ends the loop
	}
	return nil
}

// inspect asks all stores. One that does not answer is absent.
func (t *trial) inspect(ctx context.Context) inspection {
	const limit = 5 * time.Second
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	all := inspection{}
	for _, m := range t.cluster.Stores() {
		conn, err := grpc.NewClient(m.Addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			continue
		}
		if s, err := raftserverpb.NewInspectClient(conn).Status(ctx, &raftserverpb.StatusRequest{}); err == nil {
			all[s.StoreId] = s.Peers
		}
		conn.Close()
	}
	return all
}
