package sim_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/pingcap/errors"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/lab/check"
	"github.com/labkv/labkv/lab/sim"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/errorpb"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/tinykvpb"
	"github.com/labkv/labkv/raft"
)

// A flaw is a way in which a register is wrong.
type flaw string

const (
	none flaw = ""

	// Right, but for the simulator to be proven on.
	shuffles flaw = "sends in the order of a map"

	// Wrong.
	readsLocally    flaw = "a leader reads without asking anybody"
	answersEarly    flaw = "a write is acknowledged once it is proposed"
	doesNotSync     flaw = "promises are sent before they are durable"
	answersTwice    flaw = "an answer is given twice"
	waitsForAll     flaw = "a write is acknowledged only once every replica has it"
	forgetsAnswer   flaw = "an answer is never given"
	dependsOnMaps   flaw = "what is sent depends on the order of a map"
	panics          flaw = "panics at some entry"
	panicsWhenDead  flaw = "panics when its disk is gone"
	waitsForever    flaw = "waits on a channel in a pass"
	locksTwice      flaw = "takes a lock twice in a pass"
	leaksGoroutines flaw = "leaves a goroutine behind"
	neverIdle       flaw = "always finds something to do"
	chatters        flaw = "answers answers, and never gets to a request"
	notImplemented  flaw = "is not written yet"
)

// diskFull is a goal of the register's own.
const diskFull sim.Goal = "a disk was full"

// A cluster is a replicated key-value store on Raft, as small as it gets: all
// keys in one group, the log never compacted, reads through the log.
type cluster struct {
	flaw    flaw
	groups  *check.Groups
	answers check.Answers
}

func newCluster(f flaw) func(*sim.World) sim.System {
	return func(*sim.World) sim.System { return &cluster{flaw: f, groups: check.NewGroups()} }
}

// A register is one replica.
type register struct {
	tinykvpb.UnimplementedTinyKvServer

	cluster *cluster
	env     *sim.Env
	disk    engine.Engine
	log     *raft.MemoryStorage
	node    *raft.RawNode

	// stuck is the Ready that could not be saved.
	stuck *raft.Ready

	applied uint64
	data    map[string]string

	mu     sync.Mutex
	inbox  []*eraftpb.Message
	wanted []*command
	ticks  int
	closed bool

	// late are commands that were carried out up to an index, and not answered.
	late []*command

	// waiting are the commands that were proposed here, by their numbers.
	waiting map[uint64]*command
	last    uint64
	stop    chan struct{}
}

type command struct {
	op         byte // 'p', 'd', 'r'
	key, value string
	read       func(map[string]string)
	done       chan error
	answered   func()
	index      uint64 // where it was applied
}

const logFamily = "log"

var hardKey = []byte{0}

func entryKey(index uint64) []byte { return binary.BigEndian.AppendUint64([]byte{1}, index) }

// Boot implements sim.System.
func (c *cluster) Boot(env *sim.Env) (sim.Process, error) {
	disk, err := env.Disk("raft", logFamily)
	if err != nil {
		return nil, err
	}
	r := &register{
		cluster: c, env: env, disk: disk, log: raft.NewMemoryStorage(env.Setting.Machines(sim.Store)...),
		data: map[string]string{}, waiting: map[uint64]*command{}, stop: make(chan struct{}),
	}
	if err := r.load(); err != nil {
		return nil, err
	}
	r.node, err = raft.NewRawNode(&raft.Config{
		ID: env.ID, ElectionTick: 10, HeartbeatTick: 2, Storage: r.log,
		RandIntN: func(n int) int { return env.RandIntN(1, n) },
	})
	if c.flaw == leaksGoroutines {
		go leak()
	}
	return r, err
}

func leak() { <-make(chan struct{}) }

func (r *register) load() error {
	it, err := r.disk.Iterate(logFamily, engine.Range{})
	if err != nil {
		return err
	}
	defer it.Close()
	for it.Seek(nil); it.Valid(); it.Next() {
		if bytes.Equal(it.Key(), hardKey) {
			hard := &eraftpb.HardState{}
			if err := proto.Unmarshal(it.Value(), hard); err != nil {
				return err
			}
			r.log.SetHardState(hard)
			continue
		}
		e := &eraftpb.Entry{}
		if err := proto.Unmarshal(it.Value(), e); err != nil {
			return err
		}
		if err := r.log.Append([]*eraftpb.Entry{e}); err != nil {
			return err
		}
	}
	return it.Close()
}

func (r *register) Tick() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ticks++
}

func (r *register) Receive(p *sim.Packet) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.inbox = append(r.inbox, p.Body.(*eraftpb.Message))
}

func (r *register) take() (ticks int, inbox []*eraftpb.Message, wanted []*command) {
	r.mu.Lock()
	defer r.mu.Unlock()
	ticks, inbox, wanted = r.ticks, r.inbox, r.wanted
	r.ticks, r.inbox, r.wanted = 0, nil, nil
	return ticks, inbox, wanted
}

func (r *register) Pass() bool {
	ticks, inbox, wanted := r.take()
	if r.stuck != nil && ticks > 0 {
		rd := *r.stuck
		r.stuck = nil
		r.handle(rd)
	}
	for range ticks {
		r.node.Tick()
	}
	for _, m := range inbox {
		_ = r.node.Step(m)
	}
	if r.cluster.flaw == chatters {
		for _, m := range inbox {
			r.send([]*eraftpb.Message{{MsgType: eraftpb.MessageType_MsgHeartbeatResponse, To: m.From, From: m.To, Term: m.Term}})
		}
		for _, c := range wanted {
			r.answer(c, status.Error(codes.Unavailable, "busy"))
		}
		wanted = nil
	}
	for _, c := range wanted {
		r.propose(c)
	}
	r.answerLate()
	if r.stuck != nil || !r.node.HasReady() {
		return r.cluster.flaw == neverIdle
	}
	r.handle(r.node.Ready())
	return true
}

func (r *register) propose(c *command) {
	if r.cluster.flaw == readsLocally && c.op == 'r' && r.node.Status().RaftState == raft.StateLeader {
		c.read(r.data)
		r.answer(c, nil)
		return
	}
	r.last++
	data := binary.BigEndian.AppendUint64(nil, r.env.ID<<48|r.env.Incarnation<<32|r.last)
	data = append(data, c.op, byte(len(c.key)))
	data = append(append(data, c.key...), c.value...)
	_, _, err := r.node.Propose(data)
	if err == nil && r.node.Status().RaftState != raft.StateLeader {
		// It was forwarded: nobody here will know what became of it.
		r.answer(c, status.Error(codes.Unknown, "not the leader"))
		return
	}
	if err != nil {
		r.answer(c, err)
		return
	}
	if r.cluster.flaw == answersEarly && c.op != 'r' {
		r.answer(c, nil)
		return
	}
	r.waiting[r.last] = c
}

// answer answers c. A second answer would find nobody who takes it.
func (r *register) answer(c *command, err error) {
	if r.cluster.flaw == forgetsAnswer && c.op == 'd' {
		return
	}
	c.answered()
	if r.cluster.flaw == answersTwice && c.op == 'd' {
		c.answered()
	}
	c.done <- err
}

func (r *register) handle(rd raft.Ready) {
	var b engine.Batch
	if rd.HardState != nil {
		b.Put(logFamily, hardKey, encode(rd.HardState))
	}
	last, _ := r.log.LastIndex()
	if n := len(rd.Entries); n > 0 {
		for _, e := range rd.Entries {
			b.Put(logFamily, entryKey(e.Index), encode(e))
		}
		for i := rd.Entries[n-1].Index + 1; i <= last; i++ {
			b.Delete(logFamily, entryKey(i))
		}
	}
	if err := r.disk.Write(&b, rd.MustSync && r.cluster.flaw != doesNotSync); err != nil {
		if r.cluster.flaw == panicsWhenDead {
			panic(err)
		}
		if errors.Cause(err) == engine.ErrDiskFull {
			r.env.Reach(diskFull)
		}
		r.stuck = &rd // tried again with the next tick
		return
	}
	if rd.HardState != nil {
		r.log.SetHardState(rd.HardState)
	}
	_ = r.log.Append(rd.Entries)
	r.send(rd.Messages)
	for _, e := range rd.CommittedEntries {
		r.apply(e)
	}
	r.node.Advance(rd)
	if soft := rd.SoftState; soft != nil && soft.RaftState != raft.StateLeader {
		for n, c := range sorted(r.waiting) {
			delete(r.waiting, n)
			r.answer(c, status.Error(codes.Unknown, "deposed"))
		}
	}
}

// sorted walks a map in the order of its keys.
func sorted[V any](m map[uint64]V) func(func(uint64, V) bool) {
	return func(yield func(uint64, V) bool) {
		for _, k := range slices.Sorted(maps.Keys(m)) {
			if !yield(k, m[k]) {
				return
			}
		}
	}
}

func (r *register) send(messages []*eraftpb.Message) {
	packet := func(m *eraftpb.Message) *sim.Packet { return &sim.Packet{To: m.To, Stream: 1, Body: m} }
	switch r.cluster.flaw {
	case shuffles:
		byReceiver := map[uint64][]*eraftpb.Message{}
		for _, m := range messages {
			byReceiver[m.To] = append(byReceiver[m.To], m)
		}
		for _, ms := range byReceiver {
			for _, m := range ms {
				r.env.Send(packet(m))
			}
		}
	case dependsOnMaps:
		drop := map[int]bool{0: true, 1: true, 2: true, 3: true}
		for i := range drop {
			if i == 0 && len(messages) > 1 {
				messages = messages[1:]
			}
			break
		}
		fallthrough
	default:
		for _, m := range messages {
			r.env.Send(packet(m))
		}
	}
}

func (r *register) apply(e *eraftpb.Entry) {
	if err := r.cluster.groups.Applied(check.Replica{Group: 1, Peer: r.env.ID, Store: r.env.ID}, e.Index, e.Term<<32^uint64(len(e.Data))); err != nil {
		panic(err)
	}
	r.applied = e.Index
	if e.EntryType != eraftpb.EntryType_EntryNormal || len(e.Data) == 0 {
		return
	}
	r.misbehave(e.Index)
	id, op, key := binary.BigEndian.Uint64(e.Data), e.Data[8], string(e.Data[10:10+e.Data[9]])
	switch value := string(e.Data[10+e.Data[9]:]); op {
	case 'p':
		r.data[key] = value
	case 'd':
		delete(r.data, key)
	}
	if id>>32 != r.env.ID<<16|r.env.Incarnation {
		return
	}
	n := id & (1<<32 - 1)
	if c := r.waiting[n]; c != nil {
		delete(r.waiting, n)
		if c.op == 'r' {
			c.read(r.data)
		}
		if r.cluster.flaw == waitsForAll && c.op != 'r' {
			c.index = e.Index
			r.late = append(r.late, c)
			return
		}
		r.answer(c, nil)
	}
}

// answerLate answers what all replicas have.
func (r *register) answerLate() {
	progress := r.node.Status().Progress
	r.late = slices.DeleteFunc(r.late, func(c *command) bool {
		for _, of := range progress {
			if of.Match < c.index {
				return false
			}
		}
		r.answer(c, nil)
		return true
	})
}

// misbehave shows the flaws that have nothing to do with replication.
func (r *register) misbehave(index uint64) {
	if index < 20 {
		return
	}
	switch r.cluster.flaw {
	case panics:
		panic("a broken invariant")
	case notImplemented:
		panic("TODO(9): implement (*register).misbehave")
	case waitsForever:
		<-make(chan struct{})
	case locksTwice:
		r.mu.Lock()
		r.mu.Lock()
	}
}

func (r *register) Close() {
	r.mu.Lock()
	r.closed = true
	wanted := r.wanted
	r.wanted = nil
	r.mu.Unlock()
	for _, c := range wanted {
		r.answer(c, errStopped)
	}
	for _, c := range sorted(r.waiting) {
		r.answer(c, errStopped)
	}
	for _, c := range r.late {
		r.answer(c, errStopped)
	}
	_ = r.disk.Close()
}

var errStopped = status.Error(codes.Unavailable, "stopped")

func (r *register) Leads() bool { return r.node.Status().RaftState == raft.StateLeader }

func (r *register) Services() []sim.Service {
	return []sim.Service{{Desc: &tinykvpb.TinyKv_ServiceDesc, Impl: r}}
}

// Watch implements sim.System.
func (c *cluster) Watch(id uint64, p sim.Process) error {
	r := p.(*register)
	st := r.node.Status()
	last, _ := r.log.LastIndex()
	if err := c.groups.Observe(check.Replica{Group: 1, Peer: id, Store: id}, r.env.Incarnation, check.Status{
		Term: st.Term, Vote: st.Vote, Commit: st.Commit, Applied: st.Applied,
		Last: max(last, st.Commit), Leads: st.RaftState == raft.StateLeader,
	}); err != nil {
		return err
	}
	return c.answers.Violation()
}

// Unsettled implements sim.System.
func (c *cluster) Unsettled(live []sim.Process) string {
	first := live[0].(*register)
	for _, p := range live[1:] {
		r := p.(*register)
		if r.applied != first.applied {
			return fmt.Sprintf("store %d has applied %d entries, store %d %d", first.env.ID, first.applied, r.env.ID, r.applied)
		}
		if !maps.Equal(r.data, first.data) {
			return fmt.Sprintf("stores %d and %d differ", first.env.ID, r.env.ID)
		}
	}
	return ""
}

// run has the register do c, and returns once it is done.
func (r *register) run(ctx context.Context, c *command) (*errorpb.Error, error) {
	c.done = make(chan error, 2)
	c.answered = r.cluster.answers.Expect(fmt.Sprintf("command %c on key %q", c.op, c.key))
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		c.answered()
		return nil, errStopped
	}
	r.wanted = append(r.wanted, c)
	r.mu.Unlock()
	select {
	case err := <-c.done:
		if errors.Cause(err) == raft.ErrNotLeader {
			return &errorpb.Error{Message: "not leader", NotLeader: &errorpb.NotLeader{RegionId: 1, Leader: r.leader()}}, nil
		}
		return nil, err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (r *register) leader() *metapb.Peer {
	if lead := r.node.Status().Lead; lead != 0 {
		return &metapb.Peer{Id: lead, StoreId: lead}
	}
	return nil
}

func (r *register) RawPut(ctx context.Context, q *kvrpcpb.RawPutRequest) (*kvrpcpb.RawPutResponse, error) {
	region, err := r.run(ctx, &command{op: 'p', key: string(q.Key), value: string(q.Value)})
	return &kvrpcpb.RawPutResponse{RegionError: region}, err
}

func (r *register) RawDelete(ctx context.Context, q *kvrpcpb.RawDeleteRequest) (*kvrpcpb.RawDeleteResponse, error) {
	region, err := r.run(ctx, &command{op: 'd', key: string(q.Key)})
	return &kvrpcpb.RawDeleteResponse{RegionError: region}, err
}

func (r *register) RawGet(ctx context.Context, q *kvrpcpb.RawGetRequest) (*kvrpcpb.RawGetResponse, error) {
	p := &kvrpcpb.RawGetResponse{}
	region, err := r.run(ctx, &command{op: 'r', key: string(q.Key), read: func(data map[string]string) {
		value, found := data[string(q.Key)]
		p.Value, p.NotFound = []byte(value), !found
	}})
	p.RegionError = region
	return p, err
}

func (r *register) RawScan(ctx context.Context, q *kvrpcpb.RawScanRequest) (*kvrpcpb.RawScanResponse, error) {
	p := &kvrpcpb.RawScanResponse{}
	region, err := r.run(ctx, &command{op: 'r', key: string(q.StartKey), read: func(data map[string]string) {
		for _, key := range slices.Sorted(maps.Keys(data)) {
			if key >= string(q.StartKey) && uint32(len(p.Kvs)) < q.Limit {
				p.Kvs = append(p.Kvs, &kvrpcpb.KvPair{Key: []byte(key), Value: []byte(data[key])})
			}
		}
	}})
	p.RegionError = region
	return p, err
}

func encode(m proto.Message) []byte {
	data, err := proto.Marshal(m)
	if err != nil {
		panic(err)
	}
	return data
}
