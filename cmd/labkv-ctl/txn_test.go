package main

import (
	"context"
	"encoding/json"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/lab/await"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
	"github.com/labkv/labkv/proto/tinykvpb"
)

// manageStore is a scheduler that knows of one store, which has all keys.
func manageStore(t *testing.T) (*manager, *store) {
	t.Helper()
	m := manage(t)
	return m, m.withStore(start(t))
}

// withStore makes s the store that has all keys.
func (m *manager) withStore(s *store) *store {
	t := m.t
	t.Helper()
	m.ids(100)
	of := &metapb.Store{Id: 1, Address: s.addr}
	began, err := m.Bootstrap(await.Context(t, "an answer"), &schedulerpb.BootstrapRequest{Header: header, Store: of})
	require.NoError(t, err)
	require.Nil(t, began.Header.Error)
	joined, err := m.PutStore(await.Context(t, "an answer"), &schedulerpb.PutStoreRequest{Header: header, Store: of})
	require.NoError(t, err)
	require.Nil(t, joined.Header.Error)
	m.report(4, "", "", 1)
	return s
}

// shell carries out a script, and returns what it prints, with T in the place of times.
func (m *manager) shell(script string, flags ...string) (code int, stdout, stderr string) {
	args := append([]string{"txn", "--scheduler", m.addr, "--timeout", await.Limit.String()}, flags...)
	code, stdout, stderr = ctlWith(script, args...)
	return code, times.ReplaceAllString(stdout, "T"), stderr
}

var times = regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}(\+\d+)?`)

// Two transactions write one key. The one that commits first wins, and the other one is
// told why not.
func TestTxnShell(t *testing.T) {
	m, _ := manageStore(t)
	code, stdout, stderr := m.shell(`
		# two transactions side by side
		a: begin
		b: begin
		a: put x 1
		b: put x 2
		a: get x
		b: get x      # its own
		list
		a: commit
		b: get x
		b: commit
		begin
		scan
		put "two words" "a\nb"
		put "#" ""
		put y 3
		delete x
		lock z
		scan
		scan y z
		get x
		rollback
		begin
		get y
		commit
		c: begin
		quit
		c: get x
	`)
	require.Equal(t, `a: begins at T
b: begins at T
a: x = 1
b: x = 2
a: began at T
b: began at T
a: committed at T
b: x = 2
b: error: conflict, nothing was written: another transaction has written key x at T, after this one began at T; begin again, what this one has read may be outdated
begins at T
x = 1
# = 
two words = "a\nb"
y = 3
y = 3
x is not there
rolled back: no store has heard of its writes
begins at T
y is not there
committed: there was nothing to write
c: begins at T
c: rolled back: the session has ended
`, stdout)
	require.Equal(t, 1, code)
	require.Equal(t, "labkv-ctl: a command was not carried out\n", stderr)

	code, stdout, stderr = m.shell("begin\nput 00ff 0a\nscan\ncommit\n", "--hex")
	require.Equal(t, "begins at T\n00ff = 0a\n78 = 31\ncommitted at T\n", stdout)
	require.Zero(t, code)
	require.Empty(t, stderr)
}

// A command that makes no sense changes nothing, and the shell goes on.
func TestTxnShellMistakes(t *testing.T) {
	m, _ := manageStore(t)
	for line, says := range map[string]string{
		"nonsense":        `error: unknown command "nonsense"; help lists them`,
		"a: nonsense":     `a: error: unknown command "nonsense"; help lists them`,
		"a:":              "error: write NAME: COMMAND, such as: a: begin",
		": begin":         "error: write NAME: COMMAND, such as: a: begin",
		"put":             "error: put: a word is missing; help says what it takes",
		"put x":           "error: put: a word is missing; help says what it takes",
		"put x 1 2":       `error: put: unexpected "2"; help says what it takes`,
		"begin now":       `error: begin: unexpected "now"; help says what it takes`,
		"begin":           "error: a transaction is under way here: commit or roll back, or take another name",
		"a: get x":        "a: error: there is no transaction: begin comes first",
		"a: commit":       "a: error: there is no transaction: begin comes first",
		`put "x 1`:        `error: a quote is not closed, or something in it is not as in Go: "x 1`,
		`get ""`:          "error: " + engine.ErrEmptyKey.Error(),
		`put "" 1`:        "error: " + engine.ErrEmptyKey.Error(),
		"get x":           "x is not there",
		"  get   x  # y ": "x is not there",
	} {
		_, stdout, _ := m.shell("begin\n" + line + "\nput x 1\ncommit\nbegin\nget x\ndelete x\ncommit\n")
		require.Equal(t, "begins at T\n"+says+"\ncommitted at T\nbegins at T\nx = 1\ncommitted at T\n", stdout, "%s", line)
	}
	code, stdout, stderr := m.shell("help")
	require.Zero(t, code, stderr)
	for name := range commands {
		require.Contains(t, stdout, name)
	}
	code, stdout, stderr = m.shell("begin\nput xyz 00\n", "--hex")
	require.Equal(t, 1, code, stderr)
	require.Contains(t, stdout, `"xyz" is not hexadecimal`)
}

// A scan prints so many pairs, and says where to go on.
func TestTxnShellScanLimit(t *testing.T) {
	m, _ := manageStore(t)
	var script strings.Builder
	script.WriteString("begin\nscan\n")
	for i := range scanLimit + 1 {
		script.WriteString("put k" + strings.Repeat("a", i) + " v\n")
	}
	script.WriteString("scan\nscan ka\n")
	_, stdout, _ := m.shell(script.String())
	last := "k" + strings.Repeat("a", scanLimit)
	require.Equal(t, "begins at T\nno pairs\nk = v\n", stdout[:len("begins at T\nno pairs\nk = v\n")])
	require.Contains(t, stdout, "\nmore pairs follow, from "+last+" on\n")
	require.Contains(t, stdout, "\n"+last+" = v\nrolled back: the session has ended\n")
}

// A lock is in the way. Of one, nothing is known at its primary key, so its transaction is
// rolled back at once; the other one is alive.
func TestTxnShellMeetsLocks(t *testing.T) {
	m, s := manageStore(t)
	now := transaction.Timestamp(time.Now().UnixMilli(), 0)
	hour := uint64(time.Hour.Milliseconds())
	s.apply(t, lockOf("k", "other", now, hour), lockOf("l", "l", now-1, hour))
	code, stdout, stderr := m.shell("begin\nget k\nput k 2\ncommit\n")
	require.Zero(t, code, stderr)
	require.Equal(t, "begins at T\nk is not there\ncommitted at T\n", stdout)

	code, stdout, _ = m.shell("begin\nget l\nget k\n", "--timeout", "500ms")
	require.Equal(t, 1, code)
	// The time may end while the client asks what became of that transaction, and says so.
	require.Regexp(t, `^begins at T\nerror: key l is locked by the transaction that began at T, whose primary key is l(;.*)?\nk = 2\nrolled back: the session has ended\n$`, stdout)
}

func TestTxnShellFailures(t *testing.T) {
	code, stdout, stderr := ctlWith("begin\n", "txn", "--scheduler", "127.0.0.1:1", "--timeout", "1s")
	require.Equal(t, 1, code)
	require.Contains(t, stdout, "error: cannot reach the scheduler at 127.0.0.1:1")
	require.Equal(t, "labkv-ctl: a command was not carried out\n", stderr)

	code, _, stderr = ctlWith("", "txn", "--timeout", "0s")
	require.Equal(t, 2, code)
	require.Contains(t, stderr, "--timeout 0s is not positive")
	code, _, stderr = ctlWith("", "txn", "now")
	require.Equal(t, 2, code)
	require.Contains(t, stderr, `unexpected argument "now"`)
	code, _, stderr = ctlWith("", "txn")
	require.Zero(t, code, stderr)

	// No input comes.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	in, w := io.Pipe()
	defer w.Close()
	var out, errors strings.Builder
	require.Equal(t, 1, run(ctx, []string{"txn"}, in, &out, &errors))
	require.Equal(t, "labkv-ctl: interrupted\n", errors.String())
}

func lockOf(key, primary string, startTS, ttl uint64) []engine.Op {
	lock := transaction.Lock{Primary: []byte(primary), StartTS: startTS, TTL: ttl, Kind: kvrpcpb.Op_Put}
	return []engine.Op{
		{CF: engine.CFLock, Key: transaction.EncodeKey([]byte(key)), Value: lock.Encode()},
		{CF: engine.CFDefault, Key: transaction.VersionKey([]byte(key), startTS), Value: []byte("new")},
	}
}

func recordOf(key string, kind kvrpcpb.Op, startTS, commitTS uint64) []engine.Op {
	record := transaction.Record{StartTS: startTS, Kind: kind}
	return []engine.Op{{CF: engine.CFWrite, Key: transaction.VersionKey([]byte(key), commitTS), Value: record.Encode()}}
}

func valueOf(key string, startTS uint64, value string) []engine.Op {
	return []engine.Op{{CF: engine.CFDefault, Key: transaction.VersionKey([]byte(key), startTS), Value: []byte(value)}}
}

// apply writes to the store.
func (s *store) apply(t *testing.T, parts ...[]engine.Op) {
	t.Helper()
	for _, ops := range parts {
		require.NoError(t, s.storage.Write(await.Context(t, "a write"), &kvrpcpb.Context{}, ops))
	}
}

// mvcc runs the command on a store without a scheduler.
func (s *store) mvcc(args ...string) (code int, stdout, stderr string) {
	return ctl(append([]string{"mvcc", "--timeout", await.Limit.String(), "--addr", s.addr}, args...)...)
}

// A key has a lock and a version of each kind, one of which is damaged.
func TestMVCC(t *testing.T) {
	s := start(t)
	at := func(minute, logical int64) uint64 {
		return transaction.Timestamp(time.Date(2026, 10, 1, 12, int(minute), 0, 5e6, time.UTC).UnixMilli(), logical)
	}
	s.apply(t,
		valueOf("k", at(1, 0), "first"), recordOf("k", kvrpcpb.Op_Put, at(1, 0), at(2, 3)),
		recordOf("k", kvrpcpb.Op_Del, at(3, 0), at(4, 0)),
		recordOf("k", kvrpcpb.Op_Rollback, at(5, 0), at(5, 0)),
		recordOf("k", kvrpcpb.Op_Lock, at(6, 0), at(7, 0)),
		recordOf("k", kvrpcpb.Op_Put, at(8, 0), at(9, 0)),
		valueOf("k", at(10, 0), "abandoned"),
		lockOf("k", "a primary", at(11, 262143), 3000),
		// Neighbors.
		valueOf("k\x00", at(1, 0), "x"), recordOf("k\x00", kvrpcpb.Op_Put, at(1, 0), at(2, 0)), recordOf("j", kvrpcpb.Op_Put, at(1, 0), at(2, 0)),
		[]engine.Op{{CF: engine.CFDefault, Key: []byte("k"), Value: []byte("raw")}, {CF: engine.CFDefault, Key: []byte("l"), Value: []byte("raw")}},
	)
	code, stdout, stderr := s.mvcc("k")
	require.Zero(t, code, stderr)
	require.Equal(t, `╭───────────────────────────┬────────────────────────────────┬─────────────┬───────────╮
│ commit                    │ start                          │ kind        │ value     │
├───────────────────────────┼────────────────────────────────┼─────────────┼───────────┤
│ locked until              │ 2026-10-01 12:11:00.005+262143 │ Put         │ new       │
│ 2026-10-01 12:11:03.005   │                                │             │           │
│ primary key a primary     │                                │             │           │
│                           │ 2026-10-01 12:10:00.005        │ (left over) │ abandoned │
│ 2026-10-01 12:09:00.005   │ 2026-10-01 12:08:00.005        │ Put         │ (missing) │
│ 2026-10-01 12:07:00.005   │ 2026-10-01 12:06:00.005        │ Lock        │           │
│                           │ 2026-10-01 12:05:00.005        │ Rollback    │           │
│ 2026-10-01 12:04:00.005   │ 2026-10-01 12:03:00.005        │ Del         │           │
│ 2026-10-01 12:02:00.005+3 │ 2026-10-01 12:01:00.005        │ Put         │ first     │
╰───────────────────────────┴────────────────────────────────┴─────────────┴───────────╯
`, stdout)

	code, stdout, stderr = s.mvcc("--format", "json", "--hex", "6b")
	require.Zero(t, code, stderr)
	var h history
	require.NoError(t, json.Unmarshal([]byte(stdout), &h))
	require.Equal(t, "6b", h.Key)
	require.Equal(t, "6e6577", *h.Lock.Value)
	require.Equal(t, "Put", h.Versions[5].Kind)
	require.Equal(t, at(2, 3), h.Versions[5].Commit)
	require.Len(t, h.Versions, 6)

	code, _, stderr = s.mvcc("absent")
	require.Equal(t, 1, code)
	require.Equal(t, "labkv-ctl: key absent has no lock and no versions\n", stderr)
	code, _, stderr = s.mvcc()
	require.Equal(t, 2, code)
	require.Contains(t, stderr, "KEY is missing")
	code, _, stderr = s.mvcc("k", "--format", "xml")
	require.Equal(t, 2, code)
	require.Contains(t, stderr, `--format "xml" is neither table nor json`)
}

// A key with more versions than are read at once, which a transaction has written; the
// stores are found through the scheduler.
func TestMVCCOfTransactions(t *testing.T) {
	m, s := manageStore(t)
	conn, err := grpc.NewClient(s.addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	defer conn.Close()
	c := tinykvpb.NewTinyKvClient(conn)
	for i := range uint64(250) {
		start := transaction.Timestamp(int64(10*i+1), 0)
		p, err := c.KvPrewrite(await.Context(t, "a prewrite"), &kvrpcpb.PrewriteRequest{Context: &kvrpcpb.Context{}, PrimaryLock: []byte("k"), StartVersion: start, LockTtl: 1,
			Mutations: []*kvrpcpb.Mutation{{Op: kvrpcpb.Op_Put, Key: []byte("k"), Value: []byte("v")}}})
		require.NoError(t, err)
		require.Empty(t, p.Errors)
		if i == 249 {
			break // stays locked
		}
		r, err := c.KvCommit(await.Context(t, "a commit"), &kvrpcpb.CommitRequest{Context: &kvrpcpb.Context{}, StartVersion: start, CommitVersion: start + 1<<18, Keys: [][]byte{[]byte("k")}})
		require.NoError(t, err)
		require.Nil(t, r.Error)
	}
	code, stdout, stderr := m.ctl("mvcc", "k", "--format", "json")
	require.Zero(t, code, stderr)
	var h history
	require.NoError(t, json.Unmarshal([]byte(stdout), &h))
	require.Len(t, h.Versions, 249)
	require.NotNil(t, h.Lock)
	for _, v := range h.Versions {
		require.Equal(t, "Put", v.Kind)
		require.Equal(t, "v", *v.Value)
	}
}
