package raftstore_test

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/raft"
)

// A member is one store with a peer of a region that has three, on stores 1 to 3.
// The others are the test: it delivers messages in their names, and reads what the
// store sends. Everything happens at once, and nothing by itself, so that a power
// cut can be put at every single write.
type member struct {
	*raftstore.Store
	t      *graded.T
	id     uint64
	maxLog uint64
	region *metapb.Region

	log, data  *memory.Disk
	logEngine  *memory.Engine
	dataEngine *memory.Engine
	files      *shelf
	// life is the present incarnation.
	life *life

	// friend is a store that has every entry that it is sent, and says so.
	friend uint64
	// sent are the messages that left since the last reset.
	sent []*eraftpb.Message
	// entries are all that were ever sent to anybody, by index.
	entries map[uint64]*eraftpb.Entry

	// mayGiveUp is set if what is on the disk is a reason to end.
	mayGiveUp bool

	// tasks are the slow work that was not begun. It waits while hold is set.
	tasks []func()
	hold  bool

	// writes counts those to disks and files, and cut is what befalls one.
	writes int
	cut    *powerCut
}

// A life is one incarnation of a store.
type life struct{ over bool }

// A powerCut happens at a write. What each part of the machine has not synced
// survives or is lost independently of the others.
type powerCut struct {
	at        int // the number of the write, from 1
	point     memory.FaultKind
	log, data int // batches of the engines that survive
	files     bool

	// of is what the write went to, once it has happened.
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

func newMember(t *graded.T, id, maxLog uint64) *member {
	m := &member{
		t: t, id: id, maxLog: maxLog, log: memory.NewDisk(), data: memory.NewDisk(), files: newShelf(),
		entries: map[uint64]*eraftpb.Entry{},
		region:  &metapb.Region{Id: 1, RegionEpoch: &metapb.RegionEpoch{ConfVer: 1, Version: 1}},
	}
	for id := uint64(1); id <= 3; id++ {
		m.region.Peers = append(m.region.Peers, &metapb.Peer{Id: id, StoreId: id})
	}
	for _, d := range []*memory.Disk{m.log, m.data} {
		d.Inject(func(memory.Write) memory.Fault { return m.writesDisk(d) })
	}
	cfg := m.openEngines()
	require.NoError(t, raftstore.Bootstrap(&cfg, m.region), "Bootstrap")
	m.open(cfg)
	return m
}

// openEngines begins an incarnation.
func (m *member) openEngines() raftstore.Config {
	var err error
	m.logEngine, err = m.log.Open(raftstore.RaftFamilies...)
	require.NoError(m.t, err)
	m.dataEngine, err = m.data.Open(raftstore.KVFamilies...)
	require.NoError(m.t, err)
	m.life = &life{}
	m.sent, m.tasks = nil, nil
	return raftstore.Config{
		ClusterID: 1, StoreID: m.id, RaftEngine: m.logEngine, KVEngine: m.dataEngine,
		Files: shelfOf{m, m.life}, Transport: wire{m, m.life}, Executor: desk{m, m.life},
		RandIntN:      func(uint64, int) int { return 0 },
		ElectionTicks: 10, HeartbeatTicks: 2, MaxLogEntries: m.maxLog,
		Logger: slog.New(slog.DiscardHandler),
	}
}

// open opens the store, and reports whether it got to the end before the power was
// cut.
func (m *member) open(cfg raftstore.Config) bool {
	m.Store = nil
	m.unlessOver(func() {
		s, err := raftstore.Open(cfg)
		if m.life.over {
			return
		}
		if err != nil {
			m.t.Fatalf("the store does not start: %v", err)
		}
		m.Store = s
	})
	return m.Store != nil
}

// unlessOver runs code of the store. Nobody hears of a panic without power.
func (m *member) unlessOver(run func()) {
	l := m.life
	defer func() {
		r := recover()
		switch text := fmt.Sprint(r); {
		case r == nil || l.over:
		case strings.HasPrefix(text, "TODO("):
			panic(r)
		default:
			graded.Explain(m.t, "stack", string(debug.Stack()))
			m.t.Fatalf("the store panics: %s", text)
		}
	}()
	run()
}

// writesDisk decides about a write to a disk.
func (m *member) writesDisk(d *memory.Disk) memory.Fault {
	m.writes++
	c := m.cut
	if c == nil || c.at != m.writes {
		return memory.Fault{}
	}
	keep := c.log
	c.of = "the raft engine"
	if d == m.data {
		keep = c.data
		c.of = "the kv engine"
	}
	m.loseAll(c, d)
	return memory.Fault{Kind: c.point, Keep: keep}
}

// writesFile does a write to the files, and says how it ends.
func (m *member) writesFile(l *life, do func() error) error {
	if l.over {
		return engine.ErrClosed
	}
	m.writes++
	c := m.cut
	hit := c != nil && c.at == m.writes
	if hit {
		c.of = "its files"
	}
	if hit && c.point == memory.CrashBefore {
		m.loseAll(c, nil)
		return engine.ErrClosed
	}
	err := do()
	if hit {
		m.loseAll(c, nil)
		if c.point == memory.CrashUnacknowledged {
			return engine.ErrClosed
		}
	}
	return err
}

// loseAll cuts the power, except for a disk that sees to itself.
func (m *member) loseAll(c *powerCut, busy *memory.Disk) {
	m.cut = nil
	m.life.over = true
	if busy != m.log {
		m.log.Crash(c.log)
	}
	if busy != m.data {
		m.data.Crash(c.data)
	}
	m.files.crash(c.files)
}

// powerCut cuts the power now.
func (m *member) powerCut(c powerCut) { m.loseAll(&c, nil) }

// restart starts the store again after a power cut, or in order if there was none.
// Another cut may come while it starts.
func (m *member) restart() {
	m.unlessOver(func() {
		if m.Store != nil {
			m.Store.Close()
		}
	})
	if !m.life.over {
		require.NoError(m.t, m.logEngine.Close())
		require.NoError(m.t, m.dataEngine.Close())
		m.life.over = true
	}
	if !m.open(m.openEngines()) {
		require.True(m.t, m.open(m.openEngines()), "there is power again")
	}
	m.settle()
}

// settle lets the store work until it has nothing left to do.
func (m *member) settle() {
	for n, answered := 0, 0; m.Store != nil && !m.life.over; n++ {
		if n > 10000 {
			m.t.Fatal("the store does not come to rest: it always finds something more to do")
		}
		worked := false
		m.unlessOver(func() {
			if worked = m.Store.Pass(); !worked && len(m.tasks) > 0 && !m.hold {
				task := m.tasks[0]
				m.tasks = m.tasks[1:]
				task()
				worked = true
			}
		})
		if m.life.over {
			return
		}
		if err := m.Err(); err != nil {
			if m.mayGiveUp {
				return
			}
			m.t.Fatalf("the store gives up: %v", err)
		}
		for ; answered < len(m.sent); answered++ {
			worked = m.befriend(m.sent[answered]) || worked
		}
		if !worked {
			return
		}
	}
}

// befriend answers a message to the friend, and reports whether it was one.
func (m *member) befriend(sent *eraftpb.Message) bool {
	if sent.To != m.friend {
		return false
	}
	answer := &eraftpb.Message{From: m.friend, Term: sent.Term}
	switch sent.MsgType {
	case eraftpb.MessageType_MsgAppend:
		answer.MsgType, answer.Index = eraftpb.MessageType_MsgAppendResponse, sent.Index+uint64(len(sent.Entries))
	case eraftpb.MessageType_MsgHeartbeat:
		answer.MsgType, answer.Context = eraftpb.MessageType_MsgHeartbeatResponse, sent.Context
	default:
		return false
	}
	m.step(answer)
	return true
}

// step puts a message into the store's inbox.
func (m *member) step(message *eraftpb.Message) {
	message.To = m.id
	m.unlessOver(func() {
		m.Step(&raftserverpb.RaftMessage{
			RegionId: 1, RegionEpoch: m.region.RegionEpoch,
			FromPeer: m.region.Peers[message.From-1], ToPeer: m.region.Peers[m.id-1], Message: proto.CloneOf(message),
		})
	})
}

// receive delivers a message. What the store sends after that is in sent.
func (m *member) receive(message *eraftpb.Message) {
	m.sent = nil
	m.step(message)
	m.settle()
}

// lastTo returns the last message of that type to a store, nil if there is none.
func (m *member) lastTo(to uint64, want eraftpb.MessageType) *eraftpb.Message {
	for _, sent := range slices.Backward(m.sent) {
		if sent.To == to && sent.MsgType == want {
			return sent
		}
	}
	return nil
}

// append delivers an append, and returns the answer.
func (m *member) append(from, term, prev, prevTerm uint64, entries []*eraftpb.Entry, commit uint64) *eraftpb.Message {
	m.receive(&eraftpb.Message{
		MsgType: eraftpb.MessageType_MsgAppend, From: from, Term: term,
		Index: prev, LogTerm: prevTerm, Entries: entries, Commit: commit,
	})
	answer := m.lastTo(from, eraftpb.MessageType_MsgAppendResponse)
	if answer == nil {
		m.t.Fatalf("the store does not answer an append of term %d after entry %d", term, prev)
	}
	return answer
}

// vote asks for a vote, and returns whether it was granted.
func (m *member) vote(from, term, index, logTerm uint64) bool {
	m.receive(&eraftpb.Message{MsgType: eraftpb.MessageType_MsgRequestVote, From: from, Term: term, Index: index, LogTerm: logTerm})
	answer := m.lastTo(from, eraftpb.MessageType_MsgRequestVoteResponse)
	if answer == nil {
		m.t.Fatalf("the store does not answer a request for its vote in term %d", term)
	}
	return !answer.Reject
}

// tick lets a tick pass.
func (m *member) tick() {
	m.unlessOver(m.Store.Tick)
	m.settle()
}

func (m *member) status() raftstore.Status {
	s, ok := m.Status(1)
	if !ok {
		m.t.Fatal("the store has no peer of region 1")
	}
	return s
}

// lead makes the store the leader of a term, with the vote of store 3. It returns
// the request for the vote of another store.
func (m *member) lead(term uint64) (request *eraftpb.Message) {
	if m.status().Term < term-1 {
		// Some candidate that nobody else has heard of.
		m.receive(&eraftpb.Message{MsgType: eraftpb.MessageType_MsgRequestVote, From: 3, Term: term - 1})
	}
	m.sent = nil
	for n := 0; m.lastTo(3, eraftpb.MessageType_MsgRequestVote) == nil; n++ {
		if n > 100 {
			m.t.Fatal("the store hears from nobody for 100 ticks, and does not campaign")
		}
		m.tick()
	}
	request = m.lastTo(3, eraftpb.MessageType_MsgRequestVote)
	if request.Term != term {
		m.t.Fatalf("the store campaigns for term %d, but should for term %d", request.Term, term)
	}
	m.receive(&eraftpb.Message{MsgType: eraftpb.MessageType_MsgRequestVoteResponse, From: 3, Term: term})
	if m.status().RaftState != raft.StateLeader {
		m.t.Fatalf("the store has two votes of three in term %d, but it does not lead", term)
	}
	return request
}

// collect lets time pass until the log begins behind index.
func (m *member) collect(index uint64) {
	for n := 0; m.status().FirstIndex <= index; n++ {
		if s := m.status(); n > 100 {
			m.t.Fatalf("with at most %d applied entries kept, the log still begins at %d after 100 ticks, although it ends at %d and everything is applied",
				m.maxLog, s.FirstIndex, s.LastIndex)
		}
		m.tick()
	}
}

// snapshotFor has a follower refuse all that the store, which leads, sends to it: its
// log ends at last, and what it needs is collected. Sooner or later it gets a snapshot.
// Slow work that has to do with it is begun only after two more rounds, and meanwhile is
// called before that.
func (m *member) snapshotFor(follower, last uint64, meanwhile func()) *eraftpb.Message {
	m.hold = true
	defer func() { m.hold = false }()
	for n := range 100 {
		m.receive(&eraftpb.Message{MsgType: eraftpb.MessageType_MsgHeartbeatResponse, From: follower, Term: m.status().Term})
		if a := m.lastTo(follower, eraftpb.MessageType_MsgAppend); a != nil && m.lastTo(follower, eraftpb.MessageType_MsgSnapshot) == nil {
			m.receive(&eraftpb.Message{
				MsgType: eraftpb.MessageType_MsgAppendResponse, From: follower, Term: a.Term, Reject: true, Index: a.Index, RejectHint: last,
			})
		}
		if sent := m.lastTo(follower, eraftpb.MessageType_MsgSnapshot); sent != nil {
			m.checkSnapshot(sent)
			return sent
		}
		if n == 2 {
			meanwhile()
			m.hold = false
			m.settle()
		}
	}
	m.t.Fatalf("the log of store %d ends at %d, and that of the leader begins at %d, but the leader sends no snapshot, although store %d answers again and again",
		follower, last, m.status().FirstIndex, follower)
	return nil
}

// checkSnapshot requires that what a snapshot says of itself is true.
func (m *member) checkSnapshot(sent *eraftpb.Message) {
	meta, s := sent.Snapshot.Metadata, m.status()
	switch e := m.entries[meta.Index]; {
	case meta.Index > s.Applied:
		m.t.Fatalf("the store sends a snapshot at %d, but has applied only up to %d", meta.Index, s.Applied)
	case meta.Index+1 < s.FirstIndex:
		m.t.Fatalf("the store sends a snapshot at %d, but its log begins at %d: nobody has what is in between", meta.Index, s.FirstIndex)
	case e != nil && e.Term != meta.Term:
		m.t.Fatalf("the snapshot says that entry %d, which it ends with, is of term %d, but it is of term %d", meta.Index, meta.Term, e.Term)
	case !slices.Equal(meta.ConfState.GetNodes(), []uint64{1, 2, 3}):
		m.t.Fatalf("the snapshot says that the members are %v, but they are 1, 2 and 3", meta.ConfState.GetNodes())
	}
}

// An outcome is what came of a write.
type outcome struct {
	times int
	err   error
}

// submit submits writes, each as a command of its own.
func (m *member) submit(writes ...*raftserverpb.Write) []*outcome {
	var outcomes []*outcome
	for _, w := range writes {
		a := &outcome{}
		outcomes = append(outcomes, a)
		m.Submit(&raftstore.Command{
			Context: &kvrpcpb.Context{RegionId: 1}, Writes: []*raftserverpb.Write{w},
			Done: func(r raftstore.Result) {
				a.times++
				a.err = r.Err
			},
		})
	}
	m.settle()
	return outcomes
}

// content returns the data of the store, by family and key.
func (m *member) content() map[string]string {
	content := map[string]string{}
	for _, cf := range engine.Families {
		it, err := m.dataEngine.Iterate(cf, engine.Range{})
		require.NoError(m.t, err)
		for it.Seek(nil); it.Valid(); it.Next() {
			content[fmt.Sprintf("%s %s", cf, it.Key())] = string(it.Value())
		}
		require.NoError(m.t, it.Close())
	}
	return content
}

// logSize returns the bytes of the raft engine.
func (m *member) logSize() uint64 {
	size, err := m.logEngine.ApproximateSize(raftstore.RaftFamilies[0], engine.Range{})
	require.NoError(m.t, err)
	return size
}

// wire implements raftstore.Transport.
type wire struct {
	m *member
	l *life
}

func (w wire) Send(r *raftserverpb.RaftMessage) {
	if w.l.over {
		return
	}
	m := proto.CloneOf(r.Message)
	w.m.sent = append(w.m.sent, m)
	for _, e := range m.Entries {
		w.m.entries[e.Index] = e
	}
}

// desk implements raftstore.Executor: work lies on it until somebody does it.
type desk struct {
	m *member
	l *life
}

func (d desk) Go(task func()) {
	if !d.l.over {
		d.m.tasks = append(d.m.tasks, task)
	}
}

// A shelf has the snapshot files of a store. What is durable is what was there when
// a file was last synced.
type shelf struct {
	now, durable map[string][]byte
	// full is how many of the next attempts to write find no room.
	full int
}

func newShelf() *shelf { return &shelf{now: map[string][]byte{}, durable: map[string][]byte{}} }

// crash cuts the power. All that was not synced survives, or nothing of it.
func (s *shelf) crash(keep bool) {
	if keep {
		s.durable = maps.Clone(s.now)
	}
	s.now = maps.Clone(s.durable)
}

// receive puts a file there, durable, as the transport does.
func (s *shelf) receive(name string, content []byte) {
	s.now[name], s.durable[name] = content, content
}

// shelfOf implements raftstore.Files, for one incarnation.
type shelfOf struct {
	m *member
	l *life
}

func (f shelfOf) Create(name string) (raftstore.File, error) {
	return &sheet{of: f, name: name}, f.m.writesFile(f.l, func() error {
		f.m.files.now[name] = nil
		return nil
	})
}

func (f shelfOf) Open(name string) (io.ReadCloser, error) {
	content, found := f.m.files.now[name]
	switch {
	case f.l.over:
		return nil, engine.ErrClosed
	case !found:
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return io.NopCloser(bytes.NewReader(content)), nil
}

func (f shelfOf) Remove(name string) error {
	return f.m.writesFile(f.l, func() error {
		delete(f.m.files.now, name)
		return nil
	})
}

func (f shelfOf) List() ([]string, error) {
	if f.l.over {
		return nil, engine.ErrClosed
	}
	return slices.Sorted(maps.Keys(f.m.files.now)), nil
}

// A sheet is a file that is being written.
type sheet struct {
	of   shelfOf
	name string
}

func (s *sheet) Write(data []byte) (n int, err error) {
	files := s.of.m.files
	err = s.of.m.writesFile(s.of.l, func() error {
		if files.full > 0 {
			files.full--
			return engine.ErrDiskFull
		}
		files.now[s.name] = append(slices.Clone(files.now[s.name]), data...)
		n = len(data)
		return nil
	})
	return n, err
}

func (s *sheet) Sync() error {
	files := s.of.m.files
	return s.of.m.writesFile(s.of.l, func() error {
		files.durable = maps.Clone(files.now)
		return nil
	})
}

func (s *sheet) Close() error { return nil }

// explaining adds to a failure what went wrong before it.
func explaining(t *graded.T, story func() string, do func()) {
	fine := false
	defer func() {
		if !fine {
			graded.Explain(t, "schedule", story())
		}
	}()
	do()
	fine = true
}
