package check_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/check"
)

// A mvcc is a store with snapshot isolation, and clients whose transactions overlap. Its
// timestamps are multiples of ten.
type mvcc struct {
	r        *rand.Rand
	keys     int
	deletes  bool
	clock    uint64
	versions map[string][]stored // by commit
	locked   map[string]uint64   // the last commit of a transaction that locked the key
	running  []*attempt
	history  *check.History
	values   int
}

type stored struct {
	commit  uint64
	value   string
	deleted bool
}

type attempt struct {
	*check.Transaction
	own map[string]*check.Operation
}

func newMVCC(r *rand.Rand, keys int, deletes bool) *mvcc {
	return &mvcc{r: r, keys: keys, deletes: deletes, versions: map[string][]stored{}, locked: map[string]uint64{}, history: &check.History{}}
}

func (m *mvcc) next() uint64 { m.clock += 10; return m.clock }

func (m *mvcc) key() string { return string(rune('a' + m.r.IntN(m.keys))) }

// run runs n transactions, at most four at a time. unknown is the share of those whose
// clients do not learn what became of them.
func (m *mvcc) run(n int, unknown float64) {
	for n > 0 || len(m.running) > 0 {
		if n > 0 && len(m.running) < 4 && m.r.IntN(3) == 0 {
			ts := m.next()
			m.running = append(m.running, &attempt{
				&check.Transaction{Client: n, Start: ts, Call: int64(ts) - 1}, map[string]*check.Operation{},
			})
			n--
		}
		if len(m.running) == 0 {
			continue
		}
		i := m.r.IntN(len(m.running))
		t := m.running[i]
		switch k := m.key(); m.r.IntN(7) {
		case 0, 1:
			o := &check.Operation{Op: check.Get, Key: k}
			o.Value, o.Found = m.read(t, k)
			t.Steps = append(t.Steps, o)
		case 2:
			o := &check.Operation{Op: check.Scan, Key: k, Limit: 1 + m.r.IntN(m.keys)}
			for c := k; c < string(rune('a'+m.keys)) && len(o.Pairs) < o.Limit; c = string(rune(c[0] + 1)) {
				if v, found := m.read(t, c); found {
					o.Pairs = append(o.Pairs, check.Pair{Key: c, Value: v})
				}
			}
			t.Steps = append(t.Steps, o)
		case 3, 4:
			m.values++
			o := &check.Operation{Op: check.Put, Key: k, Value: fmt.Sprintf("%d-%d", t.Client, m.values)}
			if m.deletes && m.r.IntN(4) == 0 {
				o.Op, o.Value = check.Delete, ""
			}
			t.Steps = append(t.Steps, o)
			t.own[k] = o
		case 5:
			if m.r.IntN(2) == 0 {
				t.Steps = append(t.Steps, &check.Operation{Op: check.Lock, Key: k})
			}
		default:
			m.running = slices.Delete(m.running, i, i+1)
			m.end(t, m.r.Float64() < unknown)
		}
	}
}

func (m *mvcc) read(t *attempt, key string) (string, bool) {
	if o := t.own[key]; o != nil {
		return o.Value, o.Op == check.Put
	}
	for _, v := range slices.Backward(m.versions[key]) {
		if v.commit <= t.Start {
			return v.value, !v.deleted
		}
	}
	return "", false
}

func (m *mvcc) end(t *attempt, unknown bool) {
	commits := m.r.IntN(5) > 0
	taken := takes(t.Transaction)
	for key := range taken {
		if v := m.versions[key]; len(v) > 0 && v[len(v)-1].commit > t.Start || m.locked[key] > t.Start {
			commits = false
		}
	}
	ts := t.Start
	if commits && len(taken) > 0 {
		ts = m.next()
		for key := range taken {
			m.locked[key] = ts
		}
		for key, o := range t.own {
			m.versions[key] = append(m.versions[key], stored{ts, o.Value, o.Op == check.Delete})
		}
		t.Commit = ts
	}
	t.Outcome, t.Return = check.Committed, int64(m.clock)+1
	switch {
	case unknown:
		t.Outcome, t.Return, t.Commit = check.Undetermined, check.Never, 0
	case !commits:
		t.Outcome = check.Aborted
	}
	m.history.AddTransaction(t.Transaction)
}

// possible decides by trying everything whether the transactions of h are what snapshot
// isolation allows: which of those with unknown
// outcome, at most two, have committed, and when.
func possible(h *check.History) bool {
	all := h.Transactions()
	var last uint64
	for _, t := range all {
		last = max(last, t.Start, t.Commit)
	}
	commits := make([]uint64, len(all)) // 0: not committed
	var try func(i, unknown int) bool
	try = func(i, unknown int) bool {
		if i == len(all) {
			return allowed(all, commits)
		}
		t := all[i]
		commits[i] = t.Commit
		if try(i+1, unknown) {
			return true
		}
		for ts := t.Start; t.Outcome == check.Undetermined && ts <= last; ts += 10 {
			// Two of them between the same timestamps may come in either order.
			for _, place := range [][]uint64{{5}, {3, 7}}[unknown] {
				commits[i] = ts + place
				if try(i+1, unknown+1) {
					return true
				}
			}
		}
		return false
	}
	return try(0, 0)
}

func allowed(all []*check.Transaction, commits []uint64) bool {
	versions := map[string][]stored{}
	for i, t := range all {
		own := finals(t)
		if commits[i] == 0 {
			continue
		}
		for key, o := range own {
			versions[key] = append(versions[key], stored{commits[i], o.Value, o.Op == check.Delete})
		}
		for j, u := range all[:i] {
			if commits[j] == 0 || t.Start > commits[j] || u.Start > commits[i] {
				continue
			}
			taken := takes(t)
			for key := range takes(u) {
				if taken[key] {
					return false
				}
			}
		}
	}
	sees := func(t *check.Transaction, own map[string]*check.Operation, key, value string, found bool) bool {
		want := stored{deleted: true}
		for _, v := range versions[key] {
			if v.commit <= t.Start && v.commit > want.commit {
				want = v
			}
		}
		if o := own[key]; o != nil {
			want = stored{value: o.Value, deleted: o.Op == check.Delete}
		}
		return found == !want.deleted && value == want.value
	}
	for _, t := range all {
		own := map[string]*check.Operation{}
		for _, o := range t.Steps {
			switch o.Op {
			case check.Get:
				if !sees(t, own, o.Key, o.Value, o.Found) {
					return false
				}
			case check.Scan:
				pairs := o.Pairs
				for key := o.Key; key < "e" && (len(pairs) > 0 || len(o.Pairs) < o.Limit); key = string(rune(key[0] + 1)) {
					value, found := "", false
					if len(pairs) > 0 && pairs[0].Key == key {
						value, found, pairs = pairs[0].Value, true, pairs[1:]
					}
					if !sees(t, own, key, value, found) {
						return false
					}
				}
			case check.Put, check.Delete:
				own[o.Key] = o
			}
		}
	}
	return true
}

// takes are the keys that t writes or locks.
func takes(t *check.Transaction) map[string]bool {
	all := map[string]bool{}
	for _, o := range t.Steps {
		if o.Op == check.Put || o.Op == check.Delete || o.Op == check.Lock {
			all[o.Key] = true
		}
	}
	return all
}

// undetermined counts the transactions with unknown outcome.
func undetermined(h *check.History) (n int) {
	for _, t := range h.Transactions() {
		if t.Outcome == check.Undetermined {
			n++
		}
	}
	return n
}

// finals are the last writes of t to each key.
func finals(t *check.Transaction) map[string]*check.Operation {
	all := map[string]*check.Operation{}
	for _, o := range t.Steps {
		if o.Op == check.Put || o.Op == check.Delete {
			all[o.Key] = o
		}
	}
	return all
}

// change changes one thing in a history: what a get has found, what a transaction of
// unknown outcome was told, or a commit timestamp.
func change(r *rand.Rand, h *check.History) {
	all := h.Transactions()
	t := all[r.IntN(len(all))]
	if r.IntN(5) == 0 && len(finals(t)) > 0 && t.Outcome != check.Committed {
		t.Outcome = check.Aborted + check.Undetermined - t.Outcome
		return
	}
	if r.IntN(5) == 0 && t.Commit != 0 {
		ts := t.Commit - min(t.Commit, uint64(10*r.IntN(4)+5))
		if ts > t.Start && !slices.ContainsFunc(all, func(t *check.Transaction) bool { return t.Commit == ts }) {
			t.Commit = ts
		}
		return
	}
	var gets []*check.Operation
	for _, t := range all {
		for _, o := range t.Steps {
			if o.Op == check.Get {
				gets = append(gets, o)
			}
		}
	}
	if len(gets) == 0 {
		return
	}
	get := gets[r.IntN(len(gets))]
	values := []string{""}
	for _, t := range all {
		for _, o := range t.Steps {
			if o.Op == check.Put && o.Key == get.Key {
				values = append(values, o.Value)
			}
		}
	}
	get.Value = values[r.IntN(len(values))]
	get.Found = get.Value != ""
}

// The check says of small histories what trying everything says, also of those with
// transactions of unknown outcome.
func TestSnapshotIsolationIsExact(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	right, wrong := 0, 0
	for n := range 6000 {
		m := newMVCC(r, 2+r.IntN(3), false)
		m.run(3+r.IntN(3), 0.3)
		for range r.IntN(3) {
			change(r, m.history)
		}
		if undetermined(m.history) > 2 {
			continue // trying everything would take too long
		}
		want := possible(m.history)
		err := check.SnapshotIsolation(m.history)
		require.Equal(t, want, err == nil, "history %d: %v\n%s", n, err, tell(m.history))
		if want {
			right++
		} else {
			wrong++
		}
	}
	require.Greater(t, right, 1500)
	require.Greater(t, wrong, 1500)
}

// With deletes of unknown outcome, the check may believe what is wrong, but never finds
// fault with what is right.
func TestSnapshotIsolationWithDeletes(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	wrong, found := 0, 0
	for n := range 6000 {
		m := newMVCC(r, 2+r.IntN(3), true)
		m.run(3+r.IntN(3), 0.3)
		for range r.IntN(3) {
			change(r, m.history)
		}
		if undetermined(m.history) > 2 {
			continue
		}
		err := check.SnapshotIsolation(m.history)
		if possible(m.history) {
			require.NoError(t, err, "history %d:\n%s", n, tell(m.history))
			continue
		}
		wrong++
		if err != nil {
			found++
		}
	}
	require.Greater(t, wrong, 1500)
	require.Greater(t, found, wrong*98/100)
}

func tell(h *check.History) (text string) {
	for _, t := range h.Transactions() {
		text += t.String() + ":"
		for _, o := range t.Steps {
			text += fmt.Sprintf(" %v %s %q %v;", o.Op, o.Key, o.Value, o.Pairs)
		}
		text += "\n"
	}
	return text
}

// Long histories of a right store are right, and one changed read is found.
func TestLongHistoriesOfTransactions(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	skews := 0
	for range 30 {
		m := newMVCC(r, 5, true)
		m.run(300, 0.1)
		require.NoError(t, check.SnapshotIsolation(m.history))
		if check.WriteSkew(m.history) != nil {
			skews++
		}
		// A read of what was overwritten long ago.
		all := m.history.Transactions()
		old := finals(all[0])
		spoiled := false
		for _, tx := range all[len(all)/2:] {
			own := map[string]bool{}
			for _, o := range tx.Steps {
				if o.Op == check.Put || o.Op == check.Delete {
					own[o.Key] = true
				}
				if w := old[o.Key]; o.Op == check.Get && !own[o.Key] && w != nil && w.Op == check.Put && !spoiled {
					o.Value, o.Found, spoiled = w.Value, true, true
				}
			}
		}
		if spoiled {
			require.Error(t, check.SnapshotIsolation(m.history))
		}
	}
	require.Greater(t, skews, 15)
}

func BenchmarkSnapshotIsolation(b *testing.B) {
	m := newMVCC(rand.New(rand.NewPCG(1, 2)), 20, true)
	m.run(10_000, 0.05)
	b.Run("check", func(b *testing.B) {
		for b.Loop() {
			if err := check.SnapshotIsolation(m.history); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("write skew", func(b *testing.B) {
		for b.Loop() {
			check.WriteSkew(m.history)
		}
	})
}
