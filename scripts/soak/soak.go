package main

import (
	"context"
	stderrors "errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/lab/check"
	"github.com/labkv/labkv/lab/cluster"
)

const (
	serverPackage    = "github.com/labkv/labkv/cmd/labkv-server"
	schedulerPackage = "github.com/labkv/labkv/cmd/labkv-scheduler"
)

// undecidedAfter bounds the search for an order of the operations on one key.
const undecidedAfter = 2 * time.Minute

// electionPatience is how long stores may take to start and to elect a leader, on a
// busy machine.
const electionPatience = 30 * time.Second

// soak builds the programs, runs a cluster of them in a temporary directory, and prints
// the result.
func soak(ctx context.Context, o *options, out io.Writer) (err error) {
	if o.seed == 0 {
		o.seed = rand.Uint64()
	}
	dir, err := os.MkdirTemp("", "soak-")
	if err != nil {
		return errors.Trace(err)
	}
	defer os.RemoveAll(dir)
	if err := cluster.Build(ctx, "", dir, serverPackage, schedulerPackage); err != nil {
		return err
	}
	var t *trial
	if o.static {
		t, err = newStatic(o, dir, out)
	} else {
		t, err = newScheduled(o, dir, out)
	}
	if err != nil {
		return err
	}
	defer func() {
		t.end()
		if err != nil && ctx.Err() == nil {
			if keepErr := t.keep(); keepErr != nil {
				err = errors.Annotatef(err, "(and the logs could not be kept: %v)", keepErr)
			}
		}
	}()
	return t.run(ctx)
}

// A trial is one soak of a cluster.
type trial struct {
	*options
	cluster *cluster.Cluster
	manager *manager // nil without a scheduler
	bank    *bank    // nil without transactions
	out     io.Writer
	history *check.History
	pauses  pauses
	writes  atomic.Int64 // acknowledged
	begin   time.Time

	// members are all processes that the cluster ever had.
	members []*cluster.Member
	kills   map[*cluster.Member]int
	// leaving is a store that is taken out of service, or nil. If it is killed, it may
	// be a tombstone when it starts again, and then it ends by itself.
	leaving *cluster.Member
}

func newTrial(o *options, c *cluster.Cluster, out io.Writer) *trial {
	t := &trial{
		options: o, cluster: c, out: out,
		history: &check.History{}, begin: time.Now(), kills: map[*cluster.Member]int{},
	}
	if s := c.Scheduler(); s != nil {
		t.members = append(t.members, s)
	}
	t.members = append(t.members, c.Stores()...)
	return t
}

// recorder returns the recorder of a client of either kind.
func (t *trial) recorder(id int) *check.Recorder {
	return t.history.Recorder(id, func() time.Duration { return time.Since(t.begin) })
}

// end stops all processes.
func (t *trial) end() {
	t.cluster.Stop(10 * time.Second)
	if t.manager != nil {
		t.manager.conn.Close()
	}
}

func (t *trial) run(ctx context.Context) error {
	if err := t.cluster.Start(); err != nil {
		return err
	}
	if err := t.serves(ctx); err != nil {
		return err
	}
	n := &nemesis{trial: t, rng: rand.New(rand.NewPCG(t.seed, 0))}
	story := n.tortureStatic
	if t.manager != nil {
		if t.bank != nil {
			if err := t.bank.open(ctx); err != nil {
				return err
			}
		}
		if err := t.fill(ctx); err != nil {
			return err
		}
		story = n.tortureScheduled
	}
	if err := t.underLoad(ctx, story); err != nil {
		return err
	}
	// Data that are not on disk by now are lost.
	for _, m := range t.running() {
		if err := n.kill(m); err != nil {
			return err
		}
	}
	if err := t.cluster.Start(); err != nil {
		return err
	}
	if t.manager != nil {
		t.say("all processes were killed at once, and started again")
		if err := t.comesToRest(ctx); err != nil {
			return err
		}
	}
	if err := t.readAll(ctx); err != nil {
		return err
	}
	if t.bank == nil {
		return t.judge()
	}
	if err := t.bank.audit(ctx); err != nil {
		return err
	}
	return stderrors.Join(t.judge(), t.bank.judge())
}

// judge prints what clients did, and decides whether what they saw is right.
func (t *trial) judge() error {
	ops := t.history.Operations()
	counts, unknown, kills := map[check.Op]int{}, 0, 0
	for _, op := range ops {
		counts[op.Op]++
		if op.Unknown() {
			unknown++
		}
	}
	for _, n := range t.kills {
		kills += n
	}
	fmt.Fprintf(t.out, "operations:          %d (%d puts, %d gets, %d deletes, %d scans; of %d the outcome is unknown)\n",
		len(ops), counts[check.Put], counts[check.Get], counts[check.Delete], counts[check.Scan], unknown)
	fmt.Fprintf(t.out, "kills:               %d\n", kills)
	snapshots := fmt.Sprintf("snapshots received:  %d", t.countInLogs(`msg="received a snapshot"`))
	if t.static {
		snapshots += ", one of them by a store that had lost its data"
	}
	fmt.Fprintln(t.out, snapshots)
	fmt.Fprintf(t.out, "longest pause:       %s in which no client got an answer\n", t.pauses.longest.Round(time.Millisecond))
	if len(ops) < 10*t.clients {
		return errors.New("the clients did hardly anything, so this run shows nothing")
	}
	begin := time.Now()
	if err := check.Linearizable(t.history, undecidedAfter); err != nil {
		return err
	}
	fmt.Fprintf(t.out, "linearizable:        yes, and nothing that was acknowledged is lost (found in %s)\n", time.Since(begin).Round(time.Millisecond))
	return nil
}

// underLoad runs clients, and meanwhile a story.
func (t *trial) underLoad(ctx context.Context, story func(context.Context) error) (err error) {
	working, done := context.WithCancel(ctx)
	var clients sync.WaitGroup
	defer clients.Wait()
	defer done()
	t.pauses.begin()
	if t.bank != nil {
		ended, failed := t.bank.employ(working, done)
		if failed != nil {
			return failed
		}
		ctx = working // the story ends with a teller that ends by itself
		defer func() {
			done()
			if failed := ended(); failed != nil {
				err = failed
			}
		}()
	}
	for id := 1; id <= t.clients; id++ {
		w, err := t.newWorker(id)
		if err != nil {
			return err
		}
		clients.Go(func() {
			defer w.client.Close()
			w.work(working)
		})
	}
	err = story(ctx)
	t.pauses.end()
	return err
}

// serves waits until a client gets an answer, or a process ends by itself.
func (t *trial) serves(ctx context.Context) error {
	w, err := t.newWorker(reader)
	if err != nil {
		return err
	}
	defer w.client.Close()
	ctx, giveUp := context.WithCancel(ctx)
	defer giveUp()
	for _, m := range t.members {
		exited := m.Exited()
		go func() {
			select {
			case <-exited:
				giveUp()
			case <-ctx.Done():
			}
		}()
	}
	err = w.get(ctx, keyName(0), electionPatience)
	for _, m := range t.members {
		if !m.Running() {
			return endedByItself(m)
		}
	}
	return errors.Annotate(err, "the cluster does not serve")
}

func endedByItself(m *cluster.Member) error {
	return errors.Errorf("%s has ended by itself (%s), and said last: %s", m.Name, m.Exit(), m.LastWords())
}

// running returns the processes of the cluster that run.
func (t *trial) running() []*cluster.Member {
	var all []*cluster.Member
	for _, m := range t.members {
		if m.Running() {
			all = append(all, m)
		}
	}
	return all
}

// readAll reads all keys, so that the history shows what was acknowledged and is lost.
func (t *trial) readAll(ctx context.Context) error {
	w, err := t.newWorker(reader)
	if err != nil {
		return err
	}
	defer w.client.Close()
	return errors.Annotate(w.scan(ctx, "", everything, electionPatience), "not all keys can be read after the last restart")
}

// say prints what has happened, with the time since the beginning.
func (t *trial) say(format string, args ...any) {
	fmt.Fprintf(t.out, "%4.0fs  %s\n", time.Since(t.begin).Seconds(), fmt.Sprintf(format, args...))
}

func logOf(m *cluster.Member) string { return textIn(m.Log) }

// textIn returns what is in a file, nothing if there is none.
func textIn(file string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	return string(text)
}

// countInLogs returns the number of lines with that text in all logs.
func (t *trial) countInLogs(text string) int {
	n := 0
	for _, m := range t.members {
		n += strings.Count(logOf(m), text)
	}
	return n
}

// keep copies what is needed to find out what went wrong to a place that stays.
func (t *trial) keep() error {
	if err := os.MkdirAll(t.options.out, 0o755); err != nil {
		return errors.Trace(err)
	}
	files := map[string]string{}
	for _, m := range t.members {
		files[filepath.Base(m.Log)] = logOf(m)
	}
	var history strings.Builder
	for _, op := range t.history.Operations() {
		fmt.Fprintln(&history, op)
	}
	files["history.txt"] = history.String()
	if t.bank != nil {
		story, err := t.bank.story()
		if err != nil {
			return err
		}
		files["transactions.json"], files[filepath.Base(t.bank.log)] = story, textIn(t.bank.log)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(t.options.out, name), []byte(text), 0o644); err != nil {
			return errors.Trace(err)
		}
	}
	fmt.Fprintf(t.out, "logs and history are in %s\n", t.options.out)
	return nil
}

// pauses measures the longest time in which no client got an answer.
type pauses struct {
	mu      sync.Mutex
	last    time.Time // of an answer
	longest time.Duration
	over    bool
}

// begin starts the measurement.
func (p *pauses) begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last, p.longest = time.Now(), 0
}

func (p *pauses) answered() {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if !p.over {
		p.longest = max(p.longest, now.Sub(p.last))
	}
	p.last = now
}

// end ends the measurement.
func (p *pauses) end() {
	p.answered() // counts the pause that has not ended
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = true
}
