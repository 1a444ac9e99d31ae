package raftstore_test

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/raftserverpb"
)

// A life is one incarnation of a store, from its start to its end. It is the
// network, the executor and the files of that incarnation: once it is over,
// nothing that the store still does has an effect.
type life struct {
	of   *server
	over bool
	// ticked is true once the clock went.
	ticked bool
	// files is the number of files that are open.
	files int
}

// Send implements raftstore.Transport.
func (l *life) Send(m *raftserverpb.RaftMessage) {
	if !l.over {
		l.of.transport.Send(proto.CloneOf(m))
	}
}

// Go implements raftstore.Executor. server.work does the work when no pass has
// anything to do.
func (l *life) Go(work func() (done func())) {
	if !l.over {
		l.of.tasks = append(l.of.tasks, work)
	}
}

// A powerCut happens at a write. What each part of the machine has not synced
// survives or is lost independently of the others.
type powerCut struct {
	at        int // the number of the write, from 1
	point     memory.FaultKind
	log, data int // batches of the engines that survive
	files     bool

	// of names what the write went to, once the cut has happened. It is ""
	// before.
	of string
}

func (c *powerCut) String() string {
	when := map[memory.FaultKind]string{
		memory.CrashBefore: "before", memory.CrashUnacknowledged: "during", memory.CrashAfter: "right after",
	}[c.point]
	keeps := func(n int) string {
		switch n {
		case 0:
			return "loses"
		case memory.All:
			return "keeps"
		}
		return fmt.Sprintf("keeps the oldest %d writes of", n)
	}
	files := "lose"
	if c.files {
		files = "keep"
	}
	which := fmt.Sprintf("write %d of the store, to %s", c.at, c.of)
	if c.of == "" {
		which = fmt.Sprintf("write %d of the store, which it does not do this time", c.at)
	}
	return fmt.Sprintf("power cut %s %s; the raft engine %s what was not synced, the kv engine %s it, files %s it",
		when, which, keeps(c.log), keeps(c.data), files)
}

// A refusal is a number of attempts to write to the engines, one after another,
// that find the disk full.
type refusal struct {
	at, times int // the number of the first write, from 1
}

func (r *refusal) String() string {
	switch r.times {
	case 0:
		return "no write of the store finds the disk full"
	case 1:
		return fmt.Sprintf("write %d of the store finds the disk full", r.at)
	}
	return fmt.Sprintf("writes %d to %d of the store find the disk full", r.at, r.at+r.times-1)
}

// cutAt makes a power cut happen at one of the writes from now on; nil means
// none.
func (s *server) cutAt(c *powerCut) { s.writes, s.cut = 0, c }

// writesDisk counts a write to a disk, and returns the fault that it meets.
func (s *server) writesDisk(d *memory.Disk, w memory.Write) memory.Fault {
	s.writes++
	if r := s.refusal; r != nil && w.Len > 0 && s.writes >= r.at && s.writes < r.at+r.times {
		return memory.Fault{Kind: memory.FailWrite, Err: engine.ErrDiskFull}
	}
	if s.fails != nil {
		if err := s.fails(s.writes); err != nil {
			return memory.Fault{Kind: memory.FailWrite, Err: err}
		}
	}
	c := s.cut
	if c == nil || c.at != s.writes {
		return memory.Fault{}
	}
	keep := c.log
	c.of = "the raft engine"
	if d == s.data {
		keep = c.data
		c.of = "the kv engine"
	}
	s.lose(c, d)
	return memory.Fault{Kind: c.point, Keep: keep}
}

// writesFile counts a write to the files, does it unless the power is cut
// before, and returns its error.
func (l *life) writesFile(do func() error) error {
	if l.over {
		return engine.ErrClosed
	}
	s := l.of
	s.writes++
	c := s.cut
	if c == nil || c.at != s.writes {
		return do()
	}
	c.of = "its files"
	defer s.lose(c, nil)
	if c.point == memory.CrashBefore {
		return engine.ErrClosed
	}
	if err := do(); err != nil || c.point == memory.CrashAfter {
		return err
	}
	return engine.ErrClosed
}

// lose cuts the power. It leaves out the disk busy, whose fault cuts its power.
func (s *server) lose(c *powerCut, busy *memory.Disk) {
	s.cut = nil
	s.life.over = true
	if busy != s.log {
		s.log.Crash(c.log)
	}
	if busy != s.data {
		s.data.Crash(c.data)
	}
	s.files.crash(c.files)
}

// powerCut crashes the store, which loses all that was not synced, and starts
// it again.
func (s *server) powerCut() {
	s.lose(&powerCut{}, nil)
	s.restart()
}

// explaining runs do. If that fails, the failure report gets schedule(), the
// events that led to it.
func explaining(t *graded.T, schedule func() string, do func()) {
	fine := false
	defer func() {
		if !fine {
			graded.Explain(t, "schedule", schedule())
		}
	}()
	do()
	fine = true
}
